//! Values as people write them.

use std::time::Duration;

use amplio::amount;

/// Bytes: `512M`, `2G`, `100000`; steps of 1024.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let upper = text.trim().to_ascii_uppercase();
    let number = upper.strip_suffix("IB").or(upper.strip_suffix('B')).unwrap_or(&upper);
    amount(number, 1024).ok_or_else(|| "an amount of bytes is 512M, 2G or 100000".into())
}

/// A count: `50M`, `8MP`, `1000`; steps of 1000.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    let upper = text.trim().to_ascii_uppercase();
    let number = upper.strip_suffix('P').unwrap_or(&upper);
    amount(number, 1000).ok_or_else(|| "a count is 50M or 1000".into())
}

/// A time: `500ms`, `30s`, `10m`, `2h`, `7d`; seconds without a unit.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is 500ms, 30s, 10m, 2h or 7d".to_owned();
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let milliseconds: u64 = match &text[digits..] {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)
}

/// Yes or no.
pub(crate) fn switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("this is true or false".into()),
    }
}

/// Bytes as [`bytes`] reads them, exactly.
pub(crate) fn show_bytes(&bytes: &u64) -> String {
    let units = [(1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    shown(bytes, &units)
}

/// A count as [`count`] reads it, exactly.
pub(crate) fn show_count(&count: &u64) -> String {
    shown(count, &[(1_000_000_000, "G"), (1_000_000, "M"), (1000, "K")])
}

/// A time as [`time`] reads it, exactly.
pub(crate) fn show_time(time: &Duration) -> String {
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if milliseconds == 0 {
        return "0s".into();
    }
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")];
    shown(milliseconds, &units)
}

fn shown(value: u64, units: &[(u64, &str)]) -> String {
    let unit = units.iter().find(|(unit, _)| value > 0 && value.is_multiple_of(*unit));
    unit.map_or_else(|| value.to_string(), |(unit, name)| format!("{}{name}", value / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_they_are_read() {
        for text in ["64M", "1G", "0", "1000", "3K"] {
            assert_eq!(bytes(text).map(|bytes| show_bytes(&bytes)), Ok(text.to_owned()));
        }
        for text in ["1G", "50M", "7", "0"] {
            assert_eq!(count(text).map(|count| show_count(&count)), Ok(text.to_owned()));
        }
        for text in ["500ms", "30s", "10m", "2h", "7d", "0s"] {
            assert_eq!(time(text).map(|time| show_time(&time)), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in ["", "M", "-1", "1X", "nan", "inf"] {
            assert!(bytes(text).is_err() && count(text).is_err(), "{text}");
        }
        for text in ["", "s", "-1s", "1w", "99999999999999999999d", "18446744073709551615d"] {
            assert!(time(text).is_err(), "{text}");
        }
        assert!(switch("perhaps").is_err());
    }
}
