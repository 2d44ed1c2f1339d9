//! The Lambda Runtime API `2018-06-01` (F1–F4): one listener per sandbox, HTTP/1.1 on one side, typed calls on the other.
//!
//! A listener per sandbox makes identity a fact: whoever calls here is this sandbox. It owns connections and bodies;
//! what a call means in the sandbox's life is decided by the one who receives the [`Call`]s.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::lambda::Invocation;
use crate::lambda::error::MAX_RESPONSE;
use crate::lambda::lifecycle::Refusal;
use crate::lambda::preload::Loaded;

mod together;

use together::{Hold, Together};

/// Calls that may wait for the sandbox's owner.
const CALLS: usize = 16;
/// Chunks of a streamed answer that may wait for the caller.
const CHUNKS: usize = 16;
/// What an oversize answer may send before the connection is given up; up to here it is read and thrown away, so that
/// the runtime gets to see the 413.
const DISCARD: usize = 64 * 1024 * 1024;
/// What a client may say of what it has loaded, at most.
const MOST_LOADED: usize = 256 * 1024;
/// Where our own clients tell what INIT has loaded.
const LOADED: &str = "/samd/loaded";
const FIRST_PREFIX: &str = "/2018-06-01/runtime/";
/// How the embedded client that asks for the next event together with its answer names itself.
const PIPELINING_CLIENT: &[u8] = b"samd-python/";

/// An invocation on its way to the runtime.
#[derive(Debug)]
pub struct Work {
    /// The invocation.
    pub invocation: Invocation,
    /// When the function's timeout passes, in milliseconds since the epoch.
    pub deadline_ms: u64,
}

/// The runtime's answer to an invocation.
#[derive(Debug)]
pub enum Answer {
    /// The whole body.
    Whole(Bytes),
    /// A body over [`MAX_RESPONSE`].
    TooLarge,
    /// A response mode that there is not.
    InvalidMode,
    /// A streamed body.
    Stream {
        /// The stream's content type, when the runtime gave one.
        content_type: Option<String>,
        /// The stream.
        chunks: mpsc::Receiver<Chunk>,
    },
}

/// A part of a streamed answer; the channel's end is the stream's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Bytes.
    Data(Bytes),
    /// The function failed while it streamed: type and the error's JSON.
    Failed {
        /// `Lambda-Runtime-Function-Error-Type`.
        error_type: Option<String>,
        /// The error's JSON.
        body: Bytes,
    },
}

/// A call of the runtime, to be answered once.
#[derive(Debug)]
pub enum Call {
    /// `GET /runtime/invocation/next`.
    Next {
        /// The invocation, as soon as there is one.
        reply: oneshot::Sender<Result<Work, Refusal>>,
    },
    /// `POST /runtime/invocation/{id}/response`.
    Response {
        /// Which invocation.
        request_id: String,
        /// The answer.
        answer: Answer,
        /// Whether it was taken.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// A streamed answer is complete.
    StreamEnd {
        /// Bytes that went through.
        bytes: u64,
    },
    /// `POST /runtime/invocation/{id}/error`.
    Error {
        /// Which invocation.
        request_id: String,
        /// `Lambda-Runtime-Function-Error-Type`.
        error_type: Option<String>,
        /// The error's JSON.
        body: Bytes,
        /// Whether it was taken.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// `POST /samd/loaded`: what INIT has loaded from elsewhere than the code folder.
    Loaded(Loaded),
    /// `POST /runtime/init/error`.
    InitError {
        /// `Lambda-Runtime-Function-Error-Type`.
        error_type: Option<String>,
        /// The error's JSON.
        body: Bytes,
        /// Whether it was taken.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
}

/// Whether a peer (first) may talk to the listener at an address of ours (second).
pub type Admit = Arc<dyn Fn(SocketAddr, SocketAddr) -> bool + Send + Sync>;

/// A sandbox's Runtime API; it ends when this is dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    /// Where it listens.
    pub address: SocketAddr,
    /// What the runtime asks. It ends when the listener is closed and the last connection is gone.
    pub calls: mpsc::Receiver<Call>,
    accepting: tokio::task::AbortHandle,
    _connections: JoinSet<()>,
}

impl RuntimeApi {
    /// Serves on `listener`, to peers that `admit` lets in. Until it is known who that is, connections wait unanswered;
    /// when it never comes, nobody is served.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn serve(listener: TcpListener, admit: oneshot::Receiver<Admit>) -> std::io::Result<RuntimeApi> {
        let address = listener.local_addr()?;
        let (sender, calls) = mpsc::channel(CALLS);
        let mut connections = JoinSet::new();
        let accepting = connections.spawn(accept(listener, address, sender, admit));
        Ok(RuntimeApi { address, calls, accepting, _connections: connections })
    }

    /// Takes no more connections; those that are there go on.
    pub fn close(&self) {
        self.accepting.abort();
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    address: SocketAddr,
    calls: mpsc::Sender<Call>,
    admit: oneshot::Receiver<Admit>,
) {
    let host: Arc<str> = address.to_string().into();
    let Ok(admit) = admit.await else { return };
    loop {
        let Ok((stream, peer)) = listener.accept().await else { continue };
        if !admit(peer, address) {
            tracing::warn!(%peer, "refused a connection to a Runtime API that is not its own");
            continue;
        }
        // The task ends with its connection: when the runtime is gone, or when `calls` has no receiver any more.
        tokio::spawn(connection(stream, calls.clone(), host.clone()));
    }
}

async fn connection(stream: TcpStream, calls: mpsc::Sender<Call>, host: Arc<str>) {
    if let Err(problem) = stream.set_nodelay(true) {
        tracing::debug!(%problem, "no TCP_NODELAY on a Runtime API connection");
    }
    let gone = calls.clone();
    let hold = Hold::default();
    let together = Together::new(stream, hold.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let (calls, host, hold) = (calls.clone(), host.clone(), hold.clone());
        let pipelines = pipelines(request.headers());
        async move {
            let reply = answer(request, &calls, &host).await;
            if pipelines && reply.status() == StatusCode::ACCEPTED {
                hold.next_write();
            }
            Ok::<_, Infallible>(reply)
        }
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .title_case_headers(true)
        .serve_connection(TokioIo::new(together), service);
    tokio::select! {
        outcome = serving => if let Err(problem) = outcome {
            tracing::debug!(%problem, "a Runtime API connection ended");
        },
        () = gone.closed() => {}
    }
}

type Reply = Response<Full<Bytes>>;

async fn answer(request: Request<Incoming>, calls: &mpsc::Sender<Call>, host: &str) -> Reply {
    if !is_own_client(request.headers(), host) {
        return error(StatusCode::FORBIDDEN, "Forbidden", "This address serves one sandbox's runtime alone");
    }
    let path = request.uri().path();
    if path == "/2018-06-01/ping" || path == "/ping" {
        return Response::new(Full::from("pong"));
    }
    if path == LOADED && request.method() == Method::POST {
        return loaded(request, calls).await;
    }
    let Some(route) = path.strip_prefix(FIRST_PREFIX) else { return not_found() };
    let parts: Vec<&str> = route.split('/').collect();
    match (request.method(), parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(calls).await,
        (&Method::POST, ["invocation", id, "response"]) => {
            let id = (*id).to_owned();
            response(id, request, calls).await
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            let id = (*id).to_owned();
            failed(Some(id), request, calls).await
        }
        (&Method::POST, ["init", "error"]) => failed(None, request, calls).await,
        _ => not_found(),
    }
}

/// What only a browser sends. It adds `Origin` to each POST, and one of the others to a GET that asks nobody first, as a
/// picture's, which would otherwise take an invocation from the runtime.
const OF_BROWSERS: [HeaderName; 3] = [header::ORIGIN, header::REFERER, HeaderName::from_static("sec-fetch-site")];

/// A web page that found the port is turned away: it cannot leave out what browsers send, nor choose `Host`.
fn is_own_client(headers: &HeaderMap, host: &str) -> bool {
    let named = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let port = |name: &str| name.rsplit_once(':').map(|(_, port)| port.to_owned());
    let host_is_right =
        named.is_none_or(|named| named == host || (is_container_name(named) && port(named) == port(host)));
    host_is_right && !OF_BROWSERS.iter().any(|name| headers.contains_key(name))
}

/// From inside a container the listener is reached under the engine's name for the host, or by its address.
fn is_container_name(named: &str) -> bool {
    let name = named.rsplit_once(':').map_or(named, |(name, _)| name);
    name == "host.docker.internal" || name == "host.containers.internal" || name.parse::<std::net::IpAddr>().is_ok()
}

/// Whether the next request stands right behind this one.
fn pipelines(headers: &HeaderMap) -> bool {
    headers.get(header::USER_AGENT).is_some_and(|client| client.as_bytes().starts_with(PIPELINING_CLIENT))
}

async fn next(calls: &mpsc::Sender<Call>) -> Reply {
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

async fn response(request_id: String, request: Request<Incoming>, calls: &mpsc::Sender<Call>) -> Reply {
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

async fn failed(request_id: Option<String>, request: Request<Incoming>, calls: &mpsc::Sender<Call>) -> Reply {
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

async fn loaded(request: Request<Incoming>, calls: &mpsc::Sender<Call>) -> Reply {
    let Ok(body) = whole(request.into_body(), MOST_LOADED).await else { return truncated() };
    match serde_json::from_slice(&body) {
        Ok(loaded) => calls.send(Call::Loaded(loaded)).await.map_or_else(|_| gone(), |()| accepted()),
        Err(problem) => error(StatusCode::BAD_REQUEST, "InvalidRequest", &problem.to_string()),
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

enum BodyProblem {
    TooLarge,
    Truncated,
}

/// The whole body, without a copy where it came in one piece. Of one that is too large the rest is read and dropped.
async fn whole(mut body: Incoming, most: usize) -> Result<Bytes, BodyProblem> {
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyProblem::Truncated)?.into_data() else { continue };
        size += data.len();
        if size > DISCARD {
            return Err(BodyProblem::TooLarge);
        }
        if size > most {
            continue;
        }
        match &first {
            None => first = Some(data),
            Some(start) => {
                if rest.is_empty() {
                    rest.extend_from_slice(start);
                }
                rest.extend_from_slice(&data);
            }
        }
    }
    match (size > most, rest.is_empty()) {
        (true, _) => Err(BodyProblem::TooLarge),
        (false, true) => Ok(first.unwrap_or_default()),
        (false, false) => Ok(rest.freeze()),
    }
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn json(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

fn accepted() -> Reply {
    json(StatusCode::ACCEPTED, Bytes::from_static(b"{\"status\":\"OK\"}\n"))
}

fn error(status: StatusCode, error_type: &str, message: &str) -> Reply {
    let message = serde_json::Value::from(message);
    json(status, Bytes::from(format!("{{\"errorMessage\":{message},\"errorType\":\"{error_type}\"}}\n")))
}

fn refused(refusal: &Refusal) -> Reply {
    let message = refusal.to_string();
    match refusal {
        Refusal::InvalidRequestId => error(StatusCode::BAD_REQUEST, "InvalidRequestID", &message),
        Refusal::InvalidStateTransition { .. } => error(StatusCode::FORBIDDEN, "InvalidStateTransition", &message),
    }
}

fn truncated() -> Reply {
    error(StatusCode::BAD_REQUEST, "TruncatedHTTPRequest", "HTTP request detected as truncated")
}

fn gone() -> Reply {
    error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "Internal Server Error")
}

fn not_found() -> Reply {
    let mut reply = Response::new(Full::from("404 page not found\n"));
    *reply.status_mut() = StatusCode::NOT_FOUND;
    reply
}
