//! How many places each caller has, so that none takes all of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A subject in an organization.
type Who = (String, i64);

/// The places that callers have.
#[derive(Debug)]
pub(super) struct Shares {
    most: usize,
    taken: Mutex<HashMap<Who, usize>>,
}

/// A place that somebody has, until this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    who: Who,
}

impl Shares {
    /// So many for each.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    /// How many there are for each.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// One more for a subject in an organization, if there is one.
    pub(super) fn take(self: &Arc<Self>, subject: &str, organization: i64) -> Option<Share> {
        let who = (subject.to_owned(), organization);
        let mut taken = self.taken();
        let count = taken.entry(who.clone()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Share { shares: Arc::clone(self), who })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Who, usize>> {
        // Nothing between two steps can panic.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        if let Some(count) = taken.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_share() {
        let shares = Shares::new(2);
        let ada = [shares.take("ada", 1), shares.take("ada", 1)];
        assert!(ada.iter().all(Option::is_some));
        assert!(shares.take("ada", 1).is_none());
        assert!(shares.take("ada", 2).is_some() && shares.take("grace", 1).is_some());
        drop(ada);
        assert!(shares.taken().is_empty());
        assert!(shares.take("ada", 1).is_some());
    }
}
