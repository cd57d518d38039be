//! What a database has to do for a list at most, in points of cost.
//!
//! A point is 4 µs of a core in the organization where it takes longest: one with 100,000 contacts, all of which
//! have to be looked at. docs/limits.md has the measurements.

use super::{
    filter::{Comparison, Filter, Relation},
    search::SearchQuery,
};

/// Looking at every row of a table.
pub const SCAN: u64 = 15_000;
/// A comparison of each of them.
pub const COMPARISON: u64 = 2_100;
/// A value that is compared with besides the first, in a list of them.
pub const VALUE: u64 = 600;
/// A search.
pub const SEARCH: u64 = 60_000;
/// Each word of it.
pub const WORD: u64 = 25_000;
/// The rows that are related to rows which meet a condition.
pub const RELATION: u64 = 30_000;
/// The same by way of a table of links, as contacts and accounts are.
pub const LINKED_RELATION: u64 = 55_000;
/// The types of contacts, of which there are few.
pub const CONTACT_TYPE: u64 = 5_000;
/// A comparison of the values of a custom field.
pub const CUSTOM_FIELD: u64 = 55_000;
/// A choice of several that those are compared with.
pub const CHOICE: u64 = 6_000;
/// An order that no index serves.
pub const SORT: u64 = 70_000;
/// Looking at every row that belongs to some of the rows of a page.
pub const CHILDREN: u64 = 70_000;
/// A row of a bulk write, and each link or value that a row has in a list.
pub const WRITTEN_ROW: u64 = 25;

impl SearchQuery {
    /// What the database has to do for the search.
    pub fn work(&self) -> u64 {
        SEARCH + WORD * self.count()
    }
}

impl Filter {
    /// What the database has to do for a list that is filtered so.
    pub fn work(&self) -> u64 {
        if self.is_found_by_index() && !self.has_deleted_filter() {
            return self.conditions(0);
        }
        match self.conditions(COMPARISON) {
            0 => 0,
            conditions => SCAN + conditions,
        }
    }

    /// Its conditions, of which each comparison of the rows of the list costs so much.
    fn conditions(&self, comparison: u64) -> u64 {
        match self {
            Self::All(filters) | Self::Any(filters) => {
                filters.iter().map(|filter| filter.conditions(comparison)).sum()
            }
            Self::Not(filter) => filter.conditions(comparison),
            Self::Related(relation, _, filter) => {
                let rows = match relation {
                    Relation::ContactsOfAccount | Relation::AccountsOfContact => LINKED_RELATION,
                    Relation::TypeOfContact => CONTACT_TYPE,
                    _ => RELATION,
                };
                rows + filter.conditions(COMPARISON)
            }
            Self::Search(query) => query.work(),
            Self::CustomField(_) => CUSTOM_FIELD,
            Self::Compare(_, Comparison::In(values)) if comparison > 0 => {
                comparison + VALUE * values.len() as u64
            }
            Self::Constant(_) | Self::Compare(..) | Self::Deleted(_) | Self::Contact(_) => comparison,
        }
    }
}
