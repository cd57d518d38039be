//! Durations in settings: a whole number and one unit, such as `500ms`, `10s`, `5m`, `8h` or `7d`.
//!
//! Not humantime, which prints 400 days as `1year 1month 4days 7h 26m 24s` and reads `1y` and `1M`. Imports `value` and the
//! longest lifetime of tokens.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserializer, Serializer};

use super::value::parsed;
use crate::auth::MAX_TOKEN_LIFETIME;

/// The units, the longest first, with their milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a duration.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let (_, milliseconds) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(milliseconds).map(Duration::from_millis)
}

/// Displays a duration in the longest unit that needs no fraction.
pub(super) struct Formatted(pub(super) Duration);

impl fmt::Display for Formatted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.as_millis();
        let whole =
            UNITS.into_iter().find(|(_, milliseconds)| total.is_multiple_of(u128::from(*milliseconds)));
        let (unit, milliseconds) = whole.filter(|_| total > 0).unwrap_or(("ms", 1));
        write!(f, "{}{unit}", total / u128::from(milliseconds))
    }
}

/// Writes a duration, or nothing for one that is not set.
pub(super) fn serialize<S: Serializer>(
    duration: &(impl Copy + Into<Option<Duration>>),
    to: S,
) -> Result<S::Ok, S::Error> {
    match (*duration).into() {
        Some(duration) => to.collect_str(&Formatted(duration)),
        None => to.serialize_none(),
    }
}

fn within<'de, D: Deserializer<'de>, T: From<Duration>>(
    from: D,
    bounds: RangeInclusive<Duration>,
    remedy: &str,
) -> Result<T, D::Error> {
    parsed(from, remedy, |text| parse_duration(text).filter(|duration| bounds.contains(duration)))
        .map(T::from)
}

/// `#[serde(with = "timeout")]`
pub(super) mod timeout {
    use super::*;

    pub(in crate::config) use super::serialize;

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>, T: From<Duration>>(
        from: D,
    ) -> Result<T, D::Error> {
        let bounds = Duration::from_millis(1)..=Duration::from_hours(1);
        within(from, bounds, "use a duration from 1ms to 1h, for example 500ms, 10s or 5m")
    }
}

/// `#[serde(with = "token_lifetime")]`
pub(super) mod token_lifetime {
    use super::*;

    pub(in crate::config) use super::serialize;

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>, T: From<Duration>>(
        from: D,
    ) -> Result<T, D::Error> {
        let bounds = Duration::from_mins(1)..=MAX_TOKEN_LIFETIME;
        within(from, bounds, "use a duration from 1m to 24h, for example 15m")
    }
}

/// `#[serde(with = "max_lifetime")]`; `none` for tokens that may live for any time.
pub(super) mod max_lifetime {
    use super::*;

    const MOST: Duration = Duration::from_hours(366 * 24);

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<MaxLifetime>, D::Error> {
        let remedy = "use a duration from 1m to 366d, for example 24h, or none";
        parsed(from, remedy, |text| {
            if text == "none" {
                return Some(MaxLifetime(None));
            }
            let bounds = Duration::from_mins(1)..=MOST;
            parse_duration(text).filter(|duration| bounds.contains(duration)).map(|it| MaxLifetime(Some(it)))
        })
        .map(Some)
    }
}

/// The longest lifetime of an issuer's tokens, if there is one.
#[derive(Clone, Copy)]
pub(super) struct MaxLifetime(pub(super) Option<Duration>);

impl fmt::Display for MaxLifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(duration) => Formatted(duration).fmt(f),
            None => f.write_str("none"),
        }
    }
}

/// `#[serde(with = "retention_time")]`; an hour at least, in which a client may repeat a request or continue from a cursor.
pub(super) mod retention_time {
    use super::*;

    pub(in crate::config) use super::serialize;

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>, T: From<Duration>>(
        from: D,
    ) -> Result<T, D::Error> {
        let bounds = Duration::from_hours(1)..=Duration::from_hours(36_500 * 24);
        within(from, bounds, "use a duration from 1h to 36500d, for example 400d")
    }
}
