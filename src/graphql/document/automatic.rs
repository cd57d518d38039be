//! Automatic persisted documents: their texts by the SHA-256 that clients name them by once they have sent them.
//!
//! Each organization finds only what its own callers sent: whether a hash is known would tell others what was asked
//! here. Beyond the memory that all of them share, the organization that takes most of it loses what it has not asked
//! for longest, so that one that sends ever new documents crowds out its own.

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
pub(super) struct Automatic(Mutex<Shelves>);

#[derive(Default)]
pub(super) struct Shelves {
    shelves: HashMap<Organization, Shelf>,
    /// What they take together.
    bytes: usize,
}

/// The texts of an organization by their hashes, in hexadecimal.
struct Shelf {
    texts: LruCache<String, Arc<str>>,
    bytes: usize,
}

impl Default for Shelf {
    fn default() -> Self {
        Self { texts: LruCache::unbounded(), bytes: 0 }
    }
}

impl Automatic {
    /// The text of this hash, if the organization has sent it.
    pub(super) fn get(&self, organization: Organization, sha256: &str) -> Option<Arc<str>> {
        self.shelves().shelves.get_mut(&organization)?.texts.get(sha256).cloned()
    }

    /// Keeps a text whose hash this is.
    pub(super) fn keep(&self, organization: Organization, sha256: &str, text: &str) {
        self.shelves().keep(organization, sha256, text);
    }

    pub(super) fn shelves(&self) -> MutexGuard<'_, Shelves> {
        // A panic between two steps cannot put a text under another one's hash.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    fn keep(&mut self, organization: Organization, sha256: &str, text: &str) {
        let shelf = self.shelves.entry(organization).or_default();
        if shelf.texts.get(sha256).is_some() {
            return;
        }
        shelf.texts.push(sha256.to_owned(), text.into());
        shelf.bytes += size(text);
        self.bytes += size(text);
        while self.bytes > MOST_BYTES && self.drop_one() {}
    }

    /// Drops a text of the organization whose texts take most; tells whether there was one.
    fn drop_one(&mut self) -> bool {
        let Some((&organization, shelf)) = self.shelves.iter_mut().max_by_key(|(_, shelf)| shelf.bytes)
        else {
            return false;
        };
        if let Some((_, text)) = shelf.texts.pop_lru() {
            shelf.bytes -= size(&text);
            self.bytes -= size(&text);
        }
        if shelf.texts.is_empty() {
            self.shelves.remove(&organization);
        }
        true
    }

    /// How many bytes the texts take, of one organization and of all.
    #[cfg(test)]
    pub(super) fn bytes(&self, organization: Organization) -> (usize, usize) {
        (self.shelves.get(&organization).map_or(0, |shelf| shelf.bytes), self.bytes)
    }
}

fn size(text: &str) -> usize {
    text.len() + BYTES_PER_TEXT
}
