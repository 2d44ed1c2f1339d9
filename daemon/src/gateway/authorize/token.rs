//! JWT authorizers and Cognito user pools: finds the keys that a token may be signed with; the checks are the rules' own.
//!
//! A token that names no key or another issuer is refused without asking anybody, and so is one of a pinned issuer.

use std::sync::Arc;

use crate::apigw::authorizer::Refused;
use crate::apigw::jwt::{self, Expected};
use crate::apigw::{AuthorizerContext, Exchange};
use crate::gateway::Surroundings;
use crate::project::issuers::{PinnedKeys, normal};

/// Where an authorizer finds tokens, and where their keys are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) surroundings: &'a Surroundings,
    pub(super) identity_source: &'a str,
    pub(super) issuers: &'a [String],
    pub(super) pinned: &'a PinnedKeys,
}

/// An HTTP API's JWT authorizer.
pub(super) async fn of_issuer(
    exchange: &Exchange<'_>,
    source: Source<'_>,
    audience: &[String],
    scopes: &[String],
) -> Result<AuthorizerContext, Refused> {
    let keys = keys(exchange, source).await;
    let keys: Vec<&str> = keys.as_deref().into_iter().collect();
    let expected = Expected { issuers: source.issuers, audience, scopes };
    jwt::authorize_http(exchange, source.identity_source, &keys, &expected)
}

/// A REST API's Cognito user pools.
pub(super) async fn of_pool(
    exchange: &Exchange<'_>,
    source: Source<'_>,
    validation_expression: Option<&str>,
    scopes: &[String],
) -> Result<AuthorizerContext, Refused> {
    let keys = keys(exchange, source).await;
    let keys: Vec<&str> = keys.as_deref().into_iter().collect();
    let expected = Expected { issuers: source.issuers, audience: &[], scopes };
    jwt::authorize_cognito(exchange, source.identity_source, validation_expression, &keys, &expected)
}

/// The JWKS document that has the token's key; none where it cannot be had, which the log tells.
async fn keys(exchange: &Exchange<'_>, source: Source<'_>) -> Option<Arc<str>> {
    let claimed = jwt::claimed(exchange, source.identity_source)?;
    let issuer = source.issuers.iter().find(|issuer| normal(issuer) == normal(&claimed.issuer))?;
    let Surroundings { outbound, issuers } = source.surroundings;
    if let Some(own) = issuers.own(&claimed.kid) {
        return Some(own);
    }
    match source.pinned.get(normal(issuer)) {
        Some(keys) => Some(keys.clone()),
        None => issuers.published(outbound, issuer, &claimed.kid).await.ok(),
    }
}
