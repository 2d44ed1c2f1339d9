//! Times as events print them, from milliseconds since the epoch. The clock itself is never read here.

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `02/Aug/2024:23:34:43 +0000`.
#[must_use]
pub(crate) fn request_time(time_ms: u64) -> String {
    let seconds = time_ms / 1000;
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let name = MONTHS.get(month - 1).copied().unwrap_or_default();
    format!("{day:02}/{name}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000")
}

/// `20240802T233443Z`, the time of signatures, from seconds since the epoch.
pub(crate) fn basic(seconds: u64) -> String {
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Seconds since the epoch from `20240802T233443Z`; `None` for what is no such time.
pub(crate) fn from_basic(text: &str) -> Option<u64> {
    let digits = |from: usize, to: usize| text.get(from..to).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let number = |from, to| digits(from, to)?.parse::<u64>().ok();
    if text.len() != 16 || text.get(8..9) != Some("T") || text.get(15..) != Some("Z") {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let seconds = number(9, 11)? * 3600 + number(11, 13)? * 60 + number(13, 15)?;
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // The year before, if it is January or February, since years begin in March here.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    (days.checked_sub(719_468)? * 86_400).checked_add(seconds)
}

/// The number of the period of a quota (`DAY`, `WEEK`, `MONTH`) that a time lies in; it only grows.
pub(crate) fn period(name: &str, time_ms: u64) -> u64 {
    let days = time_ms / 86_400_000;
    match name {
        "DAY" => days + 1,
        // 1970-01-01 was a Thursday; weeks begin on Sunday.
        "WEEK" => (days + 4) / 7 + 1,
        _ => {
            let (year, month, _) = date(days);
            year * 12 + u64::try_from(month).unwrap_or_default()
        }
    }
}

/// The Gregorian date of a day since 1970-01-01: counting in eras of 400 years that begin in March keeps the leap day last.
fn date(days: u64) -> (u64, usize, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, usize::try_from(month).unwrap_or(1), day)
}

#[cfg(test)]
mod tests {
    use super::{basic, from_basic, request_time};

    #[test]
    fn basic_times_are_read_as_they_are_written() {
        for seconds in [0, 951_782_400, 1_722_641_683, 4_107_542_399, 1_709_164_800] {
            assert_eq!(from_basic(&basic(seconds)), Some(seconds));
        }
        for text in
            ["", "20240802T233443", "2024-08-02T23:34Z", "19691231T235959Z", "20241301T000000Z", "2024080\u{e9}T23344Z"]
        {
            assert_eq!(from_basic(text), None, "{text}");
        }
    }

    #[test]
    fn recorded_times_are_printed_as_recorded() {
        assert_eq!(request_time(1_722_641_683_000), "02/Aug/2024:23:34:43 +0000");
        assert_eq!(request_time(1_587_481_701_067), "21/Apr/2020:15:08:21 +0000");
        assert_eq!(request_time(951_782_400_000), "29/Feb/2000:00:00:00 +0000");
        assert_eq!(request_time(0), "01/Jan/1970:00:00:00 +0000");
    }
}
