//! Lambda authorizers: asking the function, and keeping its verdicts for as long as the authorizer says (E3.5).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::apigw::authorizer::{self, Refused, Verdict};
use crate::apigw::{AuthorizerContext, Exchange};
use crate::gateway::integrate::{invocation, worker_of};
use crate::gateway::snapshot::{ServedApi, Snapshot};
use crate::project::api::LambdaAuthorizer;

/// Verdicts that one authorizer keeps; the oldest half goes when there are more.
const MOST_KEPT: usize = 10_000;
/// A Lambda authorizer may take so long (B7.3).
const AUTHORIZER_TIMEOUT: Duration = Duration::from_secs(10);

/// Verdicts of a Lambda authorizer by identity (E3.5).
#[derive(Debug, Default)]
pub(in crate::gateway) struct Verdicts {
    kept: Mutex<HashMap<Key, (Verdict, Instant)>>,
}

/// The values of the identity sources.
type Key = Vec<String>;

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

/// Asks the function of a Lambda authorizer, or recalls what it said.
pub(super) async fn ask(
    snapshot: &Snapshot,
    served: &ServedApi,
    exchange: &Exchange<'_>,
    name: &str,
    lambda: &LambdaAuthorizer,
) -> Result<AuthorizerContext, Refused> {
    let identity = authorizer::identify(exchange, lambda)?;
    let kept = served.verdicts.get(name).zip(identity.cache_key.clone());
    let now = Instant::now();
    if let Some(verdict) = kept.as_ref().and_then(|(verdicts, key)| verdicts.get(key, now)) {
        return authorizer::evaluate(exchange, &verdict);
    }
    let event = authorizer::event(exchange, lambda, &identity);
    let verdict = self::verdict(snapshot, exchange, lambda, event).await?;
    if let Some((verdicts, key)) = kept {
        verdicts.put(key, verdict.clone(), now + lambda.ttl, now);
    }
    authorizer::evaluate(exchange, &verdict)
}

async fn verdict(
    snapshot: &Snapshot,
    exchange: &Exchange<'_>,
    lambda: &LambdaAuthorizer,
    event: Vec<u8>,
) -> Result<Verdict, Refused> {
    let (worker, arn) = match worker_of(snapshot, lambda.function.as_ref()) {
        Ok(found) => found,
        Err(Some(reason)) => return Err(authorizer::unevaluable(exchange, reason)),
        Err(None) => {
            let reason = format!("the authorizer's function {} is not in the template", lambda.uri);
            return Err(authorizer::unevaluable(exchange, &reason));
        }
    };
    let invocation = invocation(exchange.request, event, arn);
    let began = Instant::now();
    let Ok(outcome) = tokio::time::timeout(worker.patience(AUTHORIZER_TIMEOUT), worker.invoke(invocation)).await else {
        return Err(authorizer::unevaluable(exchange, "the authorizer took longer than 10 seconds"));
    };
    let latency = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    authorizer::read(exchange, lambda, &outcome, latency)
}
