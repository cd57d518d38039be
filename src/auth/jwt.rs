//! Keys, signatures and the outer form of tokens.
//!
//! The only file of the crate that names `jsonwebtoken`. The crate checks signatures and reads keys; the header and the
//! payload are read here, once each, because its own `decode` reads both twice and compares times with a clock that
//! can't be held still. The algorithm is the one configured for the issuer: the header's `alg` must equal it and never
//! chooses, and of `kid`, `jku`, `jwk`, `x5u` and the rest nothing is read.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, crypto};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use super::claims::{Claims, RawClaims, TokenError};
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
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(_) => f.write_str("Secret(hidden)"),
            Self::PublicPem(pem) => f.debug_tuple("PublicPem").field(pem).finish(),
        }
    }
}

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A secret that can be guessed.
    #[error("an HS256 secret has at least 32 bytes, this one has {0}; make one with `openssl rand -hex 32`")]
    ShortSecret(usize),
    /// A key file's text used as a secret, so that whoever knows the public key could sign.
    #[error(
        "a PEM key is no HS256 secret; name the algorithm of the key, or make a secret with `openssl rand -hex 32`"
    )]
    PemAsSecret,
    /// A public key where the algorithm takes a secret, or the other way around.
    #[error("{0} does not take this kind of key: HS256 takes a secret, the other algorithms a PEM key")]
    WrongKind(Algorithm),
    /// The half that must stay with the issuer.
    #[error("this is a private key; give its public half (`openssl pkey -in private.pem -pubout`)")]
    PrivateKey,
    /// No PEM, or a key of another kind or size.
    #[error(
        "this is no PEM key for {0}; RS256 takes RSA with 2048 to 8192 bits, ES256 a P-256 key, EdDSA an Ed25519 key, \
         public keys as `PUBLIC KEY`, private keys as PKCS#8 `PRIVATE KEY`"
    )]
    Unusable(Algorithm),
    /// Two keys for one issuer, of which only one could ever be used.
    #[error("the issuer {0} is configured twice; give each issuer one key")]
    DuplicateIssuer(String),
}

impl IssuerKey {
    /// Tells whether tokens can be verified with this key.
    pub fn check(&self) -> Result<(), KeyError> {
        self.decoding_key().map(drop)
    }

    fn decoding_key(&self) -> Result<DecodingKey, KeyError> {
        match (&self.key, self.algorithm) {
            (KeyMaterial::Secret(secret), Algorithm::HS256) => {
                check_secret(secret).map(|()| DecodingKey::from_secret(secret))
            }
            (KeyMaterial::PublicPem(pem), Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) => {
                public_key(self.algorithm, pem)
            }
            (_, algorithm) => Err(KeyError::WrongKind(algorithm)),
        }
    }
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
    keys: Vec<VerifyingKey>,
}

#[derive(Debug)]
struct VerifyingKey {
    issuer: String,
    audience: String,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl TokenVerifier {
    /// Accepts the tokens of `issuers`.
    pub fn new(issuers: Vec<IssuerKey>) -> Result<Self, KeyError> {
        let mut keys: Vec<VerifyingKey> = Vec::with_capacity(issuers.len());
        for issuer in issuers {
            if keys.iter().any(|known| known.issuer == issuer.issuer) {
                return Err(KeyError::DuplicateIssuer(issuer.issuer));
            }
            let key = issuer.decoding_key()?;
            let IssuerKey { issuer, audience, algorithm, .. } = issuer;
            keys.push(VerifyingKey { issuer, audience, algorithm, key });
        }
        Ok(Self { keys })
    }

    /// Gives the claims of a good token.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = (decode(header)?, decode(payload)?);
        let header: TokenHeader = parse(&header)?;
        let claims: RawClaims = parse(&payload)?;

        let key = self.key(claims.iss.as_deref().ok_or(TokenError::Missing("iss"))?)?;
        header.check(key.algorithm)?;
        let fits = crypto::verify(signature, message.as_bytes(), &key.key, key.algorithm.external());
        if !matches!(fits, Ok(true)) {
            return Err(TokenError::BadSignature);
        }
        claims.check(&key.audience, now)
    }

    /// Finds the key for a token, by the issuer that it claims. This is where a set of keys per issuer would also look
    /// at the header's `kid`.
    fn key(&self, issuer: &str) -> Result<&VerifyingKey, TokenError> {
        self.keys.iter().find(|key| key.issuer == issuer).ok_or(TokenError::UnknownIssuer)
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
