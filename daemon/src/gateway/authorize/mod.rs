//! Who may call: resource policy, authorizer, API key, in AWS's order (A6.8, E6).
//!
//! The rules are [`crate::apigw`]'s. Here is what has effects: asking an authorizer's function, keeping its verdicts,
//! counting the use of a key. What cannot be evaluated refuses with a reason in the log; nothing passes in silence.

mod lambda;
mod token;

use std::sync::PoisonError;

use crate::apigw::authorizer::{self, Refused, method_arn};
use crate::apigw::policy::check_resource_policy;
use crate::apigw::{AuthorizerContext, Caller, Exchange, Reply, gateway_response, reply, sigv4, usage_plan};
use crate::project::api::{Authorization, Authorizer};
use crate::project::issuers;

use super::snapshot::{ServedApi, Snapshot};

use self::token::Source;

pub(super) use lambda::Verdicts;

/// With an authorization a longer method ARN is refused, in bytes (A3.8, E3.7).
const LONGEST_ARN: usize = 1600;

/// What is known of the caller once he may pass.
///
/// # Errors
/// The reply for one who may not.
pub(super) async fn admit(snapshot: &Snapshot, served: &ServedApi, exchange: &Exchange<'_>) -> Result<Caller, Reply> {
    let signs = exchange.found.is_some_and(|(route, _)| route.authorization == Authorization::Iam);
    refuse(too_long(exchange))?;
    // A policy that names principals has to know who signed; any other stands before the authorizer.
    if !signs {
        refuse(check_resource_policy(exchange))?;
    }
    let authorizer = match authorize(snapshot, served, exchange).await {
        Ok(context) => context,
        Err(refused) => {
            let (api, path) = (&served.api.id, &exchange.request.path);
            tracing::info!(%api, method = exchange.request.method, path, reason = refused.reason, "not authorized");
            return Err(refused.reply);
        }
    };
    let caller = Caller { authorizer, api_key: None };
    let known = Exchange { caller: &caller, ..*exchange };
    if signs {
        refuse(check_resource_policy(&known))?;
    }
    let used = usage_plan::key(&known).map_err(|refusal| gateway_response::reply(&known, refusal))?;
    let Some((plan, key)) = used else { return Ok(caller) };
    let now = exchange.request.time_ms;
    let counted = served.usage.lock().unwrap_or_else(PoisonError::into_inner).take(plan, &key, now);
    counted.map_err(|refusal| gateway_response::reply(&known, refusal))?;
    Ok(Caller { api_key: Some(key), ..caller })
}

fn refuse(refusal: Option<Reply>) -> Result<(), Reply> {
    refusal.map_or(Ok(()), Err)
}

fn too_long(exchange: &Exchange<'_>) -> Option<Reply> {
    let authorizes = exchange.found.is_some_and(|(route, _)| route.authorization != Authorization::None);
    let long = authorizes && exchange.request.path.len() > LONGEST_ARN / 2;
    (long && method_arn(exchange).len() > LONGEST_ARN).then(|| reply::local(exchange, 414, "Request-URI Too Long"))
}

async fn authorize(
    snapshot: &Snapshot,
    served: &ServedApi,
    exchange: &Exchange<'_>,
) -> Result<Option<AuthorizerContext>, Refused> {
    let Some((route, _)) = exchange.found else { return Ok(None) };
    let (name, scopes) = match &route.authorization {
        Authorization::None => return Ok(None),
        Authorization::Iam => return sigv4::authorize(exchange, snapshot.credentials()).map(Some),
        Authorization::Authorizer { name, scopes } => (name, scopes),
    };
    let context = match served.api.authorizers.get(name) {
        Some(Authorizer::Lambda(lambda)) => lambda::ask(snapshot, served, exchange, name, lambda).await,
        Some(Authorizer::Jwt { issuer, audience, identity_source, pinned }) => {
            let issuers = [issuer.clone()];
            let source = Source { surroundings: snapshot.surroundings(), identity_source, issuers: &issuers, pinned };
            token::of_issuer(exchange, source, audience, scopes).await
        }
        Some(Authorizer::Cognito { pools, identity_source, validation_expression, pinned }) => {
            let issuers: Vec<String> = pools.iter().filter_map(|arn| issuers::pool_issuer(arn)).collect();
            let source = Source { surroundings: snapshot.surroundings(), identity_source, issuers: &issuers, pinned };
            token::of_pool(exchange, source, validation_expression.as_deref(), scopes).await
        }
        Some(Authorizer::Unsupported { reason }) => Err(authorizer::unevaluable(exchange, reason)),
        None => Err(authorizer::unevaluable(exchange, &format!("the API has no authorizer {name}"))),
    };
    context.map(Some)
}
