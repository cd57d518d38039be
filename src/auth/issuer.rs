//! Issuers as they are configured: their names, algorithms, keys and what their tokens must say.
//!
//! May import the other files of `auth` that read keys.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use url::Url;

use super::algorithm::{Algorithm, Algorithms, Family};
use super::claims::{Audience, ClaimRules, MAX_TOKEN_LIFETIME};
use super::discovery::{self, Discovery};
use super::key_ring::{KeyRing, Pace};
use super::key_set::{KeySet, KeySetError, VerificationKey};
use super::key_source::{self, Source, SourceError, without_query};
use super::mapping::{ClaimMapping, path};

/// The fewest bytes of an RSA modulus: 2048 bits.
const MIN_RSA_BYTES: usize = 256;

/// An issuer whose tokens are accepted, the key that they must be signed with, and what they must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerConfig {
    /// What the `iss` claim must say.
    pub issuer: String,
    /// The algorithms that it may sign with. Without any, those of its discovery document.
    pub algorithms: Algorithms,
    /// The key for them.
    pub key: KeyMaterial,
    /// What the claims must say.
    pub rules: ClaimRules,
}

/// A key as it is configured.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyMaterial {
    /// A shared secret, for HS256, HS384 and HS512.
    Secret(Vec<u8>),
    /// A public key in PEM form, for the other algorithms.
    PublicPem(String),
    /// A file with a JSON Web Key Set, for the other algorithms; read again every few minutes.
    KeySetFile(PathBuf),
    /// The address of one.
    KeySetUrl(Url),
    /// The address of one is in the issuer's discovery document.
    Discovery,
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(_) => f.write_str("Secret(hidden)"),
            Self::PublicPem(pem) => f.debug_tuple("PublicPem").field(pem).finish(),
            Self::KeySetFile(path) => f.debug_tuple("KeySetFile").field(path).finish(),
            Self::KeySetUrl(url) => f.debug_tuple("KeySetUrl").field(&without_query(url)).finish(),
            Self::Discovery => f.write_str("Discovery"),
        }
    }
}

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A secret that can be guessed.
    #[error(
        "an {0} secret needs at least {least} bytes, this one has {1}; generate one with `openssl rand -hex {least}`",
        least = .0.secret_bytes()
    )]
    ShortSecret(Algorithm, usize),
    /// A PEM key used as a secret: the public key would be enough to sign tokens.
    #[error(
        "a PEM key cannot be a shared secret; set the algorithms of the key, or generate a secret with `openssl rand -hex 32`"
    )]
    PemAsSecret,
    /// A public key where the algorithm takes a secret, or the other way around.
    #[error(
        "{0} does not support this kind of key: HS256, HS384 and HS512 need a secret, the others a PEM key or a key set"
    )]
    WrongKind(Algorithm),
    /// The half that must stay with the issuer.
    #[error(
        "a public key is required, this is a private key; extract the public key (`openssl pkey -in private.pem -pubout`)"
    )]
    PrivateKey,
    /// No PEM, or a key of another kind or size.
    #[error(
        "not a PEM key for {0}; RS and PS algorithms need an RSA key of 2048 to 8192 bits, ES256 a P-256 key, ES384 a P-384 \
         key, EdDSA an Ed25519 key, public keys as `PUBLIC KEY`, private keys as PKCS#8 `PRIVATE KEY`"
    )]
    Unusable(Algorithm),
    /// Nothing says what the issuer signs with.
    #[error("the algorithms of the issuer are not known; set algorithms")]
    NoAlgorithm,
    /// Two keys for one issuer, of which only one could ever be used.
    #[error("the issuer {0} is configured twice; configure each issuer once")]
    DuplicateIssuer(String),
    /// A key set that cannot be read, or not from there.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A file that is no key set, or has no key for the algorithms.
    #[error(transparent)]
    KeySet(#[from] KeySetError),
}

/// The keys of an issuer, ready to verify with.
#[derive(Debug)]
pub(super) enum Keys {
    One(Arc<VerificationKey>),
    Ring(KeyRing),
}

impl IssuerConfig {
    /// An issuer with one algorithm whose tokens have the gateway's own form.
    pub fn own(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        algorithm: Algorithm,
        key: KeyMaterial,
    ) -> Self {
        let rules = ClaimRules {
            audience: Audience::Named { claim: path("aud"), names: vec![audience.into()] },
            max_lifetime: Some(MAX_TOKEN_LIFETIME),
            mapping: ClaimMapping::own(),
        };
        Self { issuer: issuer.into(), algorithms: algorithm.into(), key, rules }
    }

    /// The audience of tokens that the gateway may sign in the name of this issuer: only those of its own form.
    pub fn own_audience(&self) -> Option<&str> {
        match &self.rules.audience {
            Audience::Named { claim, names } if claim.as_str() == "aud" => {
                names.first().filter(|_| self.rules.mapping == ClaimMapping::own()).map(String::as_str)
            }
            _ => None,
        }
    }

    /// Checks whether tokens can be verified with this key; for an address, only whether requests to it are allowed.
    pub fn check(&self) -> Result<(), KeyError> {
        if self.algorithms.is_empty() && !matches!(self.key, KeyMaterial::Discovery) {
            return Err(KeyError::NoAlgorithm);
        }
        let is_secret = matches!(self.key, KeyMaterial::Secret(_));
        if let Some(other) = self.algorithms.iter().find(|algorithm| algorithm.is_symmetric() != is_secret) {
            return Err(KeyError::WrongKind(other));
        }
        match &self.key {
            KeyMaterial::Secret(secret) => check_secret(self.algorithms, secret),
            KeyMaterial::PublicPem(pem) => public_key(self.algorithms, pem).map(drop),
            KeyMaterial::KeySetFile(path) => key_set(self.algorithms, path).map(drop),
            KeyMaterial::KeySetUrl(url) => Ok(key_source::check_url(url)?),
            KeyMaterial::Discovery => Ok(discovery::document_url(&self.issuer).map(drop)?),
        }
    }

    pub(super) fn keys(&self, pace: Pace) -> Result<Keys, KeyError> {
        self.check()?;
        let Self { issuer, algorithms, key, .. } = self;
        let ring = |source, first| Keys::Ring(KeyRing::new(issuer, *algorithms, source, first, pace));
        Ok(match key {
            KeyMaterial::Secret(secret) => {
                let key = DecodingKey::from_secret(secret);
                Keys::One(Arc::new(VerificationKey { key, algorithms: *algorithms }))
            }
            KeyMaterial::PublicPem(pem) => Keys::One(Arc::new(public_key(*algorithms, pem)?)),
            KeyMaterial::KeySetFile(path) => {
                let first = key_set(*algorithms, path)?;
                ring(Source::File(path.clone()), Some(first))
            }
            KeyMaterial::KeySetUrl(url) => ring(Source::of_url(url)?, None),
            KeyMaterial::Discovery => ring(Source::Discovery(Box::new(Discovery::of(issuer)?)), None),
        })
    }
}

fn key_set(algorithms: Algorithms, path: &Path) -> Result<KeySet, KeyError> {
    Ok(KeySet::parse(algorithms, &key_source::read_file(path)?)?)
}

pub(super) fn check_secret(algorithms: Algorithms, secret: &[u8]) -> Result<(), KeyError> {
    if secret.trim_ascii_start().starts_with(b"-----BEGIN ") {
        return Err(KeyError::PemAsSecret);
    }
    match algorithms.iter().find(|algorithm| secret.len() < algorithm.secret_bytes()) {
        Some(algorithm) => Err(KeyError::ShortSecret(algorithm, secret.len())),
        None => Ok(()),
    }
}

/// A key that fits all of the algorithms.
fn public_key(algorithms: Algorithms, pem: &str) -> Result<VerificationKey, KeyError> {
    if pem.contains("PRIVATE KEY-----") {
        return Err(KeyError::PrivateKey);
    }
    let mut key = None;
    for algorithm in algorithms.iter() {
        let read = match algorithm.family() {
            Family::Rsa => DecodingKey::from_rsa_pem(pem.as_bytes()),
            Family::P256 | Family::P384 => DecodingKey::from_ec_pem(pem.as_bytes()),
            Family::Ed25519 => DecodingKey::from_ed_pem(pem.as_bytes()),
            Family::Hmac => return Err(KeyError::WrongKind(algorithm)),
        };
        let read = read.ok().filter(|key| fits(algorithm, key)).ok_or(KeyError::Unusable(algorithm))?;
        key = Some(read);
    }
    key.map(|key| VerificationKey { key, algorithms }).ok_or(KeyError::NoAlgorithm)
}

/// Whether a public key has the size or the curve of the algorithm: the PEM reader checks its family only.
fn fits(algorithm: Algorithm, key: &DecodingKey) -> bool {
    let jwk = Jwk::from_decoding_key(key, Some(algorithm.external())).map(|jwk| jwk.algorithm);
    match (algorithm.family(), jwk) {
        (Family::Rsa, Ok(AlgorithmParameters::RSA(rsa))) => rsa.n.len() * 3 / 4 >= MIN_RSA_BYTES,
        (Family::P256, Ok(AlgorithmParameters::EllipticCurve(point))) => point.curve == EllipticCurve::P256,
        (Family::P384, Ok(AlgorithmParameters::EllipticCurve(point))) => point.curve == EllipticCurve::P384,
        (Family::Ed25519, Ok(AlgorithmParameters::OctetKeyPair(_))) => true,
        _ => false,
    }
}
