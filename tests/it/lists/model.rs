//! A model of lists: the rows of an organization, and filters and orders applied to them.
//!
//! Straightforward on purpose: it looks at every row for every question, and knows nothing of databases. `reading` fills
//! it.

use std::{cmp::Ordering, collections::BTreeMap};

use super::custom;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The rows of an organization, deleted ones included, by their ids.
#[derive(Default)]
pub(super) struct Model {
    pub(super) rows: BTreeMap<String, Row>,
}

/// A row of any type.
pub(super) struct Row {
    pub(super) id: String,
    /// Its type in the schema.
    pub(super) kind: &'static str,
    /// What breaks ties: where its kind stands among the kinds of contacts, and its key in the database.
    pub(super) key: (usize, u128),
    pub(super) deleted: bool,
    /// What it is sorted by when that is its name.
    pub(super) sort_key: String,
    /// What it is found by.
    pub(super) words: String,
    /// The values that it is filtered by, by the names of their filters; times as [`utc`] writes them.
    pub(super) values: Map<String, Value>,
    /// The ids of the rows that it is filtered by, by the names of their filters.
    pub(super) related: BTreeMap<&'static str, Related>,
}

/// The rows of a relation.
pub(super) enum Related {
    /// The one that the row belongs to.
    One(Option<String>),
    /// Those that belong to the row.
    Many(Vec<String>),
}

impl Related {
    fn ids(&self) -> &[String] {
        match self {
            Self::One(id) => id.as_slice(),
            Self::Many(ids) => ids,
        }
    }
}

impl Model {
    /// The ids of the rows of this type that a list has, in its order.
    pub(super) fn list(&self, kind: &str, filter: &Value, order: &Value) -> Vec<String> {
        let mut rows: Vec<&Row> = self.of_kind(kind).filter(|row| self.is_listed(row, filter)).collect();
        let default = if kind == "Contact" { json!([{ "field": "CREATED_AT" }]) } else { json!([]) };
        let is_given = order.as_array().is_some_and(|fields| !fields.is_empty());
        let order = if is_given || query(filter).is_some() { order } else { &default };
        rows.sort_by(|one, other| compared(one, other, filter, order));
        rows.into_iter().map(|row| row.id.clone()).collect()
    }

    /// The ids of the rows that a list below the row with this id has, in its order.
    pub(super) fn nested(&self, id: &str, list: &str, filter: &Value, order: &Value) -> Vec<String> {
        let mut rows = match list {
            "internalContacts" => self.beyond(id, "internalContact"),
            "partners" => self.beyond(id, "partner"),
            list => self.related(&self.rows[id], list).collect(),
        };
        rows.retain(|row| self.is_listed(row, filter));
        rows.sort_by(|one, other| compared(one, other, filter, order));
        rows.into_iter().map(|row| row.id.clone()).collect()
    }

    /// The rows of a type, deleted ones included.
    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Row> {
        let is_any_contact = kind == "Contact";
        let is_listed =
            move |row: &&Row| row.kind == kind || (is_any_contact && CONTACTS.contains(&row.kind));
        self.rows.values().filter(is_listed)
    }

    fn related<'a>(&'a self, row: &'a Row, relation: &str) -> impl Iterator<Item = &'a Row> {
        let related = row.related.get(relation);
        let related = related.unwrap_or_else(|| panic!("the model knows no {relation} of {}", row.kind));
        related.ids().iter().map(|id| &self.rows[id])
    }

    /// The rows at the other end of a row's assignments, each once.
    fn beyond(&self, id: &str, end: &str) -> Vec<&Row> {
        let assignments = self.related(&self.rows[id], "assignments").filter(|row| !row.deleted);
        let mut rows: Vec<&Row> = assignments.flat_map(|row| self.related(row, end)).collect();
        rows.sort_by_key(|row| row.key);
        rows.dedup_by_key(|row| row.key);
        rows
    }

    /// Whether a list with this filter has the row. Deleted ones are left out unless the filter speaks of them.
    fn is_listed(&self, row: &Row, filter: &Value) -> bool {
        (!row.deleted || has_deleted_filter(filter)) && self.matches(row, filter)
    }

    fn matches(&self, row: &Row, filter: &Value) -> bool {
        let Value::Object(conditions) = filter else { panic!("{filter} is no filter") };
        conditions.iter().all(|(name, condition)| match name.as_str() {
            "and" => items(condition).iter().all(|filter| self.matches(row, filter)),
            "or" => items(condition).iter().any(|filter| self.matches(row, filter)),
            "not" => !self.matches(row, condition),
            "search" => is_found(&row.words, text(condition)),
            "updatedSince" => text(row.value("updatedAt")) >= text(&utc(condition)),
            "deleted" => condition == "INCLUDE" || row.deleted == (condition == "ONLY"),
            "customFieldValues" => items(condition).iter().all(|condition| {
                let Value::Object(condition) = condition else { panic!("{condition} is no condition") };
                let field = text(&condition["customFieldId"]);
                custom::meets(row.value("customFieldValues").get(field), condition)
            }),
            // Of contacts of all kinds only.
            "partnerId" if condition.is_string() => {
                row.kind == "InternalContact" && self.relates_to(row, "assignments", name, condition)
            }
            "accountId" if condition.is_string() => {
                row.kind == "AccountContact" && self.relates_to(row, "accounts", "id", condition)
            }
            relation if row.related.contains_key(relation) => self.relates(row, relation, condition),
            field => compares(row.value(field), field, condition),
        })
    }

    /// Whether an active row of the relation has this value.
    fn relates_to(&self, row: &Row, relation: &str, field: &str, value: &Value) -> bool {
        self.related(row, relation).any(|row| !row.deleted && row.value(field) == value)
    }

    fn relates(&self, row: &Row, relation: &str, condition: &Value) -> bool {
        let meets = |filter| self.related(row, relation).any(|row| self.is_listed(row, filter));
        match &row.related[relation] {
            Related::One(_) => meets(condition),
            Related::Many(_) => {
                condition.get("some").is_none_or(meets) && condition.get("none").is_none_or(|it| !meets(it))
            }
        }
    }
}

/// The kinds of contacts, in their order.
pub(super) const CONTACTS: [&str; 3] = ["InternalContact", "AccountContact", "OrganizationContact"];

impl Row {
    /// The value that a filter of this name compares.
    pub(super) fn value(&self, field: &str) -> &Value {
        let value = self.values.get(field);
        value.unwrap_or_else(|| panic!("the model knows no {field} of {}", self.kind))
    }

    /// How well the row answers a query, the best first.
    fn rank(&self, query: &str) -> usize {
        let query = folded(query).join(" ");
        let begins = |text: &str| text.starts_with(&query);
        let later = || self.sort_key.match_indices(' ').any(|(at, _)| begins(&self.sort_key[at + 1..]));
        match &self.sort_key {
            name if *name == query => 0,
            name if begins(name) => 1,
            _ if later() => 2,
            _ => 3,
        }
    }
}

fn has_deleted_filter(filter: &Value) -> bool {
    let Value::Object(conditions) = filter else { return false };
    conditions.iter().any(|(name, condition)| match name.as_str() {
        "deleted" => true,
        "and" | "or" => items(condition).iter().any(has_deleted_filter),
        "not" => has_deleted_filter(condition),
        _ => false,
    })
}

/// Whether a value meets all comparisons, or is this truth value.
fn compares(value: &Value, field: &str, condition: &Value) -> bool {
    let Value::Object(comparisons) = condition else { return value == condition };
    let form = |operand: &Value| match operand.as_str() {
        Some(text) if ["actor", "requestId"].contains(&field) => Value::from(text),
        Some(text) if ["email", "primaryDomain"].contains(&field) => Value::from(text.trim().to_lowercase()),
        Some(_) if field == "at" || field.ends_with("At") => utc(operand),
        Some(text) => Value::from(text.trim().nfc().collect::<String>()),
        None => operand.clone(),
    };
    // Spaces at the ends of a part count, except in addresses, which have none.
    let as_text = |part: &Value| match field {
        "actor" | "requestId" => text(part).to_owned(),
        "email" | "primaryDomain" => text(part).trim().to_lowercase(),
        _ => text(part).nfc().collect(),
    };
    comparisons.iter().all(|(comparator, operand)| match comparator.as_str() {
        "isNull" => value.is_null() == (operand == true),
        "ne" => *value != form(operand),
        _ if value.is_null() => false,
        "eq" => *value == form(operand),
        "in" => items(operand).iter().any(|operand| *value == form(operand)),
        "contains" => text(value).contains(&as_text(operand)),
        "startsWith" => text(value).starts_with(&as_text(operand)),
        "lt" => text(value) < text(&form(operand)),
        "lte" => text(value) <= text(&form(operand)),
        "gt" => text(value) > text(&form(operand)),
        "gte" => text(value) >= text(&form(operand)),
        other => panic!("the model knows no comparator {other}"),
    })
}

/// The order of a list: what is asked for, else the better answer to a search, else the key.
fn compared(one: &Row, other: &Row, filter: &Value, order: &Value) -> Ordering {
    let by_key = one.key.cmp(&other.key);
    let by_name = || one.sort_key.cmp(&other.sort_key);
    let Some(fields) = order.as_array().filter(|fields| !fields.is_empty()) else {
        let by_rank = query(filter).map(|query| one.rank(query).cmp(&other.rank(query)).then_with(by_name));
        return by_rank.unwrap_or(Ordering::Equal).then(by_key);
    };
    let is_descending = |field: &Value| field["direction"] == "DESC";
    let directed =
        |ordering: Ordering, field| if is_descending(field) { ordering.reverse() } else { ordering };
    let by_fields = fields.iter().map(|field| {
        let ordering = match text(&field["field"]) {
            "NAME" | "DISPLAY_NAME" => by_name(),
            "EMAIL" => (one.value("email").as_str()).cmp(&other.value("email").as_str()),
            "CREATED_AT" => text(one.value("createdAt")).cmp(text(other.value("createdAt"))),
            "UPDATED_AT" => text(one.value("updatedAt")).cmp(text(other.value("updatedAt"))),
            "SEQ" => by_key,
            unknown => panic!("the model knows no order by {unknown}"),
        };
        directed(ordering, field)
    });
    // What breaks the tie goes the way of the last field.
    let last = fields.last().expect("a field");
    by_fields.fold(Ordering::Equal, Ordering::then).then(directed(by_key, last))
}

/// What is searched for at the top of a filter.
fn query(filter: &Value) -> Option<&str> {
    let own = filter.get("search").map(text).filter(|query| !query.trim().is_empty());
    own.or_else(|| filter.get("and").and_then(|filters| items(filters).iter().find_map(query)))
}

/// Whether each word of the query begins one of these words. A blank query asks for nothing.
fn is_found(words: &str, query: &str) -> bool {
    let wanted = folded(query);
    let begins = |wanted: &String| words.split(' ').any(|word| word.starts_with(wanted));
    query.trim().is_empty() || (!wanted.is_empty() && wanted.iter().all(begins))
}

/// The words of a text in lower case and without accents.
pub(super) fn folded(text: &str) -> Vec<String> {
    let plain: String = text.nfkd().filter(|letter| !is_combining_mark(*letter)).collect();
    let plain = plain.to_lowercase().replace('ß', "ss");
    let words = plain.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// A time in the one form that sorts: in UTC with six digits. Databases keep no more of them.
pub(super) fn utc(time: &Value) -> Value {
    let time: DateTime<Utc> = text(time).parse().expect("a time");
    time.to_rfc3339_opts(SecondsFormat::Micros, true).into()
}

fn items(list: &Value) -> &[Value] {
    list.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
