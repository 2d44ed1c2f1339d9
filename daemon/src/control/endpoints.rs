//! The endpoints as warp filters: the guard, then one filter for each endpoint of the protocol.
//!
//! Owns the way from bytes to a typed request and from a typed answer to bytes. What an endpoint means is in
//! `handlers`, `streams` and `invoke`.

use std::future::Future;
use std::sync::Arc;

use samd_proto::endpoint as proto;
use samd_proto::{ApiError, Endpoint, ErrorCode, Stream};
use serde::de::DeserializeOwned;
use warp::filters::BoxedFilter;
use warp::http::HeaderMap;
use warp::reject::{MethodNotAllowed, Reject};
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::{Auth, Context, body, guard, handlers, invoke, reply, streams};

/// Every endpoint behind its guard; answers each request, so that nothing is left to warp's own words.
pub(super) fn all(context: &Arc<Context>, auth: &Arc<Auth>) -> BoxedFilter<(Response,)> {
    let guarded = token_guard(auth).and(projects(context).or(templates(context)).unify().or(daemon(context)).unify());
    host_guard(context)
        .and(openapi().or(guarded).unify())
        .recover(async |rejection| Ok::<_, Rejection>(reply::error(&refusal(&rejection))))
        .unify()
        .boxed()
}

fn projects(context: &Arc<Context>) -> BoxedFilter<(Response,)> {
    message::<proto::Start, _, _>(context, handlers::start)
        .or(message::<proto::Stop, _, _>(context, handlers::stop))
        .unify()
        .or(message::<proto::Remove, _, _>(context, handlers::remove))
        .unify()
        .or(message::<proto::Reload, _, _>(context, handlers::reload))
        .unify()
        .or(message::<proto::Set, _, _>(context, handlers::set))
        .unify()
        .or(message::<proto::List, _, _>(context, handlers::list))
        .unify()
        .or(message::<proto::Status, _, _>(context, handlers::status))
        .unify()
        .or(message::<proto::Routes, _, _>(context, handlers::routes))
        .unify()
        .or(message::<proto::Functions, _, _>(context, handlers::functions))
        .unify()
        .or(message::<proto::Invoke, _, _>(context, invoke::invoke))
        .unify()
        .or(message::<proto::Token, _, _>(context, handlers::token))
        .unify()
        .or(events::<proto::Logs, _, _, _>(context, streams::logs))
        .unify()
        .or(events::<proto::Events, _, _, _>(context, streams::reloads))
        .unify()
        .boxed()
}

fn templates(context: &Arc<Context>) -> BoxedFilter<(Response,)> {
    message::<proto::Validate, _, _>(context, handlers::validate)
        .or(message::<proto::RoutesOfTemplate, _, _>(context, handlers::routes_of_template))
        .unify()
        .or(message::<proto::FunctionsOfTemplate, _, _>(context, handlers::functions_of_template))
        .unify()
        .boxed()
}

fn daemon(context: &Arc<Context>) -> BoxedFilter<(Response,)> {
    message::<proto::DaemonStatusOf, _, _>(context, handlers::daemon_status)
        .or(message::<proto::DaemonStop, _, _>(context, handlers::daemon_stop))
        .unify()
        .boxed()
}

/// The OpenAPI document; it holds nothing secret, so that tools may read it without the token.
fn openapi() -> BoxedFilter<(Response,)> {
    warp::path!("v1" / "openapi.json").and(warp::get()).map(|| reply::document(samd_proto::OPENAPI)).boxed()
}

/// An endpoint with one answer.
fn message<E, H, F>(context: &Arc<Context>, handler: H) -> BoxedFilter<(Response,)>
where
    E: Endpoint + 'static,
    E::Request: 'static,
    H: Fn(Arc<Context>, E::Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<E::Response, ApiError>> + Send,
{
    let context = context.clone();
    request::<E::Request>(E::NAME)
        .then(move |request| {
            let (context, handler) = (context.clone(), handler.clone());
            async move {
                match request {
                    Ok(request) => reply::message(handler(context, request).await),
                    Err(refusal) => reply::error(&refusal),
                }
            }
        })
        .boxed()
}

/// An endpoint that answers with events.
fn events<E, H, F, S>(context: &Arc<Context>, handler: H) -> BoxedFilter<(Response,)>
where
    E: Stream + 'static,
    E::Request: 'static,
    E::Event: 'static,
    H: Fn(Arc<Context>, E::Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<S, ApiError>> + Send,
    S: futures_util::Stream<Item = E::Event> + Send + Sync + 'static,
{
    let context = context.clone();
    request::<E::Request>(E::NAME)
        .then(move |request| {
            let (context, handler) = (context.clone(), handler.clone());
            async move {
                let events = match request {
                    Ok(request) => handler(context, request).await,
                    Err(refusal) => Err(refusal),
                };
                events.map_or_else(|refusal| reply::error(&refusal), reply::events)
            }
        })
        .boxed()
}

/// `POST /v1/<name>` with its body parsed.
fn request<T: DeserializeOwned + Send + 'static>(name: &'static str) -> BoxedFilter<(Result<T, ApiError>,)> {
    warp::path("v1")
        .and(warp::path(name))
        .and(warp::path::end())
        .and(warp::post())
        .and(warp::body::stream())
        .then(|stream| body::parse::<T>(stream))
        .boxed()
}

/// A refusal on its way through warp.
#[derive(Debug)]
struct Refusal(ApiError);

impl Reject for Refusal {}

fn host_guard(context: &Arc<Context>) -> BoxedFilter<()> {
    let address = context.address;
    check(move |headers| guard::local(headers, address))
}

fn token_guard(auth: &Arc<Auth>) -> BoxedFilter<()> {
    let auth = auth.clone();
    check(move |headers| guard::token(headers, &auth))
}

fn check(admit: impl Fn(&HeaderMap) -> Result<(), ApiError> + Clone + Send + Sync + 'static) -> BoxedFilter<()> {
    warp::header::headers_cloned()
        .and_then(move |headers: HeaderMap| {
            let admitted = admit(&headers).map_err(|refusal| warp::reject::custom(Refusal(refusal)));
            async move { admitted }
        })
        .untuple_one()
        .boxed()
}

/// What a rejection means. A guard's word goes before all others, since the rest was not looked at.
fn refusal(rejection: &Rejection) -> ApiError {
    if let Some(Refusal(refusal)) = rejection.find() {
        return refusal.clone();
    }
    if rejection.find::<MethodNotAllowed>().is_some() {
        return ApiError::new(ErrorCode::MethodNotAllowed, "endpoints are called with POST");
    }
    ApiError::new(
        ErrorCode::UnknownEndpoint,
        format!("this samd has no such endpoint; GET {} lists what it has", samd_proto::OPENAPI_PATH),
    )
}
