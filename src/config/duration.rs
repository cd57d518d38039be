//! Durations as people write them in settings: a whole number and one unit, such as `500ms`, `10s`, `5m`, `8h` or `7d`.
//!
//! May import nothing of the crate.

use std::fmt;
use std::time::Duration;

/// The units, the longest first, with their milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a duration.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let (_, milliseconds) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(milliseconds).map(Duration::from_millis)
}

/// Writes a duration in the longest unit that needs no fraction.
pub(super) struct Written(pub(super) Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.as_millis();
        let whole =
            UNITS.into_iter().find(|(_, milliseconds)| total.is_multiple_of(u128::from(*milliseconds)));
        let (unit, milliseconds) = whole.filter(|_| total > 0).unwrap_or(("ms", 1));
        write!(f, "{}{unit}", total / u128::from(milliseconds))
    }
}
