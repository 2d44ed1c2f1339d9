//! The way to a function's worker.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot};

use crate::lambda::error::normalise_type;
use crate::lambda::pool::Limits;
use crate::lambda::preload::Preload;
use crate::lambda::{Failure, Invocation, Outcome};
use crate::project::serving;
use crate::runtime_api::Chunk;

use super::Held;

/// A sandbox as it stands.
#[derive(Debug, Clone)]
pub struct SandboxStatus {
    /// Process id, where there is one.
    pub pid: Option<u32>,
    /// `held`, `starting`, `idle`, `busy`, `stopping`.
    pub state: &'static str,
    /// Invocations served.
    pub served: u64,
}

/// A message to a worker.
#[derive(Debug)]
pub enum Message {
    /// Invoke the function.
    Invoke {
        /// With this.
        invocation: Invocation,
        /// Where the answer goes.
        reply: oneshot::Sender<Reply>,
    },
    /// Have so many sandboxes ready.
    Warm {
        /// How many.
        count: u32,
        /// Told when the first of them is ready, or why it is not.
        ready: oneshot::Sender<Result<(), String>>,
    },
    /// Have one sandbox started after an edit; it has the machine for itself for a moment.
    Pace,
    /// Other limits hold from now on.
    Limit(Limits),
    /// A newer version takes over: give it what it can use.
    HandOver {
        /// Where it goes.
        reply: oneshot::Sender<Handover>,
    },
    /// Whatever is still asked of this version goes to its successor.
    Retire {
        /// The newer version.
        successor: Handle,
    },
    /// Tell how it stands.
    Status {
        /// Where it goes.
        reply: oneshot::Sender<(Vec<SandboxStatus>, usize)>,
    },
}

/// What a version leaves to the one that comes after it.
#[derive(Debug, Default)]
pub struct Handover {
    /// The sandbox that waits at the gate.
    pub held: Option<Held>,
    /// What such a sandbox loads while it waits.
    pub preload: Preload,
    /// Whether it had any sandbox.
    pub in_use: bool,
    /// Invocations that no sandbox has begun: the newest version serves them.
    pub waiting: Vec<Waiting>,
}

/// An invocation that waits, and where its answer goes.
pub type Waiting = (Invocation, oneshot::Sender<Reply>);

/// The answer to an invocation.
#[derive(Debug)]
pub enum Reply {
    /// It has ended.
    Whole(Outcome),
    /// It streams; the channel's end is the stream's end.
    Stream {
        /// The stream's content type, when the runtime gave one.
        content_type: Option<String>,
        /// The stream.
        chunks: mpsc::Receiver<Chunk>,
    },
}

/// A handle to a worker; when the last one is dropped the worker finishes what is in flight and ends.
#[derive(Debug, Clone)]
pub struct Handle {
    mailbox: mpsc::Sender<Message>,
    debugged: bool,
}

impl Handle {
    /// Whether the other one leads to the same worker.
    #[must_use]
    pub fn is(&self, other: &Handle) -> bool {
        self.mailbox.same_channel(&other.mailbox)
    }

    /// A handle that sends to `mailbox`.
    #[must_use]
    pub fn new(mailbox: mpsc::Sender<Message>) -> Handle {
        Handle { mailbox, debugged: false }
    }

    /// The handle of a function that may be debugged.
    #[must_use]
    pub(super) fn debugged(self, debugged: bool) -> Handle {
        Handle { debugged, ..self }
    }

    /// How long one who would wait for `limit` should wait: who debugs a function takes longer.
    #[must_use]
    pub fn patience(&self, limit: Duration) -> Duration {
        if self.debugged { limit.max(serving::DEBUGGED) } else { limit }
    }

    /// Invokes the function and waits for its end; a streamed answer is gathered (F3.5). A caller that goes away does
    /// not cancel the invocation.
    pub async fn invoke(&self, invocation: Invocation) -> Outcome {
        match self.invoke_streaming(invocation).await {
            Reply::Whole(outcome) => outcome,
            Reply::Stream { chunks, .. } => gather(chunks).await,
        }
    }

    /// Invokes the function and waits for the first byte of its answer.
    pub async fn invoke_streaming(&self, invocation: Invocation) -> Reply {
        let (reply, answer) = oneshot::channel();
        match self.mailbox.try_send(Message::Invoke { invocation, reply }) {
            Ok(()) => answer.await.unwrap_or_else(|_| Reply::Whole(stopping())),
            Err(mpsc::error::TrySendError::Full(_)) => {
                Reply::Whole(Outcome::Throttled { reason: "ConcurrentInvocationLimitExceeded" })
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Reply::Whole(stopping()),
        }
    }

    /// Has `count` sandboxes started; returns when the first is ready. Who waits does not keep the worker from ending.
    ///
    /// # Errors
    /// Why INIT failed.
    pub async fn warm(self, count: u32) -> Result<(), String> {
        let (ready, outcome) = oneshot::channel();
        if self.mailbox.send(Message::Warm { count, ready }).await.is_err() {
            return Err("the daemon is stopping".to_owned());
        }
        drop(self);
        outcome.await.unwrap_or_else(|_| Err("the worker was replaced before it was ready".to_owned()))
    }

    /// Has a sandbox started, without waiting.
    pub fn begin_warm(&self) {
        if self.mailbox.try_send(Message::Pace).is_err() {
            tracing::debug!("a worker was too busy to be warmed");
        }
    }

    /// Has other limits hold for it from now on.
    pub async fn limit(&self, limits: Limits) {
        if self.mailbox.send(Message::Limit(limits)).await.is_err() {
            tracing::debug!("a worker ended before it heard of its new limits");
        }
    }

    /// Takes what the version after this one can use. What is still starting here is stopped.
    pub async fn hand_over(&self) -> Handover {
        let (reply, handover) = oneshot::channel();
        match self.mailbox.send(Message::HandOver { reply }).await {
            Ok(()) => handover.await.unwrap_or_default(),
            Err(_) => Handover::default(),
        }
    }

    /// Sends whatever is still asked of this version to `successor`.
    pub fn retire(&self, successor: Handle) {
        // Where the mailbox is full this version serves those in it, as it would have without an edit.
        if self.mailbox.try_send(Message::Retire { successor }).is_err() {
            tracing::debug!("a worker was too busy to be retired");
        }
    }

    /// Serves invocations that waited at the version before this one.
    pub fn adopt(&self, waiting: Vec<Waiting>) {
        for (invocation, reply) in waiting {
            self.forward(invocation, reply);
        }
    }

    /// Answers, in the place of an older version, one who waits for a sandbox to be ready.
    pub(super) fn forward_ready(&self, ready: oneshot::Sender<Result<(), String>>) {
        // Where the mailbox is full the sender is dropped, and who waits learns that the worker was replaced.
        if self.mailbox.try_send(Message::Warm { count: 1, ready }).is_err() {
            tracing::debug!("a worker was too busy to tell when it is ready");
        }
    }

    /// Takes an invocation over from another worker.
    pub(super) fn forward(&self, invocation: Invocation, reply: oneshot::Sender<Reply>) {
        if let Err(mpsc::error::TrySendError::Full(message) | mpsc::error::TrySendError::Closed(message)) =
            self.mailbox.try_send(Message::Invoke { invocation, reply })
            && let Message::Invoke { reply, .. } = message
        {
            let reason = "ConcurrentInvocationLimitExceeded";
            drop(reply.send(Reply::Whole(Outcome::Throttled { reason })));
        }
    }

    /// Its sandboxes, and how many invocations wait.
    pub async fn status(&self) -> (Vec<SandboxStatus>, usize) {
        let (reply, status) = oneshot::channel();
        match self.mailbox.send(Message::Status { reply }).await {
            Ok(()) => status.await.unwrap_or_default(),
            Err(_) => Default::default(),
        }
    }
}

fn stopping() -> Outcome {
    Outcome::Unavailable { reason: "the daemon is stopping".to_owned() }
}

/// A stream as one payload.
async fn gather(mut chunks: mpsc::Receiver<Chunk>) -> Outcome {
    let mut all = BytesMut::new();
    while let Some(chunk) = chunks.recv().await {
        match chunk {
            Chunk::Data(data) => all.extend_from_slice(&data),
            Chunk::Failed { error_type, body } => return Outcome::Failed(stream_failure(error_type.as_deref(), body)),
        }
    }
    Outcome::Returned(all.freeze())
}

/// The failure that ended a stream.
#[must_use]
pub fn stream_failure(error_type: Option<&str>, payload: Bytes) -> Failure {
    Failure { error_type: normalise_type(error_type), payload, timed_out: false }
}
