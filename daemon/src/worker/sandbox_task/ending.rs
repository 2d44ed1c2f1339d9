//! How a sandbox ends: whoever waits is answered, extensions are told and have their time (G1.8), then all is killed.

use std::time::{Duration, Instant};

use crate::lambda::error::{self, Exit};
use crate::lambda::extension::ShutdownReason;
use crate::lambda::lifecycle::State;
use crate::lambda::{Failure, Outcome};
use crate::sandbox::{Happening, StartError};

use super::{Cause, End, Event, InitFailure, Order, Task, deadline_ms};

/// How long the connections of a runtime that has ended may take to deliver what it last said.
const LAST_WORDS: Duration = Duration::from_millis(250);
/// How long, where extensions keep connections of their own.
const LAST_WORDS_BESIDE_EXTENSIONS: Duration = Duration::from_millis(50);

impl Task {
    /// A runtime that answered and exited at once may have its last call still on the way.
    pub(super) async fn last_words(&mut self) -> Option<End> {
        let patience = if self.extensions.is_empty() {
            self.api.close();
            LAST_WORDS
        } else {
            LAST_WORDS_BESIDE_EXTENSIONS
        };
        let until = tokio::time::Instant::now() + patience;
        while let Ok(Some(call)) = tokio::time::timeout_at(until, self.api.calls.recv()).await {
            if let Some(end) = self.call(call) {
                return Some(end);
            }
        }
        None
    }

    pub(super) async fn finish(mut self, end: End) {
        self.measure(Instant::now());
        let reason = reason(&end);
        let attended = !self.extensions.budget().0.is_zero();
        match (attended, reason) {
            (false, _) => self.sandbox.kill(),
            (true, ShutdownReason::Spindown) => {}
            (true, ShutdownReason::Timeout | ShutdownReason::Failure) => self.sandbox.end_runtime(true),
        }
        self.take_rest();
        let cause = self.cause(end);
        self.printing = None;
        if attended {
            // The next one starts while this one's extensions have their time.
            self.tell_gone(cause.clone());
            self.shut_down(reason).await;
            self.sandbox.kill();
        }
        self.sandbox.wait().await;
        self.sandbox.sweep().await;
        self.take_rest();
        if !attended {
            self.tell_gone(cause);
        }
    }

    /// What was assigned to it while it ended goes back: another one serves it.
    fn tell_gone(&mut self, cause: Cause) {
        self.orders.close();
        let left = std::iter::from_fn(|| self.orders.try_recv().ok());
        let unserved = left.filter_map(|order| match order {
            Order::Assign(invocation, reply) => Some((invocation, reply)),
            Order::Stop => None,
        });
        let gone = Event::Gone(self.context.id, cause, unserved.collect());
        // Without an actor there is nobody to serve it.
        drop(self.context.events.send(gone));
    }

    async fn shut_down(&mut self, reason: ShutdownReason) {
        let (budget, runtimes) = self.extensions.budget();
        let began = Instant::now();
        self.thaw().await;
        self.shutdown = Some((deadline_ms(budget), reason));
        if reason == ShutdownReason::Spindown {
            self.sandbox.end_runtime(false);
            self.attend(began + runtimes, |task| task.runtime_ended).await;
            self.sandbox.end_runtime(true);
        }
        // Who is told of the end may leave at once, so it hears of everything else before.
        self.scribe.flush(runtimes).await;
        self.tell_of_shutdown();
        self.attend(began + budget, |task| !task.extensions.await_shutdown()).await;
    }

    /// Goes on serving until it is `done` or too late.
    async fn attend(&mut self, until: Instant, done: impl Fn(&Task) -> bool) {
        while !done(self) {
            tokio::select! {
                biased;
                happening = self.sandbox.happening() => match happening {
                    Happening::Exit(_) => self.runtime_ended = true,
                    // During a shutdown no end is the end of something else.
                    Happening::Extension(notice) => drop(self.noticed(notice)),
                },
                Some(call) = self.api.calls.recv() => drop(self.call(call)),
                () = self.output.readable() => self.take_output(),
                () = self.extension_output.readable() => self.take_extension_output(),
                () = tokio::time::sleep_until(until.into()) => return,
            }
        }
    }

    fn cause(&mut self, end: End) -> Cause {
        let in_init = !self.init_done;
        if in_init && let Some(error_type) = init_error(&end) {
            self.scribe.init_failed(self.began.elapsed(), error_type);
        }
        match end {
            End::InitError(failure) => Cause::Failed(InitFailure::Reported(failure)),
            End::InitTimedOut => Cause::Failed(InitFailure::TimedOut),
            End::Exit(exit) if in_init => Cause::Failed(InitFailure::Exited(exit)),
            End::Extension(problem) if in_init => Cause::Failed(InitFailure::NotStarted(problem)),
            End::Exit(exit) => {
                self.end_current(|id| error::exited(id, exit));
                Cause::Ended
            }
            End::Extension(StartError { error_type, reason }) => {
                self.scribe.note(&reason);
                self.end_current(|id| error::not_started(id, error_type, &reason));
                Cause::Ended
            }
            End::TimedOut => {
                let timeout = self.context.function.timeout;
                self.end_current(|id| error::timed_out(id, timeout));
                Cause::Ended
            }
            End::Stopped => {
                self.end_current(|id| error::not_started(id, "Sandbox.Failure", "the sandbox was stopped"));
                Cause::Ended
            }
        }
    }

    fn end_current(&mut self, failure: impl FnOnce(&str) -> Failure) {
        if let Some(current) = self.streaming.take() {
            let failure = failure(&current.request_id);
            self.has_ended(current, 0, Some((failure.error_type, failure.timed_out)));
        } else if let Some(ended) = &mut self.ended {
            // Its caller has the answer already; what an extension did wrong afterwards stands in the log.
            if !self.extensions.are_idle() {
                let failure = failure(&ended.request_id);
                ended.timed_out = failure.timed_out;
                ended.error_type.get_or_insert(failure.error_type);
            }
        } else if let Some(current) = &self.current {
            let failure = failure(&current.request_id);
            self.complete(Outcome::Failed(failure));
        }
        if let Some(mut ended) = self.ended.take() {
            if !std::mem::replace(&mut ended.told, true) {
                self.runtime_done(&ended);
            }
            self.log_end(ended);
        }
    }
}

fn reason(end: &End) -> ShutdownReason {
    match end {
        End::Stopped => ShutdownReason::Spindown,
        End::TimedOut | End::InitTimedOut => ShutdownReason::Timeout,
        End::Exit(_) | End::InitError(_) | End::Extension(_) => ShutdownReason::Failure,
    }
}

fn init_error(end: &End) -> Option<&str> {
    match end {
        End::InitError(failure) => Some(&failure.error_type),
        End::InitTimedOut => Some("Sandbox.Timedout"),
        End::Exit(Exit::OutOfMemory) => Some("Runtime.OutOfMemory"),
        End::Exit(Exit::Status(_) | Exit::Signal(_)) => Some("Runtime.ExitError"),
        End::Extension(problem) => Some(problem.error_type),
        End::TimedOut | End::Stopped => None,
    }
}

/// Whether a runtime in this state has been handed something.
pub(super) fn is_working(state: &State) -> bool {
    matches!(state, State::Running { .. } | State::Init)
}
