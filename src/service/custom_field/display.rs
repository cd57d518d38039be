//! Values of custom fields as people read them.

use chrono::{DateTime, NaiveDate, Timelike, Utc};
use serde_json::Value;

use crate::entity::custom_field::FieldType;

/// The value as people read it.
pub fn display(field_type: FieldType, value: &Value) -> String {
    match value {
        Value::String(text) => match field_type {
            FieldType::Date => shown_date(text),
            FieldType::DateTime => shown_time(text),
            _ => None,
        }
        .unwrap_or_else(|| text.clone()),
        Value::Array(items) => {
            items.iter().map(|item| display(field_type, item)).collect::<Vec<_>>().join(", ")
        }
        Value::Bool(true) => "Yes".to_owned(),
        Value::Bool(false) => "No".to_owned(),
        other => other.to_string(),
    }
}

/// With the name of the month, because the order of numbers is not the same everywhere.
fn shown_date(text: &str) -> Option<String> {
    let date: NaiveDate = text.parse().ok()?;
    Some(date.format("%-d %b %Y").to_string())
}

/// Seconds, and parts of them, only where there are any.
fn shown_time(text: &str) -> Option<String> {
    let time: DateTime<Utc> = text.parse().ok()?;
    let has_seconds = time.second() > 0 || time.nanosecond() > 0;
    let format = if has_seconds { "%-d %b %Y, %H:%M:%S%.f UTC" } else { "%-d %b %Y, %H:%M UTC" };
    Some(time.format(format).to_string())
}
