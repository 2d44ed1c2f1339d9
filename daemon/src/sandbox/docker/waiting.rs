//! Where the containers of one function wait: as far inside as they are seen to wait.
//!
//! A container that waits in its interpreter has only the function's own code left to load. Whether an image's
//! interpreter comes to the gate at all is known when one of them has said so; until then no waiting container is used,
//! since it may have loaded the function's code already.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::project::function::{Function, Package, Runtime};

use super::gate::Where;

/// An interpreter that has not come to the gate in this time never does.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Names a program of the function's that runs before the interpreter (F5.5).
const EXEC_WRAPPER: &str = "AWS_LAMBDA_EXEC_WRAPPER";

/// What is known of where containers wait.
#[derive(Debug)]
pub(super) struct Waiting {
    wanted: Where,
    seen: AtomicBool,
    given_up: AtomicBool,
}

impl Waiting {
    /// For containers of a function.
    #[must_use]
    pub(super) fn of(function: &Function) -> Waiting {
        Waiting { wanted: wanted(function), seen: AtomicBool::new(false), given_up: AtomicBool::new(false) }
    }

    /// Where the next container is to wait.
    #[must_use]
    pub(super) fn place(&self) -> Where {
        if self.given_up.load(Ordering::Relaxed) { Where::Program } else { self.wanted }
    }

    /// Whether a container that was started `since` ago and has, or has not, said so waits in its interpreter.
    pub(super) fn is_certain(&self, has_arrived: bool, since: Duration) -> bool {
        if has_arrived {
            self.seen.store(true, Ordering::Relaxed);
        } else if !self.seen.load(Ordering::Relaxed) && since > PATIENCE {
            self.given_up.store(true, Ordering::Relaxed);
        }
        self.seen.load(Ordering::Relaxed)
    }
}

/// A wrapper is the function's own code, so with one the gate stands before it.
fn wanted(function: &Function) -> Where {
    match &function.package {
        _ if function.environment.0.contains_key(EXEC_WRAPPER) => Where::Program,
        Package::Zip { runtime: Runtime::Python { .. }, .. } => Where::Python,
        Package::Zip { runtime: Runtime::Node { .. }, .. } => Where::Node,
        Package::Zip { .. } | Package::Image { .. } => Where::Program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::testing;

    #[test]
    fn an_interpreter_that_never_comes_to_the_gate_is_held_before_it_starts() {
        let waiting = Waiting::of(&testing::function());
        assert_eq!(waiting.place(), Where::Python);
        assert!(!waiting.is_certain(false, Duration::from_secs(1)));
        assert_eq!(waiting.place(), Where::Python);
        assert!(!waiting.is_certain(false, PATIENCE * 2));
        assert_eq!(waiting.place(), Where::Program);
    }

    #[test]
    fn what_one_container_has_shown_holds_for_all() {
        let waiting = Waiting::of(&testing::function());
        assert!(waiting.is_certain(true, Duration::ZERO));
        assert!(waiting.is_certain(false, PATIENCE * 2));
        assert_eq!(waiting.place(), Where::Python);
    }

    #[test]
    fn a_wrapper_is_not_run_before_the_gate_opens() {
        let mut function = testing::function();
        function.environment.0.insert(EXEC_WRAPPER.to_owned(), "/opt/wrapper".to_owned());
        assert_eq!(Waiting::of(&function).place(), Where::Program);
    }
}
