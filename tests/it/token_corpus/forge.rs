//! Creates valid and invalid tokens of every kind: the issuers, their keys, and signing by hand.

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contact_gateway::{
    auth::{Algorithm, IssuerConfig, KeyMaterial, TokenError},
    config::Issuer,
};
use jsonwebtoken::{DecodingKey, EncodingKey, crypto, jwk::Jwk};
use serde_json::{Value, json};

pub(super) const AUDIENCE: &str = "gateway";
pub(super) const SECRET: &[u8] = b"what the tests sign with, thirty-two bytes or more";
const OTHER_SECRET: &[u8] = b"what another issuer signs with, just as long as that";

macro_rules! key {
    ($name:literal) => {
        include_str!(concat!("../../keys/", $name, ".pem"))
    };
}

/// An issuer of the gateway under test. Each but the second of a pair has a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// HS256, with a secret.
    Hs,
    /// HS256, with another secret.
    OtherHs,
    /// RS256, with a PEM key.
    Rs,
    /// ES256, with a PEM key.
    Es,
    /// EdDSA, with a PEM key.
    Ed,
    /// ES256, with a set in which `k1` is its key, `twin` is two keys, and the rest cannot be used.
    Set,
    /// RS256, with a set of one key: `rsa-1`. The key is that of [`Of::Rs`].
    OneKeySet,
}

pub(super) const ISSUERS: [Of; 7] = [Of::Hs, Of::OtherHs, Of::Rs, Of::Es, Of::Ed, Of::Set, Of::OneKeySet];

impl Of {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hs => "https://hs.test",
            Self::OtherHs => "https://other-hs.test",
            Self::Rs => "https://rs.test",
            Self::Es => "https://es.test",
            Self::Ed => "https://ed.test",
            Self::Set => "https://set.test",
            Self::OneKeySet => "https://one.test",
        }
    }

    pub(super) fn algorithm(self) -> Algorithm {
        match self {
            Self::Hs | Self::OtherHs => Algorithm::HS256,
            Self::Rs | Self::OneKeySet => Algorithm::RS256,
            Self::Es | Self::Set => Algorithm::ES256,
            Self::Ed => Algorithm::EdDSA,
        }
    }

    /// The algorithm as its library names it.
    pub(super) fn signs_by(self) -> jsonwebtoken::Algorithm {
        self.algorithm().name().parse().expect("an algorithm")
    }

    pub(super) fn signing_key(self) -> EncodingKey {
        let key = match self {
            Self::Hs => return EncodingKey::from_secret(SECRET),
            Self::OtherHs => return EncodingKey::from_secret(OTHER_SECRET),
            Self::Rs | Self::OneKeySet => EncodingKey::from_rsa_pem(key!("rs256-private").as_bytes()),
            Self::Es => EncodingKey::from_ec_pem(key!("es256-private").as_bytes()),
            Self::Set => EncodingKey::from_ec_pem(key!("es256-other-private").as_bytes()),
            Self::Ed => EncodingKey::from_ed_pem(key!("eddsa-private").as_bytes()),
        };
        key.expect("a key")
    }

    /// The public key as its file has it; the symmetric issuers have none.
    pub(super) fn public_pem(self) -> &'static str {
        match self {
            Self::Hs | Self::OtherHs => "",
            Self::Rs | Self::OneKeySet => key!("rs256-public"),
            Self::Es => key!("es256-public"),
            Self::Set => key!("es256-other-public"),
            Self::Ed => key!("eddsa-public"),
        }
    }

    /// The public key as a JWK.
    pub(super) fn jwk(self) -> Value {
        let pem = self.public_pem().as_bytes();
        let key = match self.algorithm() {
            Algorithm::RS256 => DecodingKey::from_rsa_pem(pem),
            Algorithm::ES256 => DecodingKey::from_ec_pem(pem),
            _ => DecodingKey::from_ed_pem(pem),
        };
        let jwk = Jwk::from_decoding_key(&key.expect("a key"), Some(self.signs_by()));
        serde_json::to_value(jwk.expect("a JWK")).expect("JSON")
    }

    /// The `kid` of its good tokens.
    pub(super) fn kid(self) -> Option<&'static str> {
        match self {
            Self::Set => Some("k1"),
            Self::OneKeySet => Some("rsa-1"),
            _ => None,
        }
    }

    /// Its settings in the gateway's configuration; key sets are put into `folder`.
    pub(super) fn configured(self, folder: &Path) -> Issuer {
        let key = match self {
            Self::Hs => KeyMaterial::Secret(SECRET.to_vec()),
            Self::OtherHs => KeyMaterial::Secret(OTHER_SECRET.to_vec()),
            Self::Rs | Self::Es | Self::Ed => KeyMaterial::PublicPem(self.public_pem().to_owned()),
            Self::Set => key_set(folder, "set.json", &set()),
            Self::OneKeySet => key_set(folder, "one.json", &[named(self.jwk(), "rsa-1")]),
        };
        let verification = IssuerConfig::own(self.name(), AUDIENCE, self.algorithm(), key);
        Issuer { provider: None, verification, public_key_file: None, private_key_file: None }
    }
}

fn key_set(folder: &Path, name: &str, keys: &[Value]) -> KeyMaterial {
    let file = folder.join(name);
    fs::write(&file, json!({ "keys": keys }).to_string()).expect("a file");
    KeyMaterial::KeySetFile(file)
}

/// The keys of [`Of::Set`]: one that is used, and those that must not be.
fn set() -> Vec<Value> {
    let other = Of::Es.jwk();
    let mut encryption = named(other.clone(), "for-encryption");
    encryption["use"] = json!("enc");
    let symmetric = URL_SAFE_NO_PAD.encode(SECRET);
    vec![
        named(Of::Set.jwk(), "k1"),
        named(Of::Set.jwk(), "twin"),
        named(other, "twin"),
        encryption,
        named(Of::Rs.jwk(), "rsa"),
        named(Of::Ed.jwk(), "ed"),
        json!({ "kty": "oct", "kid": "symmetric", "alg": "HS256", "k": symmetric }),
    ]
}

fn named(mut jwk: Value, kid: &str) -> Value {
    jwk["kid"] = json!(kid);
    jwk
}

/// The kind of a refusal, with the claim that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
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

impl From<&TokenError> for Refusal {
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

/// A token that must be refused, and why.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) token: String,
    pub(super) refusal: Refusal,
}

impl Case {
    pub(super) fn new(name: impl Into<String>, token: String, refusal: Refusal) -> Self {
        Self { name: name.into(), token, refusal }
    }
}

/// Makes tokens whose times are around one moment.
#[derive(Clone, Copy)]
pub(super) struct Forge {
    pub(super) now: i64,
}

impl Forge {
    pub(super) fn header(self, of: Of) -> Value {
        let mut header = json!({ "alg": of.algorithm().name(), "typ": "JWT" });
        if let Some(kid) = of.kid() {
            header["kid"] = json!(kid);
        }
        header
    }

    pub(super) fn claims(self, of: Of) -> Value {
        json!({
            "iss": of.name(), "aud": AUDIENCE, "sub": "alice", "iat": self.now, "exp": self.now + 3600,
            "orgs": [1], "scope": "contacts:read"
        })
    }

    /// A good token but for some members of its header.
    pub(super) fn with_header(self, of: Of, changes: Value) -> String {
        signed(of, &changed(self.header(of), changes).to_string(), self.claims(of).to_string())
    }

    /// A good token but for some of its claims.
    pub(super) fn with_claims(self, of: Of, changes: Value) -> String {
        signed(of, &self.header(of).to_string(), changed(self.claims(of), changes).to_string())
    }

    pub(super) fn good(self, of: Of) -> String {
        self.with_claims(of, json!({}))
    }
}

/// `object` with some members put in place of its own; `"absent"` takes one away.
pub(super) fn changed(mut object: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().expect("an object") {
        if value == "absent" {
            object.as_object_mut().expect("an object").remove(name);
        } else {
            object[name] = value.clone();
        }
    }
    object
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64")
}

/// A token of any header and payload, with the issuer's own signature.
pub(super) fn signed(of: Of, header: &str, payload: impl AsRef<[u8]>) -> String {
    signed_by(&of.signing_key(), of.signs_by(), header, payload)
}

pub(super) fn signed_by(
    key: &EncodingKey,
    algorithm: jsonwebtoken::Algorithm,
    header: &str,
    payload: impl AsRef<[u8]>,
) -> String {
    let message = format!("{}.{}", encode(header), encode(payload));
    let signature = crypto::sign(message.as_bytes(), key, algorithm).expect("a signature");
    format!("{message}.{signature}")
}

/// The three parts of a token.
pub(super) fn parts(token: &str) -> [&str; 3] {
    let mut parts = token.split('.');
    std::array::from_fn(|_| parts.next().expect("three parts"))
}
