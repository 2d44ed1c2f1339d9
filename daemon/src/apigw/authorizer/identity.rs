//! Identity sources: what an authorizer is told of the caller, and the key under which its verdict may be kept.

use super::{Refused, unauthorized};
use crate::apigw::Exchange;
use crate::apigw::mock::matches_whole;
use crate::apigw::variables::Variables;
use crate::project::api::{ApiKind, LambdaAuthorizer, LambdaAuthorizerKind};

/// The values of an authorizer's identity sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// One for each source that the request has, in their order.
    pub values: Vec<String>,
    /// The key for the authorizer's cache; `None` where the verdict must not be kept. It is one API's and one authorizer's.
    pub cache_key: Option<Vec<String>>,
}

/// The identity that a request has for an authorizer.
///
/// # Errors
/// 401 without asking the function, where a source that is needed is missing or a token has the wrong form
/// (E1.1, E2.2, B7.3).
pub fn identify(exchange: &Exchange, authorizer: &LambdaAuthorizer) -> Result<Identity, Refused> {
    let cached = !authorizer.ttl.is_zero();
    let needed = match authorizer.kind {
        LambdaAuthorizerKind::Token | LambdaAuthorizerKind::HttpV1 | LambdaAuthorizerKind::HttpV2 { .. } => true,
        // REQUEST authorizers without a cache are asked whatever is missing.
        LambdaAuthorizerKind::Request => cached,
    };
    let mut values = Vec::new();
    for source in split_sources(&authorizer.identity_sources) {
        match value(exchange, source) {
            Some(value) => values.push(value),
            None if needed => return Err(unauthorized(exchange, format!("the identity source {source} is missing"))),
            None => {}
        }
    }
    check_token(exchange, authorizer, &values)?;
    let cache_key = (cached && !values.is_empty()).then(|| values.clone());
    Ok(Identity { values, cache_key })
}

/// Sources may be given one by one or separated by commas.
fn split_sources(sources: &[String]) -> impl Iterator<Item = &str> {
    sources.iter().flat_map(|source| source.split(',')).map(str::trim).filter(|source| !source.is_empty())
}

fn value(exchange: &Exchange, source: &str) -> Option<String> {
    let variables = Variables { exchange, refusal: None };
    variables.get(source.strip_prefix('$').unwrap_or(source)).filter(|value| !value.is_empty())
}

fn check_token(exchange: &Exchange, authorizer: &LambdaAuthorizer, values: &[String]) -> Result<(), Refused> {
    let token = exchange.api.kind == ApiKind::Rest && authorizer.kind == LambdaAuthorizerKind::Token;
    let Some(expression) = authorizer.validation_expression.as_deref().filter(|_| token) else { return Ok(()) };
    if values.first().is_some_and(|value| matches_whole(expression, value)) {
        return Ok(());
    }
    Err(unauthorized(exchange, "the token does not match the validation expression"))
}
