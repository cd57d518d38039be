//! The form that a value has in each type of custom field: what it takes, and what of it is stored.

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate, SecondsFormat};
use serde_json::Value as Json;

use crate::{
    entity::{
        Decimal,
        custom_field::{FieldType, Model},
    },
    error::InputErrorCode,
    service::{input, json, text},
};

/// The most characters that a value of type `text` may have.
const TEXT: usize = 255;
/// The most characters that a value of type `long_text` may have.
const LONG_TEXT: usize = 16 * 1024;
/// The most digits that a value of type `decimal` may have.
const DECIMAL: usize = 38;
/// The most digits of a 64-bit integer.
const INTEGER: i64 = 19;

/// The most options that a message names.
const NAMED_OPTIONS: usize = 20;

/// The rule that a value breaks, and the message.
pub(super) type ValueError = (InputErrorCode, Cow<'static, str>);

fn invalid<T>(message: impl Into<Cow<'static, str>>) -> Result<T, ValueError> {
    Err((InputErrorCode::Invalid, message.into()))
}

/// The value in the form that is stored, or why it does not fit the field. `smtputf8`: see [`text::check_email`].
pub(super) fn check(field: &Model, value: &Json, smtputf8: bool) -> Result<Json, ValueError> {
    match field.field_type {
        FieldType::Text | FieldType::LongText if json::inexact_number(value).is_some() => {
            invalid(json::INEXACT)
        }
        FieldType::Text => visible_text(value, TEXT, false).map(Json::from),
        FieldType::LongText => visible_text(value, LONG_TEXT, true).map(Json::from),
        FieldType::Integer => match integer(value) {
            Some(integer) => Ok(integer.into()),
            None => invalid("Must be a 64-bit integer, written as a number without quotes."),
        },
        FieldType::Decimal => decimal(value),
        FieldType::Boolean => match value {
            Json::Bool(_) => Ok(value.clone()),
            _ => invalid("Must be true or false."),
        },
        FieldType::Date => match value.as_str().map(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d")) {
            Some(Ok(date)) if (0..=9999).contains(&date.year()) => {
                Ok(date.format("%Y-%m-%d").to_string().into())
            }
            _ => invalid("Must be a date, for example 2026-01-31."),
        },
        FieldType::DateTime => match value.as_str().and_then(input::moment) {
            Some(time) => Ok(time.to_rfc3339_opts(SecondsFormat::Micros, true).into()),
            None => invalid("Must be a date and time in RFC 3339 format, for example 2026-01-31T12:00:00Z."),
        },
        FieldType::SingleChoice => match option(field, value) {
            Some(option) => Ok(option.into()),
            None => invalid(format!("Must be one of the field's options: {}.", named_options(field))),
        },
        FieldType::MultiChoice => choices(field, value),
        FieldType::Url => match value.as_str().map(text::normalize) {
            Some(text) if text.len() <= input::URL && input::is_web_address(&text) => Ok(text.into()),
            _ => invalid(input::NO_WEB_ADDRESS),
        },
        FieldType::Email => match value.as_str() {
            Some(text) if text.chars().count() <= input::EMAIL => {
                text::check_email(text, smtputf8).map(|email| email.into_value().into()).or_else(invalid)
            }
            _ => invalid("Must be an email address of at most 254 characters, for example ada@example.com."),
        },
        FieldType::Phone => match value.as_str() {
            Some(text) => text::e164(text).map(Json::from).or_else(invalid),
            None => invalid(
                "Must be a phone number with country code as a string, for example \"+1 202 555 0143\".",
            ),
        },
    }
}

fn visible_text(value: &Json, limit: usize, lines: bool) -> Result<Cow<'_, str>, ValueError> {
    let Some(given) = value.as_str().filter(|text| !text.trim().is_empty()) else {
        return invalid("Must be a string that is not blank. Send null to clear the value.");
    };
    let text = text::normalize(given);
    let is_allowed = |c: char| lines && matches!(c, '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}');
    if !text::is_line(&text.replace(is_allowed, "")) {
        return invalid(text::CONTROL);
    }
    if !text::is_visible(&text) {
        return invalid(text::NOTHING_VISIBLE);
    }
    if text.chars().count() > limit {
        let message = format!("The text has more than {limit} characters. Shorten it.");
        return Err((InputErrorCode::TooLong, message.into()));
    }
    Ok(text)
}

/// A whole number, however many zeros it has after the point.
fn integer(value: &Json) -> Option<i64> {
    let whole =
        |number| Decimal::of(number).has_at_most(INTEGER).then(|| Decimal::of(number).plain().parse().ok());
    value.as_i64().or_else(|| json::inexact_number(value).and_then(whole)?)
}

/// A decimal is kept as text, because JSON's numbers lose digits; a number is taken too, with all the digits it came with.
fn decimal(value: &Json) -> Result<Json, ValueError> {
    let plain = match value {
        Json::Number(number) => plain_number(&number.to_string()),
        Json::String(text) => match json::inexact_number(value) {
            Some(number) => plain_number(number),
            None => plain_text(text.trim()),
        },
        _ => None,
    };
    match plain {
        Some(text) => Ok(text.into()),
        None => invalid(
            "Must be a decimal number of at most 38 digits, without an exponent. Send it as a string, for example \"12.50\".",
        ),
    }
}

/// A number of JSON without its exponent.
fn plain_number(number: &str) -> Option<String> {
    let number = Decimal::of(number);
    number.has_at_most(DECIMAL as i64).then(|| number.plain())
}

/// A decimal without zeros at its beginning; those at its end say how exact it is.
fn plain_text(text: &str) -> Option<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let significant = whole.trim_start_matches('0');
    let has_point = digits.len() > whole.len();
    let length = significant.len() + if has_point { fraction.len() } else { 0 };
    if !all_digits(whole) || !all_digits(fraction) || length > DECIMAL {
        return None;
    }
    let sign = if text.starts_with('-') && digits.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
        "-"
    } else {
        ""
    };
    let whole = if significant.is_empty() { "0" } else { significant };
    Some([sign, whole, if has_point { &digits[digits.len() - fraction.len() - 1..] } else { "" }].concat())
}

fn choices(field: &Model, value: &Json) -> Result<Json, ValueError> {
    let mut chosen: Vec<&str> = Vec::new();
    for item in value.as_array().into_iter().flatten() {
        let Some(option) = option(field, item) else {
            return invalid(format!("Must contain only the field's options: {}.", named_options(field)));
        };
        if !chosen.contains(&option) {
            chosen.push(option);
        }
    }
    if chosen.is_empty() {
        let options = named_options(field);
        return invalid(format!("Must be a list with at least one of the field's options: {options}."));
    }
    Ok(chosen.into_iter().collect())
}

/// The option that a value is.
fn option<'a>(field: &'a Model, value: &Json) -> Option<&'a str> {
    let text = text::normalize(value.as_str()?);
    let is_stored = |option: &&str| **option == *text;
    // Options of earlier versions are stored as they came.
    let is_same = |option: &&str| text::normalize(option) == text;
    options(field).find(is_stored).or_else(|| options(field).find(is_same))
}

/// What can be chosen, for messages.
fn named_options(field: &Model) -> String {
    let named: Vec<&str> = options(field).take(NAMED_OPTIONS).collect();
    let more = options(field).count() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    named.join(", ") + &more
}

/// Whether two stored values of a type are equal: decimals are the same number with any number of zeros at their ends.
pub(super) fn is_equal(field_type: FieldType, one: &Json, other: &Json) -> bool {
    match (field_type, one.as_str(), other.as_str()) {
        (FieldType::Decimal, Some(one), Some(other)) => Decimal::of(one) == Decimal::of(other),
        _ => one == other,
    }
}

/// What can be chosen.
pub(super) fn options(field: &Model) -> impl Iterator<Item = &str> {
    field.options.value().and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
}

/// Whether the value of a choice is this option, or has it among others.
pub(super) fn holds(value: &Json, option: &str) -> bool {
    value == option || value.as_array().is_some_and(|chosen| chosen.iter().any(|item| item == option))
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::any, prop_assert, prop_assert_eq, prop_assume, proptest};
    use serde_json::json;

    use super::*;
    use crate::entity::id::{CustomFieldId, OrganizationId};

    fn field(field_type: FieldType) -> Model {
        let now = chrono::DateTime::UNIX_EPOCH;
        Model {
            id: CustomFieldId(uuid::Uuid::from_u128(1)),
            org_id: OrganizationId(1),
            key: "field".into(),
            label: "Field".into(),
            field_type,
            options: json!(["red", "green"]).into(),
            is_required: false,
            archived_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    proptest! {
        #[test]
        fn spellings_of_a_number_are_equal(whole in any::<i64>(), places in 0..12_usize, zeros in 0..6_usize) {
            prop_assume!(whole != 0);
            let decimal = field(FieldType::Decimal);
            let plain = Decimal::of(&format!("{whole}e-{places}")).plain();
            let padded = if plain.contains('.') { plain.clone() } else { format!("{plain}.") } + &"0".repeat(zeros + 1);
            let longer = format!("{whole}{}e-{}", "0".repeat(zeros), places + zeros);
            let stored = check(&decimal, &json!(plain), false).expect("a decimal");
            prop_assert_eq!(&stored, &json!(plain));
            for spelling in [json!(padded), json!(format!("{plain} ")), number(&longer), number(&plain)] {
                let other = check(&decimal, &spelling, false).expect("a decimal");
                prop_assert!(is_equal(FieldType::Decimal, &stored, &other), "{} {}", stored, other);
                prop_assert_eq!(check(&decimal, &other, false), Ok(other.clone()));
            }
        }

        #[test]
        fn decimals_are_ordered_as_numbers(one in any::<i64>(), other in any::<i64>(), places in 0..18_u32, more in 0..18_u32) {
            let scaled = |number: i64, places: u32| i128::from(number) * 10_i128.pow(18 - places);
            let decimal = |number: i64, places: u32| Decimal::of(&Decimal::of(&format!("{number}e-{places}")).plain());
            let expected = scaled(one, places).cmp(&scaled(other, more));
            prop_assert_eq!(decimal(one, places).cmp(&decimal(other, more)), expected);
            let expected = scaled(one, places).cmp(&scaled(one, more));
            prop_assert_eq!(decimal(one, places).cmp(&decimal(one, more)), expected);
        }
    }

    /// A number as JSON brings it.
    fn number(number: &str) -> Json {
        let text = json::json_text(number.as_bytes()).into_owned();
        serde_json::from_slice(&text).expect("JSON")
    }

    #[test]
    fn each_type_takes_its_values_and_refuses_others() {
        let cases = [
            (FieldType::Text, json!(" a "), json!("a"), json!("a\nb")),
            (FieldType::LongText, json!("a\nb"), json!("a\nb"), json!("a\u{0}b")),
            (FieldType::Integer, json!(-5), json!(-5), json!(1.5)),
            (FieldType::Decimal, json!("12.50"), json!("12.50"), json!("12,5")),
            (FieldType::Decimal, json!(12.5), json!("12.5"), json!("1e5")),
            (FieldType::Decimal, json!("-007.50"), json!("-7.50"), json!("+7")),
            (FieldType::Decimal, json!("-0.00"), json!("0.00"), json!("0x10")),
            (
                FieldType::Decimal,
                number("1234567890123456789012e-21"),
                json!("1.234567890123456789012"),
                number("1e38"),
            ),
            (
                FieldType::Integer,
                number("9007199254740993.0"),
                json!(9_007_199_254_740_993_i64),
                number("1e400"),
            ),
            (FieldType::Decimal, json!(1e20), json!("100000000000000000000"), json!(1e40)),
            (FieldType::Decimal, json!(1e-7), json!("0.0000001"), json!(1e-40)),
            (
                FieldType::Decimal,
                number("1234567890123456789012345678.0123456789"),
                json!("1234567890123456789012345678.0123456789"),
                number("1e400"),
            ),
            (FieldType::Text, json!("12345678901234567890"), json!("12345678901234567890"), number("1e400")),
            (FieldType::Boolean, json!(true), json!(true), json!("true")),
            (FieldType::Date, json!("2024-02-29"), json!("2024-02-29"), json!("2023-02-29")),
            (
                FieldType::DateTime,
                json!("2024-02-29T01:00:00+01:00"),
                json!("2024-02-29T00:00:00.000000Z"),
                json!("2024-02-29"),
            ),
            (FieldType::Date, json!("2024-2-9"), json!("2024-02-09"), json!("+12024-02-09")),
            (
                FieldType::DateTime,
                json!("2016-12-31T23:59:60.0000019Z"),
                json!("2017-01-01T00:00:00.000001Z"),
                json!("9999-12-31T23:59:59-01:00"),
            ),
            (FieldType::SingleChoice, json!("red"), json!("red"), json!("blue")),
            (
                FieldType::MultiChoice,
                json!(["red", "red", "green"]),
                json!(["red", "green"]),
                json!(["red", 1]),
            ),
            (
                FieldType::Url,
                json!("https://a.example/"),
                json!("https://a.example/"),
                json!("javascript:alert(1)"),
            ),
            (FieldType::Email, json!(" a@b.example "), json!("a@b.example"), json!("a.b")),
            (FieldType::Phone, json!("+49 30 901820"), json!("+4930901820"), json!("030 901820")),
        ];
        for (field_type, good, stored, bad) in cases {
            assert_eq!(check(&field(field_type), &good, false), Ok(stored), "{field_type:?} {good}");
            assert!(check(&field(field_type), &bad, false).is_err(), "{field_type:?} {bad}");
            assert!(check(&field(field_type), &Json::Null, false).is_err(), "{field_type:?} null");
        }
    }
}
