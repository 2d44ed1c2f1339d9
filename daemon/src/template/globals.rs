//! The Globals section, merged into the resources of its kinds (rule I1).

use std::sync::Arc;

use super::Template;
use super::intrinsic::is_intrinsic;
use super::node::{Map, Node, Value};

/// A resource's properties over the Globals of its kind; nothing is resolved.
#[must_use]
pub fn merged(template: &Template, resource: &Node) -> Node {
    let empty = Node::map(Vec::new(), &resource.mark);
    let own = resource.get("Properties").cloned().unwrap_or_else(|| empty.clone());
    let kind = resource.get("Type").and_then(Node::as_str).and_then(|kind| kind.strip_prefix("AWS::Serverless::"));
    match kind.and_then(|kind| template.root.at(&["Globals", kind])) {
        Some(global) => merge(&kept(global, resource.get("IgnoreGlobals")), &own),
        None => own,
    }
}

/// The Globals of a kind, for a resource that SAM makes itself (`ServerlessRestApi`).
#[must_use]
pub fn of_kind(template: &Template, kind: &str) -> Option<Node> {
    template.root.at(&["Globals", kind]).cloned()
}

/// The global properties without those that the resource asks not to have (`IgnoreGlobals: "*"` or a list of names).
fn kept(global: &Node, ignored: Option<&Node>) -> Node {
    let Some(ignored) = ignored else { return global.clone() };
    let names = ignored.strings();
    let all = names.iter().any(|name| name == "*");
    let entries = global.as_map().into_iter().flat_map(Map::iter);
    let kept = entries.filter(|(key, _)| !all && !names.iter().any(|name| name == key.text.as_ref()));
    Node::map(kept.map(|(key, value)| (key.clone(), value.clone())).collect(), &global.mark)
}

/// Whether there are Globals of a resource's kind.
#[must_use]
pub fn are_stated(template: &Template, resource: &Node) -> bool {
    let kind = resource.get("Type").and_then(Node::as_str).and_then(|kind| kind.strip_prefix("AWS::Serverless::"));
    kind.is_some_and(|kind| template.root.at(&["Globals", kind]).is_some())
}

/// Whether the Globals of a resource's kind have a property of this name.
#[must_use]
pub fn is_stated(template: &Template, resource: &Node, name: &Node) -> bool {
    let kind = resource.get("Type").and_then(Node::as_str).and_then(|kind| kind.strip_prefix("AWS::Serverless::"));
    let global = kind.and_then(|kind| template.root.at(&["Globals", kind]));
    let name = name.as_str();
    name == Some("*") || name.is_some_and(|name| global.is_some_and(|global| global.get(name).is_some()))
}

/// Local over global: mappings merge key by key, lists follow one another, everything else is replaced.
#[must_use]
pub fn merge(global: &Node, local: &Node) -> Node {
    match (&global.value, &local.value) {
        (Value::Map(below), Value::Map(above)) if !is_intrinsic(global) && !is_intrinsic(local) => {
            let mut map: Map = below.as_ref().clone();
            for (key, value) in above.iter() {
                let value = map.get(&key.text).map_or_else(|| value.clone(), |below| merge(below, value));
                map.set(key.clone(), value);
            }
            Node::new(Value::Map(Arc::new(map)), &local.mark)
        }
        (Value::List(first), Value::List(second)) => {
            Node::list(first.iter().chain(second.iter()).cloned().collect(), &local.mark)
        }
        _ => local.clone(),
    }
}
