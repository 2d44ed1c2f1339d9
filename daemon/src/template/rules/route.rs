//! Routes that two events claim: SAM knows no condition when it writes them into one API, so that functions of which a
//! deployment has one alone claim them too.

use super::super::Template;
use super::super::hashed::HashedMap;
use super::super::intrinsic::is_intrinsic;
use super::super::node::{Map, Mark, Node};
use super::super::openapi::method_name;
use super::super::schema::{Path, Report};

/// Says of each route that an event claims again where the first one stands.
pub(in crate::template) fn judge(template: &Template, report: &Report<'_>) {
    let mut claimed: HashedMap<(&str, &str, String), &Mark> = HashedMap::default();
    let resources = Path::section("Resources");
    for (id, resource) in template.section("Resources") {
        let events = resource.at(&["Properties", "Events"]).filter(|events| !is_intrinsic(events));
        for (name, event) in events.and_then(Node::as_map).into_iter().flat_map(Map::iter) {
            let Some((api, path, method)) = route(template, event) else { continue };
            let Some(stated) = event.get("Properties") else { continue };
            let Some(first) = claimed.get(&(api, path, method.clone())) else {
                claimed.insert((api, path, method), &stated.mark);
                continue;
            };
            let message = format!("{method} {path} is defined twice; the first stands at {}", first.location());
            let mark = stated.get("Path").map_or(&stated.mark, |node| &node.mark);
            let of_resource = resources.to(&id.text);
            let of_properties = of_resource.to("Properties");
            let of_events = of_properties.to("Events");
            let of_event = of_events.to(&name.text);
            let of_stated = of_event.to("Properties");
            report.error(message, mark, &of_stated.to("Path"));
        }
    }
}

/// The API, the path and the method of an event that SAM makes a route for; nothing where a function has a say in them,
/// or the API's own definition.
fn route<'t>(template: &'t Template, event: &'t Node) -> Option<(&'t str, &'t str, String)> {
    let (kind, property, implicit) = match event.get("Type")?.as_str()? {
        "Api" => ("Api", "RestApiId", "ServerlessRestApi"),
        "HttpApi" => ("HttpApi", "ApiId", "ServerlessHttpApi"),
        _ => return None,
    };
    let stated = event.get("Properties").filter(|stated| !is_intrinsic(stated))?;
    let api = match stated.get(property) {
        None => implicit,
        Some(named) => {
            named.as_str().or_else(|| named.get("Ref")?.as_str()).filter(|id| is_made(template, id, kind))?
        }
    };
    Some((api, stated.get("Path")?.as_str()?, method_name(stated.get("Method")?.as_str()?)))
}

/// Whether SAM makes this API of its events alone, without a definition.
fn is_made(template: &Template, id: &str, kind: &str) -> bool {
    let Some(api) = template.resource(id) else { return false };
    let is_sams =
        api.get("Type").and_then(Node::as_str).and_then(|kind| kind.strip_prefix("AWS::Serverless::")) == Some(kind);
    let says = |name| api.at(&["Properties", name]).or_else(|| template.root.at(&["Globals", kind, name]));
    let says = |name| says(name).is_some_and(Node::says_something);
    is_sams && !says("DefinitionBody") && !says("DefinitionUri")
}
