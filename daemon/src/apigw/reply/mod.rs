//! What an integration's end becomes for the client (A5, B3).
//!
//! A failure is never passed on as it is: what the function printed of it stands in the log.

mod envelope;
pub(crate) mod headers;
mod http;
mod rest;
mod unescape;

use bytes::Bytes;

use super::gateway_response::{self, Refusal, ResponseType};
use super::http_error::{self, HttpError};
use super::{Exchange, Reply, mapping, sigv4};
use crate::project::api::{ApiKind, Integration, LambdaProxy, Payload};

pub use rest::rest;

pub(crate) use envelope::{Envelope, Inferred, infer};
pub(crate) use headers::is_header;
pub(crate) use http::cookies;

use crate::lambda::Outcome;

/// The reply to what a function behind a proxy integration did, on either product.
#[must_use]
pub fn of(exchange: &Exchange, payload: Payload, outcome: &Outcome) -> Reply {
    match exchange.api.kind {
        ApiKind::Rest => rest(exchange, outcome),
        ApiKind::Http => http(exchange, payload, outcome),
    }
}

/// An HTTP API's reply to what a function did.
#[must_use]
pub fn http(exchange: &Exchange, payload: Payload, outcome: &Outcome) -> Reply {
    http::reply(exchange, payload, outcome)
}

/// What is refused before anybody looks for a route: a `%` that begins no escape, and on a REST API a raw `|` in the
/// query (A1.9). Function URLs take such targets as they are (H5.2).
#[must_use]
pub fn refused_at_once(exchange: &Exchange) -> Option<Reply> {
    let (request, query) = (exchange.request, exchange.request.query.as_deref().unwrap_or_default());
    let path = request.received_path.as_deref().unwrap_or(&request.path);
    let escapes = is_escaped(path) && is_escaped(query);
    match exchange.api.kind {
        ApiKind::Rest if !escapes || query.contains('|') => Some(local(exchange, 400, "Bad Request")),
        ApiKind::Http if !escapes => Some(http_error::reply(exchange, &HttpError::BadRequest)),
        ApiKind::Rest | ApiKind::Http => None,
    }
}

/// Whether every `%` is followed by two hexadecimal digits.
fn is_escaped(text: &str) -> bool {
    let is_escape =
        |rest: &str| matches!(rest.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    text.split('%').skip(1).all(is_escape)
}

/// No route takes the request: 403 on REST (A6.6), 404 on HTTP (B4.3). REST looks at an Authorization header all the same,
/// and says so where it is no signature (E4).
#[must_use]
pub fn no_route(exchange: &Exchange) -> Reply {
    match exchange.api.kind {
        ApiKind::Rest => gateway_response::reply(exchange, sigv4::refusal_without_route(exchange.request)),
        ApiKind::Http => http_error::reply(exchange, &HttpError::NotFound),
    }
}

/// The integration did not answer in time: 504 on REST (A5.8), 503 on HTTP (B3.3).
#[must_use]
pub fn timeout(exchange: &Exchange) -> Reply {
    match exchange.api.kind {
        ApiKind::Rest => gateway_response::reply(exchange, ResponseType::IntegrationTimeout),
        ApiKind::Http => http_error::reply(exchange, &HttpError::ServiceUnavailable),
    }
}

/// An HTTP server behind the API cannot be reached: 504 on REST (A5.8), 503 on HTTP (B10.2).
#[must_use]
pub fn unreachable(exchange: &Exchange) -> Reply {
    match exchange.api.kind {
        ApiKind::Rest => gateway_response::reply(exchange, ResponseType::IntegrationFailure),
        ApiKind::Http => http_error::reply(exchange, &HttpError::ServiceUnavailable),
    }
}

/// Too many requests.
#[must_use]
pub fn throttled(exchange: &Exchange) -> Reply {
    match exchange.api.kind {
        ApiKind::Rest => gateway_response::reply(exchange, ResponseType::Throttled),
        ApiKind::Http => http_error::reply(exchange, &HttpError::TooManyRequests),
    }
}

/// The body is larger than the gateway takes, 10 MB (A3.8, B3.5).
#[must_use]
pub fn too_large(exchange: &Exchange) -> Reply {
    match exchange.api.kind {
        ApiKind::Rest => gateway_response::reply(exchange, ResponseType::RequestTooLarge),
        ApiKind::Http => http_error::reply(exchange, &HttpError::RequestEntityTooLarge),
    }
}

/// The event is larger than a function takes, 6 MB (A3.8); other than the gateway's own limit it counts what base64 and
/// the headers add.
#[must_use]
pub fn event_too_large(exchange: &Exchange) -> Reply {
    match exchange.api.kind {
        ApiKind::Rest => {
            let refusal = Refusal::saying(ResponseType::RequestTooLarge, "Request Entity Too Large");
            gateway_response::reply(exchange, refusal)
        }
        ApiKind::Http => http_error::reply(exchange, &HttpError::RequestEntityTooLarge),
    }
}

/// The API's host is known, but leads nowhere: an unmapped base path (A10.2), or a default endpoint that is disabled
/// (B4.6).
#[must_use]
pub fn forbidden(exchange: &Exchange) -> Reply {
    match exchange.api.kind {
        ApiKind::Rest => gateway_response::reply(exchange, ResponseType::InvalidApiKey),
        ApiKind::Http => http_error::reply(exchange, &HttpError::NotFound),
    }
}

/// What a function returned is no proxy reply, or it failed: 502 on REST (A5.5, A5.9), 500 on HTTP (B3.3), and never a
/// word of why.
#[must_use]
pub fn malformed(exchange: &Exchange) -> Reply {
    failed(exchange)
}

/// Something of the API cannot be run as it is written: 500, and the reason belongs into the log.
#[must_use]
pub fn misconfigured(exchange: &Exchange) -> Reply {
    match exchange.api.kind {
        ApiKind::Rest => gateway_response::reply(exchange, ResponseType::ApiConfigurationError),
        ApiKind::Http => http_error::reply(exchange, &HttpError::InternalServerError),
    }
}

/// The integration names a function that the template does not have: answered as the SAM CLI does, since AWS never gets
/// so far.
#[must_use]
pub fn function_missing(exchange: &Exchange) -> Reply {
    local(exchange, 502, "No function defined for resource method")
}

/// The integration is of a kind that samd does not run: 501 with the reason, never a silent pass.
#[must_use]
pub fn unsupported(exchange: &Exchange, reason: &str) -> Reply {
    local(exchange, 501, reason)
}

/// The reply that an integration has before anybody is even asked; `None` where it may be invoked.
#[must_use]
pub fn refused_before_invocation(exchange: &Exchange, integration: &Integration) -> Option<Reply> {
    match integration {
        Integration::Lambda(LambdaProxy { function: None, .. }) => Some(function_missing(exchange)),
        Integration::Lambda(lambda) if exchange.api.kind == ApiKind::Rest && lambda.http_method != "POST" => {
            Some(misconfigured(exchange))
        }
        Integration::Lambda(lambda) if mapping::maps_forbidden(exchange, &lambda.request_parameters, true) => {
            Some(misconfigured(exchange))
        }
        Integration::HttpProxy(proxy) if mapping::maps_forbidden(exchange, &proxy.request_parameters, false) => {
            Some(misconfigured(exchange))
        }
        Integration::Unsupported { reason, .. } => Some(unsupported(exchange, reason)),
        Integration::Lambda(_) | Integration::Mock(_) | Integration::HttpProxy(_) => None,
    }
}

/// A message that only exists on one's own machine, with the ids that every reply of the product has.
pub(crate) fn local(exchange: &Exchange, status: u16, message: &str) -> Reply {
    let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    headers.extend(ids(exchange));
    let body = Bytes::from(serde_json::json!({ "message": message }).to_string());
    Reply { status, headers, body }
}

/// The ids that every reply of a product carries (A5.10, B3.2).
pub(crate) fn ids(exchange: &Exchange) -> Vec<(String, String)> {
    let request = exchange.request;
    match exchange.api.kind {
        ApiKind::Rest => vec![
            ("x-amzn-RequestId".to_owned(), request.request_id.clone()),
            ("x-amz-apigw-id".to_owned(), request.extended_request_id.clone()),
        ],
        ApiKind::Http => vec![("Apigw-Requestid".to_owned(), request.extended_request_id.clone())],
    }
}

/// A function error as the product shows it, which is not at all (A5.9, B3.3).
fn failed(exchange: &Exchange) -> Reply {
    match exchange.api.kind {
        ApiKind::Rest => gateway_response::reply(exchange, Refusal::malformed_proxy_response()),
        ApiKind::Http => http_error::reply(exchange, &HttpError::InternalServerError),
    }
}
