//! Connectors: between which kinds of resources there are some, and with which permissions.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::super::Template;
use super::super::intrinsic::is_intrinsic;
use super::super::node::{Key, Map, Node, Value};
use super::super::schema::{Path, Report, of_connector as of_connector_properties};
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
    ends(connector);
    let Some(source) = connector.get("Source").filter(|node| node.as_map().is_some()) else { return };
    between(connector, template, kind_of(connector, template, source, "Source"));
}

/// Judges the connectors that a resource has as an attribute; it is their source.
pub(in crate::template) fn of_attribute(template: &Template, id: &Key, resource: &Node, report: &Report<'_>) {
    let kind = resource.get("Type").and_then(Node::as_str).map(made);
    let Some(stated) = resource.as_map().and_then(|resource| resource.get("Connectors")) else { return };
    let section = Path::section("Resources");
    let of_resource = section.to(&id.text);
    let connectors = of_resource.to("Connectors");
    if stated.as_map().is_none() {
        let message = format!("Connectors is a mapping by name, and here it is {}", stated.value.kind());
        return report.error(message, &stated.mark, &connectors);
    }
    for (name, connector) in stated.as_map().into_iter().flat_map(Map::iter) {
        let of_connector = connectors.to(&name.text);
        let path = of_connector.to("Properties");
        if !name.text.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !name.text.contains(['$', '&', ':']) {
            let message = format!("the connector {} has other characters than letters and digits", name.text);
            report.error(message, &name.mark, &of_connector);
        }
        let Some(properties) = connector.get("Properties").filter(|node| node.as_map().is_some()) else {
            let message = format!("the connector {} is a mapping with Properties, a mapping too", name.text);
            report.error(message, &name.mark, &of_connector);
            continue;
        };
        of_connector_properties(properties, &name.mark, &path, report);
        let judged = Judged { properties, mark: &name.mark, path: &path, report };
        if judged.at(&["SourceReference", "Id"]).is_some() {
            judged.error("SourceReference", "the source of a connector of a resource is that resource: it has no Id");
        }
        ends(&judged);
        between(&judged, template, kind);
    }
}

/// What a connector leads to is something, is named one way, and something is permitted there.
fn ends(connector: &Judged<'_>) {
    for name in ["Destination", "Permissions"] {
        if connector.get(name).and_then(Node::as_list).is_some_and(<[Node]>::is_empty) {
            connector.error(name, format!("{name} of a connector is empty"));
        }
    }
    let destinations = connector.get("Destination").map(|node| node.as_list().unwrap_or(std::slice::from_ref(node)));
    let source = connector.get("Source").map(std::slice::from_ref);
    for (name, references) in [("Source", source), ("Destination", destinations)] {
        for reference in references.into_iter().flatten().filter(|node| node.as_map().is_some()) {
            reference_of(connector, name, reference);
        }
    }
}

/// A reference is an Id, or says all that the Id would tell.
fn reference_of(connector: &Judged<'_>, name: &str, reference: &Node) {
    let stated: Vec<&str> = reference.as_map().into_iter().flat_map(Map::iter).map(|(key, _)| &*key.text).collect();
    let others = stated.iter().any(|key| !matches!(*key, "Id" | "Qualifier"));
    let message = match reference.as_map().and_then(|map| map.get("Id")) {
        Some(_) if others => "has either an Id, with or without a Qualifier, or a Type and what goes with it",
        Some(id) if !matches!(id.value, Value::String(_)) => "has an Id that is text: the logical id itself",
        None if !others => "needs an Id, or a Type and what goes with it",
        _ => return,
    };
    connector.report.error(format!("{name} {message}"), &reference.mark, &connector.path.to(name));
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
