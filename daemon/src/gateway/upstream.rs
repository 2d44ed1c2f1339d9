//! HTTP_PROXY integrations: the request goes to a server behind the API, and its answer comes back as it is written.
//!
//! What is sent and what the client sees of the answer is [`crate::apigw::mapping`]'s. A body streams through unless a
//! rule has to see the whole of it: a REST API without `responseTransferMode: STREAM` buffers up to 10 MB, and so do
//! response parameters.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::apigw::mapping::{Upstream, passed_back, reply as mapped, upstream};
use crate::apigw::{Exchange, Reply, reply};
use crate::project::api::{ApiKind, HttpProxy};

use super::intake::{MOST_BODY, whole};
use super::outbound::Outbound;
use super::outgoing::{Answer, Stream};

/// The answer of an HTTP_PROXY integration.
pub(super) async fn pass(outbound: &Outbound, exchange: &Exchange<'_>, proxy: &HttpProxy) -> Answer {
    match tokio::time::timeout(proxy.timeout, passed(outbound, exchange, proxy)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(problem)) => {
            tracing::warn!(api = %exchange.api.id, uri = proxy.uri, problem, "an HTTP integration failed");
            reply::unreachable(exchange).into()
        }
        Err(_) => reply::timeout(exchange).into(),
    }
}

async fn passed(outbound: &Outbound, exchange: &Exchange<'_>, proxy: &HttpProxy) -> Result<Answer, String> {
    let answer = outbound.send(request(upstream(exchange, proxy))?).await?;
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

fn request(upstream: Upstream) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::builder().method(upstream.method.as_str()).uri(&upstream.uri);
    for (name, value) in &upstream.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            request = request.header(name, value);
        }
    }
    request.body(Full::new(upstream.body)).map_err(|problem| format!("{}: {problem}", upstream.uri))
}

fn parts(answer: Response<Incoming>) -> (u16, Vec<(String, String)>, Incoming) {
    let (head, body) = answer.into_parts();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    (head.status.as_u16(), headers, body)
}
