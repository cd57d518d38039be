//! Signs tokens of the gateway's own form: for development, the `token` command, exchanged tokens and tests.
//!
//! May import the other files of `auth` that know keys.

use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{EncodingKey, Header, crypto};
use serde::Serialize;

use super::algorithm::{Algorithm, Family};
use super::issuer::{KeyError, check_secret};
use super::scope::Scopes;

/// Signs tokens.
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
        Self::with_secret_for(issuer, audience, Algorithm::HS256, secret)
    }

    /// Signs with a shared secret, by HS256, HS384 or HS512.
    pub fn with_secret_for(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        algorithm: Algorithm,
        secret: &[u8],
    ) -> Result<Self, KeyError> {
        if !algorithm.is_symmetric() {
            return Err(KeyError::WrongKind(algorithm));
        }
        check_secret(algorithm.into(), secret)?;
        let key = EncodingKey::from_secret(secret);
        Ok(Self { issuer: issuer.into(), audience: audience.into(), algorithm, key })
    }

    /// Signs with a private key in PEM form, by `algorithm`.
    pub fn with_private_key(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        algorithm: Algorithm,
        pem: &str,
    ) -> Result<Self, KeyError> {
        let key = match algorithm.family() {
            Family::Rsa => EncodingKey::from_rsa_pem(pem.as_bytes()),
            Family::P256 | Family::P384 => EncodingKey::from_ec_pem(pem.as_bytes()),
            Family::Ed25519 => EncodingKey::from_ed_pem(pem.as_bytes()),
            Family::Hmac => return Err(KeyError::WrongKind(algorithm)),
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
