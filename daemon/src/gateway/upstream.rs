//! HTTP_PROXY integrations: the request goes to a server behind the API, and its answer comes back as it is written.
//!
//! What is sent and what the client sees of the answer is [`crate::apigw::mapping`]'s. A body streams through unless a
//! rule has to see the whole of it: a signature, a model, a mapped parameter on the way there; on the way back response
//! parameters, and a REST API without `responseTransferMode: STREAM`, whose client is told 504 where an answer of 10 MB at
//! most does not come in time and as a whole.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;

use crate::apigw::mapping::{Upstream, passed_back, reply as mapped, upstream};
use crate::apigw::{Exchange, Reply, reply};
use crate::project::api::{Api, ApiKind, Authorization, HttpProxy, Integration, Route};

use super::intake::{BodyProblem, MOST_BODY, whole};
use super::outbound::{Outbound, Payload};
use super::outgoing::{Answer, Stream};
use super::pipeline::refusal;
use super::upload::{Turn, Upload, server_is_late};

/// The answer of an HTTP_PROXY integration.
///
/// `coming` is the request's body, where nobody had to read it before; it goes through piece by piece.
pub(super) async fn pass(
    outbound: &Outbound,
    exchange: &Exchange<'_>,
    proxy: &HttpProxy,
    coming: Option<Incoming>,
) -> Answer {
    let (upload, turn) = coming.map(Upload::new).unzip();
    let answered = passed(outbound, exchange, proxy, upload);
    let late = async {
        match turn.clone() {
            Some(turn) => server_is_late(turn, proxy.timeout).await,
            None => tokio::time::sleep(proxy.timeout).await,
        }
    };
    let answered = tokio::select! {
        biased;
        answered = answered => Some(answered),
        () = late => None,
    };
    match answered {
        Some(Ok(answer)) => answer,
        Some(Err(problem)) => match turn.map(|turn| *turn.borrow()) {
            Some(Turn::Failed(problem)) => unreadable(exchange, problem).into(),
            Some(Turn::Server | Turn::Client) | None => failed(exchange, proxy, &problem).into(),
        },
        None => reply::timeout(exchange).into(),
    }
}

fn failed(exchange: &Exchange<'_>, proxy: &HttpProxy, problem: &str) -> Reply {
    tracing::warn!(api = %exchange.api.id, uri = proxy.uri, problem, "an HTTP integration failed");
    reply::unreachable(exchange)
}

/// The reply to a request whose body could not be passed on to its end.
fn unreadable(exchange: &Exchange<'_>, problem: BodyProblem) -> Reply {
    match problem {
        BodyProblem::TooLarge => reply::too_large(exchange),
        BodyProblem::Broken | BodyProblem::Late => refusal(&problem.into()),
    }
}

/// Whether the body of a route's requests may stream through: unless a signature is of the whole body, a model or a mapped
/// parameter looks into it, or it is to be decompressed.
pub(super) fn streams(api: &Api, route: &Route) -> bool {
    let Integration::HttpProxy(proxy) = &route.integration else { return false };
    let looks = proxy.request_parameters.values().any(|value| value.contains("request.body"));
    let checked = api.kind == ApiKind::Rest && (route.validation.body || api.minimum_compression_size.is_some());
    route.authorization != Authorization::Iam && !looks && !checked
}

async fn passed(
    outbound: &Outbound,
    exchange: &Exchange<'_>,
    proxy: &HttpProxy,
    upload: Option<Upload>,
) -> Result<Answer, String> {
    let answer = outbound.send(request(upstream(exchange, proxy), upload)?).await?;
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

fn request(upstream: Upstream, upload: Option<Upload>) -> Result<Request<Payload>, String> {
    let mut request = Request::builder().method(upstream.method.as_str()).uri(&upstream.uri);
    for (name, value) in &upstream.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            request = request.header(name, value);
        }
    }
    let body = match upload {
        Some(upload) => Either::Right(upload),
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
