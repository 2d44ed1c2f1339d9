//! Which names SAM gives to what it makes beside a resource: `HelloRole`, `ApiProdStage`, `HelloAliaslive`.
//!
//! A name of this kind may be referred to without being written out in the template; any other one is a mistake.

use super::Scope;
use super::node::Node;

/// What stands in the names of things that SAM makes of a resource's own properties.
const PARTS: [&str; 16] = [
    "Role",
    "Url",
    "Alias",
    "Version",
    "EventInvokeConfig",
    "Stage",
    "Deployment",
    "Permission",
    "Queue",
    "Topic",
    "UsagePlan",
    "ApiKey",
    "Mapping",
    "Policy",
    "Authorizer",
    "Route",
];
/// Digits of the hash behind the name of a layer.
const HASH: usize = 10;

impl Scope<'_> {
    /// Whether SAM makes a resource of this name.
    pub(super) fn is_generated(&self, name: &str) -> bool {
        let implicit = ["ServerlessRestApi", "ServerlessHttpApi", "ServerlessDeployment", "CodeDeployServiceRole"];
        implicit.iter().any(|prefix| name.starts_with(prefix))
            || self.template.section("Resources").any(|(key, node)| is_made_of(&key.text, node, name))
    }
}

/// Whether SAM makes a resource of this name out of the serverless resource `id`.
fn is_made_of(id: &str, resource: &Node, name: &str) -> bool {
    let Some(rest) = name.strip_prefix(id).filter(|rest| !rest.is_empty()) else { return false };
    let Some(kind) =
        resource.get("Type").and_then(Node::as_str).and_then(|kind| kind.strip_prefix("AWS::Serverless::"))
    else {
        return false;
    };
    match kind {
        "LayerVersion" => rest.len() == HASH && rest.bytes().all(|byte| byte.is_ascii_hexdigit()),
        // Each of its data sources, functions and resolvers is a resource of its own.
        "GraphQLApi" => true,
        _ => PARTS.iter().any(|part| rest.contains(part)) || is_of_an_entry(resource, rest),
    }
}

/// What SAM makes of an event or a connector is named after it: `HelloNightly`.
fn is_of_an_entry(resource: &Node, rest: &str) -> bool {
    let sections = [resource.at(&["Properties", "Events"]), resource.get("Connectors")];
    let maps = sections.into_iter().flatten().filter_map(Node::as_map);
    maps.flat_map(super::node::Map::iter).any(|(key, _)| rest.starts_with(&*key.text))
}
