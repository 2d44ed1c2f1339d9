//! The order of steps of a request, and the only place that knows it.
//!
//! ```text
//! head and body → URL, or API and route → preflight → who may call → integration → reply
//! ```
//! A request holds one snapshot from its first step to its last. Each step's rule is in [`crate::apigw`]; here is what
//! has effects: asking workers, asking servers, waiting.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Response, Version};
use hyper::body::Incoming;

use crate::apigw::gateway_response::{self, ResponseType};
use crate::apigw::{Caller, Exchange, Match, Reply, Request, compression, cors, mock, reply, validation};
use crate::project::api::{Integration, Route};

use super::intake::{self, Unreadable};
use super::listener::{Peers, Served};
use super::outgoing::{Answer, Body, send};
use super::snapshot::{Found, Snapshot, Target};
use super::wire::SharedHeads;
use super::{authorize, integrate, upstream, url};

/// Answers one request.
pub async fn answer(
    request: http::Request<Incoming>,
    peers: Peers,
    served: &Served,
    heads: &SharedHeads,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let snapshot = served.snapshot.load_full();
    let raw = if parts.version <= Version::HTTP_11 { heads.take_incoming() } else { None };
    let answer = match intake::read(&parts, raw, body, peers).await {
        Ok(request) => respond(&snapshot, request).await,
        Err(Unreadable::TooLarge(request)) => too_large(&snapshot, &request).into(),
        Err(Unreadable::HeadTooLarge) => plain(431, "Request Header Fields Too Large").into(),
        Err(Unreadable::Broken) => plain(400, "Bad Request").into(),
    };
    let generation = served.tell_generation.load(Ordering::Relaxed).then_some(snapshot.generation);
    send(answer, &parts, heads, generation)
}

async fn respond(snapshot: &Snapshot, mut request: Request) -> Answer {
    match snapshot.find(&request) {
        Target::Url(served) => url::respond(snapshot, served, &request).await,
        Target::NoUrl => url::unknown().into(),
        Target::Nothing => no_api().into(),
        Target::WebSocket => plain(501, "samd does not serve WebSocket APIs").into(),
        Target::Closed(found) => reply::forbidden(&exchange(&found, &request, Caller::NOBODY)).into(),
        Target::Api(mut found) => {
            if let Some(path) = found.rest.take() {
                request.path = path;
            }
            through(snapshot, &found, &request).await
        }
    }
}

fn too_large(snapshot: &Snapshot, request: &Request) -> Reply {
    match snapshot.find(request) {
        Target::Api(found) | Target::Closed(found) => reply::too_large(&exchange(&found, request, Caller::NOBODY)),
        Target::Url(_) => crate::apigw::function_url::too_large(request),
        Target::NoUrl => url::unknown(),
        Target::Nothing => no_api(),
        Target::WebSocket => plain(501, "samd does not serve WebSocket APIs"),
    }
}

fn exchange<'a>(found: &'a Found<'a>, request: &'a Request, caller: &'a Caller) -> Exchange<'a> {
    let route: Option<(&Route, &Match)> = found.route.as_ref().map(|(route, matched)| (*route, matched));
    Exchange { context: found.context, api: &found.api.api, found: route, request, caller }
}

async fn through(snapshot: &Snapshot, found: &Found<'_>, request: &Request) -> Answer {
    let unknown = exchange(found, request, Caller::NOBODY);
    if let Some(preflight) = cors::preflight(&unknown) {
        return preflight.into();
    }
    let answer = match unknown.found {
        Some((route, _)) => admitted(snapshot, found, &unknown, route).await,
        None => reply::no_route(&unknown).into(),
    };
    let streams = answer.stream.is_some();
    answer.map(|reply| {
        let reply = cors::decorated_for(&unknown, reply);
        if streams { reply } else { compression::compressed(&unknown, reply) }
    })
}

async fn admitted(snapshot: &Snapshot, found: &Found<'_>, unknown: &Exchange<'_>, route: &Route) -> Answer {
    let caller = match authorize::admit(snapshot, found.api, unknown).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into(),
    };
    // A signature is of the body as it was sent; whatever comes after it sees what the coding held.
    let Some(request) = readable(unknown) else {
        return gateway_response::reply(unknown, ResponseType::BadRequestBody).into();
    };
    let exchange = Exchange { caller: &caller, request: &request, ..*unknown };
    if let Err(refusal) = validation::check(&exchange, &found.api.models) {
        return gateway_response::reply(&exchange, refusal).into();
    }
    if let Some(refusal) = reply::refused_before_invocation(&exchange, &route.integration) {
        return refusal.into();
    }
    match &route.integration {
        Integration::Lambda(lambda) => integrate::invoke(snapshot, &exchange, lambda).await,
        Integration::Mock(mock) => mock::reply(&exchange, mock).into(),
        Integration::HttpProxy(proxy) => upstream::pass(snapshot.outbound(), &exchange, proxy).await,
        Integration::Unsupported { reason, .. } => reply::unsupported(&exchange, reason).into(),
    }
}

/// The request without the coding of its body, where the API takes such bodies.
fn readable<'a>(exchange: &Exchange<'a>) -> Option<Cow<'a, Request>> {
    let coded =
        exchange.api.minimum_compression_size.is_some() && exchange.request.header("content-encoding").is_some();
    match coded {
        true => compression::decompressed(exchange).map(Cow::Owned),
        false => Some(Cow::Borrowed(exchange.request)),
    }
}

fn no_api() -> Reply {
    plain(404, "this project has no API")
}

fn plain(status: u16, message: &str) -> Reply {
    let body = Bytes::from(serde_json::json!({ "message": message }).to_string());
    Reply { status, headers: vec![("Content-Type".to_owned(), "application/json".to_owned())], body }
}
