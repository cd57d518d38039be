//! Automatic persisted queries: the texts of documents by the SHA-256 that clients send in their place afterwards.
//!
//! An organization finds only what its own callers sent, because a hash that is known would disclose a document of others.
//! Beyond the memory that all share, the organization with the most bytes loses its least recently used text, so that one
//! that sends ever new documents evicts its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;

/// How many bytes the texts of all organizations may take.
pub(super) const MOST_BYTES: usize = 16 * 1024 * 1024;
/// What a text takes besides its own bytes: its hash, twice linked.
pub(super) const BYTES_PER_TEXT: usize = 256;

/// The number of an organization; none for callers who act in none.
type Organization = Option<i64>;

/// The texts that clients sent with their hashes.
#[derive(Default)]
pub(super) struct ApqCache(Mutex<Organizations>);

#[derive(Default)]
pub(super) struct Organizations {
    by_number: HashMap<Organization, Texts>,
    /// What they take together.
    bytes: usize,
}

/// The texts of an organization by their hashes, in hexadecimal.
struct Texts {
    by_hash: LruCache<String, Arc<str>>,
    bytes: usize,
}

impl Default for Texts {
    fn default() -> Self {
        Self { by_hash: LruCache::unbounded(), bytes: 0 }
    }
}

impl ApqCache {
    /// The text of this hash, if the organization has sent it.
    pub(super) fn get(&self, organization: Organization, sha256: &str) -> Option<Arc<str>> {
        self.organizations().by_number.get_mut(&organization)?.by_hash.get(sha256).cloned()
    }

    /// Keeps a text whose hash this is.
    pub(super) fn insert(&self, organization: Organization, sha256: &str, text: &str) {
        self.organizations().insert(organization, sha256, text);
    }

    pub(super) fn organizations(&self) -> MutexGuard<'_, Organizations> {
        // A panic between two steps cannot put a text under another one's hash.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Organizations {
    fn insert(&mut self, organization: Organization, sha256: &str, text: &str) {
        let texts = self.by_number.entry(organization).or_default();
        if texts.by_hash.get(sha256).is_some() {
            return;
        }
        texts.by_hash.push(sha256.to_owned(), text.into());
        texts.bytes += size(text);
        self.bytes += size(text);
        while self.bytes > MOST_BYTES && self.drop_one() {}
    }

    /// Drops a text of the organization whose texts take most memory; returns whether there was one.
    fn drop_one(&mut self) -> bool {
        let Some((&organization, texts)) = self.by_number.iter_mut().max_by_key(|(_, texts)| texts.bytes)
        else {
            return false;
        };
        if let Some((_, text)) = texts.by_hash.pop_lru() {
            texts.bytes -= size(&text);
            self.bytes -= size(&text);
        }
        if texts.by_hash.is_empty() {
            self.by_number.remove(&organization);
        }
        true
    }

    /// How many bytes the texts take, of one organization and of all.
    #[cfg(test)]
    pub(super) fn bytes(&self, organization: Organization) -> (usize, usize) {
        (self.by_number.get(&organization).map_or(0, |texts| texts.bytes), self.bytes)
    }
}

fn size(text: &str) -> usize {
    text.len() + BYTES_PER_TEXT
}
