//! What an authorizer's function returned, and what it means for a request.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{Refused, broken, denied, method_arn, unauthorized};
use crate::apigw::caller::LambdaContext;
use crate::apigw::gateway_response::ResponseType;
use crate::apigw::policy::resource_policy::question;
use crate::apigw::policy::{Decision, evaluate as evaluate_policy, has_long_resource};
use crate::apigw::{AuthorizerContext, Caller, Exchange};
use crate::lambda::Outcome;
use crate::project::api::{ApiKind, LambdaAuthorizer, LambdaAuthorizerKind};

/// What an authorizer said; it may be kept and evaluated for other requests of the same identity.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// A policy, to be evaluated against each request's ARN.
    Policy {
        /// The policy document; shared, since a cache hands it to each request.
        document: Arc<Value>,
        /// What goes on to the integration.
        context: LambdaContext,
    },
    /// A simple response (B7.3): the answer for every route.
    Simple {
        /// `isAuthorized`.
        authorized: bool,
        /// What goes on to the integration.
        context: LambdaContext,
    },
}

/// Reads what an authorizer's function did, `latency_ms` milliseconds after it was asked.
///
/// # Errors
/// 401 where a REST API's function failed with `Unauthorized`, 500 for any other failure (E3.3, B7.3).
pub fn read(
    exchange: &Exchange,
    authorizer: &LambdaAuthorizer,
    outcome: &Outcome,
    latency_ms: u64,
) -> Result<Verdict, Refused> {
    let payload = match outcome {
        Outcome::Returned(payload) => payload,
        Outcome::Failed(failure) if says_unauthorized(exchange, &failure.payload) => {
            return Err(unauthorized(exchange, "the authorizer failed with Unauthorized"));
        }
        Outcome::Failed(failure) => {
            let reason = format!("the authorizer failed with {}", failure.error_type);
            return Err(broken(exchange, ResponseType::AuthorizerFailure, reason));
        }
        Outcome::Throttled { reason } => return Err(broken(exchange, ResponseType::AuthorizerFailure, *reason)),
        Outcome::Unavailable { reason } => return Err(broken(exchange, ResponseType::AuthorizerFailure, reason)),
    };
    let verdict = understood(exchange.api.kind, authorizer.kind, payload, latency_ms);
    verdict.map_err(|reason| broken(exchange, ResponseType::AuthorizerConfigurationError, reason))
}

/// What a verdict means for this request.
///
/// # Errors
/// 403 where it does not allow it (E3.1, E3.2), 500 where its policy is none.
pub fn evaluate(exchange: &Exchange, verdict: &Verdict) -> Result<AuthorizerContext, Refused> {
    let (document, context) = match verdict {
        Verdict::Simple { authorized: true, context } => return Ok(AuthorizerContext::Lambda(context.clone())),
        Verdict::Simple { authorized: false, context } => return Err(denied_with(exchange, context, false)),
        Verdict::Policy { document, context } => (document, context),
    };
    let arn = method_arn(exchange);
    match evaluate_policy(document, &question(exchange, &arn, &[])) {
        Ok(Decision::Allow) => Ok(AuthorizerContext::Lambda(context.clone())),
        Ok(Decision::ExplicitDeny) => Err(denied_with(exchange, context, true)),
        Ok(Decision::ImplicitDeny) => Err(denied_with(exchange, context, false)),
        Err(error) => Err(broken(
            exchange,
            ResponseType::AuthorizerConfigurationError,
            format!("the authorizer's policy: {error}"),
        )),
    }
}

/// A denial whose gateway response may name what the authorizer said of the caller (A7.4).
fn denied_with(exchange: &Exchange, context: &LambdaContext, explicit: bool) -> Refused {
    let caller = Caller { authorizer: Some(AuthorizerContext::Lambda(context.clone())), ..exchange.caller.clone() };
    denied(&Exchange { caller: &caller, ..*exchange }, explicit)
}

/// Only REST APIs know the word.
fn says_unauthorized(exchange: &Exchange, payload: &Bytes) -> bool {
    let message = serde_json::from_slice::<Value>(payload).ok().and_then(|error| error.get("errorMessage").cloned());
    exchange.api.kind == ApiKind::Rest && message.as_ref().and_then(Value::as_str) == Some("Unauthorized")
}

fn understood(
    api: ApiKind,
    kind: LambdaAuthorizerKind,
    payload: &Bytes,
    latency_ms: u64,
) -> Result<Verdict, &'static str> {
    let Ok(Value::Object(mut result)) = serde_json::from_slice(payload) else {
        return Err("the authorizer returned no object");
    };
    let context = LambdaContext {
        principal_id: result.get("principalId").and_then(Value::as_str).map(str::to_owned),
        context: context(api, result.remove("context"))?,
        integration_latency: latency_ms,
        usage_identifier_key: result.get("usageIdentifierKey").and_then(Value::as_str).map(str::to_owned),
    };
    if kind == (LambdaAuthorizerKind::HttpV2 { simple: true }) {
        let authorized = result.get("isAuthorized").and_then(Value::as_bool);
        let authorized = authorized.ok_or("a simple response needs a boolean isAuthorized")?;
        return Ok(Verdict::Simple { authorized, context });
    }
    if api == ApiKind::Rest && context.principal_id.as_deref().unwrap_or_default().is_empty() {
        return Err("the authorizer returned no principalId");
    }
    let document = result.remove("policyDocument").filter(Value::is_object);
    let document = Arc::new(document.ok_or("the authorizer returned no policyDocument")?);
    if has_long_resource(&document) {
        return Err("a resource in the authorizer's policy is longer than 512 characters");
    }
    Ok(Verdict::Policy { document, context })
}

/// REST takes strings, numbers and booleans alone (E3.4), HTTP any JSON.
fn context(api: ApiKind, context: Option<Value>) -> Result<Map<String, Value>, &'static str> {
    let context = match context {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(context)) => context,
        Some(_) => return Err("the authorizer's context is no object"),
    };
    let flat = |value: &Value| matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_));
    if api == ApiKind::Rest && !context.values().all(flat) {
        return Err("values of the authorizer's context must be strings, numbers or booleans");
    }
    Ok(context)
}
