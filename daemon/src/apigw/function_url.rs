//! Function URLs (H5, H6): payload 2.0 with ids of their own, and replies that differ from an HTTP API's in small ways.

use bytes::Bytes;

use super::body::EventBody;
use super::event_v2::{Ids, Parts, decoded};
use super::reply::{Inferred, headers, infer};
use super::stream::{self, Step};
use super::{AuthorizerContext, Caller, Reply, Request, context};
use crate::lambda::Outcome;
use crate::project::FunctionId;

/// What is stable of a function's URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlContext {
    /// The URL's id, 32 lower case letters and digits, derived from the function's logical id.
    pub url_id: String,
    /// The account that owns the function.
    pub account_id: String,
}

impl UrlContext {
    /// The context of a function's URL.
    #[must_use]
    pub fn new(account_id: &str, function: &FunctionId) -> UrlContext {
        UrlContext { url_id: context::identifier(&["url", &function.0], 32), account_id: account_id.to_owned() }
    }
}

/// The event of a request to a function URL, as JSON.
#[must_use]
pub fn event(context: &UrlContext, request: &Request, caller: &Caller) -> Vec<u8> {
    let host = request.header("host").unwrap_or_default();
    let signed = matches!(caller.authorizer, Some(AuthorizerContext::Iam(_)));
    Parts {
        request,
        route_key: "$default",
        raw_path: decoded(&request.path),
        ids: Ids {
            account_id: if signed { &context.account_id } else { "anonymous" },
            api_id: &context.url_id,
            domain_name: host,
            domain_prefix: &context.url_id,
            request_id: &request.request_id,
            stage: "$default",
        },
        authorizer: caller.authorizer.as_ref(),
        path_parameters: None,
        stage_variables: None,
        body: EventBody::function_url(request),
        extra_headers: &TLS,
    }
    .to_json()
}

/// Function URLs are only reached by TLS on AWS, and functions may look at it.
const TLS: [(&str, &str); 2] =
    [("x-amzn-tls-cipher-suite", "TLS_AES_128_GCM_SHA256"), ("x-amzn-tls-version", "TLSv1.3")];

/// Lambda's word for more requests a second than the function's reserved concurrency lets through (H6.7).
pub const TOO_FAST: Outcome = Outcome::Throttled { reason: "ReservedFunctionInvocationRateLimitExceeded" };

/// The reply to what a function behind a buffered URL did (H6).
#[must_use]
pub fn reply(request: &Request, outcome: &Outcome) -> Reply {
    match outcome {
        Outcome::Returned(payload) => returned(request, payload).unwrap_or_else(|| failed(request)),
        Outcome::Failed(_) => failed(request),
        Outcome::Throttled { reason } => throttled(request, reason),
        Outcome::Unavailable { reason } => {
            with_ids(request, 502, JSON, serde_json::json!({ "message": reason }).to_string())
        }
    }
}

/// The reply to a request that may not use the URL (H6.3).
#[must_use]
pub fn forbidden(request: &Request) -> Reply {
    const BODY: &str = "{\"Message\":\"Forbidden. For troubleshooting Function URL authorization issues, see: \
                        https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html\"}";
    let mut reply = with_ids(request, 403, JSON, BODY.to_owned());
    reply.headers.push(("x-amzn-ErrorType".to_owned(), "AccessDeniedException".to_owned()));
    reply
}

/// The reply to a body that is larger than a function takes (6 MB).
#[must_use]
pub fn too_large(request: &Request) -> Reply {
    with_ids(request, 413, JSON, "{\"message\":\"Request Entity Too Large\"}".to_owned())
}

const JSON: &str = "application/json";

fn returned(request: &Request, payload: &Bytes) -> Option<Reply> {
    let envelope = match infer(payload) {
        Ok(Inferred::Value(body)) => return Some(with_ids(request, 200, JSON, body)),
        Ok(Inferred::Envelope(envelope)) => envelope,
        Err(_) => return streamed(request, payload),
    };
    let mut lines = headers::without_hop_by_hop(headers::merged(&envelope).ok()?);
    lines.extend(super::reply::cookies(&envelope).ok()?);
    headers::or_default(&mut lines, "Content-Type", JSON);
    lines.extend(ids(request));
    Some(Reply { status: envelope.status?, headers: lines, body: envelope.bytes(envelope.base64).ok()? })
}

/// A streaming function behind a buffered URL: its prelude is understood all the same (H7.4).
fn streamed(request: &Request, payload: &Bytes) -> Option<Reply> {
    let Step::Begun { prelude, body } = stream::Reader::default().feed(payload) else { return None };
    let stream::Head { status, headers } = stream::url_head(request, &prelude)?;
    Some(Reply { status, headers, body })
}

/// Plain text, whatever the function's error was (N5).
fn failed(request: &Request) -> Reply {
    with_ids(request, 502, "text/plain", "Internal Server Error".to_owned())
}

fn throttled(request: &Request, reason: &str) -> Reply {
    let body = serde_json::json!({ "Reason": reason, "Type": "User", "message": "Rate Exceeded." });
    with_ids(request, 429, JSON, body.to_string())
}

fn with_ids(request: &Request, status: u16, content_type: &str, body: impl Into<Bytes>) -> Reply {
    let mut headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
    headers.extend(ids(request));
    Reply { status, headers, body: body.into() }
}

/// H6.2.
pub(crate) fn ids(request: &Request) -> [(String, String); 2] {
    [
        ("x-amzn-RequestId".to_owned(), request.request_id.clone()),
        ("x-amzn-trace-id".to_owned(), request.trace_id.clone()),
    ]
}
