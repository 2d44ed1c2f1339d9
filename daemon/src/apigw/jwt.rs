//! JSON web tokens: an HTTP API's JWT authorizers (B6) and a REST API's Cognito user pools (E5).
//!
//! Keys are given as text (JWKS documents) and the time as a number; nothing is fetched here. A token that cannot be
//! checked is invalid.

mod claims;
mod grant;
mod mint;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::authorizer::{Refused, unauthorized};
use super::gateway_response::{self, Refusal, ResponseType};
use super::http_error::{self, HttpError};
use super::mock::matches_whole;
use super::variables::Variables;
use super::{AuthorizerContext, Exchange};

pub use grant::{Grant, LIFETIME};
pub use mint::{MintError, Minter};

/// What a token must be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Issuers, one of which must be `iss`.
    pub issuers: &'a [String],
    /// Accepted `aud` (or `client_id` where there is no `aud`); empty accepts any, as user pools do.
    pub audience: &'a [String],
    /// One of these must be among the token's scopes; empty asks for none.
    pub scopes: &'a [String],
}

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is none.
    #[error("the request has no token")]
    Missing,
    /// It is not valid; the text is AWS's own where that is known.
    #[error("{0}")]
    Invalid(&'static str),
    /// It is past its time.
    #[error("the token has expired")]
    Expired,
    /// It is valid, but has none of the scopes that are asked for.
    #[error("the token has none of the scopes that the route asks for")]
    InsufficientScope,
}

/// Algorithms with a public key. AWS knows RSA alone; the others are accepted besides, and shared secrets never.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Checks a token's signature against JWKS documents, and its claims at `now` (seconds since the epoch).
///
/// # Errors
/// [`TokenError`] says why the token is refused.
pub fn check(token: &str, jwks: &[&str], expected: &Expected, now: u64) -> Result<Map<String, Value>, TokenError> {
    if token.split('.').count() != 3 {
        return Err(TokenError::Invalid("token contains an invalid number of segments"));
    }
    let header = decode_header(token).map_err(|_| TokenError::Invalid("the token's header cannot be read"))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(TokenError::Invalid("the token is signed with an algorithm that is not accepted"));
    }
    // Another issuer's keys are not at hand, and what is wrong with its token is not its key.
    if claimed_issuer(token).is_some_and(|issuer| !claims::is_of(&issuer, expected)) {
        return Err(TokenError::Invalid(claims::WRONG_ISSUER));
    }
    let key = key(header.kid.as_deref(), header.alg, jwks)?;
    let claims = signed_claims(token, &key, header.alg)?;
    claims::check(&claims, expected, now)?;
    Ok(claims)
}

/// The key of a token's `kid`. A key that names another algorithm does not fit.
fn key(kid: Option<&str>, algorithm: Algorithm, jwks: &[&str]) -> Result<DecodingKey, TokenError> {
    let unknown = TokenError::Invalid("kid does not match any key of the issuer");
    let kid = kid.ok_or(unknown.clone())?;
    let mut readable = jwks.iter().filter_map(|text| serde_json::from_str::<JwkSet>(text).ok()).peekable();
    if readable.peek().is_none() {
        return Err(TokenError::Invalid("unable to parse the jwks of the issuer"));
    }
    let jwk: Jwk = readable.find_map(|set| set.find(kid).cloned()).ok_or(unknown)?;
    let wanted = format!("{algorithm:?}").parse().ok();
    if jwk.common.key_algorithm.is_some() && jwk.common.key_algorithm != wanted {
        return Err(TokenError::Invalid("the key of the token is for another algorithm"));
    }
    DecodingKey::from_jwk(&jwk).map_err(|_| TokenError::Invalid("the key of the token cannot be read"))
}

/// The claims of a token whose signature is right. Times are checked elsewhere, against the time that is given.
fn signed_claims(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<Map<String, Value>, TokenError> {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let decoded = decode::<Map<String, Value>>(token, key, &validation);
    decoded.map(|data| data.claims).map_err(|_| TokenError::Invalid("signature is invalid"))
}

/// Evaluates an HTTP API's JWT authorizer for a request.
///
/// # Errors
/// 401 without a valid token (B6.1, B6.2), 403 without a scope (B6.4).
pub fn authorize_http(
    exchange: &Exchange,
    identity_source: &str,
    jwks: &[&str],
    expected: &Expected,
) -> Result<AuthorizerContext, Refused> {
    let checked = token(exchange, identity_source)
        .and_then(|token| check(&token, jwks, expected, exchange.request.time_ms / 1000));
    match checked {
        Ok(claims) => Ok(claims::context(&claims, expected.scopes)),
        Err(error) => Err(Refused { reply: challenge(exchange, &error, expected.scopes), reason: error.to_string() }),
    }
}

/// Evaluates a REST API's Cognito authorizer for a request: with scopes an access token is needed, without them an id
/// token.
///
/// # Errors
/// 401 without a valid token.
pub fn authorize_cognito(
    exchange: &Exchange,
    identity_source: &str,
    validation_expression: Option<&str>,
    jwks: &[&str],
    expected: &Expected,
) -> Result<AuthorizerContext, Refused> {
    let checked = token(exchange, identity_source).and_then(|token| {
        if validation_expression.is_some_and(|expression| !matches_whole(expression, &token)) {
            return Err(TokenError::Invalid("the token does not match the validation expression"));
        }
        let claims = check(&token, jwks, expected, exchange.request.time_ms / 1000)?;
        claims::check_use(&claims, if expected.scopes.is_empty() { "id" } else { "access" })?;
        Ok(claims)
    });
    match checked {
        Ok(claims) => Ok(claims::cognito_context(&claims)),
        Err(TokenError::Expired) => Err(Refused {
            reply: gateway_response::reply(
                exchange,
                Refusal::saying(ResponseType::Unauthorized, "The incoming token has expired"),
            ),
            reason: TokenError::Expired.to_string(),
        }),
        Err(error) => Err(unauthorized(exchange, error.to_string())),
    }
}

/// What a token says of itself before anything of it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// `kid` of its header.
    pub kid: String,
    /// `iss`.
    pub issuer: String,
}

/// Which key a request's token wants to be checked with; `None` where it has no token or names no key.
#[must_use]
pub fn claimed(exchange: &Exchange, identity_source: &str) -> Option<Claimed> {
    let token = token(exchange, identity_source).ok()?;
    let kid = decode_header(&token).ok()?.kid?;
    Some(Claimed { kid, issuer: claimed_issuer(&token)? })
}

fn claimed_issuer(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some(claims.get("iss")?.as_str()?.to_owned())
}

/// The token of a request: the identity source's value, with or without `Bearer` before it.
fn token(exchange: &Exchange, identity_source: &str) -> Result<String, TokenError> {
    let variables = Variables { exchange, refusal: None };
    let value = variables.get(identity_source.strip_prefix('$').unwrap_or(identity_source)).unwrap_or_default();
    let bearer = value.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer "));
    let token = if bearer { value.get(7..).unwrap_or_default() } else { &value }.trim();
    if token.is_empty() { Err(TokenError::Missing) } else { Ok(token.to_owned()) }
}

fn challenge(exchange: &Exchange, error: &TokenError, scopes: &[String]) -> super::Reply {
    let scopes = scopes.join(" ");
    let error = match error {
        TokenError::Missing => HttpError::Unauthorized { challenge: Some("Bearer".to_owned()) },
        TokenError::Invalid(_) | TokenError::Expired => HttpError::Unauthorized {
            challenge: Some(format!("Bearer scope=\"{scopes}\" error=\"invalid_token\" error_description=\"{error}\"")),
        },
        TokenError::InsufficientScope => HttpError::InsufficientScope {
            challenge: format!("Bearer scope=\"{scopes}\" error=\"insufficient_scope\" error_description=\"{error}\""),
        },
    };
    http_error::reply(exchange, &error)
}

#[cfg(test)]
mod tests;
