//! What AWS refuses of an authorizer at deployment, each at its place, whichever of the three ways it is written in:
//! SAM's `Auth.Authorizers`, CloudFormation's resources, OpenAPI's extension.

use regex::Regex;

use crate::project::api::ApiKind;
use crate::template::Node;
use crate::template::properties::Properties;

/// The longest that results are kept (E3.5).
const MAX_TTL: i64 = 3600;

/// Says what is wrong with an authorizer.
pub(super) fn check(authorizer: &Properties<'_>, api: ApiKind) {
    let identity = authorizer.get("Identity").filter(|node| node.as_map().is_some());
    let identity = identity.and_then(|_| authorizer.map("Identity"));
    for of in [Some(authorizer), identity.as_ref()].into_iter().flatten() {
        for name in ["ReauthorizeEvery", "AuthorizerResultTtlInSeconds", "authorizerResultTtlInSeconds"] {
            lasting(of, name);
        }
        for name in ["ValidationExpression", "IdentityValidationExpression", "identityValidationExpression"] {
            expression(of, name);
        }
    }
    if api == ApiKind::Http {
        issuer(authorizer);
    }
}

fn lasting(of: &Properties<'_>, name: &str) {
    let Some(seconds) = of.get(name).and_then(Node::as_i64) else { return };
    if !(0..=MAX_TTL).contains(&seconds) {
        of.warning(name, format!("{name} is {seconds}; AWS takes 0 to {MAX_TTL} seconds"));
    }
}

fn expression(of: &Properties<'_>, name: &str) {
    let Some(text) = of.get(name).and_then(Node::scalar) else { return };
    if Regex::new(&text).is_err() {
        let message =
            format!("{name} is {text:?}, which is no regular expression that samd reads: every token is refused");
        of.warning(name, message);
    }
}

fn issuer(authorizer: &Properties<'_>) {
    let Some(name) = ["JwtConfiguration", "jwtConfiguration"].into_iter().find(|name| authorizer.get(name).is_some())
    else {
        return;
    };
    let stated =
        |key: &str| authorizer.node.at(&[name, key]).and_then(Node::scalar).is_some_and(|text| !text.is_empty());
    if !stated("issuer") && !stated("Issuer") {
        authorizer.warning(name, "the JWT authorizer names no issuer: AWS refuses it, and here every token is refused");
    }
}
