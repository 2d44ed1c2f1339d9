//! The order of steps of a request, and the only place that knows it.
//!
//! ```text
//! head and body → API and route → preflight → who may call → integration → reply
//! ```
//! A request holds one snapshot from its first step to its last. Each step's rule is in [`crate::apigw`]; here is what
//! has effects: reading bodies, asking workers, waiting.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Response, Version, header, request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;

use crate::apigw::{
    Caller, Context, Exchange, Match, Reply, Request, cors, event_v1, event_v2, gateway_response, mock, reply, trace,
    validation,
};
use crate::lambda::{Invocation, Outcome};
use crate::project::api::{Api, Integration, LambdaProxy, Payload, Route};

use super::authorize;
use super::listener::{Peers, Served};
use super::snapshot::{Found, ServedFunction, Snapshot};
use super::wire::{OutgoingHead, RawHeaders, SharedHeads};

/// API Gateway takes bodies up to this, in bytes (A3.8, B3.5).
pub const MOST_BODY: usize = 10 * 1024 * 1024;
/// The request line and all headers together may take so much, in bytes (A3.8).
pub const MOST_HEAD: usize = 10_240;

/// Answers one request.
pub async fn answer(
    request: http::Request<Incoming>,
    peers: Peers,
    served: &Served,
    heads: &SharedHeads,
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let snapshot = served.snapshot.load_full();
    let raw = if parts.version <= Version::HTTP_11 { heads.take_incoming() } else { None };
    let request = read(&parts, raw, body, peers).await;
    let reply = match request {
        Ok(request) => respond(&snapshot, request).await,
        Err(Unreadable::TooLarge(request)) => too_large(&snapshot, &request),
        Err(Unreadable::HeadTooLarge) => plain(431, "Request Header Fields Too Large"),
        Err(Unreadable::Broken) => plain(400, "Bad Request"),
    };
    let generation = served.tell_generation.then_some(snapshot.generation);
    send(reply, &parts, heads, generation)
}

enum Unreadable {
    TooLarge(Box<Request>),
    HeadTooLarge,
    Broken,
}

/// The request as the rules see it.
async fn read(
    parts: &request::Parts,
    raw: Option<RawHeaders>,
    body: Incoming,
    peers: Peers,
) -> Result<Request, Unreadable> {
    let headers = raw.unwrap_or_else(|| headers_of(parts));
    let size: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    if size + parts.uri.path().len() + parts.uri.query().map_or(0, str::len) > MOST_HEAD {
        return Err(Unreadable::HeadTooLarge);
    }
    let mut request = described(parts, headers, peers);
    match whole(body).await {
        Ok(body) => request.body = body,
        Err(BodyProblem::TooLarge) => return Err(Unreadable::TooLarge(Box::new(request))),
        Err(BodyProblem::Broken) => return Err(Unreadable::Broken),
    }
    Ok(request)
}

/// HTTP/2 has its host in a pseudo header.
fn headers_of(parts: &request::Parts) -> RawHeaders {
    let mut all: RawHeaders =
        parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    if let (false, Some(authority)) = (parts.headers.contains_key(header::HOST), parts.uri.authority()) {
        all.insert(0, ("host".to_owned(), authority.as_str().as_bytes().to_vec()));
    }
    all
}

fn described(parts: &request::Parts, headers: RawHeaders, peers: Peers) -> Request {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let [request_id, trace_root, extended] = [(); 3].map(|()| uuid::Uuid::new_v4());
    let root = format!("1-{:08x}-{}", now.as_secs(), hex(trace_root, 24));
    let mut request = Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers,
        source_ip: peers.client.ip().to_canonical(),
        port: peers.server.port(),
        scheme: "http",
        body: Bytes::new(),
        time_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        request_id: request_id.to_string(),
        extended_request_id: STANDARD.encode(&extended.as_bytes()[..11]),
        trace_id: String::new(),
    };
    request.trace_id = trace::outgoing(request.header("x-amzn-trace-id"), &root, &hex(extended, 16));
    request
}

fn hex(source: uuid::Uuid, length: usize) -> String {
    let mut digits = source.simple().to_string();
    digits.truncate(length);
    digits
}

enum BodyProblem {
    TooLarge,
    Broken,
}

/// The whole body, without a copy where it came in one piece.
async fn whole(mut body: Incoming) -> Result<Bytes, BodyProblem> {
    use hyper::body::Body;
    if body.size_hint().lower() > MOST_BODY as u64 {
        return Err(BodyProblem::TooLarge);
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyProblem::Broken)?.into_data() else { continue };
        if first.is_empty() && rest.is_empty() {
            first = data;
            continue;
        }
        if rest.is_empty() {
            rest.reserve(usize::try_from(body.size_hint().lower()).unwrap_or(0) + first.len() + data.len());
            rest.extend_from_slice(&first);
        }
        rest.extend_from_slice(&data);
        if rest.len() > MOST_BODY {
            return Err(BodyProblem::TooLarge);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

fn too_large(snapshot: &Snapshot, request: &Request) -> Reply {
    let Some(found) = find(snapshot, request) else { return no_api() };
    reply::too_large(&exchange(&found, request, Caller::NOBODY))
}

fn find<'a>(snapshot: &'a Snapshot, request: &Request) -> Option<Found<'a>> {
    snapshot.find(request.header("host").unwrap_or_default(), &request.method, &request.path)
}

fn exchange<'a>(found: &'a Found<'a>, request: &'a Request, caller: &'a Caller) -> Exchange<'a> {
    let route: Option<(&Route, &Match)> = found.route.as_ref().map(|(route, matched)| (*route, matched));
    let (context, api): (&Context, &Api) = (&found.api.context, &found.api.api);
    Exchange { context, api, found: route, request, caller }
}

async fn respond(snapshot: &Snapshot, request: Request) -> Reply {
    let Some(found) = find(snapshot, &request) else { return no_api() };
    let unknown = exchange(&found, &request, Caller::NOBODY);
    if let Some(preflight) = cors::preflight(&unknown) {
        return preflight;
    }
    let reply = match unknown.found {
        Some((route, _)) => admitted(snapshot, &found, &unknown, route).await,
        None => reply::no_route(&unknown),
    };
    cors::decorated_for(&unknown, reply)
}

async fn admitted(snapshot: &Snapshot, found: &Found<'_>, unknown: &Exchange<'_>, route: &Route) -> Reply {
    let caller = match authorize::admit(snapshot, found.api, unknown).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let exchange = Exchange { caller: &caller, ..*unknown };
    if let Err(refusal) = validation::check(&exchange, &found.api.models) {
        return gateway_response::reply(&exchange, refusal);
    }
    if let Some(refusal) = reply::refused_before_invocation(&exchange, &route.integration) {
        return refusal;
    }
    match &route.integration {
        Integration::Lambda(lambda) => invoke(snapshot, &exchange, lambda).await,
        Integration::Mock(mock) => mock::reply(&exchange, mock),
        Integration::HttpProxy(_) => reply::unsupported(&exchange, "HTTP_PROXY integrations are not served yet"),
        Integration::Unsupported { reason, .. } => reply::unsupported(&exchange, reason),
    }
}

async fn invoke(snapshot: &Snapshot, exchange: &Exchange<'_>, lambda: &LambdaProxy) -> Reply {
    let (worker, arn) = match lambda.function.as_ref().and_then(|id| snapshot.function(id)) {
        Some(ServedFunction::Worker { worker, arn }) => (worker, arn),
        Some(ServedFunction::Broken { reason }) => {
            tracing::warn!(function = ?lambda.function, reason, "a request for a function that cannot run");
            return reply::unsupported(exchange, reason);
        }
        None => return reply::function_missing(exchange),
    };
    let invocation = Invocation {
        request_id: uuid::Uuid::new_v4().to_string(),
        event: Bytes::from(match lambda.payload {
            Payload::V1 => event_v1::event(exchange),
            Payload::V2 => event_v2::event(exchange),
        }),
        invoked_arn: arn.clone(),
        trace_id: exchange.request.trace_id.clone(),
        client_context: None,
        cognito_identity: None,
        tenant_id: None,
    };
    // When the integration's time is up the client is answered, and the invocation goes on.
    match tokio::time::timeout(lambda.timeout, worker.invoke(invocation)).await {
        Ok(outcome) => finished(exchange, lambda.payload, &outcome),
        Err(_) => reply::timeout(exchange),
    }
}

fn finished(exchange: &Exchange<'_>, payload: Payload, outcome: &Outcome) -> Reply {
    if let Outcome::Unavailable { reason } = outcome {
        tracing::warn!(reason, "an invocation could not be served");
    }
    reply::of(exchange, payload, outcome)
}

fn no_api() -> Reply {
    plain(404, "this project has no API")
}

fn plain(status: u16, message: &str) -> Reply {
    let body = Bytes::from(serde_json::json!({ "message": message }).to_string());
    Reply { status, headers: vec![("Content-Type".to_owned(), "application/json".to_owned())], body }
}

/// The reply for hyper; the casing of its names goes by way of the wire.
fn send(reply: Reply, parts: &request::Parts, heads: &SharedHeads, generation: Option<u64>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = http::StatusCode::from_u16(reply.status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    let mut names = Vec::with_capacity(reply.headers.len() + 1);
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
    if parts.version <= Version::HTTP_11 {
        heads.put_outgoing(OutgoingHead { names, bodiless: parts.method == http::Method::HEAD });
    }
    response
}
