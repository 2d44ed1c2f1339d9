//! Replies, byte for byte as AWS's (F1, G1).

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use crate::lambda::extension::ExtensionRefusal;
use crate::lambda::lifecycle::Refusal;

pub(super) type Reply = Response<Full<Bytes>>;

pub(super) fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

pub(super) fn json(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

pub(super) fn accepted() -> Reply {
    json(StatusCode::ACCEPTED, Bytes::from_static(b"{\"status\":\"OK\"}\n"))
}

pub(super) fn error(status: StatusCode, error_type: &str, message: &str) -> Reply {
    let message = serde_json::Value::from(message);
    json(status, Bytes::from(format!("{{\"errorMessage\":{message},\"errorType\":\"{error_type}\"}}\n")))
}

pub(super) fn refused(refusal: &Refusal) -> Reply {
    let message = refusal.to_string();
    match refusal {
        Refusal::InvalidRequestId => error(StatusCode::BAD_REQUEST, "InvalidRequestID", &message),
        Refusal::InvalidStateTransition { .. } => error(StatusCode::FORBIDDEN, "InvalidStateTransition", &message),
    }
}

pub(super) fn truncated() -> Reply {
    error(StatusCode::BAD_REQUEST, "TruncatedHTTPRequest", "HTTP request detected as truncated")
}

pub(super) fn gone() -> Reply {
    error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "Internal Server Error")
}

pub(super) fn not_found() -> Reply {
    let mut reply = Response::new(Full::from("404 page not found\n"));
    *reply.status_mut() = StatusCode::NOT_FOUND;
    reply
}

pub(super) fn refused_extension(refusal: &ExtensionRefusal) -> Reply {
    error(StatusCode::FORBIDDEN, refusal.error_type(), &refusal.to_string())
}
