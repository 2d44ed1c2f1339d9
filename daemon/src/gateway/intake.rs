//! A request of hyper's becomes one that the rules see: headers as the client cased them, the whole body, ids and time.
//!
//! Bounds of what is read stand here; what a request over them is answered with is the pipeline's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use bytes::{Bytes, BytesMut};
use http::request;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::apigw::{Request, trace};

use super::host;
use super::listener::Peers;
use super::wire::RawHeaders;

/// API Gateway takes bodies up to this, in bytes (A3.8, B3.5).
pub(super) const MOST_BODY: usize = 10 * 1024 * 1024;
/// The request line and all headers together may take so much, in bytes (A3.8).
pub(super) const MOST_HEAD: usize = 10_240;

/// A body of which nothing comes for so long is given up.
pub(super) const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// A request that no rule gets to see whole.
pub(super) enum Unreadable {
    /// Its body is over [`MOST_BODY`].
    TooLarge,
    /// Its head is over [`MOST_HEAD`].
    HeadTooLarge,
    /// Its body broke off.
    Broken,
    /// It tells its length in two ways, so that somebody before us may have read another request than we would.
    Ambiguous,
    /// It does not name one host.
    Unaddressed,
    /// Nothing of its body came for [`BODY_PATIENCE`].
    Late,
}

/// The request as the rules see it, without its body.
pub(super) fn head(parts: &request::Parts, raw: Option<RawHeaders>, peers: Peers) -> Result<Request, Unreadable> {
    let mut headers = raw.unwrap_or_else(|| headers_of(parts));
    let size: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    if size + parts.uri.path().len() + parts.uri.query().map_or(0, str::len) > MOST_HEAD {
        return Err(Unreadable::HeadTooLarge);
    }
    if tells_two_lengths(&headers) {
        return Err(Unreadable::Ambiguous);
    }
    if !host::settle(parts, &mut headers) {
        return Err(Unreadable::Unaddressed);
    }
    Ok(described(parts, headers, peers))
}

/// The whole body of a request.
pub(super) async fn body(body: Incoming) -> Result<Bytes, Unreadable> {
    Ok(whole(body, MOST_BODY).await?)
}

fn tells_two_lengths(headers: &RawHeaders) -> bool {
    let has = |wanted: &str| headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    has("transfer-encoding") && has("content-length")
}

fn headers_of(parts: &request::Parts) -> RawHeaders {
    parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

fn described(parts: &request::Parts, headers: RawHeaders, peers: Peers) -> Request {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let [request_id, trace_root, extended] = [(); 3].map(|()| uuid::Uuid::new_v4());
    let root = format!("1-{:08x}-{}", now.as_secs(), hex(trace_root, 24));
    let mut request = Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        received_path: None,
        query: parts.uri.query().map(str::to_owned),
        headers,
        source_ip: peers.client.ip().to_canonical(),
        port: peers.server.port(),
        scheme: peers.scheme,
        body: Bytes::new(),
        time_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        request_id: request_id.to_string(),
        extended_request_id: short_id(extended),
        trace_id: String::new(),
    };
    request.trace_id = trace::outgoing(request.header("x-amzn-trace-id"), &root, &hex(extended, 16));
    request
}

/// The short id: 15 characters and `=`, of letters that need no escape in a URL.
fn short_id(source: uuid::Uuid) -> String {
    URL_SAFE.encode(&source.as_bytes()[..11])
}

fn hex(source: uuid::Uuid, length: usize) -> String {
    let mut digits = source.simple().to_string();
    digits.truncate(length);
    digits
}

/// Why a body could not be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyProblem {
    /// It is larger than asked for.
    #[error("the body is too large")]
    TooLarge,
    /// It broke off.
    #[error("the body broke off")]
    Broken,
    /// It stopped coming.
    #[error("the body stopped coming")]
    Late,
}

impl From<BodyProblem> for Unreadable {
    fn from(problem: BodyProblem) -> Unreadable {
        match problem {
            BodyProblem::TooLarge => Unreadable::TooLarge,
            BodyProblem::Broken => Unreadable::Broken,
            BodyProblem::Late => Unreadable::Late,
        }
    }
}

/// The whole body, without a copy where it came in one piece.
pub(super) async fn whole(mut body: Incoming, most: usize) -> Result<Bytes, BodyProblem> {
    if body.size_hint().lower() > most as u64 {
        return Err(BodyProblem::TooLarge);
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while !body.is_end_stream() {
        let next = tokio::time::timeout(BODY_PATIENCE, body.frame()).await;
        let Some(frame) = next.map_err(|_| BodyProblem::Late)? else { break };
        let Ok(data) = frame.map_err(|_| BodyProblem::Broken)?.into_data() else { continue };
        // What came first is a part of the rest once there is one.
        if first.len().max(rest.len()) + data.len() > most {
            return Err(BodyProblem::TooLarge);
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
            continue;
        }
        if rest.is_empty() {
            rest.reserve(usize::try_from(body.size_hint().lower()).unwrap_or(0) + first.len() + data.len());
            rest.extend_from_slice(&first);
        }
        rest.extend_from_slice(&data);
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_id_is_of_the_letters_that_aws_uses() {
        assert_eq!(short_id(uuid::Uuid::max()), "______________8=");
        assert_eq!(short_id(uuid::Uuid::from_u128(0xfb << 120)), "-wAAAAAAAAAAAAA=");
    }
}
