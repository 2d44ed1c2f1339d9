//! Who may call: resource policy, authorizer, API key, in AWS's order (A6.8, E6).
//!
//! The rules are [`crate::apigw`]'s. Here is what has effects: asking an authorizer's function, keeping its verdicts,
//! counting the use of a key. What cannot be evaluated refuses with a reason in the log; nothing passes in silence.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::apigw::authorizer::{self, Refused, Verdict};
use crate::apigw::gateway_response;
use crate::apigw::policy::check_resource_policy;
use crate::apigw::{AuthorizerContext, Caller, Exchange, Reply, usage_plan};
use crate::lambda::Invocation;
use crate::project::api::{Authorization, Authorizer, LambdaAuthorizer};

use super::snapshot::{ServedApi, ServedFunction, Snapshot};

/// Verdicts that one API keeps; the oldest half goes when there are more.
const MOST_KEPT: usize = 10_000;
/// A Lambda authorizer may take so long (B7.3).
const AUTHORIZER_TIMEOUT: Duration = Duration::from_secs(10);

/// Verdicts of an API's Lambda authorizers, by authorizer and identity (E3.5).
#[derive(Debug, Default)]
pub struct Verdicts {
    kept: Mutex<HashMap<Key, (Verdict, Instant)>>,
}

/// An authorizer's name and the values of its identity sources.
type Key = (String, Vec<String>);

impl Verdicts {
    fn get(&self, key: &Key, now: Instant) -> Option<Verdict> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).filter(|(_, until)| now < *until).map(|(verdict, _)| verdict.clone())
    }

    fn put(&self, key: Key, verdict: Verdict, until: Instant, now: Instant) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.retain(|_, (_, until)| now < *until);
        }
        if kept.len() < MOST_KEPT {
            kept.insert(key, (verdict, until));
        }
    }
}

/// What is known of the caller once he may pass.
///
/// # Errors
/// The reply for one who may not.
pub(super) async fn admit(snapshot: &Snapshot, served: &ServedApi, exchange: &Exchange<'_>) -> Result<Caller, Reply> {
    if let Some(refusal) = check_resource_policy(exchange) {
        return Err(refusal);
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
    let used = usage_plan::key(&known).map_err(|refusal| gateway_response::reply(exchange, refusal))?;
    let Some((plan, key)) = used else { return Ok(caller) };
    let now = exchange.request.time_ms;
    let counted = served.usage.lock().unwrap_or_else(PoisonError::into_inner).take(plan, &key, now);
    counted.map_err(|refusal| gateway_response::reply(exchange, refusal))?;
    Ok(Caller { api_key: Some(key), ..caller })
}

async fn authorize(
    snapshot: &Snapshot,
    served: &ServedApi,
    exchange: &Exchange<'_>,
) -> Result<Option<AuthorizerContext>, Refused> {
    let Some((route, _)) = exchange.found else { return Ok(None) };
    let name = match &route.authorization {
        Authorization::None => return Ok(None),
        Authorization::Iam => {
            return Err(authorizer::unevaluable(exchange, "AWS_IAM signatures are not checked yet, so nobody passes"));
        }
        Authorization::Authorizer { name, .. } => name,
    };
    match served.api.authorizers.get(name) {
        Some(Authorizer::Lambda(lambda)) => by_function(snapshot, served, exchange, name, lambda).await.map(Some),
        Some(Authorizer::Jwt { .. } | Authorizer::Cognito { .. }) => {
            let reason = format!("{name}: tokens are not checked yet, so nobody passes");
            Err(authorizer::unevaluable(exchange, &reason))
        }
        Some(Authorizer::Unsupported { reason }) => Err(authorizer::unevaluable(exchange, reason)),
        None => Err(authorizer::unevaluable(exchange, &format!("the API has no authorizer {name}"))),
    }
}

async fn by_function(
    snapshot: &Snapshot,
    served: &ServedApi,
    exchange: &Exchange<'_>,
    name: &str,
    lambda: &LambdaAuthorizer,
) -> Result<AuthorizerContext, Refused> {
    let identity = authorizer::identify(exchange, lambda)?;
    let key = identity.cache_key.clone().map(|values| (name.to_owned(), values));
    let now = Instant::now();
    if let Some(verdict) = key.as_ref().and_then(|key| served.verdicts.get(key, now)) {
        return authorizer::evaluate(exchange, &verdict);
    }
    let event = Bytes::from(authorizer::event(exchange, lambda, &identity));
    let verdict = ask(snapshot, exchange, lambda, event).await?;
    if let Some(key) = key {
        served.verdicts.put(key, verdict.clone(), now + lambda.ttl, now);
    }
    authorizer::evaluate(exchange, &verdict)
}

async fn ask(
    snapshot: &Snapshot,
    exchange: &Exchange<'_>,
    lambda: &LambdaAuthorizer,
    event: Bytes,
) -> Result<Verdict, Refused> {
    let (worker, arn) = match lambda.function.as_ref().and_then(|id| snapshot.function(id)) {
        Some(ServedFunction::Worker { worker, arn }) => (worker, arn),
        Some(ServedFunction::Broken { reason }) => return Err(authorizer::unevaluable(exchange, reason)),
        None => {
            let reason = format!("the authorizer's function {} is not in the template", lambda.uri);
            return Err(authorizer::unevaluable(exchange, &reason));
        }
    };
    let invocation = Invocation {
        request_id: uuid::Uuid::new_v4().to_string(),
        event,
        invoked_arn: arn.clone(),
        trace_id: exchange.request.trace_id.clone(),
        client_context: None,
        cognito_identity: None,
        tenant_id: None,
    };
    let began = Instant::now();
    let Ok(outcome) = tokio::time::timeout(AUTHORIZER_TIMEOUT, worker.invoke(invocation)).await else {
        return Err(authorizer::unevaluable(exchange, "the authorizer took longer than 10 seconds"));
    };
    let latency = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    authorizer::read(exchange, lambda, &outcome, latency)
}
