//! Answers of the control port: a message, a refusal, a stream of events.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use samd_proto::{ApiError, ErrorCode};
use serde::Serialize;
use warp::Reply;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use warp::http::{Response as HttpResponse, StatusCode};
use warp::reply::Response;

/// A message with status 200, or a refusal.
pub(super) fn message<T: Serialize>(result: Result<T, ApiError>) -> Response {
    match result {
        Ok(message) => json(StatusCode::OK, &message),
        Err(refusal) => error(&refusal),
    }
}

/// A refusal under its own status.
pub(super) fn error(refusal: &ApiError) -> Response {
    json(StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), refusal)
}

/// A stream of events, a line each.
pub(super) fn events<T: Serialize + 'static>(events: impl Stream<Item = T> + Send + Sync + 'static) -> Response {
    let lines = events.map(|event| Ok::<Bytes, Infallible>(line(&event)));
    typed(warp::reply::stream(lines).into_response(), "application/x-ndjson")
}

/// A document that is JSON already.
pub(super) fn document(text: &'static str) -> Response {
    typed(HttpResponse::new(text).into_response(), "application/json")
}

fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => {
            let mut response = typed(HttpResponse::new(bytes).into_response(), "application/json");
            *response.status_mut() = status;
            response
        }
        Err(cause) => {
            tracing::error!(%cause, "an answer could not be written as JSON");
            error(&ApiError::new(ErrorCode::Other, "the answer could not be written"))
        }
    }
}

/// One line; an event that cannot be written is said to be so rather than left out.
fn line(event: &impl Serialize) -> Bytes {
    let mut bytes = serde_json::to_vec(event).unwrap_or_else(|cause| {
        tracing::error!(%cause, "an event could not be written as JSON");
        br#"{"type":"unwritable"}"#.to_vec()
    });
    bytes.push(b'\n');
    bytes.into()
}

fn typed(mut response: Response, kind: &'static str) -> Response {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
