//! A room in which invocations wait for a function that cannot run yet, since something that it needs is on its way.
//!
//! It takes whatever a worker takes and starts nothing. The worker that comes after it takes over who waits, as from any
//! version before it; where none can come, a room that refuses does.

use tokio::sync::{mpsc, oneshot};

use crate::lambda::Outcome;
use crate::shutdown::Phase;

use super::handle::{Handle, Handover, Message, Reply, Waiting};

/// Who may wait; more are throttled.
const MOST_WAITING: usize = 1_024;

/// A room in which invocations wait until a worker takes them over.
#[must_use]
pub fn waiting(tasks: &Phase) -> Handle {
    open(tasks, Room::Waits { invocations: Vec::new(), ready: Vec::new() })
}

/// A room that answers everyone with the reason why the function cannot run.
#[must_use]
pub fn refusing(tasks: &Phase, reason: String) -> Handle {
    open(tasks, Room::Refuses(reason))
}

fn open(tasks: &Phase, mut room: Room) -> Handle {
    let (mailbox, mut messages) = mpsc::channel(MOST_WAITING);
    tasks.spawn("a waiting room", async move {
        while let Some(message) = messages.recv().await {
            room = room.hear(message);
        }
        // Nobody can be let in any more: the project was stopped, or the function is gone.
        room.close();
    });
    Handle::new(mailbox)
}

enum Room {
    Waits { invocations: Vec<Waiting>, ready: Vec<oneshot::Sender<Result<(), String>>> },
    LeadsTo(Handle),
    Refuses(String),
}

impl Room {
    fn hear(mut self, message: Message) -> Room {
        match message {
            Message::Invoke { invocation, reply } => self.invoke((invocation, reply)),
            Message::Warm { ready, .. } => self.warm(ready),
            // There is nothing to start, and nothing that could be limited.
            Message::Pace | Message::Limit(_) => {}
            Message::HandOver { reply } => {
                let handover = Handover { waiting: self.invocations(), ..Handover::default() };
                // A supervisor that is gone has nobody to serve them with.
                drop(reply.send(handover));
            }
            Message::Retire { successor } => return self.lead_to(successor),
            Message::Status { reply } => drop(reply.send((Vec::new(), self.count()))),
        }
        self
    }

    fn invoke(&mut self, (invocation, reply): Waiting) {
        match self {
            Room::Waits { invocations, .. } if invocations.len() < MOST_WAITING => {
                invocations.push((invocation, reply));
            }
            Room::Waits { .. } => {
                let reason = "ConcurrentInvocationLimitExceeded";
                drop(reply.send(Reply::Whole(Outcome::Throttled { reason })));
            }
            Room::LeadsTo(worker) => worker.forward(invocation, reply),
            Room::Refuses(reason) => refuse(reply, reason.clone()),
        }
    }

    fn warm(&mut self, asked: oneshot::Sender<Result<(), String>>) {
        match self {
            Room::Waits { ready, .. } => ready.push(asked),
            Room::LeadsTo(worker) => worker.forward_ready(asked),
            // Who asked may have gone.
            Room::Refuses(reason) => drop(asked.send(Err(reason.clone()))),
        }
    }

    fn invocations(&mut self) -> Vec<Waiting> {
        match self {
            Room::Waits { invocations, .. } => std::mem::take(invocations),
            Room::LeadsTo(_) | Room::Refuses(_) => Vec::new(),
        }
    }

    fn count(&self) -> usize {
        match self {
            Room::Waits { invocations, .. } => invocations.len(),
            Room::LeadsTo(_) | Room::Refuses(_) => 0,
        }
    }

    fn lead_to(self, successor: Handle) -> Room {
        if let Room::Waits { invocations, ready } = self {
            successor.adopt(invocations);
            ready.into_iter().for_each(|ready| successor.forward_ready(ready));
        }
        Room::LeadsTo(successor)
    }

    fn close(mut self) {
        let reason = "what it waited for did not come before it was stopped";
        self.invocations().into_iter().for_each(|(_, reply)| refuse(reply, reason.to_owned()));
    }
}

/// A client that hung up does not miss it.
fn refuse(reply: oneshot::Sender<Reply>, reason: String) {
    drop(reply.send(Reply::Whole(Outcome::Unavailable { reason })));
}
