//! Whether a function's sandboxes end by themselves again and again: it crashes, or runs into its timeout, at each
//! request. What is started for such a function stands back behind everybody else's.

use std::time::{Duration, Instant};

/// Two ends within so long are a loop, which is over when none came for as long.
const SOON: Duration = Duration::from_secs(5);
/// So long nothing comes last where a start that did got nowhere.
const BUSY: Duration = Duration::from_secs(20);

/// What is remembered of the ends of one function version's sandboxes.
#[derive(Debug, Default)]
pub struct Recurrence {
    last: Option<Instant>,
    until: Option<Instant>,
    busy_until: Option<Instant>,
}

impl Recurrence {
    /// A sandbox ended that nobody had told to.
    pub fn ended(&mut self, now: Instant) {
        if self.last.is_some_and(|last| now.duration_since(last) < SOON) {
            self.until = Some(now + SOON);
        }
        self.last = Some(now);
    }

    /// Others leave too little of the machine for what comes last.
    pub fn starved(&mut self, now: Instant) {
        self.busy_until = Some(now + BUSY);
    }

    /// Whether what is started now can come last: it is expected to crash, and the machine has room for it all the same.
    #[must_use]
    pub fn comes_last(&self, now: Instant) -> bool {
        self.goes_on(now) && self.busy_until.is_none_or(|until| until <= now)
    }

    /// Whether one more end is to be expected.
    #[must_use]
    pub fn goes_on(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_crash_is_no_loop_and_a_loop_is_over_when_nothing_crashes_any_more() {
        let (mut crashes, start) = (Recurrence::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        crashes.ended(at(0));
        assert!(!crashes.goes_on(at(0)));
        crashes.ended(at(7));
        assert!(!crashes.goes_on(at(7)), "that was long after");
        crashes.ended(at(8));
        assert!(crashes.goes_on(at(12)));
        assert!(!crashes.goes_on(at(13)));
    }

    #[test]
    fn what_crashes_does_not_come_last_for_a_while_where_others_leave_too_little() {
        let (mut crashes, start) = (Recurrence::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        crashes.ended(at(0));
        crashes.ended(at(1));
        assert!(crashes.comes_last(at(2)));
        crashes.starved(at(3));
        assert!(crashes.goes_on(at(3)) && !crashes.comes_last(at(3)));
        crashes.ended(at(21));
        crashes.ended(at(22));
        assert!(!crashes.comes_last(at(22)));
        assert!(crashes.comes_last(at(23)));
    }
}
