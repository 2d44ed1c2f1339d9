//! A REST API's reply to what a function did (A5).

use bytes::Bytes;

use super::super::body::{is_binary, media_type};
use super::super::gateway_response::{self, Refusal, ResponseType};
use super::super::{Exchange, Reply};
use super::envelope::{Envelope, Malformed};
use super::headers;
use crate::lambda::Outcome;

/// A REST API's reply to what a function did: malformed is 502, and so are function errors.
#[must_use]
pub fn rest(exchange: &Exchange, outcome: &Outcome) -> Reply {
    match outcome {
        Outcome::Returned(payload) => returned(exchange, payload),
        Outcome::Failed(_) | Outcome::Throttled { .. } => super::failed(exchange),
        Outcome::Unavailable { reason } => super::local(exchange, 502, reason),
    }
}

fn returned(exchange: &Exchange, payload: &Bytes) -> Reply {
    let Ok(envelope) = Envelope::strict(payload) else { return super::failed(exchange) };
    let decode = envelope.base64 && accepts_binary(exchange);
    match (lines(exchange, &envelope), envelope.bytes(decode)) {
        (Err(Malformed), _) => super::failed(exchange),
        // What is no base64 although it says so is the configuration's fault to AWS, with 500 (A5.12).
        (_, Err(Malformed)) => gateway_response::reply(exchange, Refusal::from(ResponseType::ApiConfigurationError)),
        (Ok(headers), Ok(body)) => Reply { status: envelope.status.unwrap_or(200), headers, body },
    }
}

fn lines(exchange: &Exchange, envelope: &Envelope) -> Result<Vec<(String, String)>, Malformed> {
    let mut lines = headers::remapped(headers::merged(envelope)?);
    headers::or_default(&mut lines, "Content-Type", "application/json");
    lines.extend(super::ids(exchange));
    headers::or_default(&mut lines, "X-Amzn-Trace-Id", &exchange.request.trace_id);
    Ok(lines)
}

/// The first media type that the client accepts decides whether base64 is decoded; a client that names none accepts
/// anything (A5.12).
fn accepts_binary(exchange: &Exchange) -> bool {
    let types = &exchange.api.binary_media_types;
    match exchange.request.header("accept") {
        None => types.iter().any(|entry| entry == "*/*"),
        Some(accept) => is_binary(media_type(accept.split(',').next().unwrap_or_default()), types),
    }
}
