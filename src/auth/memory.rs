//! The tokens that were verified lately, so that the next request with one of them costs a hash instead of a signature.
//!
//! A token is known by its hash, for as long as it is valid and the keys of its issuer stay the same. May import the claims.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::claims::{Claims, LEEWAY};

/// The most tokens of an issuer in each of two halves, and the most bytes that these tokens have.
const MOST_TOKENS: usize = 4096;
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The SHA-256 of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenHash([u8; 32]);

impl TokenHash {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

/// The tokens of one issuer.
#[derive(Default)]
pub(super) struct TokenMemory(Mutex<Halves>);

/// When the younger half is full, it becomes the older one, whose tokens are forgotten.
#[derive(Default)]
struct Halves {
    /// The generation of the keys that all of them were verified with.
    generation: u64,
    young: HashMap<TokenHash, Verified>,
    old: HashMap<TokenHash, Verified>,
    /// The bytes of the tokens in the younger half.
    bytes: usize,
}

struct Verified {
    claims: Claims,
    /// When the token was verified. A clock that is set back makes it unknown.
    at: DateTime<Utc>,
}

impl TokenMemory {
    /// The claims of a token that was verified with these keys and is still valid.
    pub(super) fn get(&self, hash: &TokenHash, generation: u64, now: DateTime<Utc>) -> Option<Claims> {
        let halves = self.halves();
        let verified = halves.young.get(hash).or_else(|| halves.old.get(hash))?;
        let is_valid =
            now.timestamp() < verified.claims.expires_at.timestamp() + LEEWAY && now >= verified.at;
        (halves.generation == generation && is_valid).then(|| verified.claims.clone())
    }

    pub(super) fn insert(
        &self,
        hash: TokenHash,
        bytes: usize,
        generation: u64,
        claims: &Claims,
        now: DateTime<Utc>,
    ) {
        let mut halves = self.halves();
        if halves.generation != generation {
            *halves = Halves { generation, ..Halves::default() };
        }
        if halves.young.len() >= MOST_TOKENS || halves.bytes + bytes > MOST_BYTES {
            halves.old = std::mem::take(&mut halves.young);
            halves.bytes = 0;
        }
        halves.bytes += bytes;
        halves.young.insert(hash, Verified { claims: claims.clone(), at: now });
    }

    fn halves(&self) -> MutexGuard<'_, Halves> {
        // Nothing between two steps can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many tokens are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let halves = self.halves();
        halves.young.len() + halves.old.len()
    }
}

impl fmt::Debug for TokenMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenMemory")
    }
}
