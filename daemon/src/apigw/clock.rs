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
    use super::request_time;

    #[test]
    fn recorded_times_are_printed_as_recorded() {
        assert_eq!(request_time(1_722_641_683_000), "02/Aug/2024:23:34:43 +0000");
        assert_eq!(request_time(1_587_481_701_067), "21/Apr/2020:15:08:21 +0000");
        assert_eq!(request_time(951_782_400_000), "29/Feb/2000:00:00:00 +0000");
        assert_eq!(request_time(0), "01/Jan/1970:00:00:00 +0000");
    }
}
