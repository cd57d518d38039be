//! JSON columns. Knows sea_orm and serde_json only.

use std::cmp::Ordering;

use sea_orm::{
    ColIdx, DbErr, QueryResult, RuntimeErr, SqlxError, TryGetError, TryGetable, Value,
    prelude::Json,
    sea_query::{ArrayType, ColumnType, ValueType, ValueTypeErr},
};
use serde::Serialize;
use serde_json::Number;

use super::column_subset::Absent;

/// What a JSON column holds. A value that cannot be read, because somebody wrote it by hand or an earlier version did,
/// must not make the row unreadable: it is kept as it is in the database, and has no value here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct StoredJson(Option<Json>);

impl StoredJson {
    /// The value, if it can be read.
    pub fn value(&self) -> Option<&Json> {
        self.0.as_ref()
    }
}

impl From<Json> for StoredJson {
    fn from(value: Json) -> Self {
        Self(Some(value))
    }
}

impl From<StoredJson> for Value {
    /// A value that could not be read is NULL, which no JSON column takes: it is never overwritten by accident.
    fn from(stored: StoredJson) -> Self {
        Self::Json(stored.0.map(Box::new))
    }
}

impl TryGetable for StoredJson {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        match Json::try_get_by(row, index) {
            Ok(value) => Ok(canonical(value).into()),
            Err(TryGetError::DbErr(DbErr::Query(RuntimeErr::SqlxError(error))))
                if matches!(*error, SqlxError::ColumnDecode { .. }) =>
            {
                Ok(Self(None))
            }
            Err(error) => Err(error),
        }
    }
}

impl ValueType for StoredJson {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        match value {
            Value::Json(value) => Ok(Self(value.map(|value| *value))),
            _ => Err(ValueTypeErr),
        }
    }

    fn type_name() -> String {
        "StoredJson".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::Json
    }

    fn column_type() -> ColumnType {
        ColumnType::JsonBinary
    }
}

impl Absent for StoredJson {
    fn absent() -> Self {
        Json::Null.into()
    }
}

/// The value with equal numbers in one form, whichever way they were written: a number without a fraction that 64 bits
/// hold is an integer. PostgreSQL writes 1e2 as 100, and -0 as 0.
pub fn canonical(mut value: Json) -> Json {
    write_canonical(&mut value);
    value
}

fn write_canonical(value: &mut Json) {
    match value {
        Json::Number(number) => {
            if let Some(integer) = integer(number) {
                *number = integer;
            }
        }
        Json::Array(items) => items.iter_mut().for_each(write_canonical),
        Json::Object(fields) => fields.values_mut().for_each(write_canonical),
        Json::Null | Json::Bool(_) | Json::String(_) => {}
    }
}

/// The integer that a double is written as. Beyond 2^53 a double is an integer with more digits than those that name it.
fn integer(number: &Number) -> Option<Number> {
    let double = number.as_f64().filter(|double| number.is_f64() && double.fract() == 0.0)?;
    // No integer of 64 bits is greater.
    if double.abs() > u64::MAX as f64 {
        return None;
    }
    let text = Decimal::of(&number.to_string()).plain();
    text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from)).ok()
}

/// A number as its digits, without zeros at either end, and the power of ten that they are multiplied by.
#[derive(Debug, PartialEq, Eq)]
pub struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        // Where the first digit stands, then the digits.
        let magnitude =
            |it: &Self| (!it.digits.is_empty()).then(|| it.exponent.saturating_add(it.digits.len() as i64));
        let sizes = magnitude(self).cmp(&magnitude(other)).then_with(|| self.digits.cmp(&other.digits));
        match (self.is_negative, other.is_negative) {
            (false, false) => sizes,
            (true, true) => sizes.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Decimal {
    /// Reads a number of JSON.
    pub fn of(number: &str) -> Self {
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (is_negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(mantissa) => (true, mantissa),
            None => (false, mantissa),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let digits = all.trim_start_matches('0').trim_end_matches('0');
        if digits.is_empty() {
            return Self { is_negative: false, digits: String::new(), exponent: 0 };
        }
        let zeros = all.len() - all.trim_end_matches('0').len();
        // One that does not fit is far out of every range.
        let exponent = exponent.parse().unwrap_or(i64::MAX);
        let exponent = exponent.saturating_sub(fraction.len() as i64).saturating_add(zeros as i64);
        Self { is_negative, digits: digits.to_owned(), exponent }
    }

    /// Whether the number without an exponent has at most so many digits, before and after the point together.
    pub fn has_at_most(&self, digits: i64) -> bool {
        let own = self.digits.len() as i64;
        let needed = if self.exponent >= 0 {
            own.saturating_add(self.exponent)
        } else {
            own.max(self.exponent.saturating_neg())
        };
        needed <= digits
    }

    /// The number without an exponent.
    pub fn plain(&self) -> String {
        let Self { digits, exponent, .. } = self;
        let sign = if self.is_negative { "-" } else { "" };
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
        if digits.is_empty() {
            return "0".to_owned();
        }
        if *exponent >= 0 {
            return [sign, digits, &zeros(*exponent)].concat();
        }
        let point = digits.len() as i64 + exponent;
        match usize::try_from(point) {
            Ok(point) if point > 0 => [sign, &digits[..point], ".", &digits[point..]].concat(),
            _ => [sign, "0.", &zeros(-point), digits].concat(),
        }
    }
}
