//! OpenAPI documents → drafts: routes, security schemes, validation, models, what extensions say about the API.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::authorizer::{self, Context};
use super::draft::{Draft, RouteDraft};
use super::index::Index;
use super::integration::integration;
use super::reply::{cors, gateway_response};
use super::{authorizer_check, gateway_responses, serverless};
use crate::project::api::{ApiKeySource, ApiKind, Method, Validation};
use crate::template::json::to_json;
use crate::template::node::{Key, Map, Mark, Value};
use crate::template::openapi::{Document, Operation, Requirement};
use crate::template::properties::Properties;
use crate::template::{Diagnostic, Findings, Node, Scope, yaml};

/// The OpenAPI document: Body, or the local file that BodyS3Location names.
pub(super) fn body(scope: &Scope<'_>, id: &str, properties: &Properties<'_>) -> Option<Node> {
    let resource = scope.template.resource(id.strip_prefix(&scope.prefix).unwrap_or(id));
    let asset = resource.and_then(|resource| resource.at(&["Metadata", "aws:asset:path"]));
    if properties.get("Body").is_some() {
        return stated(properties, "Body");
    }
    let location = asset.or_else(|| properties.get("BodyS3Location"))?;
    let stated = resource.and_then(|resource| resource.at(&["Properties", "BodyS3Location"]));
    let is_local = |path: &&str| !path.starts_with("s3://") && !scope.is_deployments(stated, location);
    let Some(path) = location.as_str().filter(is_local) else {
        properties
            .warning("BodyS3Location", "the OpenAPI document is in S3, so the routes that it defines are missing");
        return None;
    };
    serverless::file(scope, path, &location.mark)
}

/// The document that a property states, which may also be text of JSON or YAML.
fn stated(properties: &Properties<'_>, name: &str) -> Option<Node> {
    let node = properties.get(name)?;
    let written = node.as_str().and_then(|text| yaml::parse(&node.mark.file, text).ok());
    let document = written.map_or_else(|| node.clone(), |document| at(&document, &node.mark));
    if document.as_map().is_none() {
        let kind = if node.as_str().is_some() { "text of neither JSON nor YAML" } else { node.value.kind() };
        properties.error(name, format!("{name} is an OpenAPI document, and here it is {kind}"));
        return None;
    }
    Some(document)
}

/// A tree that was read from text inside a template stands where the text does.
fn at(node: &Node, mark: &Mark) -> Node {
    match &node.value {
        Value::List(items) => Node::list(items.iter().map(|item| at(item, mark)).collect(), mark),
        Value::Map(map) => {
            let entries =
                map.iter().map(|(key, value)| (Key { text: key.text.clone(), mark: mark.clone() }, at(value, mark)));
            Node::map(entries.collect(), mark)
        }
        value => Node::new(value.clone(), mark),
    }
}

/// Puts everything that the document says into the draft.
pub(super) fn apply(document: &Document, draft: &mut Draft, index: &Index<'_>, findings: &Findings) {
    about_the_api(document, draft, findings);
    let variables = draft.api.stage_variables.clone();
    let context = Context { api: draft.api.kind, index, stage_variables: &variables };
    for (name, node) in document.security_schemes() {
        if let Some(node) = node.get("x-amazon-apigateway-authorizer") {
            authorizer_check::check(&Properties::new(node, name, findings), context.api);
        }
        draft.schemes.insert(name.to_owned(), authorizer::of_scheme(node, context));
    }
    for key in document.misplaced() {
        let message = format!("the path {} begins with no slash, so AWS refuses it; here it is left out", key.text);
        findings.report(Diagnostic::warning(message).at(key.mark.location()).path(format!("paths.{}", key.text)));
    }
    for (path, _) in document.paths() {
        draft.api.slash_default |= is_slash_default(path, context.api);
        draft.add_path(&route_path(path, context.api));
    }
    for operation in document.operations() {
        let (models, schemas) = body_models(document, &operation);
        let mut route = route(document, &operation, draft, context);
        route.validation.models = models;
        draft.api.models.extend(schemas);
        draft.push(route);
    }
}

fn about_the_api(document: &Document, draft: &mut Draft, findings: &Findings) {
    let api = &mut draft.api;
    api.models.extend(document.models());
    if let Some(types) = document.extension("binary-media-types") {
        api.binary_media_types = types.strings();
    }
    if let Some(node) = document.extension("cors").filter(|_| api.kind == ApiKind::Http) {
        api.cors = cors(node);
    }
    let responses = document.extension("gateway-responses");
    if let Some(responses) = responses.filter(|_| api.kind == ApiKind::Rest) {
        let responses = Properties::new(responses, "x-amazon-apigateway-gateway-responses", findings);
        let read = |(kind, response): (&str, Properties<'_>)| {
            (gateway_responses::meant(kind, &responses), gateway_response(response.node))
        };
        api.gateway_responses.extend(responses.entries().map(read));
    }
    if let Some(size) = document.extension("minimum-compression-size").and_then(Node::as_i64) {
        api.minimum_compression_size = u64::try_from(size).ok();
    }
    if document
        .extension("api-key-source")
        .and_then(Node::as_str)
        .is_some_and(|text| text.eq_ignore_ascii_case("AUTHORIZER"))
    {
        api.api_key_source = ApiKeySource::Authorizer;
    }
    if let Some(policy) = document.extension("policy") {
        api.policy = Some(to_json(policy));
    }
    let servers = document.get("servers").and_then(Node::as_list).unwrap_or_default().iter();
    let servers = servers.filter_map(|server| server.get("x-amazon-apigateway-endpoint-configuration"));
    for endpoint in document.extension("endpoint-configuration").into_iter().chain(servers) {
        if let Some(flag) = endpoint.get("disableExecuteApiEndpoint").and_then(Node::as_bool) {
            api.default_endpoint_disabled = flag;
        }
    }
}

/// `/$default` is how `FailOnWarnings` has SAM write the default route, and how AWS exports it.
fn is_slash_default(path: &str, api: ApiKind) -> bool {
    api == ApiKind::Http && path == "/$default"
}

fn route_path(path: &str, api: ApiKind) -> String {
    if is_slash_default(path, api) { "$default".to_owned() } else { path.to_owned() }
}

fn route(document: &Document, operation: &Operation, draft: &Draft, context: Context<'_>) -> RouteDraft {
    let integrated = operation
        .integration()
        .map(|node| integration(document.follow(node), context.api, context.index, context.stage_variables));
    RouteDraft {
        path: route_path(&operation.path, context.api),
        method: Method::parse(&operation.method),
        integration: integrated,
        security: security(document, operation, draft),
        operation_name: operation.node.get("operationId").and_then(Node::as_str).map(str::to_owned),
        validation: validation(document, operation),
        mark: operation.node.mark.clone(),
    }
}

/// The operation's own security; `x-amazon-apigateway-auth` says it in one word. REST ignores a document's root security,
/// HTTP APIs take it as the default.
fn security(document: &Document, operation: &Operation, draft: &Draft) -> Option<Vec<Requirement>> {
    let word = operation.node.get("x-amazon-apigateway-auth").and_then(|auth| auth.get("type")).and_then(Node::as_str);
    match word.map(str::to_ascii_uppercase).as_deref() {
        Some("AWS_IAM") => return Some(vec![Requirement { name: "AWS_IAM".to_owned(), scopes: Vec::new() }]),
        Some("NONE") => return Some(vec![Requirement { name: "NONE".to_owned(), scopes: Vec::new() }]),
        _ => {}
    }
    let root = document.get("security").filter(|_| draft.api.kind == ApiKind::Http);
    operation.security().or_else(|| root.map(crate::template::openapi::requirements))
}

/// What the operation's validator checks, which parameters it requires, and the models of its body.
fn validation(document: &Document, operation: &Operation) -> Validation {
    let named = operation.node.get("x-amazon-apigateway-request-validator");
    let named = named.or_else(|| document.extension("request-validator")).and_then(Node::as_str);
    let (body, parameters) = named.and_then(|name| document.validator(name)).unwrap_or_default();
    let all = document.parameters(operation);
    let required = all.iter().filter(|node| node.get("required").and_then(Node::as_bool) == Some(true));
    Validation {
        body,
        parameters,
        required: required.filter_map(|node| parameter(node)).collect(),
        models: BTreeMap::new(),
    }
}

/// `method.request.querystring.page` of `{in: query, name: page}`.
fn parameter(node: &Node) -> Option<String> {
    let place = match node.get("in")?.as_str()? {
        "query" => "querystring",
        "header" => "header",
        "path" => "path",
        _ => return None,
    };
    Some(format!("method.request.{place}.{}", node.get("name")?.as_str()?))
}

/// Model names by content type, and the schemas of models that API Gateway makes of what stands in the operation itself.
/// OpenAPI 2 has a body parameter, OpenAPI 3 a request body.
fn body_models(document: &Document, operation: &Operation) -> (BTreeMap<String, String>, BTreeMap<String, Json>) {
    let parameters = document.parameters(operation);
    let body = parameters.into_iter().find(|node| node.get("in").and_then(Node::as_str) == Some("body"));
    let old = body.and_then(|node| node.get("schema")).map(|schema| ("application/json", schema));
    let content =
        operation.node.get("requestBody").map(|node| document.follow(node)).and_then(|node| node.get("content"));
    let content = content.and_then(Node::as_map).into_iter().flat_map(Map::iter);
    let new = content.filter_map(|(kind, media)| Some((kind.text.as_ref(), media.get("schema")?)));
    let (mut models, mut schemas) = (BTreeMap::new(), BTreeMap::new());
    for (kind, schema) in old.into_iter().chain(new) {
        let name = model_name(schema).unwrap_or_else(|| {
            let name = made_name(operation, kind);
            schemas.insert(name.clone(), to_json(schema));
            name
        });
        models.insert(kind.to_owned(), name);
    }
    (models, schemas)
}

/// `User` of `{$ref: '#/definitions/User'}`.
fn model_name(schema: &Node) -> Option<String> {
    schema.get("$ref")?.as_str()?.rsplit('/').next().map(str::to_owned)
}

/// A name for a schema without one: letters and digits, and the same at each reload.
fn made_name(operation: &Operation, kind: &str) -> String {
    let text = format!("{} {} {kind}", operation.method, operation.path);
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}
