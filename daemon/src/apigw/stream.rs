//! The beginning of a streamed reply (H7.1, A11.1): a JSON prelude, eight NULs, and then the body as it comes.
//!
//! A state machine without I/O: bytes go in as they arrive, and it says when the head of the reply is known. What follows
//! the head is the caller's to pass on, byte for byte.

use bytes::{Bytes, BytesMut};

use super::reply::{Envelope, cookies, headers};
use super::{Exchange, Request, function_url, reply};

/// What ends a prelude.
const SEPARATOR: [u8; 8] = [0; 8];
/// A prelude that is longer is none: it holds a status, headers and cookies.
pub const LONGEST_PRELUDE: usize = 256 * 1024;
/// The content type with which a function announces a prelude.
pub const WITH_PRELUDE: &str = "application/vnd.awslambda.http-integration-response";

/// The status and headers of a streamed reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Status.
    pub status: u16,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
}

/// What is known after some bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The prelude goes on.
    NeedMore,
    /// The prelude has ended; `body` is what came behind it already.
    Begun {
        /// The prelude.
        prelude: Prelude,
        /// The body's beginning, maybe empty.
        body: Bytes,
    },
    /// There is no prelude: 502, or 200 with `body` and all that follows where a URL allows that (H7.2).
    NoPrelude {
        /// All bytes so far.
        body: Bytes,
    },
}

/// A prelude that was understood.
#[derive(Debug, PartialEq, Eq)]
pub struct Prelude(Envelope);

/// Reads the beginning of a stream.
#[derive(Debug, Default)]
pub struct Reader {
    seen: BytesMut,
}

impl Reader {
    /// Takes the next bytes. After anything but [`Step::NeedMore`] the reader has done its work.
    pub fn feed(&mut self, bytes: &[u8]) -> Step {
        // The separator may begin in what was seen before.
        let from = self.seen.len().saturating_sub(SEPARATOR.len() - 1);
        self.seen.extend_from_slice(bytes);
        if self.seen.first().is_some_and(|byte| *byte != b'{' && !byte.is_ascii_whitespace()) {
            return self.no_prelude();
        }
        match position(self.seen.get(from..).unwrap_or_default()) {
            Some(at) => self.begun(from + at),
            None if self.seen.len() > LONGEST_PRELUDE => self.no_prelude(),
            None => Step::NeedMore,
        }
    }

    /// The stream has ended before a prelude did.
    pub fn ended(&mut self) -> Step {
        self.no_prelude()
    }

    fn begun(&mut self, end: usize) -> Step {
        let prelude = self.seen.clone().freeze().slice(..end);
        match Envelope::prelude(&prelude) {
            Ok(envelope) => {
                let body = self.seen.split_off(end + SEPARATOR.len()).freeze();
                Step::Begun { prelude: Prelude(envelope), body }
            }
            Err(_) => self.no_prelude(),
        }
    }

    fn no_prelude(&mut self) -> Step {
        Step::NoPrelude { body: std::mem::take(&mut self.seen).freeze() }
    }
}

fn position(bytes: &[u8]) -> Option<usize> {
    bytes.windows(SEPARATOR.len()).position(|window| window == SEPARATOR)
}

/// The head of a function URL's streamed reply. `None` where the prelude's headers cannot be sent: 502.
#[must_use]
pub fn url_head(request: &Request, prelude: &Prelude) -> Option<Head> {
    let mut lines = lines(prelude)?;
    headers::or_default(&mut lines, "Content-Type", "application/octet-stream");
    lines.extend(function_url::ids(request));
    Some(Head { status: prelude.0.status.unwrap_or(200), headers: lines })
}

/// The head of a function URL's streamed reply without a prelude: the bytes go out as they are (H7.2).
#[must_use]
pub fn url_head_without_prelude(request: &Request, content_type: Option<&str>) -> Head {
    let content_type = content_type.unwrap_or("application/octet-stream");
    let mut lines = vec![("Content-Type".to_owned(), content_type.to_owned())];
    lines.extend(function_url::ids(request));
    Head { status: 200, headers: lines }
}

/// The head of an API's streamed reply, `responseTransferMode: STREAM`. `None` is answered as a malformed proxy reply.
#[must_use]
pub fn api_head(exchange: &Exchange, prelude: &Prelude) -> Option<Head> {
    let mut lines = headers::remapped(lines(prelude)?);
    headers::or_default(&mut lines, "Content-Type", "application/json");
    lines.extend(reply::ids(exchange));
    headers::or_default(&mut lines, "X-Amzn-Trace-Id", &exchange.request.trace_id);
    Some(Head { status: prelude.0.status.unwrap_or(200), headers: lines })
}

fn lines(prelude: &Prelude) -> Option<Vec<(String, String)>> {
    let mut lines = headers::without_hop_by_hop(headers::merged(&prelude.0).ok()?);
    lines.extend(cookies(&prelude.0).ok()?);
    Some(lines)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::apigw::testing::request;

    const STREAM: &[u8] =
        b"{\"statusCode\":201,\"headers\":{\"x-a\":\"1\"},\"cookies\":[\"c=1\"]}\0\0\0\0\0\0\0\0hello";

    fn head(prelude: &Prelude) -> Head {
        url_head(&request("GET", "/", &[], b""), prelude).unwrap()
    }

    #[test]
    fn a_prelude_is_found_wherever_the_stream_is_cut() {
        for cut in 0..=STREAM.len() {
            let mut reader = Reader::default();
            let (first, second) = STREAM.split_at(cut);
            let step = match reader.feed(first) {
                Step::NeedMore => reader.feed(second),
                Step::Begun { prelude, body } => {
                    Step::Begun { prelude, body: Bytes::from([body.as_ref(), second].concat()) }
                }
                other => other,
            };
            let Step::Begun { prelude, body } = step else { panic!("cut at {cut}: {step:?}") };
            assert_eq!((head(&prelude).status, body.as_ref()), (201, &b"hello"[..]), "cut at {cut}");
        }
    }

    #[test]
    fn the_head_has_status_headers_and_cookies() {
        let Step::Begun { prelude, .. } = Reader::default().feed(STREAM) else { panic!("no prelude") };
        let has = |name: &str, value: &str| head(&prelude).headers.contains(&(name.to_owned(), value.to_owned()));
        assert!(has("x-a", "1") && has("set-cookie", "c=1") && has("Content-Type", "application/octet-stream"));
    }

    #[test]
    fn a_status_under_another_name_is_ignored() {
        let Step::Begun { prelude, .. } = Reader::default().feed(b"{\"status\":418}\0\0\0\0\0\0\0\0") else {
            panic!("no prelude")
        };
        assert_eq!(head(&prelude).status, 200);
    }

    #[test]
    fn other_bytes_are_no_prelude_at_once_and_none_is_lost() {
        let text = Step::NoPrelude { body: Bytes::from_static(b"hello") };
        assert_eq!(Reader::default().feed(b"hello"), text);
        let mut reader = Reader::default();
        assert_eq!(reader.feed(b"{\"statusCode\":200,"), Step::NeedMore);
        assert_eq!(reader.ended(), Step::NoPrelude { body: Bytes::from_static(b"{\"statusCode\":200,") });
        let broken = b"{\"statusCode\":\"abc\"}\0\0\0\0\0\0\0\0x";
        assert_eq!(Reader::default().feed(broken), Step::NoPrelude { body: Bytes::from_static(broken) });
    }

    #[test]
    fn an_endless_prelude_is_none() {
        let mut reader = Reader::default();
        let chunk = vec![b'{'; LONGEST_PRELUDE / 2 + 1];
        assert_eq!(reader.feed(&chunk), Step::NeedMore);
        assert!(matches!(reader.feed(&chunk), Step::NoPrelude { .. }));
    }

    #[test]
    fn a_line_break_in_a_header_is_no_head() {
        let stream = b"{\"headers\":{\"a\":\"b\\r\\nc: d\"}}\0\0\0\0\0\0\0\0";
        let Step::Begun { prelude, .. } = Reader::default().feed(stream) else { panic!("no prelude") };
        assert_eq!(url_head(&request("GET", "/", &[], b""), &prelude), None);
    }
}
