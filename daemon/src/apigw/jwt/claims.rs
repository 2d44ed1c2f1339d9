//! A token's claims: whether they are as expected at a time, and the form in which events carry them.

use serde_json::{Map, Value};

use super::{Expected, TokenError};
use crate::apigw::AuthorizerContext;
use crate::apigw::caller::stringified;

type Claims = Map<String, Value>;

/// AWS's words for a token of somebody else (B6.2).
pub(super) const WRONG_ISSUER: &str = "the token does not have a valid issuer";

/// Whether an issuer is one whose tokens are taken.
pub(super) fn is_of(issuer: &str, expected: &Expected) -> bool {
    expected.issuers.iter().any(|accepted| accepted.trim_end_matches('/') == issuer.trim_end_matches('/'))
}

pub(super) fn check(claims: &Claims, expected: &Expected, now: u64) -> Result<(), TokenError> {
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    if !is_of(issuer, expected) {
        return Err(TokenError::Invalid(WRONG_ISSUER));
    }
    check_times(claims, now)?;
    if !expected.audience.is_empty() && !audience(claims).any(|one| expected.audience.contains(&one)) {
        return Err(TokenError::Invalid("the token does not have a valid audience"));
    }
    if !expected.scopes.is_empty() && matching_scopes(claims, expected.scopes).is_empty() {
        return Err(TokenError::InsufficientScope);
    }
    Ok(())
}

/// A pool's tokens say what they are for.
pub(super) fn check_use(claims: &Claims, wanted: &str) -> Result<(), TokenError> {
    match claims.get("token_use").and_then(Value::as_str) {
        Some(token_use) if token_use != wanted => {
            Err(TokenError::Invalid("an id token is needed without scopes, an access token with them"))
        }
        _ => Ok(()),
    }
}

/// What an HTTP API's events carry: strings, and the scopes where the route asks for some (B1.8).
pub(super) fn context(claims: &Claims, wanted: &[String]) -> AuthorizerContext {
    let scopes = (!wanted.is_empty()).then(|| matching_scopes(claims, wanted));
    AuthorizerContext::Claims { claims: texts(claims, |list| format!("[{}]", list.join(" "))), scopes }
}

/// What a REST API's events carry: strings, lists joined by commas.
pub(super) fn cognito_context(claims: &Claims) -> AuthorizerContext {
    AuthorizerContext::Claims { claims: texts(claims, |list| list.join(",")), scopes: None }
}

fn texts(claims: &Claims, list: impl Fn(&[String]) -> String) -> Claims {
    let text = |value: &Value| match value {
        Value::Array(values) => list(&values.iter().map(stringified).collect::<Vec<_>>()),
        other => stringified(other),
    };
    claims.iter().map(|(name, value)| (name.clone(), Value::String(text(value)))).collect()
}

fn check_times(claims: &Claims, now: u64) -> Result<(), TokenError> {
    #[allow(clippy::cast_precision_loss)] // Seconds of this era are far below 2^53.
    let now = now as f64;
    let time = |name: &str| claims.get(name).map(|value| value.as_f64().unwrap_or(f64::NAN));
    match time("exp") {
        Some(exp) if exp > now => {}
        Some(exp) if exp <= now => return Err(TokenError::Expired),
        _ => return Err(TokenError::Invalid("the token does not have a valid exp")),
    }
    for (name, error) in [("nbf", "the token is not valid yet"), ("iat", "the token was issued in the future")] {
        if time(name).is_some_and(|time| time.is_nan() || time > now) {
            return Err(TokenError::Invalid(error));
        }
    }
    Ok(())
}

/// `aud`, or `client_id` where there is none.
fn audience(claims: &Claims) -> impl Iterator<Item = String> {
    let claim = claims.get("aud").or_else(|| claims.get("client_id"));
    strings(claim, |text| vec![text.to_owned()]).into_iter()
}

fn matching_scopes(claims: &Claims, wanted: &[String]) -> Vec<String> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    let mut has = strings(claims.get("scope"), words);
    has.extend(strings(claims.get("scp"), words));
    wanted.iter().filter(|scope| has.contains(scope)).cloned().collect()
}

fn strings(claim: Option<&Value>, split: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    match claim {
        Some(Value::String(text)) => split(text),
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
