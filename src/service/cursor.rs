//! Keyset cursors: the position of a row in an order, as an opaque text.
//!
//! A cursor holds the order it belongs to, the row's values in that order and the row's key, so that the next page is
//! found by comparing, however many rows come and go. A checksum detects a damaged cursor. It is no
//! secret and no capability: it only ever narrows what its caller may read anyway.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Datelike, Utc};
use sea_orm::Value;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{AppError, Code};

/// One value of a cursor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CursorKey {
    /// A UUID key.
    #[serde(rename = "u")]
    Uuid(Uuid),
    /// An integer.
    #[serde(rename = "i")]
    Integer(i64),
    /// A text.
    #[serde(rename = "s")]
    Text(String),
    /// A time in microseconds, which is what both databases keep.
    #[serde(rename = "t", with = "chrono::serde::ts_microseconds")]
    Time(DateTime<Utc>),
}

impl CursorKey {
    const fn kind(&self) -> KeyKind {
        match self {
            Self::Uuid(_) => KeyKind::Uuid,
            Self::Integer(_) => KeyKind::Integer,
            Self::Text(_) => KeyKind::Text,
            Self::Time(_) => KeyKind::Time,
        }
    }

    /// Whether a database could hold it, and so compare with it.
    fn is_storable(&self) -> bool {
        match self {
            Self::Uuid(_) | Self::Integer(_) => true,
            Self::Text(text) => !text.contains('\0'),
            Self::Time(time) => (0..=9999).contains(&time.year()),
        }
    }
}

impl From<Uuid> for CursorKey {
    fn from(uuid: Uuid) -> Self {
        Self::Uuid(uuid)
    }
}

impl From<i64> for CursorKey {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<CursorKey> for Value {
    fn from(key: CursorKey) -> Self {
        match key {
            CursorKey::Uuid(uuid) => uuid.into(),
            CursorKey::Integer(integer) => integer.into(),
            CursorKey::Text(text) => text.into(),
            CursorKey::Time(time) => time.into(),
        }
    }
}

/// What a key of a cursor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// A UUID.
    Uuid,
    /// An integer.
    Integer,
    /// A text.
    Text,
    /// A time.
    Time,
}

/// A list in the order of its keys, which is what cursors belong to unless another order is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Names the list.
    pub name: &'static str,
    /// What the keys of its rows are.
    pub keys: &'static [KeyKind],
}

impl Order {
    /// The list of this name, ordered by a UUID.
    pub const fn by_uuid(name: &'static str) -> Self {
        Self { name, keys: &[KeyKind::Uuid] }
    }

    /// The list of this name, ordered by an integer.
    pub const fn by_integer(name: &'static str) -> Self {
        Self { name, keys: &[KeyKind::Integer] }
    }
}

/// A position in a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cursor {
    /// The list and the order that the cursor was made for.
    #[serde(rename = "o")]
    pub order: Cow<'static, str>,
    /// The row's values in that order, most significant first; the last one is unique.
    #[serde(rename = "k")]
    pub keys: Vec<CursorKey>,
    /// In lists whose keys may be given to other rows: a check of the very row.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub check: Option<u32>,
}

impl Cursor {
    /// The cursor as clients carry it.
    pub fn encode(&self) -> String {
        let mut bytes = vec![0; CHECKSUM];
        // Writing to memory, with types that have a JSON form, cannot fail; an empty cursor would be refused later.
        serde_json::to_writer(&mut bytes, self).unwrap_or_default();
        let sum = checksum(&bytes[CHECKSUM..]).to_be_bytes();
        bytes[..CHECKSUM].copy_from_slice(&sum);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor of the list and order of this name, with keys of these kinds; anything else is refused.
    pub fn decode(
        text: &str,
        order: &str,
        keys: impl IntoIterator<Item = KeyKind>,
    ) -> Result<Self, AppError> {
        let bad = |message| Err(AppError::request(Code::BadRequest, message));
        let Some(cursor) = Self::parse(text) else {
            return bad("Invalid cursor. Use a cursor that an earlier response returned.");
        };
        if cursor.order != order {
            return bad("The cursor belongs to another list or sort order. Start again without a cursor.");
        }
        if !cursor.keys.iter().all(CursorKey::is_storable)
            || !cursor.keys.iter().map(CursorKey::kind).eq(keys)
        {
            return bad("Invalid cursor. Use a cursor that an earlier response returned.");
        }
        Ok(cursor)
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (sum, json) = bytes.split_at_checked(CHECKSUM)?;
        (sum == checksum(json).to_be_bytes()).then(|| serde_json::from_slice(json).ok())?
    }
}

/// Bytes of the checksum in front of a cursor.
const CHECKSUM: usize = 4;

/// FNV-1a: the same on every instance and in every version.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "partner";
    const KEYS: [KeyKind; 4] = [KeyKind::Text, KeyKind::Time, KeyKind::Uuid, KeyKind::Integer];

    fn cursor() -> Cursor {
        let time = DateTime::from_timestamp_micros(1_700_000_000_123_456).expect("a time");
        let keys = vec![
            CursorKey::Text("Zoë \"\n".into()),
            CursorKey::Time(time),
            CursorKey::Uuid(Uuid::from_u128(7)),
            CursorKey::Integer(-3),
        ];
        Cursor { order: ORDER.into(), keys, check: Some(u32::MAX) }
    }

    fn decode(text: &str) -> Result<Cursor, AppError> {
        Cursor::decode(text, ORDER, KEYS)
    }

    #[test]
    fn a_cursor_survives_the_round_trip() {
        assert_eq!(decode(&cursor().encode()).expect("decodes"), cursor());
    }

    #[test]
    fn another_order_is_refused() {
        assert!(Cursor::decode(&cursor().encode(), "account", KEYS).is_err());
    }

    #[test]
    fn other_keys_are_refused() {
        for keys in [&KEYS[..0], &KEYS[..3], &[KeyKind::Integer, KeyKind::Time, KeyKind::Uuid, KeyKind::Text]]
        {
            assert!(Cursor::decode(&cursor().encode(), ORDER, keys.iter().copied()).is_err(), "{keys:?}");
        }
    }

    #[test]
    fn keys_that_no_row_has_are_refused() {
        let late = DateTime::from_timestamp(1_000_000_000_000, 0).expect("a time");
        for (key, kind) in [
            (CursorKey::Text("a\0".into()), KeyKind::Text),
            (CursorKey::Time(late), KeyKind::Time),
            (CursorKey::Time(DateTime::<Utc>::MIN_UTC), KeyKind::Time),
        ] {
            let cursor = Cursor { order: ORDER.into(), keys: vec![key], check: None };
            assert!(Cursor::decode(&cursor.encode(), ORDER, [kind]).is_err(), "{cursor:?}");
        }
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let text = cursor().encode();
        for position in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(decode(&changed).is_err(), "{position}");
        }
        for garbage in ["", "AAAA", "null", "ÄÖÜ", &text[1..]] {
            assert!(decode(garbage).is_err(), "{garbage}");
        }
    }
}
