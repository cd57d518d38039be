//! The database's work for a list, estimated from the arguments of the document.

use async_graphql::parser::types::Field;

use super::{ArgumentValue, Costs};
use crate::service::{
    search::SearchQuery,
    work::{
        CHILDREN, CHOICE, COMPARISON, CONTACT_TYPE, CUSTOM_FIELD, LINKED_RELATION, RELATION, SCAN, SORT,
        VALUE,
    },
};

/// The filters of rows that are found by way of a table of links.
const LINKED: [&str; 2] = ["AccountListFilter", "AccountContactListFilter"];
/// The filters of rows of which no two active ones have the same email.
const UNIQUE_EMAIL: [&str; 2] = ["AccountContactFilter", "InternalContactFilter"];
/// How many conditions the filters of a request can have together. More are never within a limit, and are not counted.
const MOST_CONDITIONS: u64 = 50_000;

impl<'a> Costs<'a> {
    /// The points of a list besides its rows. A list of each row of another one is read in one statement for all of them.
    pub(super) fn list_work(
        &self,
        field: &'a Field,
        connection: &str,
        is_child: bool,
        is_counted: bool,
    ) -> u64 {
        let input = format!("{}Filter", connection.trim_end_matches("Connection"));
        let filter = self.argument(field, "filter").filter(|filter| !filter.entries().is_empty());
        let is_keyed = filter.is_some_and(|filter| !is_child && self.names_unique_key(filter, &input));
        let comparison = if is_keyed { 0 } else { COMPARISON };
        let conditions = filter.map_or(0, |filter| self.filter(filter, &input, comparison));
        let rows = if is_child { CHILDREN } else { SCAN };
        let filtering =
            if filter.is_some() && !is_keyed { rows.saturating_add(conditions) } else { conditions };
        let terms = self.argument(field, "orderBy").map_or(0, |order| order.items().len());
        // Contacts that share an address are sorted, and any number of cards may share one.
        let is_sorted = terms > usize::from(!is_child) || (is_child && connection == "ContactConnection");
        let sorting = match is_child {
            _ if !is_sorted => 0,
            true => CHILDREN,
            false => SORT,
        };
        let counting = match is_counted {
            true if filter.is_some() => filtering,
            true => rows,
            false => 0,
        };
        filtering.saturating_add(sorting).saturating_add(counting)
    }

    /// Whether the filter holds for at most one row for each value that it names. Deleted rows can share a value.
    fn names_unique_key(&self, filter: ArgumentValue<'a>, input: &str) -> bool {
        let entries = filter.entries();
        let has_deleted_filter = entries.iter().any(|(name, _)| *name == "deleted");
        let is_unique = |name: &str| match name {
            "id" => true,
            "email" => !has_deleted_filter && UNIQUE_EMAIL.contains(&input),
            "remoteId" => !has_deleted_filter,
            _ => false,
        };
        let is_key = |(name, compared): &(&str, ArgumentValue<'a>)| {
            let compared = self.resolved(*compared).map(ArgumentValue::entries).unwrap_or_default();
            is_unique(name) && compared.iter().any(|(name, _)| ["eq", "in"].contains(name))
        };
        entries.iter().any(is_key)
    }

    /// The points of the conditions of a filter, whose own comparisons cost so much each.
    fn filter(&self, filter: ArgumentValue<'a>, input: &str, comparison: u64) -> u64 {
        let condition = |(name, value): (&str, ArgumentValue<'a>)| {
            let Some(value) = self.resolved(value) else { return 0 };
            let filters = || {
                let filters = value.items().into_iter().filter_map(|filter| self.resolved(filter));
                // An empty one counts as a comparison, as the filter's own limit has it.
                let filters = filters.map(|filter| self.filter(filter, input, comparison).max(comparison));
                filters.fold(0, u64::saturating_add)
            };
            match name {
                "and" | "or" | "not" => filters(),
                "search" => self.search(value),
                "customFieldValues" => self.custom_fields(value),
                // Contacts of all kinds name one row that they are related to.
                "partnerId" if input == "ContactFilter" => RELATION,
                "accountId" if input == "ContactFilter" => LINKED_RELATION,
                _ => self.comparisons(value, self.index.input_field(input, name), comparison),
            }
        };
        if !self.may_count(filter.size()) {
            return u64::MAX;
        }
        filter.entries().into_iter().map(condition).fold(0, u64::saturating_add)
    }

    /// Counts conditions. False if the request has too many: each use of a variable counts them again, and a variable can be
    /// used often.
    fn may_count(&self, conditions: u64) -> bool {
        let counted = self.conditions.get().saturating_add(conditions.max(1));
        self.conditions.set(counted);
        counted <= MOST_CONDITIONS
    }

    /// The points of what a filter says of one field, which is of this type.
    fn comparisons(&self, value: ArgumentValue<'a>, input: Option<&str>, comparison: u64) -> u64 {
        let entries = value.entries();
        let Some(input) = input else { return comparison };
        if self.index.input_field(input, "and").is_some() {
            let related = if input == "ContactTypeFilter" { CONTACT_TYPE } else { RELATION };
            return related.saturating_add(self.filter(value, input, COMPARISON));
        }
        let related = if LINKED.contains(&input) { LINKED_RELATION } else { RELATION };
        let cost = |(name, value): (&str, ArgumentValue<'a>)| {
            let value = self.resolved(value)?;
            match (name, self.index.input_field(input, name)) {
                ("some" | "none", Some(input)) => {
                    Some(related.saturating_add(self.filter(value, input, COMPARISON)))
                }
                ("in", _) if comparison > 0 => Some(comparison.saturating_add(values(value, VALUE))),
                _ => Some(comparison),
            }
        };
        match entries.is_empty() {
            true => comparison,
            false => entries.into_iter().filter_map(cost).fold(0, u64::saturating_add),
        }
    }

    /// The points of a search. A variable has the same text at each use, and a long text takes a while to read.
    fn search(&self, value: ArgumentValue<'a>) -> u64 {
        let text = value.text().unwrap_or_default();
        let mut searches = self.searches.borrow_mut();
        *searches.entry(text.as_ptr()).or_insert_with(|| SearchQuery::new(text).work())
    }

    fn custom_fields(&self, value: ArgumentValue<'a>) -> u64 {
        if !self.may_count(value.size()) {
            return u64::MAX;
        }
        let conditions = value.items().into_iter().filter_map(|condition| self.resolved(condition));
        let comparisons =
            conditions.flat_map(ArgumentValue::entries).filter(|(name, _)| *name != "customFieldId");
        let costs = comparisons.filter_map(|(name, value)| {
            let value = self.resolved(value)?;
            let choices = match name {
                "in" => value.items().into_iter().filter_map(|item| self.resolved(item)).map(choices).sum(),
                _ => choices(value),
            };
            let values = if name == "in" { values(value, VALUE) } else { 0 };
            Some(CUSTOM_FIELD.saturating_add(values).saturating_add(choices.saturating_mul(CHOICE)))
        });
        costs.fold(0, u64::saturating_add)
    }
}

/// How many choices a value of several is.
fn choices(value: ArgumentValue<'_>) -> u64 {
    value.length().unwrap_or_default()
}

fn values(list: ArgumentValue<'_>, each: u64) -> u64 {
    each.saturating_mul(list.length().unwrap_or(1).saturating_sub(1))
}
