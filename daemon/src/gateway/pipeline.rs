//! The order of steps of a request, and the only place that knows it.
//!
//! ```text
//! head → URL, or API and route → body → file beside them → preflight → who may call → integration → reply
//! ```
//! A request holds one snapshot from its first step to its last. Each step's rule is in [`crate::apigw`]; here is what
//! has effects: asking workers, asking servers, waiting.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderValue, Response, Version, header};
use hyper::body::{Body as _, Incoming};

use crate::apigw::gateway_response::{self, ResponseType};
use crate::apigw::{Caller, Exchange, Match, Reply, Request, compression, cors, domain, edge, mock, reply, validation};
use crate::project::api::{Integration, Route};

use super::access::Asked;
use super::connections::Place;
use super::intake::{self, Unreadable};
use super::listener::{Peers, Served};
use super::outgoing::{Answer, Body, send};
use super::snapshot::{Found, Snapshot, Target};
use super::wire::SharedHeads;
use super::{authorize, integrate, upstream, url};

/// Answers one request.
pub(super) async fn answer(
    request: http::Request<Incoming>,
    peers: Peers,
    served: &Served,
    heads: &SharedHeads,
    place: &Arc<Place>,
) -> Response<Body> {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    served.changes.over().await;
    let snapshot = served.snapshot.load_full();
    let raw = if parts.version <= Version::HTTP_11 { heads.take_incoming() } else { None };
    let answered = match intake::head(&parts, raw, peers) {
        Ok(request) => read(&snapshot, request, body, place).await,
        Err(unreadable) => Err(refusal(&unreadable)),
    };
    let readable = answered.is_ok();
    let generation = served.tell_generation.load(Ordering::Relaxed).then_some(snapshot.generation);
    let answer = answered.unwrap_or_else(Answer::from);
    let asked = Asked { client: peers.client.ip(), method: &parts.method, uri: &parts.uri, version: parts.version };
    served.access.tell(asked, answer.reply.status, began);
    let mut response = send(answer, &parts, heads, generation);
    if !readable && parts.version <= Version::HTTP_11 {
        // Where the next request begins is not known for sure.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Reads the body, unless it streams through to a server, and answers.
///
/// # Errors
/// The reply to a request that cannot be read to its end.
async fn read(snapshot: &Snapshot, mut request: Request, body: Incoming, place: &Arc<Place>) -> Result<Answer, Reply> {
    let target = snapshot.find(&request);
    let mut coming = None;
    if streams_through(&target) && !body.is_end_stream() {
        if body.size_hint().lower() > intake::MOST_BODY as u64 {
            return Err(too_large(&target, &request));
        }
        coming = Some(body);
    } else {
        match intake::body(body).await {
            Ok(body) => request.body = body,
            Err(Unreadable::TooLarge) => return Err(too_large(&target, &request)),
            Err(unreadable) => return Err(refusal(&unreadable)),
        }
    }
    let serving = place.serving();
    Ok(respond(snapshot, target, request, coming).await.while_serving(serving))
}

fn streams_through(target: &Target) -> bool {
    match target {
        Target::Api(found) => found.route.as_ref().is_some_and(|(route, _)| upstream::streams(&found.api.api, route)),
        Target::Closed(_)
        | Target::Health(_)
        | Target::Url(_)
        | Target::NoUrl
        | Target::Nothing
        | Target::WebSocket => false,
    }
}

/// The reply to a request that could not be read.
pub(super) fn refusal(unreadable: &Unreadable) -> Reply {
    match unreadable {
        Unreadable::TooLarge => plain(413, "Request Entity Too Large"),
        Unreadable::HeadTooLarge => plain(431, "Request Header Fields Too Large"),
        Unreadable::Broken | Unreadable::Ambiguous | Unreadable::Unaddressed => plain(400, "Bad Request"),
        Unreadable::Late => plain(408, "Request Timeout"),
    }
}

async fn respond(snapshot: &Snapshot, target: Target<'_>, mut request: Request, coming: Option<Incoming>) -> Answer {
    match target {
        Target::Url(served) => url::respond(snapshot, served, &request).await,
        Target::NoUrl => url::unknown().into(),
        Target::Health(kind) => domain::health(kind).into(),
        Target::Nothing => match file_beside(snapshot, &request, None).await {
            Some(file) => file.into(),
            None => no_api().into(),
        },
        Target::WebSocket => plain(501, "samd does not serve WebSocket APIs").into(),
        Target::Closed(found) => reply::forbidden(&exchange(&found, &request, Caller::NOBODY)).into(),
        Target::Api(mut found) => {
            if let Some(path) = found.rest.take() {
                request.received_path = Some(std::mem::replace(&mut request.path, path));
            }
            let route = found.route.as_ref().map(|(route, _)| *route);
            if let Some(file) = file_beside(snapshot, &request, route).await {
                return file.into();
            }
            through(snapshot, &found, &request, coming).await
        }
    }
}

/// A file that answers where no API names the path.
async fn file_beside(snapshot: &Snapshot, request: &Request, route: Option<&Route>) -> Option<Reply> {
    snapshot.front.files.as_ref()?.answer(request, route).await
}

fn too_large(target: &Target, request: &Request) -> Reply {
    match target {
        Target::Api(found) | Target::Closed(found) => reply::too_large(&exchange(found, request, Caller::NOBODY)),
        Target::Url(_) => crate::apigw::function_url::too_large(request),
        Target::NoUrl => url::unknown(),
        Target::Health(kind) => domain::health(*kind),
        Target::Nothing => no_api(),
        Target::WebSocket => plain(501, "samd does not serve WebSocket APIs"),
    }
}

fn exchange<'a>(found: &'a Found<'a>, request: &'a Request, caller: &'a Caller) -> Exchange<'a> {
    let route: Option<(&Route, &Match)> = found.route.as_ref().map(|(route, matched)| (*route, matched));
    Exchange { context: found.context, api: &found.api.api, found: route, request, caller }
}

async fn through(snapshot: &Snapshot, found: &Found<'_>, request: &Request, coming: Option<Incoming>) -> Answer {
    let unknown = exchange(found, request, Caller::NOBODY);
    if let Some(refusal) = reply::refused_at_once(&unknown) {
        return refusal.into();
    }
    if let Some(preflight) = cors::preflight(&unknown) {
        return preflight.into();
    }
    let answer = match unknown.found {
        Some((route, _)) => admitted(snapshot, found, &unknown, route, coming).await,
        None => reply::no_route(&unknown).into(),
    };
    let streams = answer.stream.is_some();
    answer.map(|reply| {
        let reply = edge::seen(&unknown, cors::decorated_for(&unknown, reply));
        if streams { reply } else { compression::compressed(&unknown, reply) }
    })
}

async fn admitted(
    snapshot: &Snapshot,
    found: &Found<'_>,
    unknown: &Exchange<'_>,
    route: &Route,
    coming: Option<Incoming>,
) -> Answer {
    let caller = match authorize::admit(snapshot, found.api, unknown).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into(),
    };
    // A signature is of the body as it was sent; whatever comes after it sees what the coding held.
    let known = Exchange { caller: &caller, ..*unknown };
    let Some(request) = readable(&known) else {
        return gateway_response::reply(&known, ResponseType::BadRequestBody).into();
    };
    let exchange = Exchange { request: &request, ..known };
    if let Err(refusal) = validation::check(&exchange, &found.api.models) {
        return gateway_response::reply(&exchange, refusal).into();
    }
    if let Some(refusal) = reply::refused_before_invocation(&exchange, &route.integration) {
        return refusal.into();
    }
    match &route.integration {
        Integration::Lambda(lambda) => integrate::invoke(snapshot, &exchange, lambda).await,
        Integration::Mock(mock) => mock::reply(&exchange, mock).into(),
        Integration::HttpProxy(proxy) => upstream::pass(snapshot.outbound(), &exchange, proxy, coming).await,
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
