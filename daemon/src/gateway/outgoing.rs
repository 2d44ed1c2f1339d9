//! What leaves the gateway: a reply whole, or its head and a body that still comes.
//!
//! Never decides what a reply says; that is [`crate::apigw`]'s. A stream that fails in its middle ends as an error, which
//! cuts the connection: the client must not take half a body for a whole one (H7.3).

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, Version, header, request};
use http_body_util::Full;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::sync::mpsc;

use crate::apigw::Reply;
use crate::runtime_api::Chunk;

use super::connections::Serving;
use super::wire::{OutgoingHead, SharedHeads};

/// An answer on its way to the client.
#[derive(Debug)]
pub(super) struct Answer {
    /// The head, and the body where nothing streams.
    pub(super) reply: Reply,
    /// The body that still comes.
    pub(super) stream: Option<Stream>,
}

impl Answer {
    /// A head and a body that follows it.
    pub(super) fn streaming(status: u16, headers: Vec<(String, String)>, stream: Stream) -> Answer {
        Answer { reply: Reply { status, headers, body: Bytes::new() }, stream: Some(stream) }
    }

    /// The answer, which counts as being served until its stream has ended.
    pub(super) fn while_serving(mut self, serving: Serving) -> Answer {
        if let Some(stream) = &mut self.stream {
            stream.serving = Some(serving);
        }
        self
    }

    /// The answer with another head.
    pub(super) fn map(self, change: impl FnOnce(Reply) -> Reply) -> Answer {
        Answer { reply: change(self.reply), ..self }
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        Answer { reply, stream: None }
    }
}

/// A body that comes piece by piece.
#[derive(Debug)]
pub struct Stream {
    first: Option<Bytes>,
    rest: Source,
    /// Held until the stream is dropped.
    serving: Option<Serving>,
}

#[derive(Debug)]
enum Source {
    Function(mpsc::Receiver<Chunk>),
    Upstream(Incoming),
}

impl Stream {
    /// What came behind the head already, and what the function still writes.
    pub(super) fn of_function(first: Bytes, rest: mpsc::Receiver<Chunk>) -> Stream {
        Stream { first: Some(first).filter(|bytes| !bytes.is_empty()), rest: Source::Function(rest), serving: None }
    }

    /// The body of an HTTP server's answer.
    pub(super) fn of_upstream(body: Incoming) -> Stream {
        Stream { first: None, rest: Source::Upstream(body), serving: None }
    }
}

/// A body for hyper; one that is whole costs no more than it did.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Whole(Full<Bytes>),
    /// It still comes.
    Streaming(Stream),
}

/// A stream that broke off.
#[derive(Debug, thiserror::Error)]
#[error("the body broke off: {0}")]
pub struct Broken(String);

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Body::Whole(full) => Pin::new(full).poll_frame(cx).map_err(|never| match never {}),
            Body::Streaming(stream) => stream.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Whole(full) => full.is_end_stream(),
            Body::Streaming(Stream { first: None, rest: Source::Upstream(body), .. }) => body.is_end_stream(),
            Body::Streaming(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(full) => full.size_hint(),
            Body::Streaming(Stream { first: None, rest: Source::Upstream(body), .. }) => body.size_hint(),
            Body::Streaming(_) => SizeHint::default(),
        }
    }
}

impl Stream {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        match &mut self.rest {
            Source::Function(chunks) => chunks.poll_recv(cx).map(|chunk| match chunk? {
                Chunk::Data(data) => Some(Ok(Frame::data(data))),
                Chunk::Failed { error_type, .. } => Some(Err(Broken(error_type.unwrap_or_default()))),
            }),
            Source::Upstream(body) => Pin::new(body).poll_frame(cx).map_err(|problem| Broken(problem.to_string())),
        }
    }
}

/// The answer for hyper; the casing of its names goes by way of the wire.
pub(super) fn send(
    answer: Answer,
    parts: &request::Parts,
    heads: &SharedHeads,
    generation: Option<u64>,
) -> Response<Body> {
    let Answer { reply, stream } = answer;
    let body = stream.map_or_else(|| Body::Whole(Full::new(reply.body)), Body::Streaming);
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(reply.status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    let mut names = Vec::with_capacity(reply.headers.len() + 2);
    for (name, value) in reply.headers {
        if let (Ok(key), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
            response.headers_mut().append(key, value);
            names.push(name);
        }
    }
    if let Some(generation) = generation {
        response.headers_mut().insert(HeaderName::from_static("x-samd-generation"), generation.into());
        names.push("X-Samd-Generation".to_owned());
    }
    if parts.version == Version::HTTP_11 && !closes(parts) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("keep-alive"));
    }
    if parts.version <= Version::HTTP_11 {
        heads.put_outgoing(OutgoingHead { names, bodiless: parts.method == http::Method::HEAD });
    }
    response
}

/// The client closes the connection behind this request; hyper then says `close` itself.
fn closes(parts: &request::Parts) -> bool {
    let lines = parts.headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|word| word.trim().eq_ignore_ascii_case("close"))
}
