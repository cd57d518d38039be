//! Scalars: ids, times and formatted texts.
//!
//! They only carry values; the services validate them, so that an invalid value is a `UserError` with its path.

use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, ID, InputValueError, InputValueResult, OutputType, Positioned, Scalar, ScalarType,
    ServerResult, Value, parser::types::Field, registry::Registry,
};
use chrono::{DateTime, Datelike, Timelike, Utc};

use crate::{
    entity::{
        StoredJson,
        id::{IdText, TypedId},
    },
    error::{AppError, AppResult, Code},
    service::{input::moment, json::canonical},
};

/// Whether a scalar of the schema takes a value; built-in scalars are not checked here.
pub(super) fn is_valid(scalar: &str, value: &Value) -> bool {
    match scalar {
        "BigInt" => BigInt::is_valid(value),
        "DateTime" => Timestamp::is_valid(value),
        "EmailAddress" => EmailAddress::is_valid(value),
        "PhoneNumber" => PhoneNumber::is_valid(value),
        "URL" => Url::is_valid(value),
        _ => true,
    }
}

/// What a scalar of the schema takes, for messages.
pub(super) fn expected(scalar: &str) -> String {
    match scalar {
        "BigInt" => "a BigInt, a whole number of 64 bits".to_owned(),
        "DateTime" => "a DateTime in RFC 3339 format, for example \"2026-01-31T12:00:00Z\"".to_owned(),
        "EmailAddress" => "an EmailAddress, a string".to_owned(),
        "PhoneNumber" | "URL" => format!("a {scalar}, a string"),
        _ => format!("a value of {scalar}"),
    }
}

/// A global id in a response: GraphQL's `ID`, formatted on the stack.
pub struct Id(IdText);

impl<T: TypedId> From<T> for Id {
    fn from(id: T) -> Self {
        Self(id.text())
    }
}

impl OutputType for Id {
    fn type_name() -> Cow<'static, str> {
        <ID as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <ID as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::String(self.0.as_str().to_owned()))
    }
}

/// A date and time in RFC 3339 format, in UTC with microseconds: `2026-01-31T12:00:00.000000Z`. Finer precision is
/// truncated.
#[derive(Clone, Copy)]
pub struct Timestamp(pub DateTime<Utc>);

/// A date and time in RFC 3339 format, in UTC with microseconds: `2026-01-31T12:00:00.000000Z`. Finer precision is
/// truncated.
#[Scalar(name = "DateTime", specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339")]
impl ScalarType for Timestamp {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => match moment(text) {
                Some(time) => Ok(Self(time)),
                None => Err(InputValueError::custom(
                    "must be a date and time in RFC 3339 format, for example 2026-01-31T12:00:00Z",
                )),
            },
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if moment(text).is_some())
    }

    fn to_value(&self) -> Value {
        Value::String(rfc3339(self.0))
    }
}

/// Formats RFC 3339. chrono's formatter is several times slower, and every row has two times.
fn rfc3339(time: DateTime<Utc>) -> String {
    let Ok(year) = u32::try_from(time.year()) else { return time.to_rfc3339() };
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    write_digits(&mut text[0..4], year);
    write_digits(&mut text[5..7], time.month());
    write_digits(&mut text[8..10], time.day());
    write_digits(&mut text[11..13], time.hour());
    write_digits(&mut text[14..16], time.minute());
    write_digits(&mut text[17..19], time.second());
    write_digits(&mut text[20..26], time.nanosecond() / 1000 % 1_000_000);
    text.iter().map(|byte| char::from(*byte)).collect()
}

fn write_digits(digits: &mut [u8], mut number: u32) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789"[(number % 10) as usize];
        number /= 10;
    }
}

/// A 64-bit integer, serialized as a string of decimal digits, for example `"9007199254740993"`, because JavaScript reads a
/// JSON number as a double and loses digits beyond 2^53. As an input, a number is accepted too.
#[derive(Clone, Copy)]
pub struct BigInt(pub i64);

impl BigInt {
    fn of(value: &Value) -> Option<i64> {
        match value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => canonical(serde_json::Value::Number(number.clone())).as_i64(),
            _ => None,
        }
    }
}

/// A 64-bit integer, serialized as a string of decimal digits, for example `"9007199254740993"`, because JavaScript reads a
/// JSON number as a double and loses digits beyond 2^53. As an input, a number is accepted too.
#[Scalar(name = "BigInt")]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        Self::of(&value).map(Self).ok_or_else(|| InputValueError::custom("must be a 64-bit integer"))
    }

    fn is_valid(value: &Value) -> bool {
        Self::of(value).is_some()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// Any JSON value, for example `{ "tier": 2 }`, nested at most 32 levels deep. Numbers are 64-bit integers or doubles; a
/// number that neither can represent exactly is rejected: send it as a string. Numbers are normalized: 1e2 is returned as
/// 100.
#[derive(Clone)]
pub struct Json(pub serde_json::Value);

/// Any JSON value, for example `{ "tier": 2 }`, nested at most 32 levels deep. Numbers are 64-bit integers or doubles; a
/// number that neither can represent exactly is rejected: send it as a string. Numbers are normalized: 1e2 is returned as
/// 100.
#[Scalar(name = "JSON")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self(canonical(value.into_json()?)))
    }

    /// The text as bytes, which the response writer copies unchanged.
    fn to_value(&self) -> Value {
        Value::Binary(serde_json::to_vec(&self.0).unwrap_or_else(|_| b"null".into()).into())
    }
}

impl Json {
    /// A stored JSON value.
    pub(super) fn stored(stored: &StoredJson) -> AppResult<Option<Self>> {
        Ok(Some(Self(readable(stored)?.clone())))
    }
}

/// The value of a column, or the error if it cannot be read.
pub(super) fn readable(stored: &StoredJson) -> AppResult<&serde_json::Value> {
    stored.value().ok_or_else(|| {
        AppError::request(Code::Internal, "The stored value cannot be read. Write a new value to replace it.")
    })
}

macro_rules! text_scalar {
    ($(#[doc = $doc:literal])* $name:ident as $public:literal, $url:literal) => {
        $(#[doc = $doc])*
        pub struct $name(pub String);

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        $(#[doc = $doc])*
        #[Scalar(name = $public, specified_by_url = $url)]
        impl ScalarType for $name {
            fn parse(value: Value) -> InputValueResult<Self> {
                match value {
                    Value::String(text) => Ok(Self(text)),
                    other => Err(InputValueError::expected_type(other)),
                }
            }

            fn is_valid(value: &Value) -> bool {
                matches!(value, Value::String(_))
            }

            fn to_value(&self) -> Value {
                Value::String(self.0.clone())
            }
        }
    };
}

text_scalar!(
    /// An email address as HTML defines it, for example `ada@example.com`: ASCII letters, digits and signs before the `@`, no
    /// quotation marks. Returned as written. Compared ignoring case, the domain in its ASCII form.
    EmailAddress as "EmailAddress", "https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address"
);
text_scalar!(
    /// A phone number. For account contacts and internal contacts: written with country code, for example `+1 202 555
    /// 0143`, with any digits, spaces, hyphens, dots, slashes and parentheses, and stored in E.164 format. For organization
    /// contacts: stored as written.
    PhoneNumber as "PhoneNumber", "https://www.itu.int/rec/T-REC-E.164"
);
text_scalar!(
    /// An absolute http or https URL, for example `https://example.com/ada.png`.
    Url as "URL", "https://url.spec.whatwg.org/"
);
