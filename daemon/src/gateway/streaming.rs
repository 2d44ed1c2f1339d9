//! The beginning of what a function streams: waits until the head of the reply is known and not a byte longer.
//!
//! What a prelude is stands in [`crate::apigw::stream`]; what follows it goes to the client as it comes.

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::apigw::stream::{Prelude, Reader, Step, WITH_PRELUDE};
use crate::lambda::{Failure, Invocation, Outcome};
use crate::runtime_api::Chunk;
use crate::worker::{self, Reply, stream_failure};

use super::outgoing::Stream;

/// How a streamed reply begins.
#[derive(Debug)]
pub(super) enum Beginning {
    /// Nothing streams: the function returned, or failed before its first byte.
    Ended(Outcome),
    /// A prelude and what follows it.
    Prelude(Prelude, Stream),
    /// Bytes without a prelude, and their content type.
    Bare(Option<String>, Stream),
}

/// Who asks for a prelude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// An API: every stream begins with one (A11.1).
    Always,
    /// A function URL: a stream that announces one (H7.1).
    WhereAnnounced,
}

/// Invokes a function and waits for the beginning of its answer.
pub(super) async fn begin(worker: &worker::Handle, invocation: Invocation, asks: Asks) -> Beginning {
    match worker.invoke_streaming(invocation).await {
        Reply::Whole(outcome) => Beginning::Ended(outcome),
        Reply::Stream { content_type, chunks } => {
            let announced = content_type.as_deref() == Some(WITH_PRELUDE);
            if announced || asks == Asks::Always {
                with_prelude(chunks).await
            } else {
                bare(content_type, chunks).await
            }
        }
    }
}

async fn with_prelude(mut chunks: mpsc::Receiver<Chunk>) -> Beginning {
    let mut reader = Reader::default();
    loop {
        let step = match chunks.recv().await {
            Some(Chunk::Data(data)) => reader.feed(&data),
            Some(Chunk::Failed { error_type, body }) => return failed(error_type.as_deref(), body),
            None => reader.ended(),
        };
        match step {
            Step::NeedMore => {}
            Step::Begun { prelude, body } => return Beginning::Prelude(prelude, Stream::of_function(body, chunks)),
            Step::NoPrelude { .. } => return Beginning::Ended(Outcome::Failed(no_prelude())),
        }
    }
}

async fn bare(content_type: Option<String>, mut chunks: mpsc::Receiver<Chunk>) -> Beginning {
    match chunks.recv().await {
        Some(Chunk::Data(data)) => Beginning::Bare(content_type, Stream::of_function(data, chunks)),
        Some(Chunk::Failed { error_type, body }) => failed(error_type.as_deref(), body),
        None => Beginning::Bare(content_type, Stream::of_function(Bytes::new(), chunks)),
    }
}

fn failed(error_type: Option<&str>, body: Bytes) -> Beginning {
    Beginning::Ended(Outcome::Failed(stream_failure(error_type, body)))
}

fn no_prelude() -> Failure {
    tracing::warn!("a streamed reply does not begin with a prelude: JSON and eight zero bytes");
    stream_failure(Some("Runtime.InvalidPrelude"), Bytes::new())
}
