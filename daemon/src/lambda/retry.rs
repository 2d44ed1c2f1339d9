//! What happens to an asynchronous invocation after an attempt (H3): it is over, it is tried again, or it is given up.

use std::time::{Duration, SystemTime};

use super::Outcome;
use crate::project::Function;
use crate::project::asynchronous::{MAX_AGE, MAX_RETRIES};

/// The waits before the first and the second retry after a function error.
const AFTER_ERROR: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];
/// The longest wait after a throttle; the first is a second, and each is twice the one before.
const AFTER_THROTTLE: Duration = Duration::from_secs(300);

/// What a function's owner allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Retries after function errors.
    pub retries: u32,
    /// Age at which an event is given up.
    pub max_age: Duration,
    /// ReservedConcurrentExecutions is 0: nothing will ever run.
    pub refuses_all: bool,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { retries: MAX_RETRIES, max_age: MAX_AGE, refuses_all: false }
    }
}

impl Rules {
    /// A function's own.
    #[must_use]
    pub fn of(function: &Function) -> Rules {
        let config = &function.asynchronous;
        let refuses_all = function.reserved_concurrency == Some(0);
        Rules { retries: config.retries, max_age: config.max_age, refuses_all }
    }
}

/// How it went before this attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// When the event was acknowledged.
    pub accepted: SystemTime,
    /// Attempts that ended in a function error.
    pub errors: u32,
    /// Attempts in a row for which there was no room.
    pub throttles: u32,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It has run.
    Done,
    /// It is tried again at `due`, with this history.
    Again {
        /// When.
        due: SystemTime,
        /// The history with this attempt in it.
        history: History,
    },
    /// It is given up.
    GivenUp {
        /// Lambda's word for it in destination records.
        condition: &'static str,
    },
}

/// Decides after an attempt that ended `now`.
#[must_use]
pub fn after(outcome: &Outcome, history: History, rules: Rules, now: SystemTime) -> Next {
    match outcome {
        Outcome::Returned(_) => Next::Done,
        Outcome::Failed(_) if history.errors >= rules.retries => Next::GivenUp { condition: "RetriesExhausted" },
        Outcome::Failed(_) => {
            let index = usize::try_from(history.errors).unwrap_or(usize::MAX).min(AFTER_ERROR.len() - 1);
            again(AFTER_ERROR[index], History { errors: history.errors + 1, throttles: 0, ..history }, rules, now)
        }
        Outcome::Throttled { .. } if rules.refuses_all => Next::GivenUp { condition: "ZeroReservedConcurrency" },
        Outcome::Throttled { .. } | Outcome::Unavailable { .. } => {
            let wait = Duration::from_secs(1 << history.throttles.min(16)).min(AFTER_THROTTLE);
            again(wait, History { throttles: history.throttles.saturating_add(1), ..history }, rules, now)
        }
    }
}

/// Whether an event is too old to be tried `now`.
#[must_use]
pub fn expired(history: History, rules: Rules, now: SystemTime) -> bool {
    now > history.accepted + rules.max_age
}

fn again(wait: Duration, history: History, rules: Rules, now: SystemTime) -> Next {
    let due = now + wait;
    if expired(history, rules, due) {
        Next::GivenUp { condition: "EventAgeExceeded" }
    } else {
        Next::Again { due, history }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::Failure;

    const THROTTLED: Outcome = Outcome::Throttled { reason: "ReservedFunctionConcurrentInvocationLimitExceeded" };

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn failed() -> Outcome {
        Outcome::Failed(Failure { error_type: "E".to_owned(), payload: "{}".into(), timed_out: false })
    }

    fn fresh() -> History {
        History { accepted: at(0), errors: 0, throttles: 0 }
    }

    #[test]
    fn a_function_error_is_retried_after_one_minute_and_after_two() {
        let rules = Rules::default();
        let Next::Again { due, history } = after(&failed(), fresh(), rules, at(5)) else { panic!("no first retry") };
        assert_eq!((due, history.errors), (at(65), 1));
        let Next::Again { due, history } = after(&failed(), history, rules, at(70)) else { panic!("no second retry") };
        assert_eq!((due, history.errors), (at(190), 2));
        assert_eq!(after(&failed(), history, rules, at(200)), Next::GivenUp { condition: "RetriesExhausted" });
    }

    #[test]
    fn a_throttle_waits_a_second_then_twice_as_long_up_to_five_minutes_and_counts_as_no_error() {
        let (mut history, mut now, mut waits) = (fresh(), at(0), Vec::new());
        for _ in 0..11 {
            let Next::Again { due, history: next } = after(&THROTTLED, history, Rules::default(), now) else {
                panic!("given up")
            };
            waits.push(due.duration_since(now).unwrap().as_secs());
            (history, now) = (next, due);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(history.errors, 0);
    }

    #[test]
    fn an_event_is_given_up_at_its_age() {
        let rules = Rules { max_age: Duration::from_secs(60), ..Rules::default() };
        assert_eq!(after(&failed(), fresh(), rules, at(1)), Next::GivenUp { condition: "EventAgeExceeded" });
        assert!(expired(fresh(), rules, at(61)) && !expired(fresh(), rules, at(60)));
    }

    #[test]
    fn where_nothing_may_run_nothing_is_tried_again() {
        let rules = Rules { refuses_all: true, ..Rules::default() };
        assert_eq!(after(&THROTTLED, fresh(), rules, at(0)), Next::GivenUp { condition: "ZeroReservedConcurrency" });
    }

    #[test]
    fn without_retries_the_first_error_is_the_end() {
        let rules = Rules { retries: 0, ..Rules::default() };
        assert_eq!(after(&failed(), fresh(), rules, at(0)), Next::GivenUp { condition: "RetriesExhausted" });
        assert_eq!(after(&Outcome::Returned("null".into()), fresh(), rules, at(0)), Next::Done);
    }
}
