//! Values of settings, read from a TOML value or from the text of an environment variable.
//!
//! These functions are named in the attributes of the structs of settings. Their errors say what to do. Imports nothing of
//! the crate.

use std::fmt::Display;
use std::net::SocketAddr;

use serde::de::value::{Error as NameError, StrDeserializer};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use toml::Value;
use tracing::level_filters::LevelFilter;
use url::Url;

/// The text of a single value, as it was written.
pub(super) fn text<'de, D: Deserializer<'de>, T: From<String>>(from: D) -> Result<T, D::Error> {
    match Value::deserialize(from)? {
        Value::String(text) => Ok(text.into()),
        Value::Integer(number) => Ok(number.to_string().into()),
        Value::Boolean(flag) => Ok(flag.to_string().into()),
        _ => Err(D::Error::custom("not a single value; use a quoted string, an integer, true or false")),
    }
}

/// A value that `parse` accepts. `remedy` says which values those are.
pub(super) fn parsed<'de, D: Deserializer<'de>, T>(
    from: D,
    remedy: impl Display,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let text: String = text(from)?;
    parse(&text).ok_or_else(|| D::Error::custom(format_args!("{text:?} is not valid; {remedy}")))
}

pub(super) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    parsed(from, "use true or false", |text| text.parse().ok())
}

pub(super) fn address<'de, D: Deserializer<'de>, T: From<SocketAddr>>(from: D) -> Result<T, D::Error> {
    let remedy = "use an address and a port, for example 127.0.0.1:8080";
    parsed(from, remedy, |text| text.parse().ok()).map(SocketAddr::into)
}

pub(super) fn number<'de, const LEAST: u64, const MOST: u64, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    number_of::<LEAST, MOST, D, T>(from, "")
}

pub(super) fn bytes<'de, const LEAST: u64, const MOST: u64, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    number_of::<LEAST, MOST, D, T>(from, "of bytes ")
}

pub(super) fn points<'de, const LEAST: u64, const MOST: u64, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    number_of::<LEAST, MOST, D, T>(from, "of points ")
}

fn number_of<'de, const LEAST: u64, const MOST: u64, D, T>(from: D, unit: &str) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    parsed(from, format_args!("use a number {unit}from {LEAST} to {MOST}"), |text| {
        let number = text.parse().ok().filter(|number| (LEAST..=MOST).contains(number))?;
        number.try_into().ok()
    })
}

/// The value of an enum with this name.
pub(super) fn named<T: DeserializeOwned>(name: &str) -> Option<T> {
    T::deserialize(StrDeserializer::<NameError>::new(name)).ok()
}

/// A list of strings; an environment variable separates them by commas.
fn strings<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    match Value::deserialize(from)? {
        Value::String(text) => Ok(text.split(',').map(|item| item.trim().to_owned()).collect()),
        value => value
            .try_into()
            .map_err(|_| D::Error::custom("not a list of strings; use the form [\"one\", \"two\"]")),
    }
}

/// A list of values that `parse` accepts. `remedy` says which values those are.
pub(super) fn list<'de, D: Deserializer<'de>, T>(
    from: D,
    remedy: impl Display,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, D::Error> {
    let (mut values, mut wrong) = (Vec::new(), Vec::new());
    for text in strings(from)? {
        match parse(&text) {
            Some(value) => values.push(value),
            None => wrong.push(format!("{text:?} is not valid; {remedy}")),
        }
    }
    if wrong.is_empty() { Ok(values) } else { Err(D::Error::custom(wrong.join("\n"))) }
}

/// A list of origins, each exactly as browsers send it; an environment variable separates them by commas.
pub(super) fn origins<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let origins = strings(from)?;
    let wrong: Vec<String> =
        origins.iter().filter(|text| !is_origin(text)).map(|text| no_origin(text)).collect();
    if wrong.is_empty() { Ok(origins) } else { Err(D::Error::custom(wrong.join("\n"))) }
}

fn no_origin(text: &str) -> String {
    let remedy = "use the form of the Origin header, for example https://app.example.com, without path, default port or *";
    format!("{text:?} is not an origin; {remedy}")
}

/// Whether `text` is exactly what a browser sends as the origin of a page. A `*` would pass for a host, and match none.
fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.origin().ascii_serialization() == text
            && !text.contains('*')
    })
}

pub(super) fn forwarded<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<T, D::Error> {
    parsed(from, "use x-forwarded-for or forwarded", named)
}

/// The address of a collector. A user and a password would be printed with the configuration.
pub(super) fn collector<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let address: String = text(from)?;
    let is_good = Url::parse(&address).is_ok_and(|url| {
        let has_user = !url.username().is_empty() || url.password().is_some();
        matches!(url.scheme(), "http" | "https")
            && !has_user
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if is_good {
        return Ok(Some(address));
    }
    // The address is not repeated, because it may have a password.
    let form = "use the form http://localhost:4318, without user, password and query; OTEL_EXPORTER_OTLP_HEADERS sets headers";
    Err(D::Error::custom(format_args!("not the address of a collector; {form}")))
}

pub(super) fn log_format<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<T, D::Error> {
    parsed(from, "use text or json", named)
}

pub(super) fn log_level<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let remedy = "use error, warn, info, debug, trace or off, optionally followed by target=level, separated by commas";
    parsed(from, remedy, |text| text.split(',').all(is_directive).then(|| text.to_owned()))
}

/// Whether `text` is `level` or `target=level`. The filter itself would take a misspelt level for a target.
fn is_directive(text: &str) -> bool {
    let (target, level) = text.split_once('=').unwrap_or(("all", text));
    !target.is_empty() && !level.is_empty() && level.parse::<LevelFilter>().is_ok()
}
