//! Invoke (H1): synchronous, asynchronous and dry.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use hyper::body::Incoming;

use super::fault::Fault;
use super::find::{self, Wanted};
use super::server::{self, Reply};
use super::target::Target;
use super::{Service, body, jackson};
use crate::apigw::trace;
use crate::lambda::error::MAX_EVENT;
use crate::lambda::{Invocation, Outcome, invocation};
use crate::logs::{LogQuery, tail};
use crate::supervisor::handle::{Refused, valid_event};

/// Largest event of an asynchronous one.
const MOST_ASYNCHRONOUS: usize = 1024 * 1024;
/// Largest client context, in base64.
const MOST_CLIENT_CONTEXT: usize = 3_583;
/// Lambda's word for a failed function.
const UNHANDLED: HeaderValue = HeaderValue::from_static("Unhandled");

/// `X-Amz-Invocation-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    RequestResponse,
    Event,
    DryRun,
}

impl Kind {
    pub(super) fn of(headers: &HeaderMap) -> Result<Kind, Fault> {
        match header(headers, "x-amz-invocation-type") {
            None | Some("RequestResponse") => Ok(Kind::RequestResponse),
            Some("Event") => Ok(Kind::Event),
            Some("DryRun") => Ok(Kind::DryRun),
            Some(other) => Err(Fault::no_member("invocationType", other, "[Event, RequestResponse, DryRun]")),
        }
    }
}

pub(super) async fn invoke(
    service: &Service,
    target: &Target,
    request: Request<Incoming>,
    request_id: &str,
) -> Result<Reply, Fault> {
    let (parts, body) = request.into_parts();
    let kind = Kind::of(&parts.headers)?;
    let limit = if kind == Kind::Event { MOST_ASYNCHRONOUS } else { MAX_EVENT };
    let payload = body::read(body, limit, "InvokeFunction").await?;
    let wanted = find::find(service, target, &parts.headers).await?;
    let invocation = invocation(&wanted, &parts.headers, payload, request_id)?;
    match kind {
        Kind::DryRun => Ok(server::bare(204, Bytes::new())),
        Kind::Event => accept(service, wanted, invocation).await,
        Kind::RequestResponse => run(&wanted, invocation, wants_tail(&parts.headers)?).await,
    }
}

/// What a request asks a function for.
pub(super) fn invocation(
    wanted: &Wanted,
    headers: &HeaderMap,
    payload: Bytes,
    request_id: &str,
) -> Result<Invocation, Fault> {
    if header(headers, "x-amz-durable-execution-name").is_some() {
        return Err(Fault::unsupported("samd does not run durable executions"));
    }
    let tenant_id = tenant(wanted, headers)?;
    let event = if payload.is_empty() { Bytes::from_static(b"{}") } else { payload };
    if !valid_event(&event) {
        return Err(not_json(&event));
    }
    Ok(Invocation {
        request_id: request_id.to_owned(),
        event,
        invoked_arn: wanted.arn.clone(),
        trace_id: trace_id(headers),
        client_context: client_context(headers)?,
        cognito_identity: None,
        tenant_id,
    })
}

fn not_json(event: &[u8]) -> Fault {
    match serde_json::from_slice::<serde::de::IgnoredAny>(event) {
        Err(error) => Fault::not_json(&jackson::problem(event, &error)),
        Ok(_) => Fault::not_json("Invalid UTF-8"),
    }
}

fn tenant(wanted: &Wanted, headers: &HeaderMap) -> Result<Option<String>, Fault> {
    match (wanted.found.listed.function.per_tenant, header(headers, "x-amz-tenant-id")) {
        (true, None) => Err(Fault::invalid_parameter(
            "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again.",
        )),
        (false, Some(_)) => Err(Fault::invalid_parameter(
            "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again.",
        )),
        (_, tenant) => Ok(tenant.map(str::to_owned)),
    }
}

fn client_context(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let Some(encoded) = header(headers, "x-amz-client-context").filter(|encoded| !encoded.is_empty()) else {
        return Ok(None);
    };
    if encoded.len() > MOST_CLIENT_CONTEXT {
        let message = format!("Client context must be at most {MOST_CLIENT_CONTEXT} bytes of base64-encoded data.");
        return Err(Fault::invalid_content(message));
    }
    let text = BASE64.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let is_object = |text: &String| matches!(serde_json::from_str(text), Ok(serde_json::Value::Object(_)));
    match text.filter(is_object) {
        Some(text) => Ok(Some(text)),
        None => Err(Fault::invalid_content("Client context must be a valid Base64-encoded JSON object.")),
    }
}

/// The caller's trace goes on; without one a new one begins.
fn trace_id(headers: &HeaderMap) -> String {
    let [root, parent] = [(); 2].map(|()| uuid::Uuid::new_v4().as_u128());
    let fresh = invocation::fresh_trace(SystemTime::now(), root, parent);
    match header(headers, "x-amzn-trace-id") {
        None => fresh,
        incoming => {
            let field = |name: &str| fresh.split(';').find_map(|part| part.strip_prefix(name)).unwrap_or_default();
            trace::outgoing(incoming, field("Root="), field("Parent="))
        }
    }
}

/// `X-Amz-Log-Type`.
pub(super) fn wants_tail(headers: &HeaderMap) -> Result<bool, Fault> {
    match header(headers, "x-amz-log-type") {
        None | Some("None") => Ok(false),
        Some("Tail") => Ok(true),
        Some(other) => Err(Fault::no_member("logType", other, "[Tail, None]")),
    }
}

pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Only synchronous invocations carry a client context to the function.
async fn accept(service: &Service, wanted: Wanted, mut invocation: Invocation) -> Result<Reply, Fault> {
    invocation.client_context = None;
    let function = wanted.found.listed.function.id.clone();
    match service.supervisor.accept(wanted.found.project, function, invocation).await {
        Ok(()) => Ok(server::bare(202, Bytes::new())),
        Err(Refused::QueueFull) => Err(Fault::throttled("ConcurrentInvocationLimitExceeded")),
        Err(refused) => Err(Fault::internal(refused.to_string())),
    }
}

async fn run(wanted: &Wanted, invocation: Invocation, tail: bool) -> Result<Reply, Fault> {
    let worker = wanted.found.listed.worker.as_ref().map_err(Fault::unsupported)?;
    let (request_id, trace) = (invocation.request_id.clone(), invocation.trace_id.clone());
    let log = tail.then(|| follow(wanted));
    let outcome = worker.invoke(invocation).await;
    let log = match log {
        Some((past, future)) => tail::collect(past, future, &request_id).await,
        None => None,
    };
    let mut reply = match outcome {
        Outcome::Returned(payload) => server::json(200, payload),
        Outcome::Failed(failure) => {
            let mut reply = server::json(200, failure.payload);
            reply.headers_mut().insert("x-amz-function-error", UNHANDLED);
            reply
        }
        Outcome::Throttled { reason } => return Err(Fault::throttled(reason)),
        Outcome::Unavailable { reason } => return Err(Fault::internal(reason)),
    };
    decorate(&mut reply, wanted, &trace);
    if let Some(log) = log {
        put(&mut reply, "x-amz-log-result", &BASE64.encode(log));
    }
    Ok(reply)
}

type Reading = (Vec<crate::logs::LogEntry>, Option<tokio::sync::broadcast::Receiver<crate::logs::LogEntry>>);

/// A reading of the log that begins now.
pub(super) fn follow(wanted: &Wanted) -> Reading {
    let function = Some(wanted.found.listed.function.id.clone());
    wanted.found.logs.read(&LogQuery { function, since: Some(SystemTime::now()), follow: true })
}

fn decorate(reply: &mut Reply, wanted: &Wanted, trace: &str) {
    put(reply, "x-amz-executed-version", wanted.version);
    put(reply, "x-amzn-remapped-content-length", "0");
    let root = trace.split(';').find(|part| part.starts_with("Root=")).unwrap_or_default();
    put(reply, "x-amzn-trace-id", &format!("{root};Sampled=0"));
}

/// Adds a header, whose value HTTP can carry unless the caller's own was odd.
pub(super) fn put(reply: &mut Reply, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_client_context_is_json_in_base64() {
        let context = |text: &str| client_context(&headers("x-amz-client-context", text));
        assert_eq!(context(&BASE64.encode(r#"{"custom":{}}"#)).unwrap().as_deref(), Some(r#"{"custom":{}}"#));
        assert_eq!(context("").unwrap(), None);
        for wrong in ["no base64!", &BASE64.encode("[]"), &BASE64.encode("no json"), &"A".repeat(3_584)] {
            assert_eq!(context(wrong).unwrap_err().error_type, "InvalidRequestContentException", "{wrong}");
        }
    }

    #[test]
    fn invocation_and_log_types_are_lambdas() {
        let kind = |text: &str| Kind::of(&headers("x-amz-invocation-type", text));
        assert_eq!(kind("Event").unwrap(), Kind::Event);
        assert_eq!(kind("DryRun").unwrap(), Kind::DryRun);
        assert_eq!(Kind::of(&HeaderMap::new()).unwrap(), Kind::RequestResponse);
        assert_eq!(kind("event").unwrap_err().error_type, "ValidationException");
        assert!(wants_tail(&headers("x-amz-log-type", "Tail")).unwrap());
        assert!(wants_tail(&headers("x-amz-log-type", "All")).is_err());
    }

    #[test]
    fn a_callers_trace_goes_on() {
        let root = "Root=1-67452301-ffffffffffffffffffffffff";
        let trace = trace_id(&headers("x-amzn-trace-id", &format!("{root};Parent=0000000000000001;Sampled=1")));
        assert_eq!(trace, format!("{root};Parent=0000000000000001;Sampled=1"));
        assert!(trace_id(&HeaderMap::new()).starts_with("Root=1-"));
    }
}
