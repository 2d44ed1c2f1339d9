//! What several properties of a SAM resource say together, where AWS's translator refuses it: alternatives that exclude
//! each other, and properties that need others.
//!
//! A rule judges what is written out. Where a function stands for a value, only a deployment knows it, and the rule is
//! silent. One property by itself is judged by [`super::schema`]. What only some resources have stands in rooms of its own:
//! APIs (`api`), functions (`function`), events (`event`), policies (`policy`), connectors (`connector`).

mod api;
mod connector;
mod event;
mod function;
mod policy;

use super::intrinsic::is_intrinsic;
use super::node::{Key, Map, Mark, Node, Value};
use super::schema::{Path, Report};
use super::{Template, globals};

pub(super) use connector::of_attribute as of_connectors;
pub(super) use event::judge as of_event;

/// A resource's properties, and where to say what is wrong with them.
struct Judged<'j> {
    properties: &'j Node,
    mark: &'j Mark,
    path: &'j Path<'j>,
    report: &'j Report<'j>,
}

impl<'j> Judged<'j> {
    /// A property that says something: neither absent nor nothing.
    fn get(&self, name: &str) -> Option<&'j Node> {
        self.properties.get(name).filter(|node| !node.is_null())
    }

    fn text(&self, name: &str) -> Option<&'j str> {
        self.get(name).and_then(Node::as_str)
    }

    fn at(&self, keys: &[&str]) -> Option<&'j Node> {
        self.properties.at(keys).filter(|node| !node.is_null())
    }

    /// Says that something is wrong with a property; one that is missing is said of the whole.
    fn error(&self, name: &str, message: impl Into<String>) {
        let mark = self.get(name).map_or(self.mark, |node| &node.mark);
        self.report.error(message, mark, &self.path.to(name));
    }

    fn excludes(&self, one: &str, other: &str) {
        if self.get(one).is_some_and(has_something) && self.get(other).is_some_and(has_something) {
            self.error(one, format!("{one} and {other} exclude each other"));
        }
    }

    fn needs(&self, one: &str, other: &str) {
        if self.get(one).is_some() && self.get(other).is_none() {
            self.error(one, format!("{one} needs {other}"));
        }
    }
}

/// Whether a value says more than an empty mapping or list does.
fn has_something(node: &Node) -> bool {
    node.as_map().is_none_or(|map| !map.is_empty()) && node.as_list().is_none_or(|list| !list.is_empty())
}

/// Judges the properties of a resource, those of the Globals among them.
pub(super) fn of_resource(
    template: &Template,
    (id, kind): (&Key, &str),
    properties: &Node,
    path: &Path<'_>,
    report: &Report<'_>,
) {
    let judged = Judged { properties, mark: &id.mark, path, report };
    match kind {
        "AWS::Serverless::Function" => function::judge(&judged, template),
        "AWS::Serverless::Api" => api::rest(&judged),
        "AWS::Serverless::HttpApi" => api::http(&judged),
        "AWS::Serverless::WebSocketApi" => api::websocket(&judged),
        "AWS::Serverless::StateMachine" => state_machine(&judged),
        "AWS::Serverless::LayerVersion" => layer(&judged),
        "AWS::Serverless::Connector" => connector::judge(&judged, template),
        _ => {}
    }
    ignored_globals(template, id, report);
}

fn state_machine(machine: &Judged<'_>) {
    machine.excludes("Definition", "DefinitionUri");
    if !["Definition", "DefinitionUri"].iter().any(|name| machine.get(name).is_some_and(has_something)) {
        machine.error("Definition", "a state machine has a Definition or a DefinitionUri that says something");
    }
    policy::of_resource(machine);
}

fn layer(layer: &Judged<'_>) {
    let is_policy = |text: &str| text.eq_ignore_ascii_case("Retain") || text.eq_ignore_ascii_case("Delete");
    if layer.text("RetentionPolicy").is_some_and(|text| !is_policy(text)) {
        layer.error("RetentionPolicy", "RetentionPolicy is Retain or Delete");
    }
    let named = layer.get("CompatibleArchitectures").and_then(Node::as_list).unwrap_or_default();
    if named.iter().filter_map(Node::as_str).any(|name| !matches!(name, "x86_64" | "arm64")) {
        layer.error("CompatibleArchitectures", "CompatibleArchitectures are x86_64 and arm64");
    }
}

/// `IgnoreGlobals` is `*`, or the names of Globals.
fn ignored_globals(template: &Template, id: &Key, report: &Report<'_>) {
    let Some(resource) = template.resource(&id.text) else { return };
    let Some(ignored) = resource.get("IgnoreGlobals").filter(|node| !node.is_null()) else { return };
    let section = Path::section("Resources");
    let of_resource = section.to(&id.text);
    let path = of_resource.to("IgnoreGlobals");
    match &ignored.value {
        Value::String(text) if text.as_ref() == "*" => {}
        Value::List(names) => {
            for name in names.iter().filter(|name| !globals::is_stated(template, resource, name)) {
                let message = format!("the Globals have no {}", name.scalar().unwrap_or_default());
                report.error(message, &name.mark, &path);
            }
        }
        _ => report.error("IgnoreGlobals is *, or a list of the Globals' properties", &ignored.mark, &path),
    }
}

/// Whether there may be resources that the template's text does not show: an include, or a macro, may add some.
fn may_have_more(template: &Template) -> bool {
    let ours = ["AWS::Serverless-2016-10-31", "AWS::LanguageExtensions"];
    let macros = template
        .root
        .get("Transform")
        .map(|node| node.as_list().map_or_else(|| vec![node], |all| all.iter().collect()));
    let others =
        macros.unwrap_or_default().into_iter().any(|node| !node.as_str().is_some_and(|name| ours.contains(&name)));
    others
        || template.root.get("Fn::Transform").is_some()
        || template.section("Resources").any(|(key, _)| key.text.starts_with("Fn::"))
}

/// The entries of a mapping that are mappings themselves.
fn entries(node: Option<&Node>) -> impl Iterator<Item = (&Key, &Node)> {
    let map = node.filter(|node| !is_intrinsic(node)).and_then(Node::as_map);
    let written = |(_, entry): &(&Key, &Node)| entry.as_map().is_some() && !is_intrinsic(entry);
    map.into_iter().flat_map(Map::iter).filter(written)
}
