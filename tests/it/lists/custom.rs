//! Custom fields: values, conditions on them, and the meaning of these conditions.

use contact_gateway::entity::custom_field::FieldType;
use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization;

use super::rows::{MICROS, TEXTS, time};
use crate::support::Chance;

/// The options of fields with choices.
pub(super) const OPTIONS: [&str; 4] = ["S", "M", "Größe", "a\"b"];

/// A value of a field of this type, in the form that is stored.
pub(super) fn value(chance: &mut Chance, field_type: FieldType) -> Value {
    match field_type {
        FieldType::Text | FieldType::LongText => {
            let texts = TEXTS.iter().map(|text| text.trim().nfc().collect::<String>());
            let texts: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
            json!(chance.pick(&texts))
        }
        FieldType::Integer => json!(chance.pick(&[-5_i64, 0, 3, 20, 100, i64::MAX, i64::MIN])),
        FieldType::Decimal => json!(chance.pick(&["-3", "0", "2.5", "2.50", "10", "100.125"])),
        FieldType::Boolean => json!(chance.one_in(2)),
        FieldType::Date => json!(chance.pick(&["0001-01-01", "2025-12-31", "2026-01-01", "9999-12-31"])),
        FieldType::DateTime => {
            json!(time(*chance.pick(&MICROS)).to_rfc3339_opts(chrono::SecondsFormat::Micros, true))
        }
        FieldType::SingleChoice => json!(chance.pick(&OPTIONS)),
        FieldType::MultiChoice => {
            let count = 1 + chance.below(2);
            json!(chance.several(&OPTIONS, count))
        }
        FieldType::Url => json!(chance.pick(&["https://example.com/a", "https://example.com/A?b=%20"])),
        FieldType::Email => json!(chance.pick(&["ada@example.com", "Ada@example.com"])),
        FieldType::Phone => json!(chance.pick(&["+12025550143", "+493012345678"])),
    }
}

/// A condition on the field with this id, and how many comparisons it makes.
pub(super) fn condition(chance: &mut Chance, id: &str, field_type: FieldType) -> (Value, usize) {
    let mut condition = Map::from_iter([("customFieldId".to_owned(), json!(id))]);
    let count = 1 + chance.below(2);
    let comparators = chance.several(comparators(field_type), count);
    for comparator in &comparators {
        let operand = match *comparator {
            "isNull" => json!(chance.one_in(2)),
            "in" => {
                let count = 1 + chance.below(3);
                (0..count).map(|_| value(chance, field_type)).collect()
            }
            "contains" if field_type == FieldType::MultiChoice => json!(chance.pick(&OPTIONS)),
            "contains" | "startsWith" => {
                let whole = value(chance, field_type);
                let length = chance.below(4);
                json!(whole.as_str().expect("a text").chars().take(length).collect::<String>())
            }
            _ => value(chance, field_type),
        };
        condition.insert((*comparator).to_owned(), operand);
    }
    (condition.into(), comparators.len())
}

/// What values of the type can be compared by.
fn comparators(field_type: FieldType) -> &'static [&'static str] {
    match field_type {
        FieldType::Integer | FieldType::Decimal | FieldType::Date | FieldType::DateTime => {
            &["eq", "ne", "in", "isNull", "lt", "lte", "gt", "gte"]
        }
        FieldType::Boolean => &["eq", "ne", "in", "isNull"],
        FieldType::MultiChoice => &["eq", "ne", "in", "isNull", "contains"],
        _ => &["eq", "ne", "in", "isNull", "contains", "startsWith"],
    }
}

/// Whether a value, if there is one, meets all comparisons of a condition. Case does not count in email addresses.
pub(super) fn meets(value: Option<&Value>, condition: &Map<String, Value>) -> bool {
    let is_email = value.and_then(Value::as_str).is_some_and(|value| value.contains('@'));
    if !is_email {
        return compares(value, condition);
    }
    let normalized = |operand: &Value| match operand {
        Value::String(text) => json!(text.to_ascii_lowercase()),
        Value::Array(texts) => {
            texts.iter().map(|text| json!(text.as_str().map(str::to_ascii_lowercase))).collect()
        }
        other => other.clone(),
    };
    let is_id = |name: &str| name == "customFieldId";
    let condition = condition.iter().filter(|(name, _)| !is_id(name));
    compares(
        value.map(normalized).as_ref(),
        &condition.map(|(name, operand)| (name.clone(), normalized(operand))).collect(),
    )
}

fn compares(value: Option<&Value>, condition: &Map<String, Value>) -> bool {
    let comparisons = condition.iter().filter(|(name, _)| *name != "customFieldId");
    let mut comparisons = comparisons.map(|(comparator, operand)| (comparator.as_str(), operand));
    comparisons.all(|comparison| match (comparison, value) {
        (("isNull", is_null), value) => value.is_none() == (is_null == true),
        (("ne", operand), value) => value.is_none_or(|value| form(value) != form(operand)),
        (_, None) => false,
        (("eq", operand), Some(value)) => form(value) == form(operand),
        (("in", operands), Some(value)) => {
            operands.as_array().expect("a list").iter().any(|operand| form(value) == form(operand))
        }
        (("contains", part), Some(Value::Array(choices))) => choices.contains(part),
        (("contains", part), Some(value)) => text(value).contains(text(part)),
        (("startsWith", start), Some(value)) => text(value).starts_with(text(start)),
        (("lt", operand), Some(value)) => form(value) < form(operand),
        (("lte", operand), Some(value)) => form(value) <= form(operand),
        (("gt", operand), Some(value)) => form(value) > form(operand),
        (("gte", operand), Some(value)) => form(value) >= form(operand),
        ((other, _), _) => panic!("the model knows no comparator {other}"),
    })
}

/// A value as it compares: numbers as thousandths, choices in any order, everything else by its text.
#[derive(Debug, PartialEq, PartialOrd)]
enum Form {
    Number(i128),
    Text(String),
}

fn form(value: &Value) -> Form {
    if let Some(integer) = value.as_i64() {
        return Form::Number(i128::from(integer) * 1000);
    }
    if let Value::Array(choices) = value {
        let mut choices: Vec<String> = choices.iter().map(Value::to_string).collect();
        choices.sort();
        choices.dedup();
        return Form::Text(choices.join(","));
    }
    let Value::String(text) = value else { return Form::Text(value.to_string()) };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    match format!("{whole}{fraction:0<3}").parse() {
        Ok(number) => Form::Number(number),
        Err(_) => Form::Text(text.clone()),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
