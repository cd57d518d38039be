//! Typed ids: one newtype per entity, so that ids of different kinds cannot be mixed up.
//!
//! Inside the database an id is a UUID or an integer; outside it is one opaque text, `<prefix>_<key>`, where
//! UUID keys are written in the base32 of the TypeID specification and integers in decimal. Every id has exactly
//! one spelling: whatever else is refused. This file knows the traits of sea_orm's and serde's values and nothing of the crate.

use std::{
    fmt::{self, Write},
    str::FromStr,
};

use sea_orm::{DbErr, DeriveValueType, TryFromU64, prelude::Uuid};
use serde::{Serialize, Serializer};

/// The text is not an id, or not one of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

/// What all typed ids have in common.
pub trait TypedId: Copy + fmt::Display + FromStr<Err = InvalidId> {
    /// The key inside the database: a UUID or an integer.
    type Key: Copy;

    /// What the text begins with, without the underscore.
    const PREFIX: &'static str;

    /// The key inside the database.
    fn key(self) -> Self::Key;

    /// The text, on the stack.
    fn text(self) -> IdText;
}

/// The text of an id, on the stack.
#[derive(Clone, Copy)]
pub struct IdText {
    bytes: [u8; IdText::CAPACITY],
    len: usize,
}

impl IdText {
    /// The longest texts are a three-letter prefix, the underscore and 26 characters of base32.
    const CAPACITY: usize = 3 + 1 + BASE32_LEN;

    /// The text as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }

    fn with_prefix(prefix: &str) -> Self {
        let mut text = Self { bytes: [0; Self::CAPACITY], len: 0 };
        text.push(prefix.as_bytes());
        text.push(b"_");
        text
    }

    fn of_uuid(prefix: &str, uuid: Uuid) -> Self {
        let mut text = Self::with_prefix(prefix);
        text.push(&base32(uuid));
        text
    }

    fn of_number(prefix: &str, number: i64) -> Self {
        let mut text = Self::with_prefix(prefix);
        // Writing into `text` cannot fail.
        let _ = write!(text, "{number}");
        text
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

impl fmt::Write for IdText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

impl fmt::Debug for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

const BASE32_LEN: usize = 26;
const BASE32: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const NOT_BASE32: u8 = u8::MAX;

/// The value of each byte as a base32 digit.
const BASE32_VALUES: [u8; 256] = {
    let mut values = [NOT_BASE32; 256];
    let mut digit = 0;
    while digit < BASE32.len() {
        values[BASE32[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};

/// 128 bits as 26 digits of 5 bits; the two bits too many are zeros in front.
fn base32(uuid: Uuid) -> [u8; BASE32_LEN] {
    let mut bits = uuid.as_u128();
    let mut text = [0; BASE32_LEN];
    for digit in text.iter_mut().rev() {
        *digit = BASE32[(bits & 31) as usize];
        bits >>= 5;
    }
    text
}

fn uuid_of_base32(text: &str) -> Result<Uuid, InvalidId> {
    let digits: &[u8; BASE32_LEN] = text.as_bytes().try_into().map_err(|_| InvalidId)?;
    // A greater first digit would not fit into 128 bits.
    if digits[0] > b'7' {
        return Err(InvalidId);
    }
    let mut bits = 0_u128;
    for &digit in digits {
        let value = BASE32_VALUES[usize::from(digit)];
        if value == NOT_BASE32 {
            return Err(InvalidId);
        }
        bits = bits << 5 | u128::from(value);
    }
    Ok(Uuid::from_u128(bits))
}

fn number_of_decimal(text: &str) -> Result<i64, InvalidId> {
    // `parse` alone would take a sign and leading zeros.
    if !text.starts_with(|first| matches!(first, '1'..='9')) {
        return Err(InvalidId);
    }
    text.parse().map_err(|_| InvalidId)
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident($key:ident), $kind:ident, $prefix:literal, $write:path, $read:path;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType)]
            pub struct $name(pub $key);

            impl TypedId for $name {
                type Key = $key;

                const PREFIX: &'static str = $prefix;

                fn key(self) -> $key {
                    self.0
                }

                fn text(self) -> IdText {
                    $write($prefix, self.0)
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.pad(self.text().as_str())
                }
            }

            impl FromStr for $name {
                type Err = InvalidId;

                fn from_str(text: &str) -> Result<Self, InvalidId> {
                    let key = text.strip_prefix(concat!($prefix, "_")).ok_or(InvalidId)?;
                    $read(key).map(Self)
                }
            }

            /// As its text.
            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(self.text().as_str())
                }
            }

            impl From<$name> for PublicId {
                fn from(id: $name) -> Self {
                    Self::$kind(id)
                }
            }
        )+

        /// An id of any kind, distinguished by its prefix.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum PublicId {
            $($(#[$doc])* $kind($name),)+
        }

        impl PublicId {
            /// What the text of this kind of id begins with, without the underscore.
            #[must_use]
            pub fn prefix(self) -> &'static str {
                match self {
                    $(Self::$kind(_) => $name::PREFIX,)+
                }
            }

            /// The text, on the stack.
            #[must_use]
            pub fn text(self) -> IdText {
                match self {
                    $(Self::$kind(id) => id.text(),)+
                }
            }
        }

        impl FromStr for PublicId {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let (prefix, _) = text.split_once('_').ok_or(InvalidId)?;
                match prefix {
                    $($prefix => text.parse().map(Self::$kind),)+
                    _ => Err(InvalidId),
                }
            }
        }
    };
}

typed_ids! {
    /// An organization: the tenant.
    OrganizationId(i64), Organization, "org", IdText::of_number, number_of_decimal;
    /// A partner.
    PartnerId(Uuid), Partner, "ptn", IdText::of_uuid, uuid_of_base32;
    /// An internal contact.
    InternalContactId(Uuid), InternalContact, "ic", IdText::of_uuid, uuid_of_base32;
    /// An assignment of an internal contact.
    InternalContactAssignmentId(Uuid), InternalContactAssignment, "ica", IdText::of_uuid, uuid_of_base32;
    /// An account.
    AccountId(Uuid), Account, "acc", IdText::of_uuid, uuid_of_base32;
    /// A contact at accounts.
    AccountContactId(Uuid), AccountContact, "ac", IdText::of_uuid, uuid_of_base32;
    /// A type of account contacts.
    ContactTypeId(Uuid), ContactType, "ct", IdText::of_uuid, uuid_of_base32;
    /// A custom field of account contacts.
    CustomFieldId(Uuid), CustomField, "cf", IdText::of_uuid, uuid_of_base32;
    /// A contact of an organization.
    OrganizationContactId(i64), OrganizationContact, "oc", IdText::of_number, number_of_decimal;
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text().as_str())
    }
}

/// sea_orm asks every primary key whether a database's counter can make it; UUIDs are made by the application.
macro_rules! never_counted {
    ($($name:ident)+) => {
        $(
            impl TryFromU64 for $name {
                fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                    Err(DbErr::ConvertFromU64(stringify!($name)))
                }
            }
        )+
    };
}

never_counted! {
    PartnerId InternalContactId InternalContactAssignmentId AccountId AccountContactId ContactTypeId CustomFieldId
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The valid examples of the TypeID specification.
    const VECTORS: [(&str, &str); 8] = [
        ("00000000000000000000000000", "00000000-0000-0000-0000-000000000000"),
        ("00000000000000000000000001", "00000000-0000-0000-0000-000000000001"),
        ("0000000000000000000000000a", "00000000-0000-0000-0000-00000000000a"),
        ("0000000000000000000000000g", "00000000-0000-0000-0000-000000000010"),
        ("00000000000000000000000010", "00000000-0000-0000-0000-000000000020"),
        ("7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        ("0123456789abcdefghjkmnpqrs", "0110c853-1d09-52d8-d73e-1194e95b5f19"),
        ("01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057"),
    ];

    #[test]
    fn uuids_are_written_as_the_typeid_specification_says() {
        for (text, uuid) in VECTORS {
            let id = PartnerId(uuid.parse().expect("a UUID"));
            assert_eq!(id.to_string(), format!("ptn_{text}"));
            assert_eq!(format!("ptn_{text}").parse(), Ok(id));
        }
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for (text, number) in [("1", 1), ("42", 42), ("1007", 1007), ("9223372036854775807", i64::MAX)] {
            assert_eq!(OrganizationId(number).to_string(), format!("org_{text}"));
            assert_eq!(format!("org_{text}").parse(), Ok(OrganizationId(number)));
            assert_eq!(OrganizationContactId(number).to_string(), format!("oc_{text}"));
            assert_eq!(format!("oc_{text}").parse(), Ok(OrganizationContactId(number)));
        }
        // What no database makes still has a text, but none that is read.
        assert_eq!(OrganizationId(0).to_string(), "org_0");
        assert_eq!(OrganizationId(i64::MIN).to_string(), "org_-9223372036854775808");
    }

    #[test]
    fn every_other_spelling_of_a_uuid_is_refused() {
        for key in [
            "",
            "1234567890123456789012345",
            "123456789012345678901234567",
            "1234567890123456789012345 ",
            " 1234567890123456789012345",
            "0123456789ABCDEFGHJKMNPQRS",
            "01H455VB4PEX5VSKNK084SN02Q",
            "123456789-123456789-123456",
            "0123456789abcdefghjkmnpqri",
            "0123456789abcdefghjkmnpqrl",
            "0123456789abcdefghjkmnpqro",
            "0123456789abcdefghjkmnpqru",
            "8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "80000000000000000000000000",
            "zzzzzzzzzzzzzzzzzzzzzzzzzz",
            "0123456789abcdefghjkmnpqé",
            "01890a5d-ac96-774b-bcce-b302099a8057",
            "_00000000000000000000000000",
        ] {
            assert_eq!(format!("ptn_{key}").parse::<PartnerId>(), Err(InvalidId), "{key:?}");
            assert_eq!(format!("ptn_{key}").parse::<PublicId>(), Err(InvalidId), "{key:?}");
        }
    }

    #[test]
    fn every_other_spelling_of_a_number_is_refused() {
        for key in [
            "",
            "0",
            "-0",
            "-1",
            "+1",
            "042",
            "00",
            " 42",
            "42 ",
            "4 2",
            "42\n",
            "4_2",
            "4.2",
            "0x2a",
            "1e3",
            "٤٢",
            "9223372036854775808",
            "99999999999999999999999999",
        ] {
            assert_eq!(format!("org_{key}").parse::<OrganizationId>(), Err(InvalidId), "{key:?}");
            assert_eq!(format!("oc_{key}").parse::<PublicId>(), Err(InvalidId), "{key:?}");
        }
    }

    #[test]
    fn every_other_prefix_is_refused() {
        let key = "01h455vb4pex5vsknk084sn02q";
        for text in ["", "_", "ptn", "ptn_", key, "42"] {
            assert_eq!(text.parse::<PartnerId>(), Err(InvalidId), "{text:?}");
            assert_eq!(text.parse::<PublicId>(), Err(InvalidId), "{text:?}");
        }
        for prefix in ["", "PTN", " ptn", "ptn ", "p_tn", "user"] {
            assert_eq!(format!("{prefix}_{key}").parse::<PartnerId>(), Err(InvalidId), "{prefix:?}");
            assert_eq!(format!("{prefix}_{key}").parse::<PublicId>(), Err(InvalidId), "{prefix:?}");
        }
        assert_eq!(format!("acc_{key}").parse::<AccountContactId>(), Err(InvalidId));
        assert_eq!(format!("ptn__{key}").parse::<PublicId>(), Err(InvalidId));
    }

    #[test]
    fn a_public_id_tells_the_kinds_apart() {
        let uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
        let ids: [PublicId; 9] = [
            OrganizationId(42).into(),
            PartnerId(uuid).into(),
            InternalContactId(uuid).into(),
            InternalContactAssignmentId(uuid).into(),
            AccountId(uuid).into(),
            AccountContactId(uuid).into(),
            ContactTypeId(uuid).into(),
            CustomFieldId(uuid).into(),
            OrganizationContactId(42).into(),
        ];
        let prefixes = ids.map(PublicId::prefix);
        assert_eq!(prefixes, ["org", "ptn", "ic", "ica", "acc", "ac", "ct", "cf", "oc"]);
        for id in ids {
            assert!(id.to_string().starts_with(&format!("{}_", id.prefix())));
            assert_eq!(id.to_string(), id.text().as_str());
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
