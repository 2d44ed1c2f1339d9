//! Who issues the tokens that an API's authorizers take, and the key files that the user pins an issuer to (pure).
//!
//! A pin names an authorizer (`Users`, or `Shop/Users` where several APIs have one of that name) or an issuer's URL. A
//! pinned issuer is never asked for its keys: what the file has is all there is, so that a project works offline.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::Project;
use super::api::{Api, Authorizer};
use crate::template::Diagnostic;

/// JWKS documents by issuer, without a slash at its end.
pub type PinnedKeys = BTreeMap<String, Arc<str>>;

/// A file of keys and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// An authorizer's name, with its API before a slash or without, or an issuer's URL.
    pub subject: String,
    /// Absolute path of a JWKS document.
    pub file: PathBuf,
}

/// An authorizer that takes tokens.
#[derive(Debug, Clone, Copy)]
pub struct TokenAuthorizer<'p> {
    /// Its API.
    pub api: &'p Api,
    /// Its name there.
    pub name: &'p str,
    /// The authorizer.
    pub authorizer: &'p Authorizer,
}

impl TokenAuthorizer<'_> {
    fn is_called(&self, subject: &str) -> bool {
        subject == self.name || subject.rsplit_once('/') == Some((self.api.id.0.as_str(), self.name))
    }

    /// `Shop/Users`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.api.id, self.name)
    }
}

/// The issuers whose tokens an authorizer takes; none where it takes no tokens of issuers.
#[must_use]
pub fn issuers(authorizer: &Authorizer) -> Vec<String> {
    match authorizer {
        Authorizer::Jwt { issuer, .. } => vec![issuer.clone()],
        Authorizer::Cognito { pools, .. } => pools.iter().filter_map(|arn| pool_issuer(arn)).collect(),
        Authorizer::Lambda(_) | Authorizer::Unsupported { .. } => Vec::new(),
    }
}

/// The issuer of a user pool's ARN: `https://cognito-idp.<region>.amazonaws.com/<pool>`.
#[must_use]
pub fn pool_issuer(arn: &str) -> Option<String> {
    let mut parts = arn.splitn(6, ':');
    let region = parts.nth(3).filter(|region| !region.is_empty())?;
    let pool = parts.nth(1)?.strip_prefix("userpool/")?;
    Some(format!("https://cognito-idp.{region}.amazonaws.com/{pool}"))
}

/// An issuer as keys are kept for it.
#[must_use]
pub fn normal(issuer: &str) -> &str {
    issuer.trim_end_matches('/')
}

/// Every authorizer of a project that takes tokens, in the APIs' order.
pub fn token_authorizers(project: &Project) -> impl Iterator<Item = TokenAuthorizer<'_>> {
    let all = project.apis.values().flat_map(|api| {
        api.authorizers.iter().map(move |(name, authorizer)| TokenAuthorizer { api, name, authorizer })
    });
    all.filter(|one| !issuers(one.authorizer).is_empty())
}

/// The authorizer that a token is asked for: the named one, or the only one there is.
///
/// # Errors
/// What to say instead, one sentence.
pub fn authorizer_for<'p>(project: &'p Project, name: Option<&str>) -> Result<TokenAuthorizer<'p>, String> {
    let all: Vec<TokenAuthorizer<'p>> = token_authorizers(project).collect();
    let fitting: Vec<&TokenAuthorizer<'p>> =
        all.iter().filter(|one| name.is_none_or(|name| one.is_called(name))).collect();
    let names = || all.iter().map(TokenAuthorizer::full_name).collect::<Vec<_>>().join(", ");
    match (fitting.as_slice(), name) {
        ([], _) if all.is_empty() => Err("the project has no JWT authorizer and no Cognito user pool".to_owned()),
        ([], Some(name)) => Err(format!("no JWT or Cognito authorizer is named {name}; there are: {}", names())),
        ([first, rest @ ..], _) if rest.iter().all(|other| other.authorizer == first.authorizer) => Ok(**first),
        _ => Err(format!("which authorizer? there are: {}", names())),
    }
}

/// Why a text is no JWKS document, in one clause; `None` where it is one.
#[must_use]
pub fn wrong_with_keys(text: &str) -> Option<String> {
    let document: Value = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(error) => return Some(format!("it is not JSON: {error}")),
    };
    let Some(keys) = document.get("keys").and_then(Value::as_array) else {
        return Some("it has no list `keys`".to_owned());
    };
    let usable = |key: &Value| key.get("kid").is_some_and(Value::is_string) && key.get("kty").is_some();
    (!keys.iter().any(usable)).then(|| "none of its keys has `kid` and `kty`".to_owned())
}

/// Gives the authorizers that a pin is for the keys of its file.
pub fn pin(project: &mut Project, pin: &Pin, keys: &Arc<str>) -> Option<Diagnostic> {
    let known: Vec<String> = token_authorizers(project).map(|one| one.full_name()).collect();
    let mut used = false;
    for api in project.apis.values_mut() {
        let id = api.id.clone();
        for (name, authorizer) in &mut api.authorizers {
            let called = pin.subject == *name || pin.subject.rsplit_once('/') == Some((id.0.as_str(), name));
            let wanted: Vec<String> = issuers(authorizer);
            let wanted = wanted.into_iter().map(|issuer| normal(&issuer).to_owned());
            let wanted: Vec<String> = wanted.filter(|issuer| called || issuer == normal(&pin.subject)).collect();
            if let Some(pinned) = pinned_keys(authorizer) {
                used |= !wanted.is_empty();
                pinned.extend(wanted.into_iter().map(|issuer| (issuer, keys.clone())));
            }
        }
    }
    (!used).then(|| unused(&pin.subject, &pin.file, &known))
}

fn pinned_keys(authorizer: &mut Authorizer) -> Option<&mut PinnedKeys> {
    match authorizer {
        Authorizer::Jwt { pinned, .. } | Authorizer::Cognito { pinned, .. } => Some(pinned),
        Authorizer::Lambda(_) | Authorizer::Unsupported { .. } => None,
    }
}

fn unused(subject: &str, file: &Path, known: &[String]) -> Diagnostic {
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let message =
        format!("the keys in {} are for {subject}, which is no authorizer and no issuer here", file.display());
    Diagnostic::warning(message).help(format!("JWT and Cognito authorizers: {known}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::project::ApiId;
    use crate::project::api::ApiKind;

    fn jwt(issuer: &str) -> Authorizer {
        Authorizer::Jwt {
            issuer: issuer.to_owned(),
            audience: vec!["app".to_owned()],
            identity_source: "$request.header.Authorization".to_owned(),
            pinned: PinnedKeys::new(),
        }
    }

    fn project(apis: &[(&str, &[(&str, Authorizer)])]) -> Project {
        let mut project = Project::default();
        for (id, authorizers) in apis {
            let id = ApiId((*id).to_owned());
            let mut api = Api::new(id.clone(), ApiKind::Http, "$default".to_owned());
            api.authorizers = authorizers.iter().map(|(name, one)| ((*name).to_owned(), one.clone())).collect();
            project.apis.insert(id, api);
        }
        project
    }

    fn asked(project: &Project, name: Option<&str>) -> Result<String, String> {
        authorizer_for(project, name).map(|found| found.full_name())
    }

    #[test]
    fn the_only_authorizer_need_not_be_named_and_one_of_several_must() {
        let one = project(&[("Shop", &[("Users", jwt("https://a"))])]);
        assert_eq!(asked(&one, None).unwrap(), "Shop/Users");
        assert_eq!(asked(&one, Some("Shop/Users")).unwrap(), "Shop/Users");
        assert!(asked(&one, Some("Other")).unwrap_err().contains("there are: Shop/Users"));
        let two = project(&[("Blog", &[("Users", jwt("https://b"))]), ("Shop", &[("Users", jwt("https://a"))])]);
        assert_eq!(asked(&two, None).unwrap_err(), "which authorizer? there are: Blog/Users, Shop/Users");
        assert_eq!(asked(&two, Some("Shop/Users")).unwrap(), "Shop/Users");
        assert!(asked(&project(&[]), None).unwrap_err().contains("has no JWT authorizer"));
        let twins = project(&[("Blog", &[("Users", jwt("https://a"))]), ("Shop", &[("Users", jwt("https://a"))])]);
        assert_eq!(asked(&twins, Some("Users")).unwrap(), "Blog/Users", "a token for one is a token for both");
    }

    #[test]
    fn a_pin_is_for_an_authorizer_or_for_an_issuer() {
        let keys: Arc<str> = "{}".into();
        for subject in ["Users", "Shop/Users", "https://a", "https://a/"] {
            let mut project = project(&[("Shop", &[("Users", jwt("https://a/")), ("Staff", jwt("https://b"))])]);
            let pinned = Pin { subject: subject.to_owned(), file: "/keys.json".into() };
            assert_eq!(pin(&mut project, &pinned, &keys), None, "{subject}");
            let of = |name: &str| match &project.apis.values().next().unwrap().authorizers[name] {
                Authorizer::Jwt { pinned, .. } => pinned.keys().cloned().collect::<Vec<_>>(),
                _ => panic!("a JWT authorizer"),
            };
            assert_eq!((of("Users"), of("Staff")), (vec!["https://a".to_owned()], vec![]), "{subject}");
        }
        let mut project = project(&[("Shop", &[("Users", jwt("https://a"))])]);
        let pinned = Pin { subject: "Nobody".to_owned(), file: "/keys.json".into() };
        assert!(pin(&mut project, &pinned, &keys).unwrap().message.contains("no authorizer and no issuer"));
    }

    #[test]
    fn what_is_no_jwks_document_is_said() {
        assert_eq!(wrong_with_keys(r#"{"keys":[{"kid":"a","kty":"RSA"}]}"#), None);
        assert!(wrong_with_keys("-----BEGIN").unwrap().starts_with("it is not JSON"));
        assert_eq!(wrong_with_keys("{}").unwrap(), "it has no list `keys`");
        assert_eq!(wrong_with_keys(r#"{"keys":[{"kty":"RSA"}]}"#).unwrap(), "none of its keys has `kid` and `kty`");
    }

    #[test]
    fn a_pool_has_an_issuer() {
        let arn = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_abc";
        assert_eq!(pool_issuer(arn).unwrap(), "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc");
        assert_eq!(pool_issuer("UserPool"), None);
    }
}
