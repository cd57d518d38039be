//! Keys, signatures and the outer form of tokens.
//!
//! The only file of the crate that names `jsonwebtoken`. The crate checks signatures and reads keys; the header and the
//! payload are read here, once each, because its own `decode` reads both twice and compares times with a clock that
//! can't be held still. The algorithm is the one configured for the issuer: the header's `alg` must equal it and never
//! chooses. `kid` selects among the keys of an issuer that has a set of them; of `jku`, `jwk`, `x5u` and the rest nothing
//! is read.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, crypto};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use super::claims::{Claims, RawClaims, TokenError, wrong_claim};
use super::key_ring::{KeyRing, Pace};
use super::key_set::{KeySet, KeySetError};
use super::key_source::{self, Source, SourceError};
use super::scope::Scopes;

/// The most bytes that a token may have.
pub(super) const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// The fewest bytes of an HS256 secret: as many as the hash has.
const MIN_SECRET_BYTES: usize = 32;
/// The fewest bytes of an RSA modulus: 2048 bits.
const MIN_RSA_BYTES: usize = 256;

/// How an issuer signs its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256 and a shared secret.
    HS256,
    /// RSA (PKCS#1 v1.5) with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl Algorithm {
    /// Every supported algorithm.
    pub const ALL: [Self; 4] = [Self::HS256, Self::RS256, Self::ES256, Self::EdDSA];

    /// The name as it stands in a token's header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }

    const fn external(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::HS256 => jsonwebtoken::Algorithm::HS256,
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDSA => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no supported algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the supported algorithms are HS256, RS256, ES256 and EdDSA")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == text).ok_or(UnknownAlgorithm)
    }
}

/// An issuer whose tokens are accepted, and the key that they must be signed with.
#[derive(Debug, Clone)]
pub struct IssuerKey {
    /// What the `iss` claim must say.
    pub issuer: String,
    /// What the `aud` claim must name.
    pub audience: String,
    /// The issuer's one algorithm.
    pub algorithm: Algorithm,
    /// The key for it.
    pub key: KeyMaterial,
}

/// A key as it is configured.
#[derive(Clone)]
pub enum KeyMaterial {
    /// A shared secret, for HS256.
    Secret(Vec<u8>),
    /// A public key in PEM form, for the other algorithms.
    PublicPem(String),
    /// A file with a JSON Web Key Set, for the other algorithms; read again every few minutes.
    KeySetFile(PathBuf),
    /// The address of one.
    KeySetUrl(Url),
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(_) => f.write_str("Secret(hidden)"),
            Self::PublicPem(pem) => f.debug_tuple("PublicPem").field(pem).finish(),
            Self::KeySetFile(path) => f.debug_tuple("KeySetFile").field(path).finish(),
            Self::KeySetUrl(url) => f.debug_tuple("KeySetUrl").field(&url.as_str()).finish(),
        }
    }
}

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A secret that can be guessed.
    #[error(
        "an HS256 secret needs at least 32 bytes, this one has {0}; generate one with `openssl rand -hex 32`"
    )]
    ShortSecret(usize),
    /// A PEM key used as a secret: the public key would be enough to sign tokens.
    #[error(
        "a PEM key cannot be an HS256 secret; set the algorithm of the key, or generate a secret with `openssl rand -hex 32`"
    )]
    PemAsSecret,
    /// A public key where the algorithm takes a secret, or the other way around.
    #[error("{0} does not support this kind of key: HS256 needs a secret, the others a PEM key or a key set")]
    WrongKind(Algorithm),
    /// The half that must stay with the issuer.
    #[error(
        "a public key is required, this is a private key; extract the public key (`openssl pkey -in private.pem -pubout`)"
    )]
    PrivateKey,
    /// No PEM, or a key of another kind or size.
    #[error(
        "not a PEM key for {0}; RS256 needs an RSA key of 2048 to 8192 bits, ES256 a P-256 key, EdDSA an Ed25519 key, \
         public keys as `PUBLIC KEY`, private keys as PKCS#8 `PRIVATE KEY`"
    )]
    Unusable(Algorithm),
    /// Two keys for one issuer, of which only one could ever be used.
    #[error("the issuer {0} is configured twice; configure each issuer once")]
    DuplicateIssuer(String),
    /// A key set that cannot be read, or not from there.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A file that is no key set, or has no key for the algorithm.
    #[error(transparent)]
    KeySet(#[from] KeySetError),
}

impl IssuerKey {
    /// Checks whether tokens can be verified with this key; for an address, only whether requests to it are allowed.
    pub fn check(&self) -> Result<(), KeyError> {
        match (&self.key, self.algorithm) {
            (KeyMaterial::Secret(secret), Algorithm::HS256) => check_secret(secret),
            (_, Algorithm::HS256) | (KeyMaterial::Secret(_), _) => Err(KeyError::WrongKind(self.algorithm)),
            (KeyMaterial::PublicPem(pem), algorithm) => public_key(algorithm, pem).map(drop),
            (KeyMaterial::KeySetFile(path), algorithm) => key_set(algorithm, path).map(drop),
            (KeyMaterial::KeySetUrl(url), _) => Ok(key_source::check_url(url)?),
        }
    }

    fn keys(self, pace: Pace) -> Result<Keys, KeyError> {
        self.check()?;
        let Self { issuer, algorithm, key, .. } = self;
        let ring = |source, first| Keys::Ring(KeyRing::new(&issuer, algorithm, source, first, pace));
        Ok(match key {
            KeyMaterial::Secret(secret) => Keys::One(Arc::new(DecodingKey::from_secret(&secret))),
            KeyMaterial::PublicPem(pem) => Keys::One(Arc::new(public_key(algorithm, &pem)?)),
            KeyMaterial::KeySetFile(path) => {
                let first = key_set(algorithm, &path)?;
                ring(Source::File(path), Some(first))
            }
            KeyMaterial::KeySetUrl(url) => ring(Source::of_url(&url)?, None),
        })
    }
}

fn key_set(algorithm: Algorithm, path: &Path) -> Result<KeySet, KeyError> {
    Ok(KeySet::parse(algorithm, &key_source::read_file(path)?)?)
}

fn check_secret(secret: &[u8]) -> Result<(), KeyError> {
    if secret.trim_ascii_start().starts_with(b"-----BEGIN ") {
        return Err(KeyError::PemAsSecret);
    }
    if secret.len() < MIN_SECRET_BYTES {
        return Err(KeyError::ShortSecret(secret.len()));
    }
    Ok(())
}

fn public_key(algorithm: Algorithm, pem: &str) -> Result<DecodingKey, KeyError> {
    if pem.contains("PRIVATE KEY-----") {
        return Err(KeyError::PrivateKey);
    }
    let key = match algorithm {
        Algorithm::RS256 => DecodingKey::from_rsa_pem(pem.as_bytes()),
        Algorithm::ES256 => DecodingKey::from_ec_pem(pem.as_bytes()),
        Algorithm::EdDSA => DecodingKey::from_ed_pem(pem.as_bytes()),
        Algorithm::HS256 => return Err(KeyError::WrongKind(algorithm)),
    };
    key.ok().filter(|key| fits(algorithm, key)).ok_or(KeyError::Unusable(algorithm))
}

/// Whether a public key has the size or the curve of the algorithm: the PEM reader checks its family only.
fn fits(algorithm: Algorithm, key: &DecodingKey) -> bool {
    match Jwk::from_decoding_key(key, Some(algorithm.external())).map(|jwk| jwk.algorithm) {
        Ok(AlgorithmParameters::RSA(rsa)) => rsa.n.len() * 3 / 4 >= MIN_RSA_BYTES,
        Ok(AlgorithmParameters::EllipticCurve(point)) => point.curve == EllipticCurve::P256,
        Ok(AlgorithmParameters::OctetKeyPair(_)) => true,
        _ => false,
    }
}

/// Verifies tokens.
#[derive(Debug)]
pub struct TokenVerifier {
    issuers: Vec<Issuer>,
}

#[derive(Debug)]
struct Issuer {
    name: String,
    audience: String,
    algorithm: Algorithm,
    keys: Keys,
}

#[derive(Debug)]
enum Keys {
    One(Arc<DecodingKey>),
    Ring(KeyRing),
}

impl TokenVerifier {
    /// Accepts the tokens of `issuers`. Key sets are kept fresh from here on, which needs tokio's runtime.
    pub fn new(issuers: Vec<IssuerKey>) -> Result<Self, KeyError> {
        Self::with_pace(issuers, Pace::default())
    }

    pub(super) fn with_pace(issuers: Vec<IssuerKey>, pace: Pace) -> Result<Self, KeyError> {
        let mut known: Vec<Issuer> = Vec::with_capacity(issuers.len());
        for issuer in issuers {
            let (name, audience, algorithm) =
                (issuer.issuer.clone(), issuer.audience.clone(), issuer.algorithm);
            if known.iter().any(|known| known.name == name) {
                return Err(KeyError::DuplicateIssuer(name));
            }
            known.push(Issuer { name, audience, algorithm, keys: issuer.keys(pace)? });
        }
        Ok(Self { issuers: known })
    }

    /// Whether there are keys to verify anybody's tokens with. Once there were, it stays so: an outage of an issuer is
    /// reported to clients with its tokens only.
    pub fn is_ready(&self) -> bool {
        self.issuers.iter().any(|issuer| match &issuer.keys {
            Keys::One(_) => true,
            Keys::Ring(ring) => ring.was_read(),
        })
    }

    /// Gives the claims of a good token. Waits only for a key that its issuer's key set did not have when it was read
    /// last, and then for seconds at most.
    pub async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = (decode(header)?, decode(payload)?);
        let header: TokenHeader = parse(&header)?;
        let claims: RawClaims =
            parse(&payload).map_err(|error| wrong_claim(&payload).map_or(error, TokenError::Invalid))?;

        let issuer = self.issuer(claims.iss.as_deref().ok_or(TokenError::Missing("iss"))?)?;
        header.check(issuer.algorithm)?;
        let key = issuer.key(header.kid.as_deref()).await?;
        let fits = crypto::verify(signature, message.as_bytes(), &key, issuer.algorithm.external());
        if !matches!(fits, Ok(true)) {
            return Err(TokenError::BadSignature);
        }
        claims.check(&issuer.audience, now)
    }

    /// Finds the issuer that a token claims to be of. No other issuer's key is ever tried.
    fn issuer(&self, name: &str) -> Result<&Issuer, TokenError> {
        self.issuers.iter().find(|issuer| issuer.name == name).ok_or(TokenError::UnknownIssuer)
    }
}

impl Issuer {
    /// The key for a token; the only one that there is, whatever the `kid`, or one of a set.
    async fn key(&self, kid: Option<&str>) -> Result<Arc<DecodingKey>, TokenError> {
        match &self.keys {
            Keys::One(key) => Ok(Arc::clone(key)),
            Keys::Ring(ring) => ring.key(kid).await,
        }
    }
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)
}

/// Reads a JSON object. An array is refused first: serde would take its items for the fields of the struct.
fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, TokenError> {
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err(TokenError::Malformed);
    }
    serde_json::from_slice(json).map_err(|_| TokenError::Malformed)
}

/// All that is read of a token's header.
#[derive(Deserialize)]
struct TokenHeader<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "text")]
    kid: Option<String>,
}

impl TokenHeader<'_> {
    fn check(&self, algorithm: Algorithm) -> Result<(), TokenError> {
        if self.crit {
            return Err(TokenError::CriticalHeader);
        }
        if self.alg != algorithm.name() {
            return Err(TokenError::WrongAlgorithm);
        }
        Ok(())
    }
}

fn present<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

/// A text where there is one: null is none.
fn text<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    String::deserialize(value).map(Some)
}

/// Signs tokens: for development, the `token` command and tests.
#[derive(Debug)]
pub struct Signer {
    issuer: String,
    audience: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

#[derive(Serialize)]
struct MintedClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: i64,
    exp: i64,
    scope: String,
    orgs: &'a [i64],
}

impl Signer {
    /// Signs with a shared secret, by HS256.
    pub fn with_secret(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        secret: &[u8],
    ) -> Result<Self, KeyError> {
        check_secret(secret)?;
        let key = EncodingKey::from_secret(secret);
        Ok(Self { issuer: issuer.into(), audience: audience.into(), algorithm: Algorithm::HS256, key })
    }

    /// Signs with a private key in PEM form, by `algorithm`.
    pub fn with_private_key(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        algorithm: Algorithm,
        pem: &str,
    ) -> Result<Self, KeyError> {
        let key = match algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_pem(pem.as_bytes()),
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem.as_bytes()),
            Algorithm::HS256 => return Err(KeyError::WrongKind(algorithm)),
        };
        // The PEM reader checks the family only; a trial signature shows whether the key can sign.
        let key = key
            .ok()
            .filter(|key| crypto::sign(b"", key, algorithm.external()).is_ok())
            .ok_or(KeyError::Unusable(algorithm))?;
        Ok(Self { issuer: issuer.into(), audience: audience.into(), algorithm, key })
    }

    /// A token for `subject` with these organizations and scopes, valid from `now` for `ttl`.
    pub fn mint(
        &self,
        subject: &str,
        organizations: &[i64],
        scopes: Scopes,
        ttl: Duration,
        now: DateTime<Utc>,
    ) -> Result<String, KeyError> {
        let iat = now.timestamp();
        let claims = MintedClaims {
            iss: &self.issuer,
            aud: &self.audience,
            sub: subject,
            iat,
            exp: iat.saturating_add_unsigned(ttl.as_secs()),
            scope: scopes.to_string(),
            orgs: organizations,
        };
        jsonwebtoken::encode(&Header::new(self.algorithm.external()), &claims, &self.key)
            .map_err(|_| KeyError::Unusable(self.algorithm))
    }
}
