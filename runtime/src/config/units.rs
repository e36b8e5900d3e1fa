//! Turns what people write for durations and sizes into numbers, and back for messages.

use std::time::Duration;

use serde_json::Value;

use super::reader::Expected;

/// No duration of ours is longer. Far beyond any use, and far enough from where adding it to a
/// clock overflows, which would be a panic in the middle of a request.
pub(super) const DURATION_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

const DURATION_HINT: &str = "write it like `500ms`, `10s`, `2m` or `1h`";
const SIZE_HINT: &str = "write it like `64MiB`, `64KiB`, `10MB` or a number of bytes";

/// A duration with its unit, zero allowed.
pub(super) fn duration_or_zero(value: &Value) -> Result<Duration, Expected> {
    let bad = || Expected::new("a duration").hint(DURATION_HINT);
    let duration = value.as_str().and_then(parse_duration).ok_or_else(bad)?;
    if duration > DURATION_MAX {
        return Err(Expected::new("a duration of at most a year").hint(DURATION_HINT));
    }
    Ok(duration)
}

/// A duration with its unit, longer than zero.
pub(super) fn duration(value: &Value) -> Result<Duration, Expected> {
    match duration_or_zero(value)? {
        Duration::ZERO => Err(Expected::new("a duration longer than zero").hint(DURATION_HINT)),
        duration => Ok(duration),
    }
}

/// A duration longer than zero, or a positive whole number of milliseconds, as Sails has it.
pub(super) fn duration_or_milliseconds(value: &Value) -> Result<Duration, Expected> {
    if !value.is_number() {
        return duration(value);
    }
    let bad = || {
        Expected::new("a positive whole number of milliseconds or a duration")
            .hint("write it like `10000` or `\"10s\"`")
    };
    let milliseconds = value.as_u64().filter(|number| *number > 0).ok_or_else(bad)?;
    Some(Duration::from_millis(milliseconds)).filter(|it| *it <= DURATION_MAX).ok_or_else(bad)
}

/// A number of bytes, greater than zero.
pub(super) fn size(value: &Value) -> Result<u64, Expected> {
    let bytes = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => parse_size(text),
        _ => None,
    };
    match bytes {
        Some(0) => Err(Expected::new("a size greater than zero").hint(SIZE_HINT)),
        Some(bytes) => Ok(bytes),
        None => Err(Expected::new("a size").hint(SIZE_HINT)),
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let seconds = |each: u64| number.checked_mul(each).map(Duration::from_secs);
    match unit {
        "us" | "µs" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(60 * 60),
        "d" => seconds(24 * 60 * 60),
        _ => None,
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let each: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(each)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    Some((digits.parse().ok()?, unit.trim_start()))
}

/// A duration as an operator would write it: `1500ms`, `10s`.
pub fn duration_text(duration: Duration) -> String {
    let (seconds, micros) = (duration.as_secs(), duration.subsec_micros());
    match (seconds, micros) {
        (0, 0) => "0s".to_owned(),
        (_, 0) if seconds.is_multiple_of(60 * 60) => format!("{}h", seconds / (60 * 60)),
        (_, 0) if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        (_, 0) => format!("{seconds}s"),
        _ if micros.is_multiple_of(1_000) => format!("{}ms", duration.as_millis()),
        _ => format!("{}us", duration.as_micros()),
    }
}

/// A size as an operator would write it: `64MiB`, `1000`.
pub fn size_text(bytes: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes > 0 && bytes.is_multiple_of(1 << shift) {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}
