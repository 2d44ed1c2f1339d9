//! The runtime's calls (F1–F4).

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::{mpsc, oneshot};

use super::body::{BodyProblem, whole};
use super::reply::{Reply, accepted, error, gone, header_text, refused, truncated};
use super::{Answer, Call, Chunk, Work};
use crate::lambda::error::MAX_RESPONSE;
use crate::lambda::lifecycle::Refusal;

/// Chunks of a streamed answer that may wait for the caller.
const CHUNKS: usize = 16;
/// What a client may say of what it has loaded, at most.
const MOST_LOADED: usize = 256 * 1024;

pub(super) async fn next(calls: &mpsc::Sender<Call>) -> Reply {
    let (reply, work) = oneshot::channel();
    if calls.send(Call::Next { reply }).await.is_err() {
        return gone();
    }
    match work.await {
        Ok(Ok(work)) => hand_over(work),
        Ok(Err(refusal)) => refused(&refusal),
        Err(_) => gone(),
    }
}

fn hand_over(work: Work) -> Reply {
    let Work { invocation, deadline_ms } = work;
    let mut reply = Response::new(Full::new(invocation.event));
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut put = |name: &'static str, value: &str| {
        // Empty headers are left out (F2); a value that HTTP cannot carry was never valid JSON text of AWS's either.
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
            headers.insert(http::HeaderName::from_static(name), value);
        }
    };
    put("lambda-runtime-aws-request-id", &invocation.request_id);
    put("lambda-runtime-deadline-ms", &deadline_ms.to_string());
    put("lambda-runtime-invoked-function-arn", &invocation.invoked_arn);
    put("lambda-runtime-trace-id", &invocation.trace_id);
    put("lambda-runtime-client-context", invocation.client_context.as_deref().unwrap_or_default());
    put("lambda-runtime-cognito-identity", invocation.cognito_identity.as_deref().unwrap_or_default());
    put("lambda-runtime-aws-tenant-id", invocation.tenant_id.as_deref().unwrap_or_default());
    reply
}

pub(super) async fn response(request_id: String, request: Request<Incoming>, calls: &mpsc::Sender<Call>) -> Reply {
    match header_text(request.headers(), "lambda-runtime-function-response-mode").as_deref() {
        None | Some("") => {}
        Some(mode) if mode.eq_ignore_ascii_case("streaming") => return stream(request_id, request, calls).await,
        Some(_) => {
            let taken = tell(calls, |reply| Call::Response { request_id, answer: Answer::InvalidMode, reply }).await;
            return match taken {
                Ok(()) => {
                    error(StatusCode::BAD_REQUEST, "InvalidFunctionResponseMode", "Invalid function response mode")
                }
                Err(reply) => reply,
            };
        }
    }
    let (answer, too_large) = match whole(request.into_body(), MAX_RESPONSE).await {
        Ok(body) => (Answer::Whole(body), false),
        Err(BodyProblem::TooLarge) => (Answer::TooLarge, true),
        Err(BodyProblem::Truncated) => return truncated(),
    };
    match tell(calls, |reply| Call::Response { request_id, answer, reply }).await {
        Ok(()) if too_large => error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            &format!("Exceeded maximum allowed payload size ({MAX_RESPONSE} bytes)."),
        ),
        Ok(()) => accepted(),
        Err(reply) => reply,
    }
}

/// A streamed answer is announced before its body is read, so that its first byte is not held back.
async fn stream(request_id: String, request: Request<Incoming>, calls: &mpsc::Sender<Call>) -> Reply {
    let content_type = header_text(request.headers(), "content-type");
    let (sender, chunks) = mpsc::channel(CHUNKS);
    let answer = Answer::Stream { content_type, chunks };
    if let Err(reply) = tell(calls, |reply| Call::Response { request_id, answer, reply }).await {
        return reply;
    }
    let (bytes, complete) = forward(request.into_body(), &sender).await;
    drop(sender);
    if calls.send(Call::StreamEnd { bytes }).await.is_err() {
        return gone();
    }
    if complete { accepted() } else { truncated() }
}

async fn forward(mut body: Incoming, to: &mpsc::Sender<Chunk>) -> (u64, bool) {
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            let body = Bytes::from_static(
                br#"{"errorMessage":"HTTP request detected as truncated","errorType":"Runtime.TruncatedResponse"}"#,
            );
            // The caller may be gone already; then nobody misses it.
            drop(to.send(Chunk::Failed { error_type: Some("Runtime.TruncatedResponse".to_owned()), body }).await);
            return (bytes, false);
        };
        let chunk = match frame.into_data() {
            Ok(data) => {
                bytes += data.len() as u64;
                Some(Chunk::Data(data))
            }
            Err(frame) => frame.trailers_ref().and_then(trailer_error),
        };
        if let Some(chunk) = chunk {
            // A caller that hung up does not stop the function: what it writes is read and dropped.
            drop(to.send(chunk).await);
        }
    }
    (bytes, true)
}

/// F3.3: a failure in the middle of a stream comes as trailers, its body in base64.
fn trailer_error(trailers: &HeaderMap) -> Option<Chunk> {
    use base64::Engine;
    let error_type = header_text(trailers, "lambda-runtime-function-error-type");
    let encoded = header_text(trailers, "lambda-runtime-function-error-body");
    if error_type.is_none() && encoded.is_none() {
        return None;
    }
    let body = base64::engine::general_purpose::STANDARD.decode(encoded.unwrap_or_default()).unwrap_or_default();
    Some(Chunk::Failed { error_type, body: Bytes::from(body) })
}

/// Takes what one of our own clients has loaded.
pub(super) async fn loaded(request: Request<Incoming>, calls: &mpsc::Sender<Call>) -> Reply {
    let Ok(body) = whole(request.into_body(), MOST_LOADED).await else { return truncated() };
    match serde_json::from_slice(&body) {
        Ok(loaded) => calls.send(Call::Loaded(loaded)).await.map_or_else(|_| gone(), |()| accepted()),
        Err(problem) => error(StatusCode::BAD_REQUEST, "InvalidRequest", &problem.to_string()),
    }
}

pub(super) async fn failed(
    request_id: Option<String>,
    request: Request<Incoming>,
    calls: &mpsc::Sender<Call>,
) -> Reply {
    let error_type = header_text(request.headers(), "lambda-runtime-function-error-type");
    let body = match whole(request.into_body(), MAX_RESPONSE).await {
        Ok(body) => body,
        Err(BodyProblem::TooLarge) => {
            return error(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                &format!("Exceeded maximum allowed payload size ({MAX_RESPONSE} bytes)."),
            );
        }
        Err(BodyProblem::Truncated) => return truncated(),
    };
    let taken = tell(calls, |reply| match request_id {
        Some(request_id) => Call::Error { request_id, error_type, body, reply },
        None => Call::InitError { error_type, body, reply },
    });
    match taken.await {
        Ok(()) => accepted(),
        Err(reply) => reply,
    }
}

async fn tell(
    calls: &mpsc::Sender<Call>,
    call: impl FnOnce(oneshot::Sender<Result<(), Refusal>>) -> Call,
) -> Result<(), Reply> {
    let (reply, taken) = oneshot::channel();
    calls.send(call(reply)).await.map_err(|_| gone())?;
    taken.await.map_err(|_| gone())?.map_err(|refusal| refused(&refusal))
}
