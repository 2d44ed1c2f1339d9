//! The life of one sandbox, as its runtime sees it through the Runtime API.
//!
//! ```text
//!  Held ──release──▶ Init ──next──▶ Ready ──assign──▶ Running ──response|error──▶ Answered
//!                     │               ▲                                              │
//!                     └─init error──▶ Failed                └───────────next─────────┘
//! ```
//! It takes events and says what they mean; it holds no process, no socket and no clock. The one who owns the sandbox
//! acts on the answers.

/// Where a sandbox is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Its runtime is there but has not been told to load the function.
    Held,
    /// The function is being loaded.
    Init,
    /// The runtime waits for an invocation.
    Ready,
    /// The runtime works on one.
    Running {
        /// Its id.
        request_id: String,
    },
    /// The runtime has answered and has not yet asked for the next one.
    Answered,
    /// The runtime said that it cannot be used.
    Failed,
}

impl State {
    /// The state's name in the Runtime API's messages.
    fn api_name(&self) -> &'static str {
        match self {
            State::Held | State::Init => "Started",
            State::Ready => "Ready",
            State::Running { .. } => "Running",
            State::Answered => "InvocationResponse",
            State::Failed => "InitError",
        }
    }
}

/// Why a call of the runtime is refused (F1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Unknown, stale or already answered id.
    #[error("Invalid request ID")]
    InvalidRequestId,
    /// The call does not fit the state.
    #[error("State transition from {from} to {to} failed for runtime. Error: State transition is not allowed")]
    InvalidStateTransition {
        /// The state's name.
        from: &'static str,
        /// The state asked for.
        to: &'static str,
    },
}

/// The state machine.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    state: State,
    served: u64,
}

impl Lifecycle {
    /// A sandbox whose runtime waits at the gate.
    #[must_use]
    pub fn held() -> Lifecycle {
        Lifecycle { state: State::Held, served: 0 }
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Invocations answered.
    #[must_use]
    pub fn served(&self) -> u64 {
        self.served
    }

    /// INIT may begin.
    pub fn release(&mut self) {
        if self.state == State::Held {
            self.state = State::Init;
        }
    }

    /// The runtime asks for an invocation: ready, from now on. Asking again while it waits takes the place of the
    /// first call, since a client that lost its connection cannot know better.
    ///
    /// # Errors
    /// [`Refusal::InvalidStateTransition`] while an invocation is not answered, or after an init error.
    pub fn next_asked(&mut self) -> Result<(), Refusal> {
        match self.state {
            State::Held | State::Init | State::Ready | State::Answered => {
                self.state = State::Ready;
                Ok(())
            }
            State::Running { .. } | State::Failed => Err(self.refuse("Ready")),
        }
    }

    /// An invocation is handed to the runtime. False when it is not waiting for one.
    pub fn assign(&mut self, request_id: &str) -> bool {
        let ready = self.state == State::Ready;
        if ready {
            self.state = State::Running { request_id: request_id.to_owned() };
        }
        ready
    }

    /// The runtime answers an invocation, well or with an error.
    ///
    /// # Errors
    /// [`Refusal::InvalidRequestId`] for any id but the running one's; a state refusal where nothing ever ran.
    pub fn answer(&mut self, request_id: &str) -> Result<(), Refusal> {
        match &self.state {
            State::Running { request_id: running } if running == request_id => {
                self.state = State::Answered;
                self.served += 1;
                Ok(())
            }
            State::Running { .. } | State::Answered | State::Ready => Err(Refusal::InvalidRequestId),
            State::Held | State::Init | State::Failed => Err(self.refuse("InvocationResponse")),
        }
    }

    /// Whether `request_id` is the running one; a streamed answer is checked before its body is read.
    ///
    /// # Errors
    /// As [`Lifecycle::answer`].
    pub fn check(&self, request_id: &str) -> Result<(), Refusal> {
        self.clone().answer(request_id)
    }

    /// The runtime reports that INIT failed.
    ///
    /// # Errors
    /// [`Refusal::InvalidStateTransition`] after INIT.
    pub fn init_error(&mut self) -> Result<(), Refusal> {
        match self.state {
            State::Held | State::Init => {
                self.state = State::Failed;
                Ok(())
            }
            State::Ready | State::Running { .. } | State::Answered | State::Failed => Err(self.refuse("InitError")),
        }
    }

    fn refuse(&self, to: &'static str) -> Refusal {
        Refusal::InvalidStateTransition { from: self.state.api_name(), to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Lifecycle {
        let mut life = Lifecycle::held();
        life.release();
        life.next_asked().unwrap();
        assert!(life.assign("a"));
        life
    }

    #[test]
    fn ready_means_the_first_next() {
        let mut life = Lifecycle::held();
        assert!(!life.assign("a"));
        life.release();
        assert_eq!(*life.state(), State::Init);
        life.next_asked().unwrap();
        assert!(life.assign("a"));
    }

    #[test]
    fn a_second_next_without_an_answer_is_refused() {
        let refusal = running().next_asked().unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "State transition from Running to Ready failed for runtime. Error: State transition is not allowed"
        );
    }

    #[test]
    fn an_id_is_answered_once() {
        let mut life = running();
        assert_eq!(life.answer("b"), Err(Refusal::InvalidRequestId));
        life.answer("a").unwrap();
        assert_eq!(life.answer("a"), Err(Refusal::InvalidRequestId));
        assert_eq!(life.served(), 1);
        life.next_asked().unwrap();
        assert_eq!(*life.state(), State::Ready);
    }

    #[test]
    fn an_init_error_comes_only_during_init() {
        assert!(running().init_error().is_err());
        let mut life = Lifecycle::held();
        life.release();
        life.init_error().unwrap();
        assert!(life.next_asked().is_err());
    }
}
