//! The public keys of a JSON Web Key Set (RFC 7517) that fit the algorithms of an issuer.
//!
//! What does not fit is passed over, as the RFC asks, and never bent to fit: keys of another algorithm, use or curve,
//! small RSA keys, symmetric and private keys. The rest is found by `kid` alone. May import nothing of the crate but
//! the algorithms.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use super::algorithm::{Algorithm, Algorithms, Family};

/// The sizes of an RSA modulus, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The most bytes of an RSA exponent; 65537 has three.
const MAX_EXPONENT_BYTES: usize = 4;
/// The bytes of a P-256 coordinate and of an Ed25519 key, and of a P-384 coordinate.
const COORDINATE_BYTES: usize = 32;
const LONG_COORDINATE_BYTES: usize = 48;
/// What a point that is written with both coordinates begins with.
const UNCOMPRESSED: u8 = 4;

/// Why a text is not a set of keys to verify tokens with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// No JSON, or no object with the list `keys`.
    #[error("not a JSON Web Key Set (an object with the array `keys`)")]
    NotASet,
    /// Nothing says which tokens it is for.
    #[error(
        "the discovery document names no supported algorithm in id_token_signing_alg_values_supported; set algorithms of the \
         issuer"
    )]
    NoAlgorithm,
    /// Nothing in it can verify a token of the issuer.
    #[error(
        "no key in the set can verify {0}: RSA with 2048 to 8192 bits, P-256, P-384 or Ed25519, public, for signatures"
    )]
    NoUsableKey(Algorithms),
}

/// A key, and the algorithms of its issuer that it may verify.
#[derive(Debug)]
pub(super) struct VerificationKey {
    pub(super) key: DecodingKey,
    pub(super) algorithms: Algorithms,
}

/// The usable keys of one set.
#[derive(Debug)]
pub(super) struct KeySet {
    by_kid: BTreeMap<String, Arc<VerificationKey>>,
    only: Option<Arc<VerificationKey>>,
    ignored: usize,
    /// The hash of its text.
    hash: [u8; 32],
    algorithms: Algorithms,
}

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<Entry>,
}

/// One item of the list. What is no key in form, with a member twice for example, is none.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Key(Box<RawKey>),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct RawKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// The private part.
    d: Option<IgnoredAny>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum PublicKey {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl KeySet {
    /// Takes the keys for `algorithms` out of a set; there must be one at least.
    ///
    /// Two different keys of one `kid` are both left out: which of them is meant would be a guess.
    pub(super) fn parse(algorithms: Algorithms, json: &[u8]) -> Result<Self, KeySetError> {
        if algorithms.is_empty() {
            return Err(KeySetError::NoAlgorithm);
        }
        let set: RawSet = serde_json::from_slice(json).map_err(|_| KeySetError::NotASet)?;
        let total = set.keys.len();
        let mut usable: Vec<(Option<String>, PublicKey, Algorithms)> =
            set.keys.into_iter().filter_map(|entry| entry.usable(algorithms)).collect();
        usable.sort_unstable_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
        usable.dedup();
        let alone = usable.len() == 1;

        let (mut by_kid, mut only) = (BTreeMap::new(), None);
        for same_kid in usable.chunk_by(|one, other| one.0 == other.0) {
            let [(kid, key, algorithms)] = same_kid else { continue };
            let key = Arc::new(VerificationKey { key: key.decoding_key(), algorithms: *algorithms });
            if alone {
                only = Some(Arc::clone(&key));
            }
            if let Some(kid) = kid {
                by_kid.insert(kid.clone(), key);
            }
        }
        if by_kid.is_empty() && only.is_none() {
            return Err(KeySetError::NoUsableKey(algorithms));
        }
        let ignored = total - by_kid.len().max(1);
        Ok(Self { by_kid, only, ignored, hash: Sha256::digest(json).into(), algorithms })
    }

    /// Whether another reading gave the same set.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.hash, self.algorithms) == (&other.hash, other.algorithms)
    }

    /// The key that a token names by its `kid`. Without one, the only key of the set: OpenID Connect (10.1) lets the
    /// `kid` be left out just there.
    pub(super) fn key(&self, kid: Option<&str>) -> Option<&Arc<VerificationKey>> {
        match kid {
            Some(kid) => self.by_kid.get(kid),
            None => self.only.as_ref(),
        }
    }

    /// How many keys of the set are used.
    pub(super) fn len(&self) -> usize {
        self.by_kid.len().max(1)
    }

    /// How many are passed over.
    pub(super) fn ignored(&self) -> usize {
        self.ignored
    }
}

impl Entry {
    fn usable(self, algorithms: Algorithms) -> Option<(Option<String>, PublicKey, Algorithms)> {
        match self {
            Self::Key(key) if key.is_public() => {
                let public = key.public_key()?;
                let family = public.family();
                let fitting =
                    algorithms.iter().filter(|it| it.family() == family && key.is_for(*it)).collect();
                let fitting = Some(fitting).filter(|fitting: &Algorithms| !fitting.is_empty())?;
                Some((key.kid, public, fitting))
            }
            Self::Key(_) | Self::Other(IgnoredAny) => None,
        }
    }
}

impl RawKey {
    /// A set that shows the private part of a key has given it away.
    fn is_public(&self) -> bool {
        self.d.is_none()
    }

    /// Whether nothing that the key says of itself speaks against it.
    fn is_for(&self, algorithm: Algorithm) -> bool {
        let named = |name: &String| name == algorithm.name() || (algorithm, name.as_str()) == ED25519;
        self.alg.as_ref().is_none_or(named)
            && self.usage.as_ref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|name| name == "verify"))
    }

    fn public_key(&self) -> Option<PublicKey> {
        let point = |bytes| {
            let (x, y) = (coordinate(&self.x, bytes)?, coordinate(&self.y, bytes)?);
            Some([vec![UNCOMPRESSED], x, y].concat())
        };
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => rsa(number(&self.n)?, number(&self.e)?),
            ("EC", Some("P-256")) => point(COORDINATE_BYTES).map(PublicKey::P256),
            ("EC", Some("P-384")) => point(LONG_COORDINATE_BYTES).map(PublicKey::P384),
            ("OKP", Some("Ed25519")) => coordinate(&self.x, COORDINATE_BYTES).map(PublicKey::Ed25519),
            _ => None,
        }
    }
}

/// RFC 9864's name for what older sets call EdDSA.
const ED25519: (Algorithm, &str) = (Algorithm::EdDSA, "Ed25519");

impl PublicKey {
    fn family(&self) -> Family {
        match self {
            Self::Rsa { .. } => Family::Rsa,
            Self::P256(_) => Family::P256,
            Self::P384(_) => Family::P384,
            Self::Ed25519(_) => Family::Ed25519,
        }
    }

    fn decoding_key(&self) -> DecodingKey {
        match self {
            Self::Rsa { n, e } => DecodingKey::from_rsa_raw_components(n, e),
            Self::P256(point) | Self::P384(point) => DecodingKey::from_ec_der(point),
            Self::Ed25519(key) => DecodingKey::from_ed_der(key),
        }
    }
}

/// An RSA key of an acceptable size. An exponent of 1 or an even one would verify forgeries, or nothing.
fn rsa(n: Vec<u8>, e: Vec<u8>) -> Option<PublicKey> {
    let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
    let exponent_fits = e.len() <= MAX_EXPONENT_BYTES && e.last()? % 2 == 1 && e != [1];
    (RSA_BITS.contains(&bits) && exponent_fits).then_some(PublicKey::Rsa { n, e })
}

/// The bytes of a whole number, without leading zeros.
fn number(text: &Option<String>) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text.as_ref()?).ok()?;
    let start = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[start..].to_vec())
}

fn coordinate(text: &Option<String>, length: usize) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.as_ref()?).ok().filter(|bytes| bytes.len() == length)
}
