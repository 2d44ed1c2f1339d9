//! The domains of APIs.

use super::super::intrinsic::is_intrinsic;
use super::super::node::{Node, Value};
use super::Judged;

/// Judges the domain of a REST or HTTP API.
pub(super) fn judge(api: &Judged<'_>) {
    let Some(domain) = api.get("Domain").filter(|node| !is_intrinsic(node)) else { return };
    for item in domain.get("BasePath").and_then(Node::as_list).unwrap_or_default() {
        if !is_intrinsic(item) && !matches!(item.value, Value::String(_)) {
            api.error("Domain", format!("a BasePath is text, and here it is {}", item.value.kind()));
        }
    }
    hosted_zone(api, domain);
}

/// Names of base paths, where API Gateway's second version has them.
pub(super) fn base_paths(api: &Judged<'_>, domain: &Node) {
    let is_path = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte));
    for item in domain.get("BasePath").and_then(Node::as_list).unwrap_or_default() {
        if !is_intrinsic(item) && !item.as_str().is_some_and(is_path) {
            let message = "a BasePath has letters, digits, hyphens, underscores and slashes";
            api.report.error(message, &item.mark, &api.path.to("Domain").to("BasePath"));
        }
    }
}

/// Route 53 is told in which zone a domain lies.
pub(super) fn hosted_zone(api: &Judged<'_>, domain: &Node) {
    let Some(zone) = domain.get("Route53").filter(|node| node.as_map().is_some() && !is_intrinsic(node)) else {
        return;
    };
    if zone.get("HostedZoneId").is_none() && zone.get("HostedZoneName").is_none() {
        api.error("Domain", "Route53 needs a HostedZoneId or a HostedZoneName");
    }
}
