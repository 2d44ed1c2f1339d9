//! APIs: their documents, authorizers, gateway responses, policies and domains.

use super::super::intrinsic::is_intrinsic;
use super::super::node::{Map, Node, Value};
use super::super::schema::Path;
use super::{Judged, entries, has_something};

/// Properties of authorizers of HTTP APIs that only those of tokens have, and those that only a function's have.
const OF_JWT: [&str; 2] = ["AuthorizationScopes", "IdentitySource"];
const OF_LAMBDA: [&str; 6] = [
    "FunctionArn",
    "FunctionInvokeRole",
    "Identity",
    "AuthorizerPayloadFormatVersion",
    "EnableSimpleResponses",
    "EnableFunctionDefaultPermissions",
];

/// Judges a REST API.
pub(super) fn rest(api: &Judged<'_>) {
    api.excludes("DefinitionUri", "DefinitionBody");
    in_s3(api, "Cors");
    if api.get("OpenApiVersion").and_then(Node::scalar).is_some_and(|text| !is_openapi_version(&text)) {
        api.error("OpenApiVersion", "OpenApiVersion is a version of OpenAPI, as in 3.0.1");
    }
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

/// `2.0`, or `3.0` with or without a third number.
fn is_openapi_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_digit = |part: &&str| part.len() == 1 && part.as_bytes()[0].is_ascii_digit();
    matches!(parts[0], "2" | "3") && (2..=3).contains(&parts.len()) && parts.iter().all(is_digit)
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

/// Judges an HTTP API.
pub(super) fn http(api: &Judged<'_>) {
    api.excludes("DefinitionUri", "DefinitionBody");
    in_s3(api, "CorsConfiguration");
    for (name, authorizer) in entries(api.at(&["Auth", "Authorizers"])) {
        http_authorizer(api, &name.text, authorizer);
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

/// An authorizer of an HTTP API is one of tokens or one of a function, and has the properties of that kind alone.
fn http_authorizer(api: &Judged<'_>, name: &str, authorizer: &Node) {
    let has = |property: &str| authorizer.get(property).is_some_and(|node| !node.is_null());
    if has("OpenIdConnectUrl") {
        return api.error("Auth", format!("{name}: OpenIdConnectUrl is no longer a property of authorizers"));
    }
    let is_jwt = authorizer.get("JwtConfiguration").is_some_and(has_something);
    let (needed, foreign, kind): (&[&str], &[&str], _) = match is_jwt {
        true => (&["IdentitySource"], &OF_LAMBDA, "JWT"),
        false => (&["FunctionArn", "AuthorizerPayloadFormatVersion"], &OF_JWT, "Lambda"),
    };
    for property in foreign.iter().filter(|property| has(property)) {
        api.error("Auth", format!("{property} is no property of a {kind} authorizer, as {name} is one"));
    }
    for property in needed.iter().filter(|property| !has(property)) {
        api.error("Auth", format!("{name} needs {property}, as every {kind} authorizer does"));
    }
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
    operations(api, body);
    let included = body.iter().any(|(key, _)| key.text.starts_with("Fn::"));
    if included || (body.get("paths").is_some() && versions.iter().any(|version| body.get(version).is_some())) {
        return;
    }
    if let Some(name) = written.iter().find(|name| api.get(name).is_some_and(has_something)) {
        let message = format!("{name} needs a DefinitionBody with {} and paths", versions.join(" or "));
        api.error(name, message);
    }
}

/// Paths are mappings of methods, and methods are mappings. Those that say nothing are for events to fill.
fn operations(api: &Judged<'_>, body: &Map) {
    const METHODS: [&str; 8] =
        ["get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"];
    let (body_path, of) = (api.path.to("DefinitionBody"), "paths");
    let paths = body_path.to(of);
    let wrong = |what: &str, node: &Node, path: &Path<'_>| {
        let message = format!("{what} is a mapping, and here it is {}", node.value.kind());
        api.report.error(message, &node.mark, path);
    };
    for (route, item) in body.get(of).and_then(Node::as_map).into_iter().flat_map(Map::iter) {
        let path = paths.to(&route.text);
        let Some(methods) = item.as_map() else {
            if !item.is_null() && !route.text.starts_with("x-") {
                wrong(&route.text, item, &path);
            }
            continue;
        };
        for (method, operation) in methods.iter().filter(|(key, _)| METHODS.contains(&key.text.to_lowercase().as_str()))
        {
            if !operation.is_null() && operation.as_map().is_none() {
                wrong(&format!("{} of {}", method.text, route.text), operation, &path.to(&method.text));
            }
        }
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

/// Judges a WebSocket API.
pub(super) fn websocket(api: &Judged<'_>) {
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
