//! Keyset cursors: the position of a row in an order, as an opaque text.
//!
//! A cursor holds the order it belongs to, the row's values in that order and the row's key, so that the next page is
//! found by comparing, however many rows come and go. A checksum tells a damaged cursor from a good one. It is no
//! secret and no capability: it only ever narrows what its caller may read anyway.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

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
    /// An integer key.
    #[serde(rename = "i")]
    Integer(i64),
}

impl From<CursorKey> for Value {
    fn from(key: CursorKey) -> Self {
        match key {
            CursorKey::Uuid(uuid) => uuid.into(),
            CursorKey::Integer(integer) => integer.into(),
        }
    }
}

/// A position in a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cursor {
    /// The list and the order that the cursor was made for.
    #[serde(rename = "o")]
    pub order: String,
    /// The row's values in that order, most significant first; the last one is unique.
    #[serde(rename = "k")]
    pub keys: Vec<CursorKey>,
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

    /// Reads a cursor of the list and order `order`; anything else is refused.
    pub fn decode(text: &str, order: &str) -> Result<Self, AppError> {
        let cursor = Self::parse(text).ok_or_else(|| {
            AppError::request(Code::BadRequest, "This is not a cursor that this server made.")
        })?;
        if cursor.order != order {
            return Err(AppError::request(
                Code::BadRequest,
                "This cursor belongs to another list or order; start again without it.",
            ));
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
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor() -> Cursor {
        Cursor {
            order: "partner".into(),
            keys: vec![CursorKey::Uuid(Uuid::from_u128(7)), CursorKey::Integer(-3)],
        }
    }

    #[test]
    fn a_cursor_survives_the_round_trip() {
        assert_eq!(Cursor::decode(&cursor().encode(), "partner").expect("decodes"), cursor());
    }

    #[test]
    fn another_order_is_refused() {
        assert!(Cursor::decode(&cursor().encode(), "account").is_err());
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let text = cursor().encode();
        for position in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(Cursor::decode(&changed, "partner").is_err(), "{position}");
        }
        for garbage in ["", "AAAA", "null", "ÄÖÜ", &text[1..]] {
            assert!(Cursor::decode(garbage, "partner").is_err(), "{garbage}");
        }
    }
}
