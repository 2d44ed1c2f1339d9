//! JWT authorizers and Cognito user pools: finds the keys that a token may be signed with; the checks are the rules' own.
//!
//! A token that names no key or another issuer is refused without asking anybody.

use std::sync::Arc;

use crate::apigw::authorizer::Refused;
use crate::apigw::jwt::{self, Expected};
use crate::apigw::{AuthorizerContext, Exchange};
use crate::gateway::Surroundings;

/// An HTTP API's JWT authorizer.
pub(super) async fn of_issuer(
    surroundings: &Surroundings,
    exchange: &Exchange<'_>,
    issuer: &str,
    audience: &[String],
    identity_source: &str,
    scopes: &[String],
) -> Result<AuthorizerContext, Refused> {
    let issuers = [issuer.to_owned()];
    let keys = keys(surroundings, exchange, identity_source, &issuers).await;
    let keys: Vec<&str> = keys.as_deref().into_iter().collect();
    jwt::authorize_http(exchange, identity_source, &keys, &Expected { issuers: &issuers, audience, scopes })
}

/// A REST API's Cognito user pools.
pub(super) async fn of_pool(
    surroundings: &Surroundings,
    exchange: &Exchange<'_>,
    pools: &[String],
    identity_source: &str,
    validation_expression: Option<&str>,
    scopes: &[String],
) -> Result<AuthorizerContext, Refused> {
    let issuers: Vec<String> = pools.iter().filter_map(|arn| jwt::pool_issuer(arn)).collect();
    let keys = keys(surroundings, exchange, identity_source, &issuers).await;
    let keys: Vec<&str> = keys.as_deref().into_iter().collect();
    let expected = Expected { issuers: &issuers, audience: &[], scopes };
    jwt::authorize_cognito(exchange, identity_source, validation_expression, &keys, &expected)
}

/// The JWKS document that has the token's key; none where it cannot be had, which the log tells.
async fn keys(
    surroundings: &Surroundings,
    exchange: &Exchange<'_>,
    identity_source: &str,
    issuers: &[String],
) -> Option<Arc<str>> {
    let claimed = jwt::claimed(exchange, identity_source)?;
    let same = |issuer: &&String| issuer.trim_end_matches('/') == claimed.issuer.trim_end_matches('/');
    let issuer = issuers.iter().find(same)?;
    surroundings.issuers.keys(&surroundings.outbound, issuer, &claimed.kid).await.ok()
}
