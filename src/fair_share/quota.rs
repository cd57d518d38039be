//! How much each holder may have at once.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts what each holder has, and gives nobody more than the most.
#[derive(Debug)]
pub struct Quota<K> {
    most: usize,
    counts: Mutex<HashMap<K, usize>>,
}

/// What a holder has, until this is dropped.
pub struct Share<K: Eq + Hash> {
    quota: Arc<Quota<K>>,
    key: K,
    count: usize,
}

impl<K: Clone + Eq + Hash> Quota<K> {
    /// At most so much for each holder.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, counts: Mutex::default() })
    }

    /// The most that a holder may have.
    pub fn most(&self) -> usize {
        self.most
    }

    /// So many more for a holder, if it may have them.
    pub fn take(self: &Arc<Self>, key: &K, count: usize) -> Option<Share<K>> {
        let mut counts = self.lock();
        let before = counts.get(key).copied().unwrap_or_default();
        let after = before.checked_add(count).filter(|after| *after <= self.most)?;
        counts.insert(key.clone(), after);
        Some(Share { quota: Arc::clone(self), key: key.clone(), count })
    }
}

impl<K> Quota<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        // Nothing between two steps can panic.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut counts = self.quota.lock();
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= self.count;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

impl<K: fmt::Debug + Eq + Hash> fmt::Debug for Share<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("key", &self.key).field("count", &self.count).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_holder_has_its_own_share() {
        let quota = Quota::new(2);
        let ada = [quota.take(&"ada", 1), quota.take(&"ada", 1)];
        assert!(ada.iter().all(Option::is_some));
        assert!(quota.take(&"ada", 1).is_none());
        assert!(quota.take(&"grace", 2).is_some() && quota.take(&"grace", 3).is_none());
        drop(ada);
        assert!(quota.lock().is_empty());
        assert!(quota.take(&"ada", 2).is_some());
    }
}
