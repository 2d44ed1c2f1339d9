//! A client's body on its way to an HTTP server behind an API, piece by piece.
//!
//! Holds the gateway's bounds while it passes: what is over 10 MB or stops coming ends it. Who waits for the server's
//! answer is told how far the body is; what the client is answered is not decided here.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep};

use super::intake::{BODY_PATIENCE, BodyProblem, MOST_BODY};

/// How far a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Something may still come.
    Coming,
    /// All of it has passed.
    Passed,
    /// It ended before its end.
    Failed(BodyProblem),
}

/// The body as the server's client reads it.
pub(crate) struct Upload {
    body: Incoming,
    left: usize,
    patience: Pin<Box<Sleep>>,
    tell: watch::Sender<Progress>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("left", &self.left)
            .field("progress", &*self.tell.borrow())
            .finish_non_exhaustive()
    }
}

impl Upload {
    /// A body that passes, and who is told how far it is.
    pub(super) fn new(body: Incoming) -> (Upload, watch::Receiver<Progress>) {
        let (tell, told) = watch::channel(Progress::Coming);
        (Upload { body, left: MOST_BODY, patience: Box::pin(sleep(BODY_PATIENCE)), tell }, told)
    }

    fn failed<T>(&self, problem: BodyProblem) -> Poll<Option<Result<T, BodyProblem>>> {
        self.tell.send_replace(Progress::Failed(problem));
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
            ready!(self.patience.as_mut().poll(context));
            return self.failed(BodyProblem::Late);
        };
        let frame = match next {
            Some(Ok(frame)) => frame,
            Some(Err(_)) => return self.failed(BodyProblem::Broken),
            None => {
                self.tell.send_replace(Progress::Passed);
                return Poll::Ready(None);
            }
        };
        self.patience.as_mut().reset(Instant::now() + BODY_PATIENCE);
        match self.left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(left) => self.left = left,
            None => return self.failed(BodyProblem::TooLarge),
        }
        if self.body.is_end_stream() {
            self.tell.send_replace(Progress::Passed);
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
