//! Tests of tokens: what is accepted, and every way to be refused.
//!
//! Time stands still at [`now`]. Tokens with unusual headers or claims are signed here by hand; the keys are those of
//! tests/keys.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use jsonwebtoken::{EncodingKey, crypto};
use serde_json::{Value, json};

use super::jwt::MAX_TOKEN_BYTES;
use super::*;

mod claims;
mod context;
mod discovery;
mod jwt;
mod key_ring;
mod key_set;
mod mapping;
mod memory;
mod stub;

const SECRET: &[u8] = b"a secret of the tests, thirty-two bytes or more";
/// Long enough for HS512.
const LONG_SECRET: &[u8] = b"a secret of the tests that is long enough for all three symmetric algorithms";
const ISSUER: &str = "https://issuer.test";
const AUDIENCE: &str = "contact-gateway";
const NOW: i64 = 1_750_000_000;

const RSA_PRIVATE: &str = include_str!("../../../tests/keys/rs256-private.pem");
const RSA_PUBLIC: &str = include_str!("../../../tests/keys/rs256-public.pem");
const EC_PRIVATE: &str = include_str!("../../../tests/keys/es256-private.pem");
const EC_PUBLIC: &str = include_str!("../../../tests/keys/es256-public.pem");
const ED_PRIVATE: &str = include_str!("../../../tests/keys/eddsa-private.pem");
const ED_PUBLIC: &str = include_str!("../../../tests/keys/eddsa-public.pem");
const P384_PRIVATE: &str = include_str!("../../../tests/keys/es384-private.pem");
const P384_PUBLIC: &str = include_str!("../../../tests/keys/es384-public.pem");
const WEAK_RSA: &str = include_str!("../../../tests/keys/weak-rsa-public.pem");
const WRONG_CURVE: &str = include_str!("../../../tests/keys/wrong-curve-public.pem");

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).expect("a date")
}

fn secret() -> KeyMaterial {
    KeyMaterial::Secret(SECRET.to_vec())
}

fn pem(text: &str) -> KeyMaterial {
    KeyMaterial::PublicPem(text.to_owned())
}

fn issuer(algorithm: Algorithm, key: KeyMaterial) -> IssuerConfig {
    IssuerConfig::own(ISSUER, AUDIENCE, algorithm, key)
}

fn verifier(algorithm: Algorithm, key: KeyMaterial) -> TokenVerifier {
    TokenVerifier::new(vec![issuer(algorithm, key)]).expect("a good key")
}

/// The kind of a refusal, with the claim that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    TooLong,
    Malformed,
    UnknownIssuer,
    UnknownKey,
    KeysUnavailable,
    CriticalHeader,
    WrongAlgorithm,
    BadSignature,
    Missing(&'static str),
    Invalid(&'static str),
    WrongAudience,
    IdToken,
    Expired,
    NotYetValid,
    IssuedInFuture,
    LifetimeTooLong,
}

impl From<&TokenError> for Reason {
    fn from(error: &TokenError) -> Self {
        let known = |claim: &String| {
            let names = ["iss", "aud", "sub", "exp", "nbf", "iat", "scope", "orgs", "org_id"];
            names.into_iter().find(|name| name == claim).unwrap_or("another claim")
        };
        match error {
            TokenError::TooLong => Self::TooLong,
            TokenError::Malformed => Self::Malformed,
            TokenError::UnknownIssuer(_) => Self::UnknownIssuer,
            TokenError::UnknownKey => Self::UnknownKey,
            TokenError::KeysUnavailable => Self::KeysUnavailable,
            TokenError::CriticalHeader => Self::CriticalHeader,
            TokenError::WrongAlgorithm { .. } => Self::WrongAlgorithm,
            TokenError::BadSignature => Self::BadSignature,
            TokenError::Missing { claim, .. } => Self::Missing(known(claim)),
            TokenError::Invalid { claim, .. } => Self::Invalid(known(claim)),
            TokenError::WrongAudience { .. } => Self::WrongAudience,
            TokenError::IdToken(_) => Self::IdToken,
            TokenError::Expired => Self::Expired,
            TokenError::NotYetValid => Self::NotYetValid,
            TokenError::IssuedInFuture => Self::IssuedInFuture,
            TokenError::LifetimeTooLong(_) => Self::LifetimeTooLong,
        }
    }
}

/// Verification that may not wait.
trait AtOnce {
    fn at_once(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, Reason>;
}

impl AtOnce for TokenVerifier {
    fn at_once(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, Reason> {
        let verdict = self.verify(token, now).now_or_never().expect("a known key is not waited for");
        verdict.map_err(|error| Reason::from(&error))
    }
}

fn hs256() -> TokenVerifier {
    verifier(Algorithm::HS256, secret())
}

/// The claims of a good token that lives for an hour.
fn good() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": NOW, "exp": NOW + 3600, "orgs": [1, 2],
            "scope": "contacts:read contacts:write" })
}

/// [`good`] with some claims put in place of its own; `null` takes one away.
fn with(changes: Value) -> Value {
    let mut claims = good();
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            claims.as_object_mut().expect("an object").remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A token of any header and payload, signed by HS256 with the right secret.
fn signed(header: &str, payload: &str) -> String {
    let message = format!("{}.{}", encode(header), encode(payload));
    let key = EncodingKey::from_secret(SECRET);
    let signature =
        crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).expect("a signature");
    format!("{message}.{signature}")
}

fn token(claims: &Value) -> String {
    signed(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string())
}

fn verify(claims: &Value) -> Result<Claims, Reason> {
    hs256().at_once(&token(claims), now())
}

fn refusal(changes: Value) -> Reason {
    verify(&with(changes)).expect_err("a refusal")
}

fn signers() -> Vec<(Algorithm, Signer, TokenVerifier)> {
    let asymmetric = [
        (Algorithm::RS256, RSA_PRIVATE, RSA_PUBLIC),
        (Algorithm::ES256, EC_PRIVATE, EC_PUBLIC),
        (Algorithm::EdDSA, ED_PRIVATE, ED_PUBLIC),
    ];
    let symmetric = Signer::with_secret(ISSUER, AUDIENCE, SECRET).expect("a signer");
    let mut signers = vec![(Algorithm::HS256, symmetric, hs256())];
    for (algorithm, private, public) in asymmetric {
        let signer = Signer::with_private_key(ISSUER, AUDIENCE, algorithm, private).expect("a signer");
        signers.push((algorithm, signer, verifier(algorithm, pem(public))));
    }
    signers
}

fn mint(signer: &Signer) -> String {
    signer.mint("alice", &[2, 1, 2], Scopes::all(), Duration::from_secs(3600), now()).expect("a token")
}

fn claims(organizations: Vec<i64>) -> Claims {
    Claims {
        subject: "alice".to_owned(),
        scopes: Scopes::NONE,
        organizations,
        external_organizations: Vec::new(),
        expires_at: now(),
        claims_read: None,
    }
}

fn caller(organization: Option<i64>) -> Caller {
    let scopes = Scopes::parse("contacts:read");
    let Claims { subject, organizations, expires_at, .. } = claims(vec![1, 2]);
    Caller { subject, scopes, organizations, organization, expires_at, claims_read: None }
}
