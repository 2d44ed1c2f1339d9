//! What a token of the project's own says: the claims that the authorizer wants, and those that the user asked for.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::project::api::Authorizer;
use crate::project::issuers::issuers;

/// How long a token is valid unless its claims say otherwise, in seconds.
pub const LIFETIME: u64 = 3600;

/// Who a token is of, unless its claims say otherwise.
const SUBJECT: &str = "samd";

/// A token that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// `iss`.
    pub issuer: String,
    /// Scopes; with some it is an access token.
    pub scopes: Vec<String>,
    /// Claims beside the issuer, the scopes and the times; they go before these.
    pub claims: Map<String, Value>,
}

impl Grant {
    /// A token that an authorizer accepts, unless the claims make it another; `None` where it takes no tokens of issuers.
    #[must_use]
    pub fn of(authorizer: &Authorizer, scopes: &[String], claims: &BTreeMap<String, String>) -> Option<Grant> {
        let issuer = issuers(authorizer).into_iter().next()?;
        let own: Map<String, Value> = claims.iter().map(|(name, text)| (name.clone(), value(text))).collect();
        let subject = own.get("sub").cloned().unwrap_or_else(|| json!(SUBJECT));
        let mut all = match authorizer {
            Authorizer::Jwt { audience, .. } => {
                audience.first().map(|one| ("aud".to_owned(), json!(one))).into_iter().collect()
            }
            Authorizer::Cognito { .. } => of_pool(&subject, !scopes.is_empty()),
            Authorizer::Lambda(_) | Authorizer::Unsupported { .. } => return None,
        };
        all.insert("sub".to_owned(), subject);
        all.extend(own);
        Some(Grant { issuer, scopes: scopes.to_vec(), claims: all })
    }

    pub(super) fn all_claims(&self, now: u64) -> Map<String, Value> {
        let mut all = Map::new();
        all.insert("iss".to_owned(), json!(self.issuer));
        all.insert("iat".to_owned(), json!(now));
        all.insert("exp".to_owned(), json!(now + LIFETIME));
        if !self.scopes.is_empty() {
            all.insert("scope".to_owned(), json!(self.scopes.join(" ")));
        }
        all.extend(self.claims.clone());
        all
    }
}

/// What a user pool puts into its tokens (E5).
fn of_pool(subject: &Value, access: bool) -> Map<String, Value> {
    let (token_use, client, name) = match access {
        true => ("access", "client_id", "username"),
        false => ("id", "aud", "cognito:username"),
    };
    let claims = [("token_use", json!(token_use)), (client, json!(SUBJECT)), (name, subject.clone())];
    claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A claim as it was typed: JSON where it reads as that and back to the same, else text.
fn value(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Number(number)) if number.to_string() != text => json!(text),
        Ok(value) => value,
        Err(_) => json!(text),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::project::issuers::PinnedKeys;

    fn claims(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn pool() -> Authorizer {
        Authorizer::Cognito {
            pools: vec!["arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_abc".to_owned()],
            identity_source: "method.request.header.Authorization".to_owned(),
            validation_expression: None,
            pinned: PinnedKeys::new(),
        }
    }

    #[test]
    fn claims_are_json_where_they_read_as_that() {
        let own = claims(&[("a", "true"), ("b", "3"), ("c", "[\"x\"]"), ("d", "0123"), ("e", "plain"), ("f", "\"3\"")]);
        let grant = Grant::of(&pool(), &[], &own).unwrap();
        let of = |name: &str| grant.claims[name].clone();
        assert_eq!((of("a"), of("b"), of("c")), (json!(true), json!(3), json!(["x"])));
        assert_eq!((of("d"), of("e"), of("f")), (json!("0123"), json!("plain"), json!("3")));
        let long = Grant::of(&pool(), &[], &claims(&[("n", "12345678901234567890123")])).unwrap();
        assert_eq!(long.claims["n"], "12345678901234567890123", "no digit is lost");
    }

    #[test]
    fn a_pools_token_is_an_id_token_or_with_scopes_an_access_token() {
        let id = Grant::of(&pool(), &[], &claims(&[("sub", "ann")])).unwrap().all_claims(5);
        assert_eq!(
            (&id["token_use"], &id["cognito:username"], &id["exp"]),
            (&json!("id"), &json!("ann"), &json!(3605))
        );
        let access =
            Grant::of(&pool(), &["a".to_owned(), "b".to_owned()], &claims(&[("exp", "9")])).unwrap().all_claims(5);
        assert_eq!(
            (&access["token_use"], &access["scope"], &access["exp"]),
            (&json!("access"), &json!("a b"), &json!(9))
        );
        assert!(access.contains_key("client_id") && !access.contains_key("aud"));
    }
}
