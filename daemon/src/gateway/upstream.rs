//! HTTP_PROXY integrations: the request goes to a server behind the API, and its answer comes back as it is written.
//!
//! What is sent and what the client sees of the answer is [`crate::apigw::mapping`]'s. A body streams through unless a
//! rule has to see the whole of it: a REST API without `responseTransferMode: STREAM` buffers up to 10 MB, and so do
//! response parameters.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{Either, Full, Limited};
use hyper::body::Incoming;

use crate::apigw::mapping::{Upstream, passed_back, reply as mapped, upstream};
use crate::apigw::{Exchange, Reply, reply};
use crate::project::api::{ApiKind, Authorization, HttpProxy, Integration, Route};

use super::intake::{MOST_BODY, whole};
use super::outbound::{Outbound, Payload};
use super::outgoing::{Answer, Stream};

/// The answer of an HTTP_PROXY integration.
///
/// `coming` is the request's body, where nobody had to read it before; it goes through piece by piece.
pub(super) async fn pass(
    outbound: &Outbound,
    exchange: &Exchange<'_>,
    proxy: &HttpProxy,
    coming: Option<Incoming>,
) -> Answer {
    match tokio::time::timeout(proxy.timeout, passed(outbound, exchange, proxy, coming)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(problem)) => {
            tracing::warn!(api = %exchange.api.id, uri = proxy.uri, problem, "an HTTP integration failed");
            reply::unreachable(exchange).into()
        }
        Err(_) => reply::timeout(exchange).into(),
    }
}

/// Whether the body of a route's requests may stream through: an HTTP API's does, unless a signature is of the whole
/// body or a mapped parameter looks into it.
pub(super) fn streams(kind: ApiKind, route: &Route) -> bool {
    let Integration::HttpProxy(proxy) = &route.integration else { return false };
    let looks = proxy.request_parameters.values().any(|value| value.contains("request.body"));
    kind == ApiKind::Http && route.authorization != Authorization::Iam && !looks
}

async fn passed(
    outbound: &Outbound,
    exchange: &Exchange<'_>,
    proxy: &HttpProxy,
    coming: Option<Incoming>,
) -> Result<Answer, String> {
    let answer = outbound.send(request(upstream(exchange, proxy), coming)?).await?;
    let (status, headers, body) = parts(answer);
    let buffers = (exchange.api.kind == ApiKind::Rest && !proxy.streaming) || !proxy.response_parameters.is_empty();
    if !buffers {
        let head = passed_back(exchange, Reply { status, headers, body: Bytes::new() });
        return Ok(Answer { reply: head, stream: Some(Stream::of_upstream(body)) });
    }
    match whole(body, MOST_BODY).await {
        Ok(body) => {
            let back = passed_back(exchange, Reply { status, headers, body });
            Ok(mapped(exchange, &proxy.response_parameters, back).into())
        }
        Err(_) => Err("its answer is over 10 MB, or broke off".to_owned()),
    }
}

fn request(upstream: Upstream, coming: Option<Incoming>) -> Result<Request<Payload>, String> {
    let mut request = Request::builder().method(upstream.method.as_str()).uri(&upstream.uri);
    for (name, value) in &upstream.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            request = request.header(name, value);
        }
    }
    let body = match coming {
        Some(coming) => Either::Right(Limited::new(coming, MOST_BODY)),
        None => Either::Left(Full::new(upstream.body)),
    };
    request.body(body).map_err(|problem| format!("{}: {problem}", upstream.uri))
}

fn parts(answer: Response<Incoming>) -> (u16, Vec<(String, String)>, Incoming) {
    let (head, body) = answer.into_parts();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    (head.status.as_u16(), headers, body)
}
