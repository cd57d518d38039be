//! The documents that clients sent lately, ready to be executed.

use std::sync::Arc;

use lru::LruCache;

use super::ValidDocument;

/// The most memory of the cached documents, estimated from their content.
pub(super) const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Valid documents by their texts. Beyond the memory that they may take, the one that was not used for longest is dropped.
pub(super) struct DocumentCache {
    pub(super) documents: LruCache<String, Arc<ValidDocument>>,
    /// What they take together.
    pub(super) bytes: usize,
}

impl Default for DocumentCache {
    fn default() -> Self {
        Self { documents: LruCache::unbounded(), bytes: 0 }
    }
}

impl DocumentCache {
    pub(super) fn get(&mut self, text: &str) -> Option<Arc<ValidDocument>> {
        self.documents.get(text).cloned()
    }

    pub(super) fn insert(&mut self, text: &str, document: &Arc<ValidDocument>) {
        self.bytes += document.bytes();
        if let Some((_, replaced)) = self.documents.push(text.to_owned(), Arc::clone(document)) {
            self.bytes -= replaced.bytes();
        }
        while self.bytes > MOST_BYTES
            && let Some((_, dropped)) = self.documents.pop_lru()
        {
            self.bytes -= dropped.bytes();
        }
    }
}
