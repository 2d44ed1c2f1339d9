//! Function URLs: `http://<FunctionLogicalId>.lambda-url.localhost:<port>/` (H5–H7).
//!
//! ```text
//! preflight → size → permission or signature → rate → function → reply, or its head and a stream
//! ```

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::apigw::function_url::{self, UrlContext};
use crate::apigw::rate::{self, Bucket};
use crate::apigw::{AuthorizerContext, Caller, Reply, Request, cors, sigv4, stream};
use crate::lambda::{Invocation, Outcome};
use crate::project::FunctionId;
use crate::project::function::FunctionUrl;
use crate::worker::{self, stream_failure};

use super::integrate::{invocation, worker_of};
use super::outgoing::Answer;
use super::snapshot::Snapshot;
use super::streaming::{self, Asks, Beginning};

/// A function takes events up to this, in bytes.
const MOST_BODY: usize = 6 * 1024 * 1024;

/// A function URL as it is served.
#[derive(Debug)]
pub struct ServedUrl {
    /// The function behind it.
    pub function: FunctionId,
    /// Its configuration.
    pub url: FunctionUrl,
    /// What is stable of it.
    pub context: UrlContext,
    /// Its host name's first label.
    pub label: String,
    /// The ARN that it invokes, where it belongs to an alias of its own (H6.6).
    pub invokes: Option<Arc<str>>,
    /// The region that a signature has to be for.
    pub region: String,
    /// What the function reserves of the account's concurrency; ten times as many requests a second come through (H6.7).
    pub reserved: Option<u32>,
    /// What is left of them; the next generation goes on with it.
    pub(super) requests: Arc<Mutex<Option<Bucket>>>,
}

/// The answer of a function URL.
pub(super) async fn respond(snapshot: &Snapshot, served: &ServedUrl, request: &Request) -> Answer {
    let cors = served.url.cors.as_ref();
    if let Some(preflight) = cors.and_then(|cors| cors::url_preflight(cors, request)) {
        return preflight.into();
    }
    let answer = match caller(snapshot, served, request) {
        _ if request.body.len() > MOST_BODY => function_url::too_large(request).into(),
        Some(_) if !admits(served, request) => function_url::reply(request, &function_url::TOO_FAST).into(),
        Some(caller) => invoke(snapshot, served, request, &caller).await,
        None => function_url::forbidden(request).into(),
    };
    match cors {
        Some(cors) => answer.map(|reply| cors::decorated(cors, request, reply)),
        None => answer,
    }
}

/// The reply where no function has such a URL (H6.3).
pub(super) fn unknown() -> Reply {
    let headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", "AccessDeniedException")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Reply { status: 403, headers, body: Bytes::from_static(b"{\"Message\":null}") }
}

fn admits(served: &ServedUrl, request: &Request) -> bool {
    let mut bucket = served.requests.lock().unwrap_or_else(PoisonError::into_inner);
    rate::url_admits(&mut bucket, served.reserved, request.time_ms)
}

fn caller(snapshot: &Snapshot, served: &ServedUrl, request: &Request) -> Option<Caller> {
    if served.url.closed {
        tracing::info!(function = %served.function, reason = "no permission lets everyone use the URL", "not authorized");
        return None;
    }
    if !served.url.iam {
        return Some(Caller::default());
    }
    match sigv4::verify(request, ("lambda", &served.region), snapshot.credentials()) {
        Ok(identity) => Some(Caller { authorizer: Some(AuthorizerContext::Iam(identity.clone())), api_key: None }),
        Err(problem) => {
            tracing::info!(function = %served.function, reason = %problem, "not authorized");
            None
        }
    }
}

async fn invoke(snapshot: &Snapshot, served: &ServedUrl, request: &Request, caller: &Caller) -> Answer {
    let (worker, arn) = match worker_of(snapshot, Some(&served.function)) {
        Ok(found) => found,
        Err(reason) => {
            let reason = reason.unwrap_or("the function is not there").to_owned();
            return function_url::reply(request, &Outcome::Unavailable { reason }).into();
        }
    };
    let arn = served.invokes.as_ref().unwrap_or(arn);
    let event = function_url::event(&served.context, request, caller);
    // The function's request id is the URL's (H5.1).
    let invocation = Invocation { request_id: request.request_id.clone(), ..invocation(request, event, arn) };
    match served.url.streaming {
        true => stream(request, worker, invocation).await,
        false => function_url::reply(request, &worker.invoke(invocation).await).into(),
    }
}

async fn stream(request: &Request, worker: &worker::Handle, invocation: Invocation) -> Answer {
    match streaming::begin(worker, invocation, Asks::WhereAnnounced).await {
        Beginning::Prelude(prelude, rest) => match stream::url_head(request, &prelude) {
            Some(head) => Answer::streaming(head.status, head.headers, rest),
            None => function_url::reply(request, &Outcome::Failed(stream_failure(None, Bytes::new()))).into(),
        },
        Beginning::Bare(content_type, rest) => {
            let head = stream::url_head_without_prelude(request, content_type.as_deref());
            Answer::streaming(head.status, head.headers, rest)
        }
        // A handler that does not stream: its JSON goes out as it is (H7.2).
        Beginning::Ended(Outcome::Returned(body)) => {
            let head = stream::url_head_without_prelude(request, None);
            Reply { status: head.status, headers: head.headers, body }.into()
        }
        Beginning::Ended(outcome) => function_url::reply(request, &outcome).into(),
    }
}
