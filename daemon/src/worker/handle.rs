//! The way to a function's worker.

use tokio::sync::{mpsc, oneshot};

use crate::lambda::{Invocation, Outcome};

/// A message to a worker.
#[derive(Debug)]
pub struct Message {
    /// What to do.
    pub invocation: Invocation,
    /// Where the outcome goes.
    pub reply: oneshot::Sender<Outcome>,
}

/// A handle to a worker; when the last one is dropped the worker finishes what is in flight and ends.
#[derive(Debug, Clone)]
pub struct Handle {
    mailbox: mpsc::Sender<Message>,
}

impl Handle {
    /// A handle that sends to `mailbox`.
    #[must_use]
    pub fn new(mailbox: mpsc::Sender<Message>) -> Handle {
        Handle { mailbox }
    }

    /// Invokes the function. A caller that goes away does not cancel the invocation.
    pub async fn invoke(&self, invocation: Invocation) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        if self.mailbox.try_send(Message { invocation, reply }).is_err() {
            return Outcome::Throttled { reason: "ConcurrentInvocationLimitExceeded" };
        }
        outcome.await.unwrap_or_else(|_| Outcome::Unavailable { reason: "the daemon is stopping".to_owned() })
    }
}
