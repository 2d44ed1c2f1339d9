//! Compression of replies (`minimumCompressionSize` of REST APIs), and of requests that come compressed.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};

use super::{Exchange, Reply, Request};

/// What a compressed request may become; more is refused as too large.
const LARGEST: u64 = 10 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
}

impl Coding {
    fn named(name: &str) -> Option<Coding> {
        match name.to_ascii_lowercase().as_str() {
            "gzip" => Some(Coding::Gzip),
            "deflate" => Some(Coding::Deflate),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
        }
    }
}

/// The reply, compressed where the API asks for it, the client accepts it, and the integration has not done it itself.
#[must_use]
pub fn compressed(exchange: &Exchange, reply: Reply) -> Reply {
    let Some(minimum) = exchange.api.minimum_compression_size else { return reply };
    let large = u64::try_from(reply.body.len()).is_ok_and(|length| length >= minimum) && !reply.body.is_empty();
    let Some(coding) = accepted(exchange.request).filter(|_| large && reply.header("content-encoding").is_none())
    else {
        return reply;
    };
    let Ok(body) = encoded(coding, &reply.body) else { return reply };
    let mut headers = reply.headers;
    headers.push(("Content-Encoding".to_owned(), coding.name().to_owned()));
    Reply { headers, body: Bytes::from(body), ..reply }
}

/// The request of an API with compression as its function sees it: without the coding that the client used.
///
/// # Errors
/// `None` where the body is not what its Content-Encoding says, or too large without it: 400 or 413 is the answer.
#[must_use]
pub fn decompressed(exchange: &Exchange) -> Option<Request> {
    let request = exchange.request;
    let coding = request.header("content-encoding").and_then(|name| Coding::named(name.trim()));
    let (Some(coding), Some(_)) = (coding, exchange.api.minimum_compression_size) else { return Some(request.clone()) };
    let mut request = request.clone();
    request.body = Bytes::from(decoded(coding, &request.body)?);
    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
    Some(request)
}

/// The first coding that the client accepts and does not weigh with zero.
fn accepted(request: &Request) -> Option<Coding> {
    let lines = request.header_values("accept-encoding").flat_map(|line| line.split(','));
    let mut codings = lines.filter_map(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0);
        Coding::named(name.trim()).filter(|_| !refused)
    });
    codings.next()
}

fn encoded(coding: Coding, body: &[u8]) -> std::io::Result<Vec<u8>> {
    match coding {
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(body)?;
            encoder.finish()
        }
        Coding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(body)?;
            encoder.finish()
        }
    }
}

fn decoded(coding: Coding, body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let read = match coding {
        Coding::Gzip => GzDecoder::new(body).take(LARGEST + 1).read_to_end(&mut out),
        Coding::Deflate => ZlibDecoder::new(body).take(LARGEST + 1).read_to_end(&mut out),
    };
    let fits = u64::try_from(out.len()).is_ok_and(|length| length <= LARGEST);
    (read.is_ok() && fits).then_some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::apigw::testing::{api, request};
    use crate::apigw::{Caller, Context};
    use crate::project::api::ApiKind;

    fn with<T>(minimum: Option<u64>, request: &Request, run: impl Fn(&Exchange) -> T) -> T {
        let mut api = api(ApiKind::Rest, Vec::new());
        api.minimum_compression_size = minimum;
        let context = Context::new("123456789012", "us-east-1", &api);
        run(&Exchange { context: &context, api: &api, found: None, request, caller: Caller::NOBODY })
    }

    fn coding(minimum: Option<u64>, accept: &str, own: Option<&str>) -> Option<String> {
        let headers: Vec<_> = own.map(|own| ("Content-Encoding".to_owned(), own.to_owned())).into_iter().collect();
        let reply = Reply { status: 200, headers, body: Bytes::from("x".repeat(100)) };
        let compressed = with(minimum, &request("GET", "/", &[("Accept-Encoding", accept)], b""), |exchange| {
            compressed(exchange, reply.clone())
        });
        compressed.header("content-encoding").map(str::to_owned)
    }

    #[test]
    fn a_large_reply_is_compressed_for_who_accepts_it() {
        assert_eq!(coding(Some(100), "br, gzip", None).as_deref(), Some("gzip"));
        assert_eq!(coding(Some(0), "deflate;q=0.5, gzip", None).as_deref(), Some("deflate"));
        assert_eq!(coding(Some(101), "gzip", None), None);
        assert_eq!(coding(Some(0), "identity, gzip;q=0", None), None);
        assert_eq!(coding(None, "gzip", None), None);
        assert_eq!(coding(Some(0), "gzip", Some("br")).as_deref(), Some("br"));
    }

    #[test]
    fn a_compressed_request_arrives_without_its_coding() {
        let body = encoded(Coding::Gzip, b"hello").unwrap();
        let sent = request("POST", "/", &[("Content-Encoding", "gzip")], &body);
        let seen = with(Some(0), &sent, decompressed).unwrap();
        assert_eq!((seen.body.as_ref(), seen.header("content-encoding")), (&b"hello"[..], None));
        assert_eq!(with(None, &sent, decompressed).unwrap().body.as_ref(), body);
        let broken = request("POST", "/", &[("Content-Encoding", "gzip")], b"hello");
        assert!(with(Some(0), &broken, decompressed).is_none());
    }

    #[test]
    fn a_bomb_does_not_go_off() {
        let zeros = vec![0; usize::try_from(LARGEST).unwrap() + 1];
        let body = encoded(Coding::Deflate, &zeros).unwrap();
        let sent = request("POST", "/", &[("Content-Encoding", "deflate")], &body);
        assert!(with(Some(0), &sent, decompressed).is_none());
    }
}
