//! Signatures and the outer form of tokens.
//!
//! `jsonwebtoken` checks signatures and reads keys; the header and the payload are read here, once each, because its own
//! `decode` reads both twice and compares times with a clock that can't be held still. The algorithms are those configured
//! for the issuer: the header's `alg` must be one of them and fit the key, and never chooses another. `kid` selects among
//! the keys of an issuer that has a set of them; of `jku`, `jwk`, `x5u` and the rest nothing is read.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::crypto;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::algorithm::{Algorithm, Algorithms};
use super::claims::{ClaimRules, Claims};
use super::issuer::{IssuerConfig, KeyError, KeyMaterial, Keys};
use super::key_ring::Pace;
use super::key_set::VerificationKey;
use super::memory::{TokenHash, TokenMemory};
use super::payload::Payload;
use super::token_error::{TokenError, quoted};

/// The most bytes that a token may have.
pub(super) const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Verifies tokens.
#[derive(Debug)]
pub struct TokenVerifier {
    pub(super) issuers: Vec<Arc<Issuer>>,
}

/// An issuer, with the tokens of it that were verified lately.
#[derive(Debug)]
pub(super) struct Issuer {
    /// The configuration that the rest is made of.
    config: IssuerConfig,
    pub(super) name: String,
    pub(super) algorithms: Algorithms,
    pub(super) rules: ClaimRules,
    /// Shared with the issuer of an earlier configuration that differs in its rules only.
    keys: Arc<Keys>,
    memory: TokenMemory,
}

impl TokenVerifier {
    /// Accepts the tokens of `issuers`. Key sets are kept fresh from here on, which needs tokio's runtime.
    pub fn new(issuers: Vec<IssuerConfig>) -> Result<Self, KeyError> {
        Self::with_pace(issuers, Pace::default())
    }

    pub(super) fn with_pace(issuers: Vec<IssuerConfig>, pace: Pace) -> Result<Self, KeyError> {
        Self::build(issuers, pace, &[])
    }

    /// Accepts the tokens of other issuers. Those whose configuration is the same keep their keys and the tokens that were
    /// verified; those whose rules alone differ keep their keys. Files of key sets are read again.
    pub fn with_issuers(&self, issuers: Vec<IssuerConfig>) -> Result<Self, KeyError> {
        Self::build(issuers, Pace::default(), &self.issuers)
    }

    fn build(issuers: Vec<IssuerConfig>, pace: Pace, previous: &[Arc<Issuer>]) -> Result<Self, KeyError> {
        let mut known: Vec<Arc<Issuer>> = Vec::with_capacity(issuers.len());
        for config in issuers {
            if known.iter().any(|known| known.name == config.issuer) {
                return Err(KeyError::DuplicateIssuer(config.issuer));
            }
            let same = previous.iter().find(|previous| previous.has_keys_of(&config));
            known.push(match same {
                Some(same) if same.config == config => Arc::clone(same),
                Some(same) => Arc::new(Issuer::with_keys(config, Arc::clone(&same.keys))),
                None => {
                    let keys = Arc::new(config.keys(pace)?);
                    Arc::new(Issuer::with_keys(config, keys))
                }
            });
        }
        Ok(Self { issuers: known })
    }

    /// Waits until every key set was read once, or could not be read, which takes seconds at most.
    pub async fn first_readings(&self) {
        for issuer in &self.issuers {
            if let Keys::Ring(ring) = &*issuer.keys {
                ring.first_reading().await;
            }
        }
    }

    /// Whether there are keys to verify anybody's tokens with. Once there were, it stays so: an outage of an issuer is
    /// reported to clients with its tokens only.
    pub fn is_ready(&self) -> bool {
        self.issuers.iter().any(|issuer| match &*issuer.keys {
            Keys::One(_) => true,
            Keys::Ring(ring) => ring.was_read(),
        })
    }

    /// Gives the claims of a good token. Waits only for a key that its issuer's key set did not have when it was read
    /// last, and then for seconds at most. A token that was verified is remembered by its hash while its key set stays.
    pub async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let hash = TokenHash::of(token);
        if let Some(claims) = self.issuers.iter().find_map(|issuer| issuer.remembered(&hash, now)) {
            return Ok(claims);
        }
        let parts = Parts::of(token)?;
        let issuer = self.issuer(&parts)?;
        let generation = issuer.check_signature(&parts).await?;
        let payload = parts.claims()?;
        let claims = issuer.rules.check(&payload, now)?;
        issuer.memory.insert(hash, token.len(), generation, &claims, now);
        Ok(claims)
    }

    /// Finds the issuer that a token claims to be of. No other issuer's key is ever tried.
    pub(super) fn issuer(&self, parts: &Parts<'_>) -> Result<&Issuer, TokenError> {
        let name = parts.issuer()?;
        self.issuers
            .iter()
            .map(Arc::as_ref)
            .find(|issuer| issuer.name == name)
            .ok_or_else(|| TokenError::UnknownIssuer(quoted(&name)))
    }
}

impl Issuer {
    fn with_keys(config: IssuerConfig, keys: Arc<Keys>) -> Self {
        let IssuerConfig { issuer: name, algorithms, rules, .. } = config.clone();
        Self { config, name, algorithms, rules, keys, memory: TokenMemory::default() }
    }

    /// Whether the keys of this issuer are those of a configuration. An outage of the provider must not lose them.
    fn has_keys_of(&self, config: &IssuerConfig) -> bool {
        let IssuerConfig { issuer, algorithms, key, rules: _ } = config;
        (&self.config.issuer, &self.config.algorithms, &self.config.key) == (issuer, algorithms, key)
            && !matches!(key, KeyMaterial::KeySetFile(_))
    }

    /// Why the key set could not be read, if the last reading failed.
    pub(super) fn key_trouble(&self) -> Option<String> {
        match &*self.keys {
            Keys::One(_) => None,
            Keys::Ring(ring) => ring.trouble(),
        }
    }

    fn remembered(&self, hash: &TokenHash, now: DateTime<Utc>) -> Option<Claims> {
        let generation = match &*self.keys {
            Keys::One(_) => 0,
            Keys::Ring(ring) => ring.generation()?,
        };
        self.memory.get(hash, generation, now)
    }

    /// Checks the header and the signature, and gives the generation of the keys that it was checked with.
    pub(super) async fn check_signature(&self, parts: &Parts<'_>) -> Result<u64, TokenError> {
        let algorithm = self.check_header(&parts.header)?;
        let (key, generation) = self.key(parts.header.kid.as_deref()).await?;
        if !key.algorithms.contains(algorithm) {
            return Err(wrong_algorithm(&parts.header.alg, key.algorithms));
        }
        let fits = crypto::verify(parts.signature, parts.message.as_bytes(), &key.key, algorithm.external());
        if matches!(fits, Ok(true)) { Ok(generation) } else { Err(TokenError::BadSignature) }
    }

    fn check_header(&self, header: &TokenHeader) -> Result<Algorithm, TokenError> {
        if header.crit {
            return Err(TokenError::CriticalHeader);
        }
        // Where discovery names the algorithms, the key has them.
        let allowed = if self.algorithms.is_empty() { Algorithms::asymmetric() } else { self.algorithms };
        allowed.named(&header.alg).ok_or_else(|| wrong_algorithm(&header.alg, allowed))
    }

    /// The key for a token; the only one that there is, whatever the `kid`, or one of a set.
    async fn key(&self, kid: Option<&str>) -> Result<(Arc<VerificationKey>, u64), TokenError> {
        match &*self.keys {
            Keys::One(key) => Ok((Arc::clone(key), 0)),
            Keys::Ring(ring) => ring.key(kid).await,
        }
    }
}

fn wrong_algorithm(name: &str, allowed: Algorithms) -> TokenError {
    TokenError::WrongAlgorithm { found: quoted(name), allowed }
}

/// The parts of a token, of which nothing is believed yet.
pub(super) struct Parts<'a> {
    pub(super) header: TokenHeader,
    payload: Vec<u8>,
    /// What is signed.
    message: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn of(token: &'a str) -> Result<Self, TokenError> {
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = (decode(header)?, decode(payload)?);
        Ok(Self { header: parse(&header)?, payload, message, signature })
    }

    fn issuer(&self) -> Result<Cow<'_, str>, TokenError> {
        let IssuerClaim { iss } = parse(&self.payload)?;
        match iss {
            None | Some(Value::Null) => Err(TokenError::missing("iss")),
            Some(Value::String(name)) => Ok(name.into()),
            Some(value) => Err(TokenError::invalid("iss", &value, "a string")),
        }
    }

    /// All claims.
    pub(super) fn claims(&self) -> Result<Payload, TokenError> {
        Payload::parse(&self.payload).ok_or(TokenError::Malformed)
    }
}

/// The only claim that is read before the signature is checked.
#[derive(Deserialize)]
struct IssuerClaim {
    iss: Option<Value>,
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
pub(super) struct TokenHeader {
    pub(super) alg: String,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "text")]
    pub(super) kid: Option<String>,
}

fn present<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

/// A text where there is one: null is none.
fn text<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    String::deserialize(value).map(Some)
}
