//! SAM's `Auth`: an API's authorizers and defaults, an event's own wishes, and how the two meet (rule I5).

use super::authorizer::{self, Context};
use super::draft::{Draft, RouteDraft, Scheme};
use super::events::requirement;
use super::index::Index;
use super::{authorizer_check, policy};
use crate::project::api::{ApiKind, Method};
use crate::template::Node;
use crate::template::openapi::Requirement;
use crate::template::properties::Properties;

/// Applies an API's `Auth`, after its routes and CORS mocks are known.
pub(super) fn apply(properties: &Properties<'_>, draft: &mut Draft, index: &Index<'_>) {
    let Some(auth) = properties.map("Auth") else { return };
    let variables = draft.api.stage_variables.clone();
    let context = Context { api: draft.api.kind, index, stage_variables: &variables };
    let authorizers = auth.map("Authorizers");
    let mut names: Vec<String> = Vec::new();
    for (name, node) in authorizers.iter().flat_map(Properties::entries) {
        authorizer_check::check(&node, draft.api.kind);
        draft.schemes.insert(name.to_owned(), Scheme::Authorizer(authorizer::of_sam(node.node, context)));
        names.push(name.to_owned());
    }
    default_authorizer(&auth, &names, draft);
    if auth.is_set("ApiKeyRequired") == Some(true) && draft.api.kind == ApiKind::Rest {
        let preflight = auth.is_set("AddApiKeyRequiredToCorsPreflight").unwrap_or(true);
        draft.routes.iter_mut().for_each(|route| default_api_key(route, preflight));
    }
    if let Some(resource_policy) = auth.map("ResourcePolicy") {
        policy::of_sam(&resource_policy, "execute-api:/*", &mut draft.api);
    }
}

fn default_authorizer(auth: &Properties<'_>, names: &[String], draft: &mut Draft) {
    let Some(default) = auth.text("DefaultAuthorizer").filter(|default| !default.is_empty()) else { return };
    let iam =
        default == "AWS_IAM" && (draft.api.kind == ApiKind::Rest || auth.flag("EnableIamAuthorizer") == Some(true));
    if iam && !names.contains(&default) {
        draft.schemes.insert(default.clone(), Scheme::Iam);
    } else if names.is_empty() && draft.api.kind == ApiKind::Rest {
        let message =
            format!("{default} is no authorizer of this API, which has none: SAM leaves its routes open to all");
        auth.warning("DefaultAuthorizer", message);
        return;
    } else if !names.contains(&default) {
        auth.unsuitable("DefaultAuthorizer", format!("{default} is not among the Authorizers of this API"));
        // The routes still ask for it, and are refused: an authorizer that is missing lets nobody in.
    }
    let scopes = auth.node.at(&["Authorizers", &default, "AuthorizationScopes"]).map(Node::strings).unwrap_or_default();
    let preflight = auth.is_set("AddDefaultAuthorizerToCorsPreflight").unwrap_or(true);
    let kind = draft.api.kind;
    let mut routes = std::mem::take(&mut draft.routes);
    for route in routes.iter_mut().filter(|route| route.integration.is_some()) {
        match kind {
            ApiKind::Rest if is_options(route) && !preflight => {}
            ApiKind::Rest => rest_default(route, &default, &scopes, names),
            ApiKind::Http if is_options(route) => {}
            ApiKind::Http => http_default(route, &default, &scopes),
        }
    }
    draft.routes = routes;
}

fn is_options(route: &RouteDraft) -> bool {
    route.method == Method::One("OPTIONS".to_owned())
}

/// `NONE` removes the default, an authorizer of the API's own replaces it; everything else stays beside it.
fn rest_default(route: &mut RouteDraft, default: &str, scopes: &[String], names: &[String]) {
    let security = route.security.get_or_insert_default();
    let before = security.len();
    security.retain(|entry| entry.name != "NONE");
    let opted_out = security.len() < before;
    let own = security.iter().any(|entry| entry.name == "AWS_IAM" || names.contains(&entry.name));
    if !opted_out && !own {
        security.push(requirement(default, scopes.to_vec()));
    }
}

fn http_default(route: &mut RouteDraft, default: &str, scopes: &[String]) {
    let security = route.security.get_or_insert_default();
    if security.is_empty() {
        security.push(requirement(default, scopes.to_vec()));
    }
}

fn default_api_key(route: &mut RouteDraft, preflight: bool) {
    if route.integration.is_none() {
        return;
    }
    let options = is_options(route);
    let security = route.security.get_or_insert_default();
    let opted_out = security.iter().any(|entry| entry.name == "api_key_false");
    security.retain(|entry| !matches!(entry.name.as_str(), "api_key" | "api_key_false"));
    if !opted_out && (preflight || !options) {
        security.push(requirement("api_key", Vec::new()));
    }
}

/// What an event's own `Auth` asks for; `None` when it says nothing.
pub(super) fn of_event(
    kind: ApiKind,
    event: &str,
    properties: &Properties<'_>,
    api: &Node,
) -> Option<Vec<Requirement>> {
    let auth = properties.map("Auth").filter(|auth| auth.node.as_map().is_some_and(|map| !map.is_empty()))?;
    let default = api.at(&["Auth", "DefaultAuthorizer"]).and_then(Node::as_str);
    let stated = auth.text("Authorizer").filter(|name| !name.is_empty());
    let mut security = Vec::new();
    if let Some(name) = &stated {
        check(kind, event, &auth, name, api);
    }
    // An HttpApi event may narrow the scopes of the default authorizer without naming it.
    let inherited = default.filter(|_| kind == ApiKind::Http).map(str::to_owned);
    if let Some(name) = stated.or(inherited) {
        security.push(requirement(&name, scopes(kind, &auth, &name, api)));
    }
    check_key(event, &auth, api);
    match auth.is_set("ApiKeyRequired").filter(|_| kind == ApiKind::Rest) {
        Some(true) => security.push(requirement("api_key", Vec::new())),
        Some(false) => security.push(requirement("api_key_false", Vec::new())),
        None => {}
    }
    let pointless = security.is_empty() && auth.get("ResourcePolicy").is_none();
    if pointless && auth.flag("OverrideApiAuth") == Some(true) {
        auth.error(
            "OverrideApiAuth",
            "OverrideApiAuth overrides nothing without an Authorizer or ApiKeyRequired beside it",
        );
    }
    (!security.is_empty()).then_some(security)
}

/// The event's scopes, else the authorizer's; an empty list overrides on a REST API alone.
fn scopes(kind: ApiKind, auth: &Properties<'_>, name: &str, api: &Node) -> Vec<String> {
    let own = auth.get("AuthorizationScopes").filter(|own| kind == ApiKind::Rest || !own.strings().is_empty());
    let inherited = api.at(&["Auth", "Authorizers", name, "AuthorizationScopes"]);
    own.or(inherited).map(Node::strings).unwrap_or_default()
}

/// Whether the API has the authorizer that an event names.
fn check(kind: ApiKind, event: &str, auth: &Properties<'_>, name: &str, api: &Node) {
    let of_api = |key: &str| api.at(&["Auth", key]);
    let known = match name {
        "NONE" => {
            if of_api("DefaultAuthorizer").is_none() {
                let message = format!("the event {event} opts out of a default authorizer that the API does not have");
                auth.error("Authorizer", message);
            }
            return;
        }
        "AWS_IAM" if kind == ApiKind::Rest => true,
        "AWS_IAM" if of_api("EnableIamAuthorizer").and_then(Node::as_bool) == Some(true) => true,
        name => of_api("Authorizers").and_then(|authorizers| authorizers.get(name)).is_some(),
    };
    if !known && name == "AWS_IAM" {
        auth.error(
            "Authorizer",
            format!("the event {event} asks for AWS_IAM; the API needs EnableIamAuthorizer for that"),
        );
    } else if !known {
        let message = format!("the event {event} names the authorizer {name}, which the API does not have");
        auth.error("Authorizer", message);
    }
}

/// An event can only waive a key that the API asks for.
fn check_key(event: &str, auth: &Properties<'_>, api: &Node) {
    let asked =
        api.at(&["Auth", "ApiKeyRequired"]).is_some_and(|node| node.as_bool() != Some(false) && node.says_something());
    if auth.is_set("ApiKeyRequired") == Some(false) && !asked {
        auth.error("ApiKeyRequired", format!("the event {event} waives an API key that the API does not ask for"));
    }
}
