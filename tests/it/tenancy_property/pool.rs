//! The ids that the organizations know, and a comparison of two responses.
//!
//! The same row has one id where both organizations are and another where one is alone. Ids that stand in the same place
//! of two answers are taken for the same row's, once and for all; whatever does not fit that is a difference.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use contact_gateway::entity::id::{
    AccountContactId, AccountId, ContactTypeId, CustomFieldId, InternalContactAssignmentId,
    InternalContactId, OrganizationContactId, OrganizationId, PartnerId,
};
use serde_json::Value;
use uuid::Uuid;

/// The same thing in the crowded world and in the one where its organization is alone.
pub(super) type Pair = (String, String);

pub(super) const PREFIXES: [&str; 9] = ["org", "ptn", "ic", "ica", "acc", "ac", "ct", "cf", "oc"];

/// An id that no row has.
pub(super) fn nobodys(prefix: &str) -> String {
    let (uuid, number) = (Uuid::now_v7(), 9_000_000_000 + i64::from(Uuid::now_v7().as_u128() as u16));
    match prefix {
        "org" => OrganizationId(number).to_string(),
        "ptn" => PartnerId(uuid).to_string(),
        "ic" => InternalContactId(uuid).to_string(),
        "ica" => InternalContactAssignmentId(uuid).to_string(),
        "acc" => AccountId(uuid).to_string(),
        "ac" => AccountContactId(uuid).to_string(),
        "ct" => ContactTypeId(uuid).to_string(),
        "cf" => CustomFieldId(uuid).to_string(),
        _ => OrganizationContactId(number).to_string(),
    }
}

/// What one organization has seen.
#[derive(Default)]
pub(super) struct Known {
    /// Its rows' ids, from the crowded world to the other.
    ids: BTreeMap<String, String>,
    /// The same by their prefixes, in the order in which they were seen.
    by_prefix: BTreeMap<String, Vec<Pair>>,
    /// Numbers that both worlds count by themselves: those of organization contacts and of changes.
    numbers: BTreeMap<String, i64>,
    /// Positions in lists, by the type of their edges.
    cursors: BTreeMap<String, Vec<Pair>>,
}

impl Known {
    pub(super) fn ids(&self, prefix: &str) -> &[Pair] {
        self.by_prefix.get(prefix).map_or(&[], Vec::as_slice)
    }

    pub(super) fn cursors(&self, edge: &str) -> &[Pair] {
        self.cursors.get(edge).map_or(&[], Vec::as_slice)
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.contains_key(id)
    }

    /// Compares two answers; gives what is new in them, or where they differ. `sent` are the ids of others that the
    /// request named, each with what stood in its place: an error may repeat them.
    pub(super) fn compare(
        &mut self,
        crowded: &Value,
        alone: &Value,
        sent: &[Pair],
    ) -> Result<BTreeSet<String>, String> {
        let mut comparison = Comparison { known: self, sent, new: BTreeSet::new() };
        comparison.values("", "", "", crowded, alone)?;
        Ok(comparison.new)
    }
}

struct Comparison<'a> {
    known: &'a mut Known,
    sent: &'a [Pair],
    new: BTreeSet<String>,
}

impl Comparison<'_> {
    /// Compares two values: what a field `key` of an object of type `of` holds.
    fn values(
        &mut self,
        path: &str,
        of: &str,
        key: &str,
        crowded: &Value,
        alone: &Value,
    ) -> Result<(), String> {
        let differ = || Err(format!("{path}: {crowded} and, alone, {alone}"));
        match (crowded, alone) {
            (Value::Object(one), Value::Object(other)) => {
                if one.len() != other.len() {
                    return differ();
                }
                let of = one.get("__typename").and_then(Value::as_str).unwrap_or_default();
                one.iter().zip(other).try_for_each(|((key, one), (other_key, other))| {
                    // In what the history tells of values, ids of custom fields are keys.
                    self.texts(key, other_key).or_else(|()| differ())?;
                    self.values(&format!("{path}/{key}"), of, field(key), one, other)
                })
            }
            (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
                one.iter().zip(other).enumerate().try_for_each(|(index, (one, other))| {
                    self.values(&format!("{path}/{index}"), of, key, one, other)
                })
            }
            (Value::String(one), Value::String(other))
                if matches!(key, "cursor" | "startCursor" | "endCursor") =>
            {
                self.known.cursors.entry(of.to_owned()).or_default().push((one.clone(), other.clone()));
                Ok(())
            }
            (Value::String(one), Value::String(other)) if matches!(key, "number" | "seq") => {
                let number = other.parse().unwrap_or_default();
                let known = *self.known.numbers.entry(format!("{of} {key} {one}")).or_insert(number);
                if known == number { Ok(()) } else { differ() }
            }
            (Value::String(one), Value::String(other)) => self.texts(one, other).or_else(|()| differ()),
            _ if crowded == alone => Ok(()),
            _ => differ(),
        }
    }

    /// Texts are the same but for the ids and times in them.
    fn texts(&mut self, one: &str, other: &str) -> Result<(), ()> {
        let (ones, others) = (words(one), words(other));
        if ones.len() != others.len() {
            return Err(());
        }
        ones.into_iter().zip(others).try_for_each(|(one, other)| match (prefix(one), prefix(other)) {
            (Some(one_prefix), Some(other_prefix)) if one_prefix == other_prefix => {
                self.ids(one_prefix, one, other)
            }
            _ if one == other || (is_time(one) && is_time(other)) => Ok(()),
            _ => Err(()),
        })
    }

    fn ids(&mut self, prefix: &str, one: &str, other: &str) -> Result<(), ()> {
        if self.sent.iter().any(|(foreign, nobodys)| foreign == one && nobodys == other) {
            return Ok(());
        }
        match self.known.ids.get(one) {
            Some(known) => (known == other).then_some(()).ok_or(()),
            None => {
                self.known.ids.insert(one.to_owned(), other.to_owned());
                let pair = (one.to_owned(), other.to_owned());
                self.known.by_prefix.entry(prefix.to_owned()).or_default().push(pair);
                self.new.insert(one.to_owned());
                Ok(())
            }
        }
    }
}

/// The field's name without the number that its alias has.
pub(super) fn field(alias: &str) -> &str {
    alias
        .rsplit_once('_')
        .filter(|(_, number)| number.bytes().all(|b| b.is_ascii_digit()))
        .map_or(alias, |(name, _)| name)
}

/// A text as ids, times and what is between them.
fn words(text: &str) -> Vec<&str> {
    let in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-' | '.' | '+');
    let mut words = Vec::new();
    let mut start = 0;
    for (position, pair) in
        text.char_indices().zip(text.chars().skip(1)).map(|((at, c), next)| (at + c.len_utf8(), (c, next)))
    {
        if in_word(pair.0) != in_word(pair.1) {
            words.push(&text[start..position]);
            start = position;
        }
    }
    words.push(&text[start..]);
    words
}

/// What the id begins with, if this is one.
pub(super) fn prefix(word: &str) -> Option<&str> {
    let (prefix, key) = word.trim_end_matches(['.', ':']).split_once('_')?;
    let is_key =
        key.len() == 26 || (matches!(prefix, "org" | "oc") && key.bytes().all(|byte| byte.is_ascii_digit()));
    (PREFIXES.contains(&prefix) && is_key).then_some(prefix)
}

fn is_time(word: &str) -> bool {
    word.len() >= 20 && DateTime::parse_from_rfc3339(word.trim_end_matches('.')).is_ok()
}
