//! Lambda authorizers of both products (E1–E3, B7).
//!
//! ```text
//! identify ── 401 without asking ──► reply
//!    │ Identity (and the cache's key)
//!    ▼
//! [cache] ── a Verdict is kept ──┐
//!    │ none                      │
//!  event → function → read ──────┤  ── 401, 500 ──► reply
//!                                ▼
//!                             evaluate ── 403 ──► reply
//!                                │ AuthorizerContext
//! ```
//! The cache belongs to whoever calls; a kept verdict is evaluated again for each request (E3.5). Whatever cannot be
//! evaluated refuses, and says why for the log.

mod event;
mod identity;
mod verdict;

use super::gateway_response::{self, Refusal, ResponseType};
use super::http_error::{self, HttpError};
use super::{Exchange, Reply};
use crate::project::api::ApiKind;

pub use event::event;
pub use identity::{Identity, identify};
pub use verdict::{Verdict, evaluate, read};

/// A request that an authorizer did not let pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the client sees.
    pub reply: Reply,
    /// One sentence for the log.
    pub reason: String,
}

/// The method's ARN, with the request's own method and path (E1.2):
/// `arn:aws:execute-api:us-east-1:123456789012:abcdefghij/Prod/GET/pets/1`.
#[must_use]
pub fn method_arn(exchange: &Exchange) -> String {
    let (context, request) = (exchange.context, exchange.request);
    let path = request.path.trim_start_matches('/');
    format!(
        "arn:{}:execute-api:{}:{}:{}/{}/{}/{path}",
        context.partition, context.region, context.account_id, context.api_id, exchange.api.stage, request.method
    )
}

/// Something of an authorizer cannot be evaluated at all: everybody is refused with 500, and the reason is for the log.
#[must_use]
pub fn unevaluable(exchange: &Exchange, reason: &str) -> Refused {
    broken(exchange, ResponseType::AuthorizerConfigurationError, reason)
}

/// 401 (E1.1, B7.3).
pub(crate) fn unauthorized(exchange: &Exchange, reason: impl Into<String>) -> Refused {
    let reply = match exchange.api.kind {
        ApiKind::Rest => gateway_response::reply(exchange, ResponseType::Unauthorized),
        ApiKind::Http => http_error::reply(exchange, &HttpError::Unauthorized { challenge: None }),
    };
    Refused { reply, reason: reason.into() }
}

/// 500 (E3.3, B7.3).
fn broken(exchange: &Exchange, kind: ResponseType, reason: impl Into<String>) -> Refused {
    let reply = match exchange.api.kind {
        ApiKind::Rest => gateway_response::reply(exchange, kind),
        ApiKind::Http => http_error::reply(exchange, &HttpError::InternalServerError),
    };
    Refused { reply, reason: reason.into() }
}

/// 403 (E3.2, B7.3).
fn denied(exchange: &Exchange, explicit: bool) -> Refused {
    const EXPLICIT: &str =
        "User is not authorized to access this resource with an explicit deny in an identity-based policy";
    let reply = match (exchange.api.kind, explicit) {
        (ApiKind::Http, _) => http_error::reply(exchange, &HttpError::Forbidden),
        (ApiKind::Rest, false) => gateway_response::reply(exchange, ResponseType::AccessDenied),
        (ApiKind::Rest, true) => {
            gateway_response::reply(exchange, Refusal::saying(ResponseType::AccessDenied, EXPLICIT))
        }
    };
    let reason = if explicit { "the authorizer's policy denies it" } else { "the authorizer does not allow it" };
    Refused { reply, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
