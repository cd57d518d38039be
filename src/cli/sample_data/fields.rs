//! The custom fields of the sample organizations, with the values and the metadata that account contacts get.
//!
//! Knows the types of fields and JSON. What a contact gets follows from its position alone.

use chrono::{Days, NaiveDate};
use serde_json::{Value as Json, json};

use crate::entity::custom_field::FieldType;

/// A custom field.
pub(super) struct SampleField {
    pub(super) key: &'static str,
    pub(super) label: &'static str,
    pub(super) field_type: FieldType,
    pub(super) options: &'static [&'static str],
    /// The value of the contact at a position, if it has one.
    pub(super) value: fn(usize) -> Option<Json>,
}

const DEPARTMENTS: &[&str] = &["Purchasing", "Finance", "Engineering", "Operations", "Management"];
const LANGUAGES: &[&str] =
    &["Deutsch", "English", "Español", "Français", "Italiano", "Nederlands", "Polski", "Português", "日本語"];
const NOTES: &[&str] = &[
    "Prefers to be called in the morning.",
    "Met at the trade fair; asked for the new price list.\nCall back after the holidays.",
    "Decides together with the head of finance.",
];

/// The fields, none of them required.
pub(super) const FIELDS: [SampleField; 6] = [
    SampleField {
        key: "department",
        label: "Department",
        field_type: FieldType::SingleChoice,
        options: DEPARTMENTS,
        value: |n| (!n.is_multiple_of(5)).then(|| json!(DEPARTMENTS[n / 3 % DEPARTMENTS.len()])),
    },
    SampleField {
        key: "languages",
        label: "Languages",
        field_type: FieldType::MultiChoice,
        options: LANGUAGES,
        value: |n| n.is_multiple_of(2).then(|| json!([LANGUAGES[1], LANGUAGES[n / 2 % LANGUAGES.len()]])),
    },
    SampleField {
        key: "newsletter",
        label: "Wants the newsletter",
        field_type: FieldType::Boolean,
        options: &[],
        value: |n| (n % 4 != 3).then(|| json!(n % 3 != 1)),
    },
    SampleField {
        key: "credit_limit",
        label: "Credit limit in EUR",
        field_type: FieldType::Decimal,
        options: &[],
        value: |n| (n % 6 == 1).then(|| json!(format!("{}.50", (n % 40 + 1) * 250))),
    },
    SampleField {
        key: "customer_since",
        label: "Customer since",
        field_type: FieldType::Date,
        options: &[],
        value: |n| (n % 3 != 2).then(|| customer_since(n)).flatten(),
    },
    SampleField {
        key: "notes",
        label: "Notes",
        field_type: FieldType::LongText,
        options: &[],
        value: |n| (n % 7 == 4).then(|| json!(NOTES[n % NOTES.len()])),
    },
];

/// A day between 2012 and 2024.
fn customer_since(n: usize) -> Option<Json> {
    let days = u64::try_from(n * 1_009 % 4_700).ok()?;
    Some(json!(NaiveDate::from_ymd_opt(2012, 1, 2)?.checked_add_days(Days::new(days))?))
}

/// The metadata of the account contact at a position, if it has any.
pub(super) fn metadata(n: usize) -> Option<Json> {
    match n % 8 {
        1 => Some(json!({ "source": "trade fair", "booth": format!("B{}", n % 40 + 1) })),
        4 => Some(json!({ "source": "web form", "campaign": { "name": "spring", "step": n % 3 + 1 } })),
        6 => Some(json!({ "source": "referral", "tags": ["vip", "renewal"], "score": n % 100 })),
        _ => None,
    }
}
