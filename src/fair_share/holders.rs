//! What each principal has of something that can run out, and whose part is the largest.

use std::collections::{BTreeMap, HashMap};

use super::Principal;

/// Items by the principals that have them. Each item has an id; a later item has a greater one.
#[derive(Debug)]
pub struct Holders<T> {
    items: HashMap<Principal, BTreeMap<u64, T>>,
    count: usize,
}

impl<T> Default for Holders<T> {
    fn default() -> Self {
        Self { items: HashMap::new(), count: 0 }
    }
}

impl<T> Holders<T> {
    /// How many items there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds an item.
    pub fn insert(&mut self, principal: &Principal, id: u64, item: T) {
        let replaced = self.items.entry(principal.clone()).or_default().insert(id, item);
        self.count += usize::from(replaced.is_none());
    }

    /// Takes an item out, if it is there.
    pub fn remove(&mut self, principal: &Principal, id: u64) -> Option<T> {
        let items = self.items.get_mut(principal)?;
        let removed = items.remove(&id)?;
        if items.is_empty() {
            self.items.remove(principal);
        }
        self.count -= 1;
        Some(removed)
    }

    /// The items of a principal, the oldest first.
    pub fn of(&self, principal: &Principal) -> impl DoubleEndedIterator<Item = (u64, &T)> {
        self.items.get(principal).into_iter().flatten().map(|(id, item)| (*id, item))
    }

    /// The principal that gives an item up for a newcomer: the one with the most in the organization with the most. None if the
    /// newcomer would then have as much as that one has left, so that no two take from each other in turn.
    pub fn largest(&self, newcomer: &Principal) -> Option<&Principal> {
        let mut organizations: HashMap<Option<i64>, usize> = HashMap::new();
        for (principal, items) in &self.items {
            *organizations.entry(principal.organization).or_default() += items.len();
        }
        let own = organizations.get(&newcomer.organization).copied().unwrap_or_default();
        let (largest, most) = organizations.into_iter().max_by_key(|(_, count)| *count)?;
        let organization = if most > own + 1 { largest } else { newcomer.organization };
        let subjects = self.items.iter().filter(|(principal, _)| principal.organization == organization);
        let (principal, items) = subjects.max_by_key(|(_, items)| items.len())?;
        let own = self.items.get(newcomer).map_or(0, BTreeMap::len);
        (organization != newcomer.organization || items.len() > own + 1).then_some(principal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(subject: &str, organization: i64) -> Principal {
        Principal::new(subject, Some(organization))
    }

    #[test]
    fn the_largest_subject_of_the_largest_organization_gives_way() {
        let mut holders = Holders::default();
        let (ada, bob, eve) = (principal("ada", 1), principal("bob", 1), principal("eve", 2));
        assert_eq!(holders.largest(&ada), None);
        for (id, holder) in [&ada, &bob, &bob, &eve, &eve].into_iter().enumerate() {
            holders.insert(holder, id as u64, ());
        }
        // One with three items in two subjects, one with two in one.
        let newcomer = principal("kim", 3);
        assert_eq!(holders.largest(&newcomer), Some(&bob));
        assert_eq!(holders.largest(&eve), None);
        assert_eq!(holders.largest(&principal("lee", 1)), Some(&bob));
        assert_eq!((holders.largest(&ada), holders.largest(&bob)), (None, None));

        let ids: Vec<u64> = holders.of(&bob).map(|(id, ())| id).collect();
        assert_eq!(ids, [1, 2]);
        assert_eq!((holders.remove(&bob, 2), holders.remove(&bob, 2), holders.count()), (Some(()), None, 4));
        holders.insert(&newcomer, 9, ());
        assert_eq!(holders.largest(&newcomer), None);
    }
}
