//! The memory of requests: one budget for the bodies that are being received, and for the values that were read of them.
//!
//! A request reserves memory while its body arrives, more for its values before they are read, and still more for its arguments
//! before it is executed. A subject may reserve as much as is left free after that, so half of the budget while it is alone, and
//! an organization three times as much: however many share it, a newcomer finds room. Nobody waits: what finds no room is
//! rejected.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::fair_share::{Principal, Subject};

/// The part of the budget that requests without a token have together.
const ANONYMOUS_PART: usize = 16;
/// How many times as much as a subject an organization may reserve.
const SUBJECTS_OF_ORGANIZATION: usize = 3;

/// The budget of memory for all requests.
#[derive(Debug)]
pub struct RequestMemory {
    limit: usize,
    reserved: Mutex<Reserved>,
}

#[derive(Debug, Default)]
struct Reserved {
    total: usize,
    by_subject: HashMap<Subject, usize>,
    by_organization: HashMap<Option<i64>, usize>,
}

/// Why memory cannot be reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoMemory {
    /// The request needs more than a subject may have.
    TooLarge,
    /// Too much is reserved now.
    Overloaded,
}

impl NoMemory {
    /// What is wrong, and what to do.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::TooLarge => "The request needs too much memory. Send fewer values in one request.",
            Self::Overloaded => "Not enough memory for the request. Try again shortly.",
        }
    }
}

/// Memory that is reserved for one request. Dropping it gives the memory back.
#[derive(Debug)]
pub(super) struct RequestReservation {
    memory: Arc<RequestMemory>,
    principal: Principal,
    bytes: usize,
}

impl RequestMemory {
    /// A budget of so many bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, reserved: Mutex::default() }
    }

    /// The bytes of the budget.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// How many bytes are reserved.
    pub(super) fn reserved(&self) -> usize {
        self.lock().total
    }

    /// The reservation of a request, of nothing yet.
    pub(super) fn begin(self: &Arc<Self>, principal: &Principal) -> RequestReservation {
        RequestReservation { memory: Arc::clone(self), principal: principal.clone(), bytes: 0 }
    }

    /// The most that a subject may reserve, while it is alone.
    fn share(&self, subject: &Subject) -> usize {
        if *subject == Subject::Anonymous { self.limit / ANONYMOUS_PART } else { self.limit / 2 }
    }

    fn try_take(&self, principal: &Principal, bytes: usize) -> bool {
        let mut reserved = self.lock();
        let of_subject = count(&reserved.by_subject, &principal.subject) + bytes;
        let of_organization = count(&reserved.by_organization, &principal.organization) + bytes;
        let Some(free) = self.limit.checked_sub(reserved.total + bytes) else { return false };
        let fits = of_subject <= free.min(self.share(&principal.subject))
            && of_organization <= free.saturating_mul(SUBJECTS_OF_ORGANIZATION);
        if fits {
            reserved.total += bytes;
            reserved.by_subject.insert(principal.subject.clone(), of_subject);
            reserved.by_organization.insert(principal.organization, of_organization);
        }
        fits
    }

    fn give_back(&self, principal: &Principal, bytes: usize) {
        let mut reserved = self.lock();
        reserved.total -= bytes;
        subtract(&mut reserved.by_subject, &principal.subject, bytes);
        subtract(&mut reserved.by_organization, &principal.organization, bytes);
    }

    fn lock(&self) -> MutexGuard<'_, Reserved> {
        // Nothing between two steps can panic.
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count<K: Eq + Hash>(counts: &HashMap<K, usize>, key: &K) -> usize {
    counts.get(key).copied().unwrap_or_default()
}

fn subtract<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K, bytes: usize) {
    if let Some(count) = counts.get_mut(key) {
        *count -= bytes;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl RequestReservation {
    /// Reserves so many bytes more.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), NoMemory> {
        if bytes == 0 || self.memory.try_take(&self.principal, bytes) {
            self.bytes += bytes;
            return Ok(());
        }
        let share = self.memory.share(&self.principal.subject);
        let is_too_large = self.bytes.saturating_add(bytes) > share;
        Err(if is_too_large { NoMemory::TooLarge } else { NoMemory::Overloaded })
    }

    /// Gives so many of its bytes back.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.memory.give_back(&self.principal, bytes);
    }

    /// Reserves what the values of a JSON text take when they are read, unless the text is not valid.
    pub(super) fn grow_for_values(&mut self, json: &[u8]) -> Result<(), JsonError> {
        let JsonMemory(bytes) = serde_json::from_slice(json).map_err(JsonError::Invalid)?;
        self.grow(bytes).map_err(JsonError::NoMemory)
    }
}

impl Drop for RequestReservation {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.memory.give_back(&self.principal, self.bytes);
        }
    }
}

/// Why the values of a JSON text cannot be read.
#[derive(Debug)]
pub(super) enum JsonError {
    Invalid(serde_json::Error),
    NoMemory(NoMemory),
}

/// What a value takes in its list or object, which may have twice the space that is used.
const VALUE: usize = 144;
/// What a text takes besides its bytes.
const TEXT: usize = 32;
/// What an object with fields takes besides them.
const OBJECT: usize = 320;
/// What a field of an object takes besides its name and value.
const FIELD: usize = 96;

/// Whether a JSON text is valid, by all rules of serde_json.
pub(super) fn check_json(json: &[u8]) -> Result<(), serde_json::Error> {
    serde_json::from_slice(json).map(|JsonMemory(_)| ())
}

/// How much memory the values of a JSON text take, as async-graphql and serde_json keep them. Finding it out takes none.
struct JsonMemory(usize);

impl<'de> Deserialize<'de> for JsonMemory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonMemoryVisitor).map(Self)
    }
}

struct JsonMemoryVisitor;

impl<'de> Visitor<'de> for JsonMemoryVisitor {
    type Value = usize;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<usize, E> {
        Ok(VALUE)
    }

    fn visit_bool<E>(self, _: bool) -> Result<usize, E> {
        Ok(VALUE)
    }

    fn visit_i64<E>(self, _: i64) -> Result<usize, E> {
        Ok(VALUE)
    }

    fn visit_u64<E>(self, _: u64) -> Result<usize, E> {
        Ok(VALUE)
    }

    fn visit_f64<E>(self, _: f64) -> Result<usize, E> {
        Ok(VALUE)
    }

    fn visit_str<E>(self, text: &str) -> Result<usize, E> {
        Ok(VALUE + TEXT + text.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<usize, A::Error> {
        let mut bytes = VALUE;
        while let Some(JsonMemory(item)) = items.next_element()? {
            bytes += item;
        }
        Ok(bytes)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<usize, A::Error> {
        let mut bytes = VALUE;
        let mut is_empty = true;
        while let Some((JsonMemory(name), JsonMemory(value))) = fields.next_entry()? {
            bytes += FIELD + (name - VALUE) + value;
            is_empty = false;
        }
        Ok(if is_empty { bytes } else { bytes + OBJECT })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1600;

    fn principal(subject: &str, organization: i64) -> Principal {
        Principal::new(subject, Some(organization))
    }

    /// Reserves by steps of ten bytes as much as there is.
    fn all(memory: &Arc<RequestMemory>, principal: &Principal) -> RequestReservation {
        let mut reservation = memory.begin(principal);
        while reservation.grow(10).is_ok() {}
        reservation
    }

    #[test]
    fn everybody_may_have_as_much_as_is_left() {
        let memory = Arc::new(RequestMemory::new(LIMIT));
        let ada = all(&memory, &principal("ada", 1));
        assert_eq!((ada.bytes, memory.reserved()), (LIMIT / 2, LIMIT / 2));
        let eve = all(&memory, &principal("eve", 2));
        assert_eq!(eve.bytes, LIMIT / 4);
        let elsewhere = memory.begin(&principal("ada", 3)).grow(10);
        assert_eq!(elsewhere, Err(NoMemory::Overloaded));
        drop((ada, eve));
        assert_eq!(memory.reserved(), 0);
        let reserved = memory.lock();
        assert!(reserved.by_subject.is_empty() && reserved.by_organization.is_empty());
    }

    #[test]
    fn the_subjects_of_an_organization_leave_a_quarter() {
        let memory = Arc::new(RequestMemory::new(LIMIT));
        let held: Vec<RequestReservation> =
            (0..20).map(|number| all(&memory, &principal(&format!("subject {number}"), 1))).collect();
        assert_eq!(memory.reserved(), LIMIT * 3 / 4);
        assert!(memory.begin(&principal("eve", 2)).grow(LIMIT / 8).is_ok());
        drop(held);
    }

    #[test]
    fn requests_without_a_token_have_little() {
        let memory = Arc::new(RequestMemory::new(LIMIT));
        let anonymous = all(&memory, &Principal::ANONYMOUS);
        assert_eq!(anonymous.bytes, LIMIT / ANONYMOUS_PART);
        assert_eq!(memory.begin(&Principal::ANONYMOUS).grow(10), Err(NoMemory::Overloaded));
        assert_eq!(memory.begin(&Principal::ANONYMOUS).grow(LIMIT / 8), Err(NoMemory::TooLarge));
    }

    #[test]
    fn values_take_more_than_their_text() {
        let memory = |json: &str| serde_json::from_str::<JsonMemory>(json).map(|it| it.0);
        for (json, expected) in [
            ("{}", VALUE),
            ("[]", VALUE),
            ("[{},1,-2.5,true,null]", 6 * VALUE),
            (r#""four""#, VALUE + TEXT + 4),
            (r#"{"a":0}"#, 2 * VALUE + OBJECT + FIELD + TEXT + 1),
        ] {
            assert_eq!(memory(json).ok(), Some(expected), "{json}");
        }
        for invalid in ["", "[", r#""\ud800""#, "[1,]", "1e999x"] {
            assert!(memory(invalid).is_err(), "{invalid}");
        }
    }
}
