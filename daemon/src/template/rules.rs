//! What several properties of a SAM resource say together, where AWS's translator refuses it: alternatives that exclude
//! each other, and properties that need others.
//!
//! A rule judges what is written out. Where a function stands for a value, only a deployment knows it, and the rule is
//! silent. One property by itself is judged by [`super::schema`]. What only some resources have stands in rooms of its own:
//! functions (`function`), events (`event`), policies (`policy`), connectors (`connector`).

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
        "AWS::Serverless::Api" => rest_api(&judged),
        "AWS::Serverless::HttpApi" => http_api(&judged),
        "AWS::Serverless::WebSocketApi" => websocket_api(&judged),
        "AWS::Serverless::StateMachine" => state_machine(&judged),
        "AWS::Serverless::LayerVersion" => layer(&judged),
        "AWS::Serverless::Connector" => connector::judge(&judged, template),
        _ => {}
    }
    ignored_globals(template, id, report);
}

fn rest_api(api: &Judged<'_>) {
    api.excludes("DefinitionUri", "DefinitionBody");
    in_s3(api, "Cors");
    if api.get("MergeDefinitions").and_then(Node::as_bool) == Some(true) && api.get("DefinitionUri").is_some() {
        api.error("MergeDefinitions", "MergeDefinitions needs a DefinitionBody, and this API has a DefinitionUri");
    }
    for (kind, response) in entries(api.get("GatewayResponses")) {
        let status = response.get("StatusCode").filter(|node| !is_intrinsic(node)).and_then(Node::scalar);
        let is_number = |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if status.is_some_and(|text| !is_number(&text)) {
            api.error("GatewayResponses", format!("the StatusCode of {} is a number of three digits", kind.text));
        }
    }
    for (name, authorizer) in entries(api.at(&["Auth", "Authorizers"])) {
        if authorizer.get("FunctionPayloadType").and_then(Node::as_str) == Some("REQUEST") && !is_identified(authorizer)
        {
            let message = format!(
                "{} needs an Identity with at least one of Headers, QueryStrings, StageVariables or Context",
                name.text
            );
            api.error("Auth", message);
        }
    }
    resource_policy(api);
    domain(api);
    document(api, &["Auth", "Cors"], &["swagger", "openapi"]);
}

/// Lists of VPCs are text; those with functions in them have properties of their own.
fn resource_policy(api: &Judged<'_>) {
    let Some(policy) = api.at(&["Auth", "ResourcePolicy"]).filter(|node| !is_intrinsic(node)) else { return };
    for (name, other) in
        [("SourceVpcWhitelist", "IntrinsicVpcWhitelist"), ("SourceVpcBlacklist", "IntrinsicVpcBlacklist")]
    {
        let items = policy.get(name).and_then(Node::as_list).unwrap_or_default();
        for item in items.iter().filter(|item| !matches!(item.value, Value::String(_))) {
            let message = format!("{name} is a list of text; what functions give stands in {other}");
            api.report.error(message, &item.mark, &api.path.to("Auth").to("ResourcePolicy").to(name));
        }
    }
}

/// A REQUEST authorizer that is not cached needs no identity.
fn is_identified(authorizer: &Node) -> bool {
    let Some(identity) = authorizer.get("Identity") else { return false };
    let uncached = identity.get("ReauthorizeEvery").is_some_and(|node| is_intrinsic(node) || node.as_i64() == Some(0));
    let sources = ["Headers", "QueryStrings", "StageVariables", "Context"];
    uncached
        || is_intrinsic(identity)
        || sources.iter().any(|source| identity.get(source).is_some_and(|node| !node.is_null() && has_something(node)))
}

fn http_api(api: &Judged<'_>) {
    api.excludes("DefinitionUri", "DefinitionBody");
    in_s3(api, "CorsConfiguration");
    for (name, authorizer) in entries(api.at(&["Auth", "Authorizers"])) {
        let has = |property: &str| authorizer.get(property).is_some_and(|node| !node.is_null());
        let name = &name.text;
        if has("OpenIdConnectUrl") {
            api.error("Auth", format!("{name}: OpenIdConnectUrl is no longer a property of authorizers"));
        } else if has("FunctionArn") && !has("AuthorizerPayloadFormatVersion") {
            api.error("Auth", format!("{name} needs an AuthorizerPayloadFormatVersion"));
        } else if has("JwtConfiguration") && !has("FunctionArn") && !has("IdentitySource") {
            api.error("Auth", format!("{name} needs an IdentitySource"));
        }
    }
    let credentials = api.at(&["CorsConfiguration", "AllowCredentials"]).and_then(Node::as_bool) == Some(true);
    let origins = api.at(&["CorsConfiguration", "AllowOrigins"]);
    let all = origins.is_none_or(|node| node.strings().iter().any(|origin| origin == "*"));
    if credentials && all && !origins.is_some_and(is_intrinsic) {
        api.error("CorsConfiguration", "AllowCredentials needs AllowOrigins that are not *");
    }
    domain(api);
    document(api, &["Auth", "CorsConfiguration"], &["openapi"]);
}

/// What SAM writes into a document, it cannot write into one in S3.
fn in_s3(api: &Judged<'_>, cors: &str) {
    let uri = api.get("DefinitionUri");
    let is_remote =
        uri.is_some_and(|node| node.as_map().is_some() || node.as_str().is_some_and(|uri| uri.starts_with("s3:")));
    for name in ["Auth", cors].into_iter().filter(|name| is_remote && api.get(name).is_some_and(has_something)) {
        api.error(name, format!("{name} works only with a document in DefinitionBody"));
    }
}

/// What SAM writes into a document, it writes into one that is complete.
fn document(api: &Judged<'_>, written: &[&str], versions: &[&str]) {
    let Some(body) = api.get("DefinitionBody").and_then(Node::as_map) else { return };
    let included = body.iter().any(|(key, _)| key.text.starts_with("Fn::"));
    if included || (body.get("paths").is_some() && versions.iter().any(|version| body.get(version).is_some())) {
        return;
    }
    if let Some(name) = written.iter().find(|name| api.get(name).is_some_and(has_something)) {
        let message = format!("{name} needs a DefinitionBody with {} and paths", versions.join(" or "));
        api.error(name, message);
    }
}

fn domain(api: &Judged<'_>) {
    let Some(domain) = api.get("Domain").filter(|node| !is_intrinsic(node)) else { return };
    for item in domain.get("BasePath").and_then(Node::as_list).unwrap_or_default() {
        if !is_intrinsic(item) && !matches!(item.value, Value::String(_)) {
            api.error("Domain", format!("a BasePath is text, and here it is {}", item.value.kind()));
        }
    }
    let Some(zone) = domain.get("Route53").filter(|node| node.as_map().is_some() && !is_intrinsic(node)) else {
        return;
    };
    if zone.get("HostedZoneId").is_none() && zone.get("HostedZoneName").is_none() {
        api.error("Domain", "Route53 needs a HostedZoneId or a HostedZoneName");
    }
}

fn websocket_api(api: &Judged<'_>) {
    if api.text("StageName") == Some("$default") {
        api.error("StageName", "the stage of a WebSocket API is not $default");
    }
    let Some(routes) = api.get("Routes").and_then(Node::as_map) else { return };
    if routes.is_empty() {
        api.error("Routes", "a WebSocket API has at least one route");
    }
    for (key, _) in routes.iter().filter(|(key, _)| !is_route_key(&key.text)) {
        let message =
            format!("the route key {} has letters and digits, or is $connect, $disconnect or $default", key.text);
        api.error("Routes", message);
    }
    let Some(auth) = api.get("Auth").filter(|node| has_something(node) && !is_intrinsic(node)) else { return };
    if routes.get("$connect").is_none() {
        api.error("Auth", "a WebSocket API authorizes on its route $connect, and has none");
    }
    if auth.get("AuthType").and_then(Node::as_str) == Some("CUSTOM") && auth.get("AuthArn").is_none_or(Node::is_null) {
        api.error("Auth", "AuthType CUSTOM needs an AuthArn");
    }
}

fn is_route_key(key: &str) -> bool {
    matches!(key, "$connect" | "$disconnect" | "$default")
        || key.starts_with("Fn::")
        || (!key.is_empty() && key.chars().all(char::is_alphanumeric))
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
