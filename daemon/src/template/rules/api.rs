//! APIs: their authorizers, gateway responses, models and policies.

use super::super::Template;
use super::super::intrinsic::is_intrinsic;
use super::super::node::{Map, Node, Value};
use super::super::schema::{Path, Report};
use super::{Judged, document, domain, entries, is_settled};

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

/// What identifies a caller of a Lambda authorizer.
const IDENTITIES: [&str; 4] = ["Headers", "QueryStrings", "StageVariables", "Context"];

/// Judges a REST API.
pub(super) fn rest(api: &Judged<'_>, template: &Template) {
    api.excludes("DefinitionUri", "DefinitionBody");
    document::in_s3(api, &["Cors", "GatewayResponses", "Models"]);
    if api.text("StageName") == Some("") {
        api.error("StageName", "StageName says nothing, and a stage has a name");
    }
    if ["VPCEndpointIds", "VpcEndpointIds"].iter().all(|name| api.at(&["EndpointConfiguration", name]).is_some()) {
        api.error("EndpointConfiguration", "VPCEndpointIds and VpcEndpointIds exclude each other");
    }
    let origin = api.get("Cors").and_then(Node::as_map).and_then(|cors| cors.get("AllowOrigin"));
    if origin.is_some_and(|origin| !origin.says_something()) {
        api.error("Cors", "AllowOrigin says nothing, and an origin is needed; leave it out for all");
    }
    let credentials = api.at(&["Cors", "AllowCredentials"]);
    let is_open = origin.is_none_or(|origin| origin.as_str() == Some("'*'"));
    if is_open && credentials.is_some_and(|node| matches!(node.value, Value::Bool(true))) {
        api.error("Cors", "AllowCredentials needs an AllowOrigin other than '*'");
    }
    if api
        .get("OpenApiVersion")
        .and_then(Node::scalar)
        .is_some_and(|text| !text.is_empty() && !document::is_openapi_version(&text))
    {
        api.error("OpenApiVersion", "OpenApiVersion is a version of OpenAPI, as in 3.0.1");
    }
    if api.get("MergeDefinitions").and_then(Node::as_bool) == Some(true) && api.get("DefinitionUri").is_some() {
        api.error("MergeDefinitions", "MergeDefinitions needs a DefinitionBody, and this API has a DefinitionUri");
    }
    gateway_responses(api);
    models(api);
    for (name, authorizer) in entries(api.at(&["Auth", "Authorizers"])) {
        if authorizer.get("FunctionPayloadType").and_then(Node::as_str) == Some("REQUEST") && !is_identified(authorizer)
        {
            let message = format!(
                "{} needs an Identity with at least one of Headers, QueryStrings, StageVariables or Context",
                name.text
            );
            api.error("Auth", message);
        }
        if authorizer.get("FunctionPayloadType").and_then(Node::as_str) == Some("REQUEST") {
            identity(api, &name.text, authorizer, template);
        }
    }
    resource_policy(api, template);
    domain::judge(api);
    document::judge(api, &["Auth", "Cors", "Models", "GatewayResponses"], &["swagger", "openapi"]);
}

/// What an API answers itself is written out, with statuses that are numbers.
fn gateway_responses(api: &Judged<'_>) {
    let responses = api.get("GatewayResponses").filter(|node| !is_intrinsic(node)).and_then(Node::as_map);
    for (kind, response) in responses.into_iter().flat_map(Map::iter) {
        if is_intrinsic(response) && response.get("Fn::Transform").is_none() {
            let message = format!("the response {} is written out: no function may stand for it", kind.text);
            api.report.error(message, &response.mark, &api.path.to("GatewayResponses").to(&kind.text));
            continue;
        }
        let status = response.get("StatusCode").filter(|node| node.says_something());
        let is_number = |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if status.is_some_and(|node| !node.as_str().is_some_and(is_number)) {
            api.error("GatewayResponses", format!("the StatusCode of {} is a number of three digits", kind.text));
        }
        let parameters = response.get("ResponseParameters").and_then(Node::as_map).into_iter().flat_map(Map::iter);
        for (name, nothing) in parameters.filter(|(_, node)| node.is_null()) {
            let message = format!("{} of {} says nothing; leave it out", name.text, kind.text);
            api.report.error(message, &nothing.mark, &api.path.to("GatewayResponses").to(&kind.text));
        }
    }
}

/// A model has a type that is written out.
fn models(api: &Judged<'_>) {
    let models = api.get("Models").filter(|node| !is_intrinsic(node)).and_then(Node::as_map);
    for (name, model) in models.into_iter().flat_map(Map::iter) {
        let is_empty = model.get("type").is_some_and(|kind| !kind.says_something());
        if is_empty || (is_intrinsic(model) && model.get("Fn::Transform").is_none()) {
            let message = format!("the model {} is written out, with a type that says something", name.text);
            api.report.error(message, &model.mark, &api.path.to("Models").to(&name.text));
        }
    }
}

/// What identifies a caller is lists of names.
fn identity(api: &Judged<'_>, name: &str, authorizer: &Node, template: &Template) {
    let Some(identity) = authorizer.get("Identity").filter(|node| node.as_map().is_some()) else { return };
    for source in IDENTITIES {
        let Some(stated) = identity.get(source).filter(|node| node.says_something()) else { continue };
        let is_name =
            |item: &Node| matches!(item.value, Value::String(_)) || (is_intrinsic(item) && is_settled(item, template));
        if !is_settled(stated, template)
            || stated.as_list().is_some_and(|items| !items.iter().all(is_name))
            || (stated.as_list().is_none() && !is_intrinsic(stated))
        {
            let message = format!("{source} of {name} is a list of text");
            api.report.error(message, &stated.mark, &api.path.to("Auth").to("Authorizers"));
        }
    }
}

/// The resource policy of an API.
fn resource_policy(api: &Judged<'_>, template: &Template) {
    if let Some(policy) = api.at(&["Auth", "ResourcePolicy"]) {
        policy_lists(policy, template, &api.path.to("Auth").to("ResourcePolicy"), api.report);
    }
}

/// Lists of VPCs are text; those with functions in them have properties of their own. Accounts are lists.
pub(super) fn policy_lists(policy: &Node, template: &Template, path: &Path<'_>, report: &Report<'_>) {
    if is_intrinsic(policy) {
        return;
    }
    for (name, other) in
        [("SourceVpcWhitelist", "IntrinsicVpcWhitelist"), ("SourceVpcBlacklist", "IntrinsicVpcBlacklist")]
    {
        let items = policy.get(name).and_then(Node::as_list).unwrap_or_default();
        let is_text =
            |item: &Node| matches!(item.value, Value::String(_)) || (is_intrinsic(item) && is_settled(item, template));
        for item in items.iter().filter(|item| !is_text(item)) {
            let message = format!("{name} is a list of text; what functions give stands in {other}");
            report.error(message, &item.mark, &path.to(name));
        }
    }
    for name in ["AwsAccountWhitelist", "AwsAccountBlacklist"] {
        let stated = policy.get(name).filter(|node| node.says_something());
        if let Some(node) = stated.filter(|node| node.as_list().is_none() && node.as_map().is_none()) {
            report.error(format!("{name} is a list, and here it is {}", node.value.kind()), &node.mark, &path.to(name));
        }
    }
}

/// A REQUEST authorizer that is not cached needs no identity.
fn is_identified(authorizer: &Node) -> bool {
    let Some(identity) = authorizer.get("Identity") else { return false };
    let uncached = identity.get("ReauthorizeEvery").is_some_and(|node| is_intrinsic(node) || node.as_i64() == Some(0));
    uncached
        || is_intrinsic(identity)
        || IDENTITIES.iter().any(|source| identity.get(source).is_some_and(Node::says_something))
}

/// Judges an HTTP API.
pub(super) fn http(api: &Judged<'_>, template: &Template) {
    api.excludes("DefinitionUri", "DefinitionBody");
    document::in_s3(api, &["CorsConfiguration", "Tags", "Name", "Description"]);
    document::named_twice(api);
    for (name, authorizer) in entries(api.at(&["Auth", "Authorizers"])) {
        http_authorizer(api, &name.text, authorizer);
        if authorizer.get("JwtConfiguration").is_none() {
            identity(api, &name.text, authorizer, template);
        }
    }
    let credentials = api.at(&["CorsConfiguration", "AllowCredentials"]);
    let origins = api.at(&["CorsConfiguration", "AllowOrigins"]).and_then(Node::as_list);
    let is_all = matches!(origins, Some([origin]) if origin.as_str() == Some("*"));
    if is_all && credentials.is_some_and(|node| matches!(node.value, Value::Bool(true))) {
        api.error("CorsConfiguration", "AllowCredentials needs AllowOrigins that are not *");
    }
    domain::judge(api);
    if let Some(named) = api.get("Domain").filter(|node| node.as_map().is_some() && !is_intrinsic(node)) {
        domain::base_paths(api, named);
    }
    document::judge(api, &["Auth", "CorsConfiguration", "Tags"], &["openapi"]);
    for (name, wanted, is_sound) in [
        ("tags", "a list", (|node| node.as_list().is_some()) as fn(&Node) -> bool),
        ("components", "a mapping", |node| node.as_map().is_some()),
        ("info", "a mapping", |node| node.as_map().is_some()),
    ] {
        let stated = api.at(&["DefinitionBody", name]).filter(|node| !is_sound(node));
        if let Some(node) = stated {
            let message = format!("{name} of a document is {wanted}, and here it is {}", node.value.kind());
            api.report.error(message, &node.mark, &api.path.to("DefinitionBody").to(name));
        }
    }
}

/// An authorizer of an HTTP API is one of tokens or one of a function, and has the properties of that kind alone.
fn http_authorizer(api: &Judged<'_>, name: &str, authorizer: &Node) {
    let has = |property: &str| authorizer.get(property).is_some_and(|node| !node.is_null());
    if has("OpenIdConnectUrl") {
        return api.error("Auth", format!("{name}: OpenIdConnectUrl is no longer a property of authorizers"));
    }
    let is_jwt = authorizer.get("JwtConfiguration").is_some_and(Node::says_something);
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
