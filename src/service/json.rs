//! Checks of JSON that clients send: values that could not be read back as they were sent are refused.
//!
//! A number is a 64-bit integer or a double, as RFC 7493 recommends for JSON that programs exchange. Any other number would
//! come back as its neighbour. Every JSON parser makes a double of it before a rule can see how it was written, so
//! [`json_text`] looks at the text first and puts a text in its place. Nothing accepts that text: it begins with U+0000,
//! which no value may hold.

use std::borrow::Cow;

use serde_json::{Number, Value as Json};

use super::input::Path;
use crate::entity::Decimal;

pub use crate::entity::canonical;

/// The prefix of a text that represents a number.
const MARK: &str = "\0number ";
/// The same as JSON writes it.
const ESCAPED_MARK: &[u8] = b"\"\\u0000number ";
/// The message for a text that represents a number.
pub(super) const INEXACT: &str =
    "The number cannot be represented exactly as a 64-bit integer or double. Send it as a string.";
/// The most levels that a value may be nested, so that everything that reads JSON can read it.
const MAX_DEPTH: usize = 32;
/// The most faults that are reported of one value.
const MAX_FAULTS: usize = 10;
/// serde_json reads an object with such a key as a value of another kind.
const RESERVED_KEY: &str = "$serde_json::private::";

/// What editors put before a text in UTF-8 to mark it as such.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The JSON text without a byte order mark, and with a text in place of each number that cannot be kept as it is written.
pub fn json_text(json: &[u8]) -> Cow<'_, [u8]> {
    let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
    let mut kept = Vec::new();
    let (mut at, mut copied) = (0, 0);
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => at = string_end(json, at),
            b'-' | b'0'..=b'9' => {
                let rest = &json[at..];
                let length = rest.iter().position(|byte| !is_of_number(*byte)).unwrap_or(rest.len());
                let number = &rest[..length];
                if std::str::from_utf8(number).is_ok_and(|number| !is_exact(number)) {
                    kept.extend_from_slice(&json[copied..at]);
                    kept.extend_from_slice(ESCAPED_MARK);
                    kept.extend_from_slice(number);
                    kept.push(b'"');
                    copied = at + length;
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    if kept.is_empty() {
        return json.into();
    }
    kept.extend_from_slice(&json[copied..]);
    kept.into()
}

/// The text in place of a number, if it cannot be kept as it is written.
pub fn text_of_number(number: &str) -> Option<String> {
    (!is_exact(number)).then(|| format!("{MARK}{number}"))
}

/// The number that a value represents, as it was written.
pub(crate) fn inexact_number(value: &Json) -> Option<&str> {
    inexact_text(value.as_str()?)
}

/// The number that a text represents, as it was written.
pub(crate) fn inexact_text(text: &str) -> Option<&str> {
    text.strip_prefix(MARK)
}

/// Where a string ends that begins at a quotation mark.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

const fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

/// Whether a number is a 64-bit integer, or the shortest text of its double represents the same number. Malformed numbers count
/// as exact, because the parser refuses them.
fn is_exact(number: &str) -> bool {
    let is_short = number.len() <= f64::DIGITS as usize && !number.contains(['e', 'E']);
    if is_short || number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let Ok(double) = number.parse::<f64>() else { return true };
    // As it will be written: of two shortest texts that are equally near, not every language chooses the same.
    let written = Number::from_f64(double).map(|double| Decimal::of(&double.to_string()));
    written == Some(Decimal::of(number))
}

/// How many bytes a value has as a database may give it back: without white space, its numbers without exponents. PostgreSQL
/// writes 1e308 with 309 digits.
pub(super) fn stored_len(value: &Json) -> usize {
    value.to_string().len() + added_by_numbers(value)
}

fn added_by_numbers(value: &Json) -> usize {
    match value {
        // Only a double has an exponent.
        Json::Number(number) if number.is_f64() => {
            let written = number.to_string();
            Decimal::of(&written).plain().len().saturating_sub(written.len())
        }
        Json::Array(items) => items.iter().map(added_by_numbers).sum(),
        Json::Object(fields) => fields.values().map(added_by_numbers).sum(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => 0,
    }
}

/// The parts of a value that could not be read back as they were sent: the path of each, which begins with `path`, and what
/// is wrong with it.
pub(super) fn faults(path: Path, value: &Json) -> Vec<(Path, &'static str)> {
    let mut faults = Vec::new();
    find_faults(path, value, MAX_DEPTH, &mut faults);
    faults
}

fn find_faults(path: Path, value: &Json, levels: usize, faults: &mut Vec<(Path, &'static str)>) {
    let below = |name: Cow<'static, str>| path.iter().cloned().chain([name]).collect();
    if faults.len() >= MAX_FAULTS {
        return;
    }
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
        Json::String(_) if inexact_number(value).is_some() => faults.push((path, INEXACT)),
        // PostgreSQL's jsonb cannot hold it.
        Json::String(text) if text.contains('\0') => {
            faults.push((path, "Must not contain the character U+0000. Remove it."));
        }
        Json::String(_) => {}
        Json::Array(_) | Json::Object(_) if levels == 0 => {
            faults.push((path, "JSON can be nested at most 32 levels deep. Send deeper values as a string."));
        }
        Json::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                find_faults(below(position.to_string().into()), item, levels - 1, faults);
            }
        }
        Json::Object(fields) => {
            for (key, value) in fields {
                if key.contains('\0') || key.starts_with(RESERVED_KEY) {
                    let message =
                        "A key must not contain U+0000 or begin with $serde_json::private::. Rename it.";
                    faults.push((path.clone(), message));
                }
                find_faults(below(key.clone().into()), value, levels - 1, faults);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_that_a_double_or_64_bits_hold_are_exact() {
        for number in [
            "0",
            "-0",
            "-0.0",
            "0e999",
            "1",
            "1.0",
            "1e2",
            "1E+2",
            "0.1e1",
            "100.000",
            "0.1",
            "0.30000000000000004",
            "5e-324",
            "1.7976931348623157e308",
            "1e22",
            "1e23",
            "100000000000000000000",
            "18446744073709551615",
            "-9223372036854775808",
            "9007199254740993",
            "246.51431274414062",
            "1.50000000000000000000000",
            "0.000000000000000000001",
            "123456789012345e-10",
        ] {
            assert!(is_exact(number), "{number}");
        }
        for number in [
            "1e400",
            "-1e400",
            "1e-400",
            "1e999999999999999999999",
            "1e-999999999999999999999",
            "2e308",
            "4.9406564584124654e-324",
            "0.10000000000000001",
            "0.1000000000000000055511151231257827",
            "0.12345678901234567",
            "246.51431274414063",
            "12345678901234567890123",
            "18446744073709551616",
            "-9223372036854775809",
            "9007199254740993.0",
            "12345678901234567890.12345678901234567890",
        ] {
            assert!(!is_exact(number), "{number}");
        }
        // No numbers of JSON; its parser says so.
        for number in ["-", "1-2", "1e", "01", "1.", "1.2.3"] {
            assert!(is_exact(number), "{number}");
        }
    }

    #[test]
    fn only_inexact_numbers_are_replaced() {
        for same in [r#"{"a":[1,-2.5,"1e400","\"1e400",true]}"#, "", "1", r#""1e400"#, r#""\"#, "1e", "x"] {
            assert!(matches!(json_text(same.as_bytes()), Cow::Borrowed(_)), "{same}");
        }
        let kept = json_text(br#"{"1e400":[1e400, 7 ,-1e-400],"b":"1e400","c":1e400}"#);
        let value: Json = serde_json::from_slice(&kept).expect("JSON");
        let marked = |number: &str| text_of_number(number).expect("a text");
        let expected =
            json!({ "1e400": [marked("1e400"), 7, marked("-1e-400")], "b": "1e400", "c": marked("1e400") });
        assert_eq!(value, expected);
        assert_eq!(inexact_number(&value["c"]), Some("1e400"));
        assert_eq!(inexact_number(&value["b"]), None);
        assert_eq!(&*json_text(b"1e400"), b"\"\\u0000number 1e400\"");
    }

    #[test]
    fn faults_are_named_with_their_paths() {
        let at = |value: Json| -> Vec<String> {
            faults(vec!["m".into()], &value).into_iter().map(|(path, _)| path.join(".")).collect()
        };
        let deep = |levels: usize| (1..levels).fold(json!([]), |below, _| json!([below]));
        let marked = text_of_number("1e400");
        assert_eq!(at(json!({ "a": [1, { "b": marked }], "c": "\0", "": "\\u0000" })), ["m.a.1.b", "m.c"]);
        assert_eq!(at(json!({ "x": { "\0": 1, "$serde_json::private::Number": "1" } })), ["m.x", "m.x"]);
        assert_eq!(at(deep(32)), [""; 0]);
        assert_eq!(at(deep(33)), [format!("m{}", ".0".repeat(32))]);
        assert_eq!(at(json!(vec!["\0"; 100])).len(), MAX_FAULTS);
    }

    #[test]
    fn equal_numbers_have_one_form() {
        for (written, expected) in [
            ("-0", "0"),
            ("-0.0", "0"),
            ("1.0", "1"),
            ("1e2", "100"),
            ("-1e2", "-100"),
            ("1.5", "1.5"),
            ("9223372036854775808", "9223372036854775808"),
            ("1e19", "10000000000000000000"),
            ("1.8268720465476356e19", "18268720465476356000"),
        ] {
            let value: Json = serde_json::from_str(written).expect("a number");
            assert_eq!(canonical(json!([value])).to_string(), format!("[{expected}]"), "{written}");
        }
        for double in ["1.8446744073709552e19", "1e20", "100000000000000000000", "1e300", "5e-324"] {
            let value: Json = serde_json::from_str(double).expect("a number");
            assert!(canonical(value).is_f64(), "{double}");
        }
    }
}
