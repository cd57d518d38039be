//! A model of the list of all contacts: conditions as clients write them, each with an equivalent function, and orders.

use std::cmp::Ordering;

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::rows::{EMAILS, Item, PHONES, email, times};
use crate::support::Chance;

/// The kinds, in their order.
pub(super) const KINDS: [&str; 3] = ["INTERNAL", "ACCOUNT", "ORGANIZATION"];
/// What the list can be ordered by.
pub(super) const FIELDS: [&str; 4] = ["DISPLAY_NAME", "EMAIL", "CREATED_AT", "UPDATED_AT"];
/// What is looked for.
pub(super) const QUERIES: [&str; 8] =
    ["ada", "ADA", "Àda L", "hop", "grace hopper", "+1 202 555 0143", "+49 30 901820", "globex"];

/// A condition on contacts.
pub(super) struct Condition {
    /// As clients write it.
    pub(super) filter: Value,
    holds: Box<dyn Fn(&Item) -> bool>,
    /// Whether deleted ones are spoken of; where they are not, they are left out.
    speaks_of_deleted: bool,
}

impl Condition {
    fn new(filter: Value, holds: impl Fn(&Item) -> bool + 'static) -> Self {
        Self { filter, holds: Box::new(holds), speaks_of_deleted: false }
    }

    /// All contacts, deleted ones too.
    pub(super) fn any() -> Self {
        Self { speaks_of_deleted: true, ..Self::new(json!({ "deleted": "INCLUDE" }), |_| true) }
    }

    /// Nothing said.
    pub(super) fn active() -> Self {
        Self::new(json!({}), |_| true)
    }

    /// Random conditions, nested so deep at most.
    pub(super) fn random(chance: &mut Chance, ids: &[String], depth: usize) -> Self {
        let shape = if depth > 1 { chance.below(4) } else { 3 };
        let below = |chance: &mut Chance| {
            let count = 1 + chance.below(3);
            (0..count).map(|_| Self::random(chance, ids, depth - 1)).collect::<Vec<_>>()
        };
        match shape {
            0 => Self::joined("and", below(chance), |all| all.iter().all(|holds| *holds)),
            1 => {
                let mut any = below(chance);
                if chance.one_in(2) {
                    any.push(Self::search(chance));
                }
                Self::joined("or", any, |any| any.iter().any(|holds| *holds))
            }
            2 => {
                let Self { filter, holds, speaks_of_deleted } = Self::random(chance, ids, depth - 1);
                let not = Self::new(json!({ "not": filter }), move |item| !holds(item));
                Self { speaks_of_deleted, ..not }
            }
            _ => Self::comparison(chance, ids),
        }
    }

    fn joined(name: &str, conditions: Vec<Self>, join: fn(&[bool]) -> bool) -> Self {
        let filters: Vec<&Value> = conditions.iter().map(|it| &it.filter).collect();
        let filter = json!({ name: filters });
        let speaks_of_deleted = conditions.iter().any(|it| it.speaks_of_deleted);
        let holds =
            move |item: &Item| join(&conditions.iter().map(|it| (it.holds)(item)).collect::<Vec<_>>());
        Self { speaks_of_deleted, ..Self::new(filter, holds) }
    }

    fn comparison(chance: &mut Chance, ids: &[String]) -> Self {
        match chance.below(8) {
            0 => Self::kind(chance),
            1 => {
                let emails: Vec<String> = (0..EMAILS).map(email).collect();
                Self::text(chance, "email", &emails, |item| item.email.as_deref())
            }
            2 => Self::text(chance, "phone", &PHONES.map(str::to_owned), |item| item.phone),
            3 => Self::time(chance, "createdAt", |item| item.created_at),
            4 => {
                let since = *chance.pick(&times());
                Self::new(json!({ "updatedSince": since.to_rfc3339() }), move |item| item.updated_at >= since)
            }
            5 => Self::belongs_to("partnerId", 0, chance.pick(ids).clone()),
            6 => Self::belongs_to("accountId", 1, chance.pick(ids).clone()),
            _ => Self::deleted(chance),
        }
    }

    fn kind(chance: &mut Chance) -> Self {
        let kind = chance.below(3);
        let several = chance.several(&[0, 1, 2], 2);
        let names: Vec<&str> = several.iter().map(|kind| KINDS[*kind]).collect();
        match chance.below(3) {
            0 => Self::new(json!({ "kind": { "eq": KINDS[kind] } }), move |item| item.kind == kind),
            1 => Self::new(json!({ "kind": { "ne": KINDS[kind] } }), move |item| item.kind != kind),
            _ => Self::new(json!({ "kind": { "in": names } }), move |item| several.contains(&item.kind)),
        }
    }

    fn text(chance: &mut Chance, field: &str, texts: &[String], of: fn(&Item) -> Option<&str>) -> Self {
        let text = chance.pick(texts).clone();
        let several = chance.several(texts, 5);
        let (part, start) = (text[3..].to_owned(), text[..text.len() / 2].to_owned());
        let has = move |test: fn(&str, &str) -> bool, other: String| {
            move |item: &Item| of(item).is_some_and(|text| test(text, &other))
        };
        match chance.below(6) {
            // Addresses are compared in lower case; phones have no letters.
            0 => Self::new(json!({ field: { "eq": text.to_uppercase() } }), has(|it, text| it == text, text)),
            1 => Self::new(json!({ field: { "ne": text } }), move |item| of(item) != Some(&text)),
            2 => {
                let filter = json!({ field: { "in": several } });
                Self::new(filter, move |item| of(item).is_some_and(|it| several.iter().any(|one| one == it)))
            }
            3 => Self::new(json!({ field: { "contains": part } }), has(|it, part| it.contains(part), part)),
            4 => Self::new(
                json!({ field: { "startsWith": start } }),
                has(|it, start| it.starts_with(start), start),
            ),
            _ => {
                let is_null = chance.one_in(2);
                Self::new(json!({ field: { "isNull": is_null } }), move |item| of(item).is_none() == is_null)
            }
        }
    }

    fn time(chance: &mut Chance, field: &str, of: fn(&Item) -> DateTime<Utc>) -> Self {
        let time = *chance.pick(&times());
        let zone = FixedOffset::east_opt(2 * 3600).expect("a zone");
        let written = time.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Micros, false);
        let (name, holds): (_, fn(Ordering) -> bool) = *chance.pick(&[
            ("eq", Ordering::is_eq as fn(Ordering) -> bool),
            ("ne", Ordering::is_ne),
            ("lt", Ordering::is_lt),
            ("lte", Ordering::is_le),
            ("gt", Ordering::is_gt),
            ("gte", Ordering::is_ge),
        ]);
        Self::new(json!({ field: { name: written } }), move |item| holds(of(item).cmp(&time)))
    }

    fn belongs_to(field: &str, kind: usize, id: String) -> Self {
        Self::new(json!({ field: id }), move |item| item.kind == kind && item.belongs_to.contains(&id))
    }

    fn deleted(chance: &mut Chance) -> Self {
        let (name, holds): (_, fn(bool) -> bool) = *chance.pick(&[
            ("EXCLUDE", (|is_deleted| !is_deleted) as fn(bool) -> bool),
            ("INCLUDE", |_| true),
            ("ONLY", |is_deleted| is_deleted),
        ]);
        let deleted = Self::new(json!({ "deleted": name }), move |item| holds(item.is_deleted));
        Self { speaks_of_deleted: true, ..deleted }
    }

    fn search(chance: &mut Chance) -> Self {
        let query = *chance.pick(&QUERIES);
        Self::new(json!({ "search": query }), move |item| is_found(item, query))
    }
}

/// What is asked of the list.
pub(super) struct Question {
    pub(super) condition: Condition,
    /// The words of the search, if there is one.
    pub(super) search: Option<&'static str>,
    /// The fields that it is ordered by, and whether the greatest comes first.
    pub(super) order: Vec<(&'static str, bool)>,
}

impl Question {
    /// The arguments of the field.
    pub(super) fn variables(&self) -> Value {
        let mut filter = self.condition.filter.clone();
        if let Some(query) = self.search {
            filter["search"] = json!(query);
        }
        let direction = |is_descending| if is_descending { "DESC" } else { "ASC" };
        let order = self
            .order
            .iter()
            .map(|(field, is_descending)| json!({ "field": field, "direction": direction(*is_descending) }));
        json!({ "filter": filter, "order": order.collect::<Vec<_>>() })
    }

    /// The ids of the contacts that the list must hold, in their order.
    pub(super) fn answer(&self, items: &[Item]) -> Vec<String> {
        let mut found: Vec<&Item> = items.iter().filter(|item| self.holds(item)).collect();
        found.sort_by(|one, other| self.compare(one, other));
        found.into_iter().map(|item| item.id.to_string()).collect()
    }

    fn holds(&self, item: &Item) -> bool {
        (!item.is_deleted || self.condition.speaks_of_deleted)
            && (self.condition.holds)(item)
            && self.search.is_none_or(|query| is_found(item, query))
    }

    fn compare(&self, one: &Item, other: &Item) -> Ordering {
        if let (Some(query), true) = (self.search, self.order.is_empty()) {
            let place = |item: &Item| (rank(item, query), item.name, item.kind, item.key);
            return place(one).cmp(&place(other));
        }
        let by_creation = [("CREATED_AT", false)];
        let order = if self.order.is_empty() { &by_creation[..] } else { &self.order };
        let values = order.iter().map(|(field, is_descending)| {
            let ordering = value(one, field).cmp(&value(other, field));
            if *is_descending { ordering.reverse() } else { ordering }
        });
        let tie = (one.kind, one.key).cmp(&(other.kind, other.key));
        let is_descending = order.last().is_some_and(|(_, is_descending)| *is_descending);
        let tie = if is_descending { tie.reverse() } else { tie };
        values.fold(Ordering::Equal, Ordering::then).then(tie)
    }
}

fn value(item: &Item, field: &str) -> String {
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
    match field {
        "DISPLAY_NAME" => item.name.to_owned(),
        // Those without come first.
        "EMAIL" => item.email.clone().unwrap_or_default(),
        "CREATED_AT" => time(item.created_at),
        "UPDATED_AT" => time(item.updated_at),
        field => panic!("there is no order by {field}"),
    }
}

/// The query as it is looked for: digits are one word.
fn normalized(query: &str) -> String {
    if query.contains(char::is_alphabetic) {
        return query.to_lowercase().replace('à', "a");
    }
    query.chars().filter(char::is_ascii_digit).collect()
}

/// Whether each word of the query begins a word of the contact.
fn is_found(item: &Item, query: &str) -> bool {
    let begins = |start: &str| item.words.split(' ').any(|word| word.starts_with(start));
    normalized(query).split(' ').all(begins)
}

/// How well a contact answers, the best first.
fn rank(item: &Item, query: &str) -> usize {
    let query = normalized(query);
    match item.name {
        name if name == query => 0,
        name if name.starts_with(&query) => 1,
        name if format!(" {name}").contains(&format!(" {query}")) => 2,
        _ => 3,
    }
}
