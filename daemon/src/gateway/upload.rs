//! A client's body on its way to an HTTP server behind an API, piece by piece.
//!
//! Holds the gateway's bounds while it passes: what is over 10 MB or stops coming ends it. Who waits for the server's
//! answer is told whose turn it is; what the client is answered is not decided here.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::intake::{BODY_PATIENCE, BodyProblem, MOST_BODY};

/// Who keeps the body, and with it the answer, waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The server: it has more to read, or all of it to answer.
    Server,
    /// The client: the server has read what came.
    Client,
    /// Nobody: the body ended before its end.
    Failed(BodyProblem),
}

/// Returns when the server has kept others waiting for `patience` at one go. Time that it waits for the client is not its own.
pub(super) async fn server_is_late(mut turn: watch::Receiver<Turn>, patience: Duration) {
    loop {
        let whose = *turn.borrow_and_update();
        let next = turn.changed();
        let gone = if whose == Turn::Client {
            next.await.is_err()
        } else {
            match timeout(patience, next).await {
                Ok(next) => next.is_err(),
                Err(_) => return,
            }
        };
        // The body is no more read: what is left is the answer.
        if gone {
            return sleep(patience).await;
        }
    }
}

/// The body as the server's client reads it.
pub(crate) struct Upload {
    body: Incoming,
    left: usize,
    patience: Pin<Box<Sleep>>,
    turn: watch::Sender<Turn>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("left", &self.left).field("turn", &*self.turn.borrow()).finish_non_exhaustive()
    }
}

impl Upload {
    /// A body that passes, and who keeps it waiting.
    pub(super) fn new(body: Incoming) -> (Upload, watch::Receiver<Turn>) {
        let (turn, told) = watch::channel(Turn::Server);
        (Upload { body, left: MOST_BODY, patience: Box::pin(sleep(BODY_PATIENCE)), turn }, told)
    }

    /// Nothing has come yet; the client's time begins when the server asks.
    fn waits(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if *self.turn.borrow() != Turn::Client {
            self.patience.as_mut().reset(Instant::now() + BODY_PATIENCE);
            self.turn.send_replace(Turn::Client);
        }
        self.patience.as_mut().poll(context)
    }

    fn failed<T>(&self, problem: BodyProblem) -> Poll<Option<Result<T, BodyProblem>>> {
        self.turn.send_replace(Turn::Failed(problem));
        Poll::Ready(Some(Err(problem)))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BodyProblem;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyProblem>>> {
        let Poll::Ready(next) = Pin::new(&mut self.body).poll_frame(context) else {
            ready!(self.waits(context));
            return self.failed(BodyProblem::Late);
        };
        let frame = match next {
            Some(Ok(frame)) => frame,
            Some(Err(_)) => return self.failed(BodyProblem::Broken),
            None => {
                self.turn.send_replace(Turn::Server);
                return Poll::Ready(None);
            }
        };
        self.turn.send_replace(Turn::Server);
        match self.left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(left) => self.left = left,
            None => return self.failed(BodyProblem::TooLarge),
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    async fn late_after(turns: &[(u64, Turn)]) -> Duration {
        let (turn, told) = watch::channel(Turn::Server);
        let began = Instant::now();
        let late = tokio::spawn(async move {
            server_is_late(told, PATIENCE).await;
            Instant::now()
        });
        for (seconds, next) in turns {
            tokio::time::sleep_until(began + Duration::from_secs(*seconds)).await;
            turn.send_replace(*next);
        }
        late.await.unwrap() - began
    }

    #[tokio::test(start_paused = true)]
    async fn a_servers_time_is_what_it_keeps_others_waiting_at_one_go() {
        assert_eq!(late_after(&[]).await, PATIENCE, "it never reads");
        let reads = [(10, Turn::Client), (100, Turn::Server), (120, Turn::Server)];
        assert_eq!(late_after(&reads).await, Duration::from_secs(150), "the client's time is not its own");
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_no_further_may_still_answer_in_his_time() {
        let (turn, told) = watch::channel(Turn::Client);
        let began = Instant::now();
        drop(turn);
        server_is_late(told, PATIENCE).await;
        assert_eq!(began.elapsed(), PATIENCE);
    }
}
