//! Connectors: between which kinds of resources there are some, and with which permissions.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::super::Template;
use super::super::intrinsic::is_intrinsic;
use super::super::node::{Key, Map, Node};
use super::super::schema::{Path, Report};
use super::{Judged, may_have_more};

type Kinds = (&'static str, &'static str);

/// The permissions of each pair of kinds.
static CONNECTORS: LazyLock<BTreeMap<Kinds, Vec<&str>>> = LazyLock::new(|| {
    let lines = include_str!("../schema/connectors.txt").lines().filter(|line| !line.starts_with('#'));
    let connector = |line: &'static str| {
        let mut words = line.split_whitespace();
        Some(((words.next()?, words.next()?), words.collect()))
    };
    lines.filter_map(connector).collect()
});

/// What SAM makes of its own kinds.
const MADE: [(&str, &str); 5] = [
    ("AWS::Serverless::Function", "AWS::Lambda::Function"),
    ("AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine"),
    ("AWS::Serverless::Api", "AWS::ApiGateway::RestApi"),
    ("AWS::Serverless::HttpApi", "AWS::ApiGatewayV2::Api"),
    ("AWS::Serverless::SimpleTable", "AWS::DynamoDB::Table"),
];

/// Judges a connector.
pub(super) fn judge(connector: &Judged<'_>, template: &Template) {
    let Some(source) = connector.get("Source").filter(|node| node.as_map().is_some()) else { return };
    between(connector, template, kind_of(connector, template, source, "Source"));
}

/// Judges the connectors that a resource has as an attribute; it is their source.
pub(in crate::template) fn of_attribute(template: &Template, id: &Key, resource: &Node, report: &Report<'_>) {
    let kind = resource.get("Type").and_then(Node::as_str).map(made);
    for (name, connector) in resource.get("Connectors").and_then(Node::as_map).into_iter().flat_map(Map::iter) {
        let Some(properties) = connector.get("Properties").filter(|node| node.as_map().is_some()) else { continue };
        let section = Path::section("Resources");
        let of_resource = section.to(&id.text);
        let connectors = of_resource.to("Connectors");
        let of_connector = connectors.to(&name.text);
        let path = of_connector.to("Properties");
        between(&Judged { properties, mark: &name.mark, path: &path, report }, template, kind);
    }
}

/// Judges what leads from a resource of this kind, where it is known.
fn between(connector: &Judged<'_>, template: &Template, source: Option<&str>) {
    let Some(destination) = connector.get("Destination") else { return };
    let all = destination.as_list().unwrap_or(std::slice::from_ref(destination));
    for destination in all.iter().filter(|node| node.as_map().is_some()) {
        let destination = kind_of(connector, template, destination, "Destination");
        let (Some(source), Some(destination)) = (source, destination) else { continue };
        match CONNECTORS.get(&(source, destination)) {
            Some(permissions) => permitted(connector, (source, destination), permissions),
            None => connector.error("Destination", format!("there is no connector from {source} to {destination}")),
        }
    }
}

fn permitted(connector: &Judged<'_>, (source, destination): (&str, &str), permissions: &[&str]) {
    let stated = connector.get("Permissions").and_then(Node::as_list).unwrap_or_default();
    for permission in stated.iter().filter(|node| node.as_str().is_some_and(|name| !permissions.contains(&name))) {
        let message =
            format!("a connector from {source} to {destination} has the permissions {}", permissions.join(", "));
        connector.report.error(message, &permission.mark, &connector.path.to("Permissions"));
    }
}

/// The kind of the resource that is referred to; one that is not there is said.
fn kind_of<'t>(connector: &Judged<'_>, template: &'t Template, reference: &'t Node, end: &str) -> Option<&'t str> {
    if is_intrinsic(reference) {
        return None;
    }
    let Some(id) = reference.get("Id") else { return reference.get("Type").and_then(Node::as_str).map(made) };
    let id = id.as_str()?;
    if let Some(resource) = template.resource(id) {
        return resource.get("Type").and_then(Node::as_str).map(made);
    }
    // SAM's own resources have names that begin with those of the template's.
    let is_made =
        template.section("Resources").any(|(key, _)| id.starts_with(&*key.text)) || id.starts_with("Serverless");
    if !is_made && !may_have_more(template) {
        connector.error(end, format!("there is no resource {id}"));
    }
    None
}

fn made(kind: &str) -> &str {
    MADE.iter().find(|(own, _)| *own == kind).map_or(kind, |(_, made)| made)
}
