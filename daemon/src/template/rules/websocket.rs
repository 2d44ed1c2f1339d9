//! WebSocket APIs: their routes, who may connect, their domain.

use super::super::intrinsic::is_intrinsic;
use super::super::node::{Map, Node};
use super::{Judged, domain};

/// Judges a WebSocket API.
pub(super) fn judge(api: &Judged<'_>) {
    if api.text("StageName") == Some("$default") {
        api.error("StageName", "the stage of a WebSocket API is not $default");
    }
    named(api);
    let Some(routes) = api.get("Routes").and_then(Node::as_map) else { return };
    if routes.is_empty() {
        api.error("Routes", "a WebSocket API has at least one route");
    }
    for (key, route) in routes.iter() {
        if !is_route_key(&key.text) {
            let message =
                format!("the route key {} has letters and digits, or is $connect, $disconnect or $default", key.text);
            api.error("Routes", message);
        }
        if &*key.text != "$connect" && route.get("RequestParameters").is_some_and(Node::says_something) {
            let message = format!("RequestParameters are for the route $connect alone, and {} has some", key.text);
            api.report.error(message, &key.mark, &api.path.to("Routes").to(&key.text));
        }
    }
    authorization(api, routes);
}

fn authorization(api: &Judged<'_>, routes: &Map) {
    let Some(auth) = api.get("Auth").filter(|node| node.says_something() && !is_intrinsic(node)) else { return };
    if routes.get("$connect").is_none() {
        api.error("Auth", "a WebSocket API authorizes on its route $connect, and has none");
    }
    let kind = auth.get("AuthType").and_then(Node::as_str);
    if kind == Some("CUSTOM") && auth.get("AuthArn").is_none() {
        api.error("Auth", "AuthType CUSTOM needs an AuthArn");
    }
    let alone = auth.as_map().is_some_and(|stated| stated.iter().count() == 1);
    if let Some(kind) = kind.filter(|kind| matches!(*kind, "AWS_IAM" | "NONE") && !alone) {
        api.error("Auth", format!("beside AuthType {kind} stands nothing else"));
    }
}

fn named(api: &Judged<'_>) {
    let Some(stated) = api.get("Domain").filter(|node| node.as_map().is_some() && !is_intrinsic(node)) else { return };
    if stated.get("MutualTlsAuthentication").is_some_and(Node::says_something) {
        api.error("Domain", "a WebSocket API has no MutualTlsAuthentication");
    }
    domain::base_paths(api, stated);
    domain::hosted_zone(api, stated);
}

fn is_route_key(key: &str) -> bool {
    matches!(key, "$connect" | "$disconnect" | "$default")
        || (!key.is_empty() && key.chars().all(char::is_alphanumeric))
}
