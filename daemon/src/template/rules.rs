//! What several properties of a SAM resource say together, where AWS's translator refuses it: alternatives that exclude
//! each other, and properties that need others.
//!
//! A rule judges what is written out. Where a function stands for a value, only a deployment knows it, and the rule is
//! silent. One property by itself is judged by [`super::schema`].

use super::intrinsic::is_intrinsic;
use super::node::{Key, Map, Mark, Node, Value};
use super::schema::Report;
use super::{Template, globals};

/// A resource's properties, and where to say what is wrong with them.
struct Judged<'j> {
    properties: &'j Node,
    mark: &'j Mark,
    path: &'j str,
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
        self.report.error(message, mark, &format!("{}.{name}", self.path));
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
pub(super) fn of_resource(template: &Template, id: &Key, kind: &str, properties: &Node, report: &Report<'_>) {
    let path = format!("Resources.{}.Properties", id.text);
    let judged = Judged { properties, mark: &id.mark, path: &path, report };
    match kind {
        "AWS::Serverless::Function" => function(&judged),
        "AWS::Serverless::Api" => rest_api(&judged),
        "AWS::Serverless::HttpApi" => http_api(&judged),
        "AWS::Serverless::WebSocketApi" => websocket_api(&judged),
        "AWS::Serverless::StateMachine" => state_machine(&judged),
        "AWS::Serverless::LayerVersion" => layer(&judged),
        _ => {}
    }
    ignored_globals(template, id, report);
}

fn function(function: &Judged<'_>) {
    let excluded: &[&str] = match function.text("PackageType") {
        Some("Image") => &["Handler", "Runtime", "Layers"],
        None | Some("Zip") => &["ImageConfig", "ImageUri"],
        Some(_) => &[],
    };
    for name in excluded.iter().filter(|name| function.get(name).is_some_and(has_something)) {
        let package = function.text("PackageType").unwrap_or("Zip");
        function.error(name, format!("a function of PackageType {package} has no {name}"));
    }
    function.needs("ProvisionedConcurrencyConfig", "AutoPublishAlias");
    if function.text("AutoPublishAlias").is_some_and(|alias| !is_alias(alias)) {
        let message = "AutoPublishAlias has letters, digits, hyphens and underscores, and not digits alone";
        function.error("AutoPublishAlias", message);
    }
    deployment(function);
    for outcome in ["OnSuccess", "OnFailure"] {
        destination(function, outcome);
    }
}

fn is_alias(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(allowed) && !name.bytes().all(|byte| byte.is_ascii_digit())
}

fn deployment(function: &Judged<'_>) {
    let Some(preference) = function.get("DeploymentPreference").filter(|node| !is_intrinsic(node)) else { return };
    let enabled = preference.get("Enabled");
    if enabled.is_some_and(|node| is_intrinsic(node) || node.as_bool() == Some(false)) || !has_something(preference) {
        return;
    }
    function.needs("DeploymentPreference", "AutoPublishAlias");
    if preference.get("Type").is_none_or(Node::is_null) {
        function.error("DeploymentPreference", "DeploymentPreference needs a Type");
    }
}

/// A destination that SAM does not make itself is named.
fn destination(function: &Judged<'_>, outcome: &str) {
    let Some(config) = function.at(&["EventInvokeConfig", "DestinationConfig", outcome]) else { return };
    let is_made = matches!(config.get("Type").and_then(Node::as_str), Some("SQS" | "SNS"));
    let is_open = is_intrinsic(config) || config.get("Type").is_some_and(is_intrinsic);
    if config.as_map().is_some() && !is_made && !is_open && config.get("Destination").is_none_or(Node::is_null) {
        function.error("EventInvokeConfig", format!("{outcome} needs a Destination, unless its Type is SQS or SNS"));
    }
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
    domain(api);
    document(api, &["Auth", "Cors"], &["swagger", "openapi"]);
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
    if machine.get("Definition").is_none() && machine.get("DefinitionUri").is_none() {
        machine.error("Definition", "a state machine has a Definition or a DefinitionUri");
    }
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
    let path = format!("Resources.{}.IgnoreGlobals", id.text);
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

/// Judges the properties of an event.
pub(super) fn of_event(kind: &str, properties: &Node, mark: &Mark, path: &str, report: &Report<'_>) {
    let event = Judged { properties, mark, path, report };
    match kind {
        "Schedule" | "ScheduleV2" | "EventBridgeRule" | "CloudWatchEvent" => scheduled(&event),
        "Api" => request_parameters(&event),
        "SelfManagedKafka" => {
            for name in ["KafkaBootstrapServers", "Topics", "SourceAccessConfigurations"] {
                if !event.get(name).is_some_and(has_something) {
                    event.error(name, format!("an event of type SelfManagedKafka needs {name}"));
                }
            }
        }
        "Cognito" if event.text("UserPool").is_some() => {
            event.error("UserPool", "UserPool is a Ref of a user pool in this template");
        }
        _ => {}
    }
}

fn scheduled(event: &Judged<'_>) {
    event.excludes("State", "Enabled");
    let Some(config) = event.get("DeadLetterConfig").filter(|node| node.as_map().is_some() && !is_intrinsic(node))
    else {
        return;
    };
    match (config.get("Arn"), config.get("Type")) {
        (None, None) => event.error("DeadLetterConfig", "DeadLetterConfig needs an Arn, or the Type SQS"),
        (Some(_), Some(_)) => event.error("DeadLetterConfig", "DeadLetterConfig has either an Arn or a Type"),
        (None, Some(kind)) if !is_intrinsic(kind) && kind.as_str() != Some("SQS") => {
            event.error("DeadLetterConfig", "the Type of a DeadLetterConfig is SQS");
        }
        _ => {}
    }
}

/// Each names a part of the request: `method.request.header.Authorization`.
fn request_parameters(event: &Judged<'_>) {
    const PLACES: [&str; 3] = ["querystring", "path", "header"];
    for item in event.get("RequestParameters").and_then(Node::as_list).unwrap_or_default() {
        let named = match item.as_map() {
            Some(map) => map.iter().next().map(|(key, value)| (key.text.to_string(), Some(value))),
            None => item.as_str().map(|text| (text.to_owned(), None)),
        };
        let place = named.as_ref().and_then(|(name, _)| name.strip_prefix("method.request.")?.split('.').next());
        if place.is_none_or(|place| !PLACES.contains(&place)) {
            let message = "a request parameter is method.request.querystring, .path or .header and its name";
            event.error("RequestParameters", message);
        }
        let settings = named.and_then(|(_, value)| value?.as_map().cloned()).unwrap_or_default();
        if settings.iter().any(|(key, _)| !matches!(&*key.text, "Required" | "Caching")) {
            event.error("RequestParameters", "a request parameter is Required, Caching, or both");
        }
    }
}

/// The entries of a mapping that are mappings themselves.
fn entries(node: Option<&Node>) -> impl Iterator<Item = (&Key, &Node)> {
    let map = node.filter(|node| !is_intrinsic(node)).and_then(Node::as_map);
    let written = |(_, entry): &(&Key, &Node)| entry.as_map().is_some() && !is_intrinsic(entry);
    map.into_iter().flat_map(Map::iter).filter(written)
}
