//! What several properties of a SAM resource say together, where AWS's translator refuses it: alternatives that exclude
//! each other, and properties that need others.
//!
//! A rule judges what is written out. Where a function stands for a value, only a deployment knows it, and the rule is
//! silent. One property by itself is judged by [`super::schema`]. What only some resources have stands in rooms of its own:
//! APIs (`api`, `websocket`) with their documents (`document`) and domains (`domain`), functions (`function`), events
//! (`event`), the routes that they claim (`route`) and what Lambda polls (`source`), policies (`policy`), connectors
//! (`connector`), names that SAM itself uses (`made`).

mod api;
mod connector;
mod document;
mod domain;
mod event;
mod function;
mod made;
mod policy;
mod route;
mod source;
mod websocket;

use super::intrinsic::is_intrinsic;
use super::node::{Key, Map, Mark, Node, Value};
use super::schema::{Path, Report};
use super::{Template, globals, language_extensions};

pub(super) use connector::of_attribute as of_connectors;
pub(super) use event::judge as of_event;
pub(super) use route::judge as of_routes;

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

    /// Says it where a value that is there is of another kind than a mapping; gives the mapping that it is.
    fn mapping(&self, name: &str, node: Option<&'j Node>) -> Option<&'j Node> {
        let node = node.filter(|node| !is_intrinsic(node))?;
        if node.as_map().is_none() && node.says_something() {
            let message = format!("{name} is a mapping, and here it is {}", node.value.kind());
            self.report.error(message, &node.mark, &self.path.to(name));
        }
        Some(node).filter(|node| node.as_map().is_some())
    }

    fn excludes(&self, one: &str, other: &str) {
        if self.get(one).is_some_and(Node::says_something) && self.get(other).is_some_and(Node::says_something) {
            self.error(one, format!("{one} and {other} exclude each other"));
        }
    }

    fn needs(&self, one: &str, other: &str) {
        let says = |name| self.get(name).is_some_and(Node::says_something);
        if says(one) && !says(other) {
            self.error(one, format!("{one} needs {other}"));
        }
    }
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
        "AWS::Serverless::Function" => {
            function::judge(&judged, template);
            made::of_function(&judged, &id.text, template);
        }
        "AWS::Serverless::Api" => api::rest(&judged, template),
        "AWS::Serverless::HttpApi" => api::http(&judged, template),
        "AWS::Serverless::WebSocketApi" => websocket::judge(&judged),
        "AWS::Serverless::CapacityProvider" => capacity_provider(&judged),
        "AWS::Serverless::Application" => application(&judged, template),
        "AWS::Serverless::GraphQLApi" => judged.excludes("SchemaInline", "SchemaUri"),
        "AWS::Serverless::StateMachine" => {
            state_machine(&judged);
            made::of_state_machine(&judged, &id.text, template);
        }
        "AWS::Serverless::LayerVersion" => layer(&judged),
        "AWS::Serverless::Connector" => connector::judge(&judged, template),
        _ => {}
    }
    ignored_globals(template, id, report);
    reserved_tags(&judged, kind);
    conditional(template, id, report);
}

/// A tag that SAM sets itself.
fn reserved_tags(judged: &Judged<'_>, kind: &str) {
    const RESERVED: [&str; 3] = ["lambda:createdBy", "serverlessrepo:applicationId", "serverlessrepo:semanticVersion"];
    if kind != "AWS::Serverless::Function" {
        return;
    }
    let tags = judged.get("Tags").and_then(Node::as_map).into_iter().flat_map(Map::iter);
    for (key, _) in tags.filter(|(key, _)| RESERVED.contains(&&*key.text)) {
        judged.report.error(format!("the tag {} is SAM's own", key.text), &key.mark, &judged.path.to("Tags"));
    }
}

/// A resource's condition is the name of one.
fn conditional(template: &Template, id: &Key, report: &Report<'_>) {
    let Some(condition) = template.resource(&id.text).and_then(|resource| resource.get("Condition")) else { return };
    if condition.says_something() && condition.as_str().is_none() {
        let message = format!("Condition is the name of a condition, and here it is {}", condition.value.kind());
        let section = Path::section("Resources");
        report.error(message, &condition.mark, &section.to(&id.text).to("Condition"));
    }
}

fn state_machine(machine: &Judged<'_>) {
    machine.excludes("Definition", "DefinitionUri");
    machine.excludes("Role", "Policies");
    machine.needs("UseAliasAsEventTarget", "AutoPublishAlias");
    machine.needs("DeploymentPreference", "AutoPublishAlias");
    machine.s3("DefinitionUri");
    if !["Definition", "DefinitionUri"].iter().any(|name| machine.get(name).is_some_and(Node::says_something)) {
        machine.error("Definition", "a state machine has a Definition or a DefinitionUri that says something");
    }
    policy::of_resource(machine);
}

fn capacity_provider(provider: &Judged<'_>) {
    let Some(required) = provider.get("InstanceRequirements") else { return };
    if ["AllowedTypes", "ExcludedTypes"].iter().all(|name| required.get(name).is_some()) {
        provider.error("InstanceRequirements", "AllowedTypes and ExcludedTypes exclude each other");
    }
}

/// SAM fetches an application of the repository by its id and its version, so it has to know both.
fn application(application: &Judged<'_>, template: &Template) {
    let Some(location) = application.get("Location").filter(|node| node.as_map().is_some()) else { return };
    if is_intrinsic(location) && !is_settled(location, template) {
        let message = "Location is text, or an ApplicationId and its SemanticVersion: SAM resolves no function there";
        return application.error("Location", message);
    }
    for name in ["ApplicationId", "SemanticVersion"] {
        let Some(node) = location.get(name) else { continue };
        let is_found = is_settled(node, template) || node.get("Fn::FindInMap").is_some();
        if !is_found || matches!(node.value, Value::Number(_) | Value::Bool(_) | Value::List(_)) {
            let message = format!("{name} is text, a Ref of a parameter or a value of the Mappings");
            application.report.error(message, &node.mark, &application.path.to("Location").to(name));
        }
    }
}

fn layer(layer: &Judged<'_>) {
    layer.s3("ContentUri");
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
    let Some(ignored) = resource.get("IgnoreGlobals").filter(|node| node.says_something()) else { return };
    if !globals::are_stated(template, resource) {
        return; // there is nothing to ignore
    }
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
    let ours = ["AWS::Serverless-2016-10-31", language_extensions::TRANSFORM];
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

impl Judged<'_> {
    /// Says what is wrong with the place of a file that is uploaded: a path, or one in S3.
    fn s3(&self, name: &str) {
        let Some(uri) = self.get(name).filter(|uri| !is_intrinsic(uri) && uri.says_something()) else { return };
        if uri.as_map().is_some() && ["Bucket", "Key"].iter().any(|key| uri.get(key).is_none()) {
            self.error(name, format!("{name} needs Bucket and Key, or is one text"));
        }
        let is_whole =
            |place: &str| place.split_once('/').is_some_and(|(bucket, key)| !bucket.is_empty() && !key.is_empty());
        let is_elsewhere = |text: &str| match text.split_once("://") {
            Some(("s3", place)) => !is_whole(place),
            Some((scheme, _)) => matches!(scheme, "http" | "https"),
            None => false,
        };
        if uri.as_str().is_some_and(is_elsewhere) {
            self.error(name, format!("{name} is a path, or s3://bucket/key"));
        }
    }
}

/// Whether SAM knows a value: it is written out, or is a parameter's.
pub(super) fn is_settled(node: &Node, template: &Template) -> bool {
    let meant = node.get("Ref").and_then(Node::as_str);
    let is_parameter = |name: &str| template.section("Parameters").any(|(key, _)| *key.text == *name);
    !is_intrinsic(node) || meant.is_some_and(is_parameter) || template.has_language_extensions()
}

/// The entries of a mapping that are mappings themselves.
fn entries(node: Option<&Node>) -> impl Iterator<Item = (&Key, &Node)> {
    let map = node.filter(|node| !is_intrinsic(node)).and_then(Node::as_map);
    let written = |(_, entry): &(&Key, &Node)| entry.as_map().is_some() && !is_intrinsic(entry);
    map.into_iter().flat_map(Map::iter).filter(written)
}
