//! InvokeWithResponseStream (H2): the answer as an event stream, whether the function streams or not.

use std::convert::Infallible;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::event_stream::event;
use super::fault::Fault;
use super::find;
use super::invoke::{self, Kind, put};
use super::server::{self, Reply};
use super::target::Target;
use super::{Service, body};
use crate::lambda::{Failure, Outcome};
use crate::logs::tail;
use crate::runtime_api::Chunk;
use crate::worker::{self, handle::stream_failure};

/// Largest event.
const MOST: usize = 6 * 1024 * 1024;
/// Messages that may wait for the client.
const WAITING: usize = 16;

pub(super) async fn invoke(
    service: &Service,
    target: &Target,
    request: Request<Incoming>,
    request_id: &str,
) -> Result<Reply, Fault> {
    let (parts, body) = request.into_parts();
    let kind = Kind::of(&parts.headers)?;
    let payload = body::read(body, MOST, "InvokeWithResponseStream").await?;
    let wanted = find::find(service, target, &parts.headers).await?;
    let invocation = invoke::invocation(&wanted, &parts.headers, payload, request_id)?;
    match kind {
        Kind::DryRun => return Ok(server::bare(204, Bytes::new())),
        Kind::Event => return Err(Fault::no_member("invocationType", "Event", "[RequestResponse, DryRun]")),
        Kind::RequestResponse => {}
    }
    let worker = wanted.found.listed.worker.as_ref().map_err(Fault::unsupported)?;
    let log = invoke::wants_tail(&parts.headers)?.then(|| invoke::follow(&wanted));
    let answer = Answer::of(worker.invoke_streaming(invocation).await)?;
    let content_type = answer.content_type().to_owned();
    let (messages, queue) = mpsc::channel(WAITING);
    let request_id = request_id.to_owned();
    service.phase.spawn(format!("the answer to {request_id}"), async move {
        let failure = answer.send(&messages).await;
        let log = match log {
            Some((past, future)) => tail::collect(past, future, &request_id).await,
            None => None,
        };
        // A client that hung up does not miss it.
        drop(messages.send(complete(failure.as_ref(), log)).await);
    });
    let mut reply = streamed(queue);
    put(&mut reply, "x-amz-executed-version", wanted.version);
    put(&mut reply, "x-amzn-remapped-content-type", &content_type);
    Ok(reply)
}

/// How a function answered.
enum Answer {
    Whole(Bytes),
    Failed(Failure),
    Stream { content_type: Option<String>, chunks: mpsc::Receiver<Chunk> },
}

impl Answer {
    fn of(reply: worker::Reply) -> Result<Answer, Fault> {
        match reply {
            worker::Reply::Stream { content_type, chunks } => Ok(Answer::Stream { content_type, chunks }),
            worker::Reply::Whole(Outcome::Returned(payload)) => Ok(Answer::Whole(payload)),
            worker::Reply::Whole(Outcome::Failed(failure)) => Ok(Answer::Failed(failure)),
            worker::Reply::Whole(Outcome::Throttled { reason }) => Err(Fault::throttled(reason)),
            worker::Reply::Whole(Outcome::Unavailable { reason }) => Err(Fault::internal(reason)),
        }
    }

    fn content_type(&self) -> &str {
        match self {
            Answer::Whole(_) | Answer::Failed(_) => "application/json",
            Answer::Stream { content_type, .. } => content_type.as_deref().unwrap_or("application/octet-stream"),
        }
    }

    /// Sends the payload, and says how it failed. The function goes on when the client hangs up.
    async fn send(self, messages: &mpsc::Sender<Bytes>) -> Option<Failure> {
        match self {
            Answer::Failed(failure) => Some(failure),
            Answer::Whole(payload) => {
                drop(messages.send(chunk(&payload)).await);
                None
            }
            Answer::Stream { mut chunks, .. } => {
                while let Some(next) = chunks.recv().await {
                    match next {
                        Chunk::Data(data) => drop(messages.send(chunk(&data)).await),
                        Chunk::Failed { error_type, body } => return Some(stream_failure(error_type.as_deref(), body)),
                    }
                }
                None
            }
        }
    }
}

fn chunk(data: &[u8]) -> Bytes {
    event("PayloadChunk", "application/octet-stream", data)
}

/// The last message; what there is not is left out.
fn complete(failure: Option<&Failure>, log: Option<String>) -> Bytes {
    let mut fields = serde_json::Map::new();
    if let Some(failure) = failure {
        let details = String::from_utf8_lossy(&failure.payload).into_owned();
        fields.insert("ErrorCode".to_owned(), json!(failure.error_type));
        fields.insert("ErrorDetails".to_owned(), json!(details));
    }
    if let Some(log) = log {
        fields.insert("LogResult".to_owned(), json!(BASE64.encode(log)));
    }
    event("InvokeComplete", "application/json", Value::Object(fields).to_string().as_bytes())
}

fn streamed(queue: mpsc::Receiver<Bytes>) -> Reply {
    let frames = stream::unfold(queue, |mut queue| async {
        let message = queue.recv().await?;
        Some((Ok::<_, Infallible>(Frame::data(message)), queue))
    });
    let mut reply = Response::new(StreamBody::new(frames).boxed_unsync());
    let kind = HeaderValue::from_static("application/vnd.amazon.eventstream");
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply
}
