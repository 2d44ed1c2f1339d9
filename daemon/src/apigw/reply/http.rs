//! An HTTP API's reply to what a function did (B3).

use bytes::Bytes;

use super::super::{Exchange, Reply};
use super::envelope::{Envelope, Inferred, Malformed, infer};
use super::{headers, http_error};
use crate::apigw::http_error::HttpError;
use crate::lambda::Outcome;
use crate::project::api::Payload;

pub(super) fn reply(exchange: &Exchange, payload: Payload, outcome: &Outcome) -> Reply {
    match outcome {
        Outcome::Returned(bytes) => returned(exchange, payload, bytes).unwrap_or_else(|_| super::failed(exchange)),
        Outcome::Failed(_) => super::failed(exchange),
        Outcome::Throttled { .. } => http_error::reply(exchange, &HttpError::ServiceUnavailable),
        Outcome::Unavailable { reason } => super::local(exchange, 502, reason),
    }
}

fn returned(exchange: &Exchange, payload: Payload, bytes: &Bytes) -> Result<Reply, Malformed> {
    match payload {
        // The same five keys as on a REST API (B2, A5.1).
        Payload::V1 => {
            let envelope = Envelope::strict(bytes)?;
            from_envelope(exchange, envelope.status.unwrap_or(200), &envelope)
        }
        Payload::V2 => match infer(bytes)? {
            Inferred::Envelope(envelope) => from_envelope(exchange, envelope.status.unwrap_or(200), &envelope),
            Inferred::Value(body) => Ok(from_value(exchange, body)),
        },
    }
}

fn from_envelope(exchange: &Exchange, status: u16, envelope: &Envelope) -> Result<Reply, Malformed> {
    let mut lines = headers::without_hop_by_hop(headers::merged(envelope)?);
    lines.extend(cookies(envelope)?);
    if envelope.body.is_some() {
        headers::or_default(&mut lines, "Content-Type", "text/plain; charset=utf-8");
    }
    lines.extend(super::ids(exchange));
    Ok(Reply { status, headers: lines, body: envelope.bytes(envelope.base64)? })
}

fn from_value(exchange: &Exchange, body: Bytes) -> Reply {
    let mut lines = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    lines.extend(super::ids(exchange));
    Reply { status: 200, headers: lines, body }
}

/// One `set-cookie` line each.
pub(crate) fn cookies(envelope: &Envelope) -> Result<Vec<(String, String)>, Malformed> {
    let line = |cookie: &String| {
        headers::is_header("set-cookie", cookie).then(|| ("set-cookie".to_owned(), cookie.clone())).ok_or(Malformed)
    };
    envelope.cookies.iter().map(line).collect()
}
