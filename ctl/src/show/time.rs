//! Times and durations for people.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The time of day by the user's clock, to the millisecond: `14:03:07.123`.
pub(crate) fn of_day(milliseconds: u64) -> String {
    format(milliseconds, "%H:%M:%S%.3f")
}

/// Day and time by the user's clock: `2026-01-31 14:03:07`.
pub(crate) fn full(milliseconds: u64) -> String {
    format(milliseconds, "%Y-%m-%d %H:%M:%S")
}

fn format(milliseconds: u64, form: &str) -> String {
    let time = i64::try_from(milliseconds).ok().and_then(|time| Timestamp::from_millisecond(time).ok());
    match time {
        Some(time) => time.to_zoned(TimeZone::system()).strftime(form).to_string(),
        None => "?".to_owned(),
    }
}

/// `830 µs`, `12.3 ms`, `4.56 s`.
pub(crate) fn duration(microseconds: u64) -> String {
    match microseconds {
        0..1_000 => format!("{microseconds} µs"),
        1_000..1_000_000 => format!("{}.{} ms", microseconds / 1_000, microseconds % 1_000 / 100),
        _ => format!("{}.{:02} s", microseconds / 1_000_000, microseconds % 1_000_000 / 10_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_fitting_unit() {
        assert_eq!(duration(830), "830 µs");
        assert_eq!(duration(12_345), "12.3 ms");
        assert_eq!(duration(4_567_890), "4.56 s");
    }
}
