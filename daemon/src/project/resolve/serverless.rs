//! SAM's APIs: `AWS::Serverless::Api`, `AWS::Serverless::HttpApi` and the implicit ones (rules I2 to I5).
//!
//! The order of steps is the translator's: the definition, then the events of functions, then CORS, then the API's
//! default authorizer and API key.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::draft::Draft;
use super::index::Index;
use super::{auth, cors, document, domain, events, gateway_responses, reply};
use crate::project::ApiId;
use crate::project::api::{Api, ApiKeySource, ApiKind};
use crate::template::json::to_json;
use crate::template::node::{Map, Mark};
use crate::template::openapi::Document;
use crate::template::properties::Properties;
use crate::template::{Node, Scope, globals, yaml};

/// One API of SAM's while it is put together.
pub(super) struct ServerlessApi {
    pub(super) draft: Draft,
    /// Its properties over the Globals, resolved.
    pub(super) node: Node,
    /// The path to them, for diagnostics.
    pub(super) path: String,
    /// How it takes the events of functions.
    pub(super) events: Events,
}

/// What becomes of an event that names an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Events {
    /// It becomes a route; a second one of the same path and method is a mistake.
    Added,
    /// It becomes a route, or completes the definition's of the same path and method.
    Merged,
    /// The definition alone says which routes there are.
    Ignored,
    /// The definition is out of reach, and so is what it says of the event.
    Unknown,
}

/// Adds the APIs of one template.
pub(super) fn drafts(scope: &Scope<'_>, index: &Index<'_>, drafts: &mut Vec<Draft>) {
    let mut apis: Vec<ServerlessApi> = Vec::new();
    for (id, resource) in scope.resources() {
        let kind = match scope.type_of(id) {
            Some("AWS::Serverless::Api") => ApiKind::Rest,
            Some("AWS::Serverless::HttpApi") => ApiKind::Http,
            _ => continue,
        };
        apis.push(open(scope, id, kind, scope.properties(resource), index));
    }
    for (id, kind) in [("ServerlessRestApi", ApiKind::Rest), ("ServerlessHttpApi", ApiKind::Http)] {
        // Where events ask for it, SAM's own API takes the place of whatever else has its name.
        if !is_declared(scope, id) {
            apis.push(open(scope, id, kind, implicit(scope, kind), index));
        }
    }
    events::apply(scope, index, &mut apis);
    for mut api in apis.into_iter().filter(|api| !is_unused(api)) {
        complete(scope, &mut api, index);
        drafts.push(api.draft);
    }
}

/// Whether the template has a SAM API of this name.
fn is_declared(scope: &Scope<'_>, id: &str) -> bool {
    matches!(scope.type_of(id), Some("AWS::Serverless::Api" | "AWS::Serverless::HttpApi"))
}

/// An implicit API that no event made a route for.
fn is_unused(api: &ServerlessApi) -> bool {
    let implicit = api.path.is_empty();
    implicit && api.draft.routes.is_empty()
}

/// The properties of an implicit API: the Globals alone.
fn implicit(scope: &Scope<'_>, kind: ApiKind) -> Node {
    let section = if kind == ApiKind::Rest { "Api" } else { "HttpApi" };
    let global = globals::of_kind(&scope.template, section).and_then(|node| scope.eval(&node));
    global.unwrap_or_else(|| Node::map(Vec::new(), &Mark::start(&scope.template.file)))
}

fn open(scope: &Scope<'_>, id: &str, kind: ApiKind, node: Node, index: &Index<'_>) -> ServerlessApi {
    let path = if is_declared(scope, id) { format!("Resources.{id}.Properties") } else { String::new() };
    let properties = Properties::new(&node, path.clone(), scope.findings());
    let mut api = Api::new(ApiId(scope.id(id)), kind, stage(&properties, kind));
    settings(&properties, &mut api);
    let definition = definition(scope, &properties);
    let merged = properties.flag("MergeDefinitions").unwrap_or(false);
    let events = match (&definition, kind) {
        (None, _) => Events::Added,
        (Some(_), _) if is_in_s3(&properties) => Events::Unknown,
        (Some(_), ApiKind::Http) if properties.get("DefinitionBody").is_some() => Events::Merged,
        (Some(definition), ApiKind::Rest) if merged && is_document(definition) => Events::Merged,
        (Some(_), _) => Events::Ignored,
    };
    let mut draft = Draft::new(api);
    if let Some(definition) = definition {
        document::apply(&Document::new(definition), &mut draft, index, scope.findings());
    }
    ServerlessApi { draft, node, path, events }
}

/// Whether SAM can write into a document: one that says its version and has paths.
fn is_document(definition: &Node) -> bool {
    let says = |name| definition.get(name).is_some_and(Node::says_something);
    (says("swagger") || says("openapi")) && definition.get("paths").is_some_and(|paths| paths.as_map().is_some())
}

fn stage(properties: &Properties<'_>, kind: ApiKind) -> String {
    let stated = properties.text("StageName");
    match kind {
        ApiKind::Rest => stated.unwrap_or_else(|| "Prod".to_owned()),
        ApiKind::Http => stated.unwrap_or_else(|| "$default".to_owned()),
    }
}

/// What the properties say without regard to routes.
fn settings(properties: &Properties<'_>, api: &mut Api) {
    let variables = properties.get("Variables").or_else(|| properties.get("StageVariables"));
    api.stage_variables = variables.map(reply::texts).unwrap_or_default();
    api.default_endpoint_disabled = properties.flag("DisableExecuteApiEndpoint").unwrap_or(false);
    api.edge = reply::is_edge(properties);
    api.slash_default = properties.flag("FailOnWarnings").unwrap_or(false);
    if properties.text("ApiKeySourceType").as_deref() == Some("AUTHORIZER") {
        api.api_key_source = ApiKeySource::Authorizer;
    }
    let compression = properties.number("MinimumCompressionSize", 0, 10_485_760);
    api.minimum_compression_size = compression.and_then(|size| u64::try_from(size).ok());
    api.policy = properties.get("Policy").map(to_json);
}

/// The OpenAPI document: DefinitionBody, or the local file that DefinitionUri names.
fn definition(scope: &Scope<'_>, properties: &Properties<'_>) -> Option<Node> {
    let said = |name| properties.get(name).filter(|node| node.says_something());
    if let Some(body) = said("DefinitionBody") {
        if body.as_map().is_none() {
            properties.error(
                "DefinitionBody",
                format!("an OpenAPI document is a mapping, and this is {}", body.value.kind()),
            );
        }
        return Some(body.clone());
    }
    let uri = said("DefinitionUri")?;
    match local(uri) {
        Some(path) => file(scope, path, &uri.mark),
        None => {
            properties
                .warning("DefinitionUri", "the OpenAPI document is in S3, so the routes that it defines are missing");
            Some(Node::map(Vec::new(), &uri.mark))
        }
    }
}

fn is_in_s3(properties: &Properties<'_>) -> bool {
    let said = |name| properties.get(name).filter(|node| node.says_something());
    said("DefinitionBody").is_none() && said("DefinitionUri").is_some_and(|uri| local(uri).is_none())
}

/// The path of a document that is beside the template.
fn local(uri: &Node) -> Option<&str> {
    uri.as_str().filter(|text| !text.starts_with("s3://"))
}

/// An OpenAPI document of a file, its intrinsics resolved.
pub(super) fn file(scope: &Scope<'_>, path: &str, mark: &Mark) -> Option<Node> {
    let (path, text) = scope.read(path, mark, "the OpenAPI document")?;
    match yaml::parse(&Arc::new(path), &text) {
        Ok(node) => scope.eval(&node),
        Err(error) => {
            scope.findings().report(error);
            None
        }
    }
}

/// Everything that follows the routes.
fn complete(scope: &Scope<'_>, api: &mut ServerlessApi, index: &Index<'_>) {
    let node = api.node.clone();
    let properties = Properties::new(&node, api.path.clone(), scope.findings());
    let draft = &mut api.draft;
    match draft.api.kind {
        ApiKind::Rest => cors::rest(&properties, draft),
        ApiKind::Http => {
            let stated = properties.get("CorsConfiguration").and_then(reply::cors);
            draft.api.cors = stated.or_else(|| draft.api.cors.take());
        }
    }
    reply::no_canary(&properties);
    auth::apply(&properties, draft, index);
    let types = properties.list("BinaryMediaTypes").iter().filter_map(Node::scalar);
    draft.api.binary_media_types.extend(types.map(|text| text.replace("~1", "/")));
    draft.api.gateway_responses.extend(own_responses(&properties));
    draft.api.models.extend(models(&properties));
    draft.api.domains.extend(domain::of_sam(&properties));
}

fn own_responses(properties: &Properties<'_>) -> BTreeMap<String, crate::project::api::GatewayResponse> {
    let responses = properties.map("GatewayResponses");
    let entries = responses.iter().flat_map(|responses| responses.entries().map(move |entry| (responses, entry)));
    let read = |(responses, (kind, response)): (&Properties<'_>, (&str, Properties<'_>))| {
        (gateway_responses::meant(kind, responses), reply::gateway_response(response.node))
    };
    entries.map(read).collect()
}

/// SAM writes a model's name in lower case.
fn models(properties: &Properties<'_>) -> BTreeMap<String, serde_json::Value> {
    let models = properties.get("Models").and_then(Node::as_map).into_iter().flat_map(Map::iter);
    models.map(|(name, schema)| (name.text.to_lowercase(), to_json(schema))).collect()
}
