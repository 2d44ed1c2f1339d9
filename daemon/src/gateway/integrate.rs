//! Lambda integrations: the event goes to the function's worker, and what it does becomes the reply.
//!
//! When an integration's time is up the client is answered and the invocation goes on, as at AWS.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use crate::apigw::stream::{self, Reader, Step};
use crate::apigw::{Exchange, Reply, Request, event_v1, event_v2, mapping, reply};
use crate::lambda::error::MAX_EVENT;
use crate::lambda::{Invocation, Outcome};
use crate::project::FunctionId;
use crate::project::api::{ApiKind, LambdaProxy, Payload};
use crate::worker;

use super::outgoing::Answer;
use super::snapshot::{ServedFunction, Snapshot};
use super::streaming::{self, Asks, Beginning};

/// The answer of a Lambda proxy integration.
pub(super) async fn invoke(snapshot: &Snapshot, exchange: &Exchange<'_>, lambda: &LambdaProxy) -> Answer {
    let (worker, arn) = match worker_of(snapshot, lambda.function.as_ref()) {
        Ok(found) => found,
        Err(Some(reason)) => return reply::unsupported(exchange, reason).into(),
        Err(None) => return reply::function_missing(exchange).into(),
    };
    let event = event(exchange, lambda);
    if event.len() > MAX_EVENT {
        return reply::event_too_large(exchange).into();
    }
    let invocation = invocation(exchange.request, event, arn);
    if lambda.streaming {
        return stream(exchange, lambda, worker, invocation).await;
    }
    let reply = match tokio::time::timeout(worker.patience(lambda.timeout), worker.invoke(invocation)).await {
        Ok(outcome) => finished(exchange, lambda.payload, &outcome),
        Err(_) => reply::timeout(exchange),
    };
    mapped(exchange, lambda, reply).into()
}

/// A function's worker and the ARN that it is invoked by; the reason why it cannot run, or nothing where there is none.
pub(super) fn worker_of<'a>(
    snapshot: &'a Snapshot,
    function: Option<&FunctionId>,
) -> Result<(&'a worker::Handle, &'a Arc<str>), Option<&'a str>> {
    match function.and_then(|id| snapshot.function(id)) {
        Some(ServedFunction::Worker { worker, arn }) => Ok((worker, arn)),
        Some(ServedFunction::Broken { reason }) => {
            tracing::warn!(?function, reason, "a request for a function that cannot run");
            Err(Some(reason))
        }
        None => Err(None),
    }
}

/// An invocation for a request.
pub(super) fn invocation(request: &Request, event: Vec<u8>, arn: &Arc<str>) -> Invocation {
    Invocation {
        request_id: uuid::Uuid::new_v4().to_string(),
        event: Bytes::from(event),
        invoked_arn: arn.clone(),
        trace_id: request.trace_id.clone(),
        client_context: None,
        cognito_identity: None,
        tenant_id: None,
    }
}

/// The event; an HTTP API's has the request with its parameters mapped (B9).
fn event(exchange: &Exchange<'_>, lambda: &LambdaProxy) -> Vec<u8> {
    let maps = exchange.api.kind == ApiKind::Http && !lambda.request_parameters.is_empty();
    let request = match maps {
        true => Cow::Owned(mapping::request(exchange, &lambda.request_parameters)),
        false => Cow::Borrowed(exchange.request),
    };
    let exchange = Exchange { request: &request, ..*exchange };
    match lambda.payload {
        Payload::V1 => event_v1::event(&exchange),
        Payload::V2 => event_v2::event(&exchange),
    }
}

fn mapped(exchange: &Exchange<'_>, lambda: &LambdaProxy, reply: Reply) -> Reply {
    if lambda.response_parameters.is_empty() {
        return reply;
    }
    mapping::reply(exchange, &lambda.response_parameters, reply)
}

fn finished(exchange: &Exchange<'_>, payload: Payload, outcome: &Outcome) -> Reply {
    if let Outcome::Unavailable { reason } = outcome {
        tracing::warn!(reason, "an invocation could not be served");
    }
    reply::of(exchange, payload, outcome)
}

/// `responseTransferMode: STREAM` (A11): the timeout is for the head, the function's own is for the rest.
async fn stream(
    exchange: &Exchange<'_>,
    lambda: &LambdaProxy,
    worker: &worker::Handle,
    invocation: Invocation,
) -> Answer {
    let begun = streaming::begin(worker, invocation, Asks::Always);
    let Ok(beginning) = tokio::time::timeout(worker.patience(lambda.timeout), begun).await else {
        return reply::timeout(exchange).into();
    };
    match beginning {
        Beginning::Prelude(prelude, rest) => match stream::api_head(exchange, &prelude) {
            Some(head) => Answer::streaming(head.status, head.headers, rest),
            None => reply::malformed(exchange).into(),
        },
        Beginning::Ended(Outcome::Returned(payload)) => returned(exchange, &payload).into(),
        Beginning::Ended(outcome) => finished(exchange, lambda.payload, &outcome).into(),
        Beginning::Bare(..) => reply::malformed(exchange).into(),
    }
}

/// A function that does not stream may still return what a stream would be.
fn returned(exchange: &Exchange<'_>, payload: &Bytes) -> Reply {
    let Step::Begun { prelude, body } = Reader::default().feed(payload) else { return reply::malformed(exchange) };
    match stream::api_head(exchange, &prelude) {
        Some(head) => Reply { status: head.status, headers: head.headers, body },
        None => reply::malformed(exchange),
    }
}
