//! Plain CloudFormation's REST APIs: `AWS::ApiGateway::*`, with an OpenAPI body or a tree of resources and methods.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value as Json;

use super::authorizer::{self, Context};
use super::draft::{Draft, RouteDraft, Scheme};
use super::events::requirement;
use super::index::Index;
use super::integration::integration;
use super::{authorizer_check, document, gateway_responses, reply};
use crate::project::ApiId;
use crate::project::api::{Api, ApiKeySource, ApiKind, Method, Validation};
use crate::template::json::to_json;
use crate::template::node::Map;
use crate::template::openapi::{Document, Requirement};
use crate::template::properties::Properties;
use crate::template::reference::root_resource;
use crate::template::{Node, Scope};

/// Longest chain of parent resources that is followed.
const MAX_PATH_PARTS: usize = 64;

/// The resources of one type, their properties resolved.
pub(super) fn of_type<'s>(scope: &'s Scope<'_>, kind: &'static str) -> Vec<(&'s str, Node)> {
    let resources = scope.resources().filter(|(id, _)| scope.type_of(id) == Some(kind));
    resources.map(|(id, resource)| (id, scope.properties(resource))).collect()
}

/// Adds the REST APIs of one template.
pub(super) fn drafts(scope: &Scope<'_>, index: &Index<'_>, drafts: &mut Vec<Draft>) {
    let parts = Parts::new(scope, index);
    let others = elsewhere(scope, &parts.methods, "RestApiId", drafts);
    let rest = drafts.iter_mut().filter(|draft| draft.api.kind == ApiKind::Rest);
    for draft in rest.filter(|draft| others.contains(&draft.api.id.0)) {
        let id = draft.api.id.0.clone();
        parts.add(&id, draft);
    }
    for (id, node) in of_type(scope, "AWS::ApiGateway::RestApi") {
        let properties = Properties::new(&node, format!("Resources.{id}.Properties"), scope.findings());
        drafts.push(parts.draft(&scope.id(id), &properties));
    }
    parts_of_other_apis(scope, drafts);
}

/// The APIs of SAM's and of other templates to which routes of this template are added. Of those that no template here
/// has, it is told that nothing of them is served.
pub(super) fn elsewhere(
    scope: &Scope<'_>,
    routes: &[(&str, Node)],
    property: &str,
    drafts: &[Draft],
) -> HashSet<String> {
    let mut known = HashSet::new();
    let mut unknown: BTreeMap<&str, Vec<&(&str, Node)>> = BTreeMap::new();
    for route in routes {
        let Some(id) = route.1.get(property).and_then(Node::as_str) else { continue };
        if drafts.iter().any(|draft| draft.api.id.0 == id) {
            known.insert(id.to_owned());
        } else if scope.type_of(id.strip_prefix(&scope.prefix).unwrap_or(id)).is_none() {
            unknown.entry(id).or_default().push(route);
        }
    }
    for (id, routes) in unknown {
        let Some((first, node)) = routes.first() else { continue };
        let them = if routes.len() == 1 {
            "route that is added to it here is"
        } else {
            "routes that are added to it here are"
        };
        let message = format!("the API {id} is not of this template, so the {them} not served");
        Properties::new(node, format!("Resources.{first}.Properties"), scope.findings()).warning(property, message);
    }
    known
}

/// Stages and gateway responses may belong to any API, also to one of SAM's.
fn parts_of_other_apis(scope: &Scope<'_>, drafts: &mut [Draft]) {
    for (id, node) in of_type(scope, "AWS::ApiGateway::GatewayResponse") {
        let api = node.get("RestApiId").and_then(Node::as_str).unwrap_or_default();
        let Some(kind) = node.get("ResponseType").and_then(Node::as_str) else { continue };
        let properties = Properties::new(&node, format!("Resources.{id}.Properties"), scope.findings());
        gateway_responses::check(kind, &properties, "ResponseType");
        if let Some(draft) = drafts.iter_mut().find(|draft| draft.api.id.0 == api) {
            draft.api.gateway_responses.insert(kind.to_owned(), reply::gateway_response(&node));
        }
    }
}

/// The resources of which REST APIs are made.
struct Parts<'s, 'a> {
    scope: &'s Scope<'a>,
    index: &'s Index<'s>,
    methods: Vec<(&'s str, Node)>,
    authorizers: Vec<(&'s str, Node)>,
    models: Vec<(&'s str, Node)>,
    validators: Vec<(&'s str, Node)>,
    stages: Vec<(&'s str, Node)>,
    deployments: Vec<(&'s str, Node)>,
    /// Parent and path part of each resource.
    resources: HashMap<&'s str, (String, String)>,
}

impl<'s, 'a> Parts<'s, 'a> {
    fn new(scope: &'s Scope<'a>, index: &'s Index<'s>) -> Parts<'s, 'a> {
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::scalar).unwrap_or_default().to_string();
        let resources = of_type(scope, "AWS::ApiGateway::Resource").into_iter();
        let resources = resources.map(|(id, node)| (id, (text(&node, "ParentId"), text(&node, "PathPart")))).collect();
        Parts {
            scope,
            index,
            methods: of_type(scope, "AWS::ApiGateway::Method"),
            authorizers: of_type(scope, "AWS::ApiGateway::Authorizer"),
            models: of_type(scope, "AWS::ApiGateway::Model"),
            validators: of_type(scope, "AWS::ApiGateway::RequestValidator"),
            stages: of_type(scope, "AWS::ApiGateway::Stage"),
            deployments: of_type(scope, "AWS::ApiGateway::Deployment"),
            resources,
        }
    }

    fn draft(&self, id: &str, properties: &Properties<'_>) -> Draft {
        let mut draft = Draft::new(self.api(id, properties));
        if let Some(body) = document::body(self.scope, id, properties) {
            document::apply(&Document::new(body), &mut draft, self.index, self.scope.findings());
        }
        for (at, (stage, node)) in belonging(&self.stages, id).enumerate() {
            let stage = Properties::new(node, format!("Resources.{stage}.Properties"), self.scope.findings());
            match at {
                0 => reply::no_canary(&stage),
                _ => reply::further_stage(&stage, &draft.api.stage),
            }
        }
        self.add(id, &mut draft);
        draft
    }

    /// Adds what resources of their own add to an API.
    fn add(&self, id: &str, draft: &mut Draft) {
        let variables = draft.api.stage_variables.clone();
        let context = Context { api: ApiKind::Rest, index: self.index, stage_variables: &variables };
        for (name, node) in belonging(&self.authorizers, id) {
            let path = format!("Resources.{name}.Properties");
            authorizer_check::check(&Properties::new(node, path, self.scope.findings()), ApiKind::Rest);
            draft.schemes.insert(name.to_owned(), Scheme::Authorizer(authorizer::of_resource(node, context)));
        }
        for (name, node) in belonging(&self.models, id) {
            let schema = node.get("Schema").map(schema).unwrap_or_default();
            let name = node.get("Name").and_then(Node::as_str).unwrap_or(name);
            draft.api.models.insert(name.to_owned(), schema);
        }
        for (method, node) in belonging(&self.methods, id) {
            let properties = Properties::new(node, format!("Resources.{method}.Properties"), self.scope.findings());
            if let Some(route) = self.route(id, &properties, context) {
                draft.push(route);
            }
        }
    }

    fn api(&self, id: &str, properties: &Properties<'_>) -> Api {
        let stage = belonging(&self.stages, id).next().map(|(_, node)| node);
        let deployed = belonging(&self.deployments, id).find_map(|(_, node)| node.get("StageName")?.scalar());
        let name = stage.and_then(|node| node.get("StageName")?.scalar()).or(deployed);
        let mut api = Api::new(
            ApiId(id.to_owned()),
            ApiKind::Rest,
            name.map_or_else(|| "Prod".to_owned(), |name| name.to_string()),
        );
        api.stage_variables = stage.and_then(|node| node.get("Variables")).map(reply::texts).unwrap_or_default();
        api.binary_media_types = properties.get("BinaryMediaTypes").map(Node::strings).unwrap_or_default();
        api.default_endpoint_disabled = properties.flag("DisableExecuteApiEndpoint").unwrap_or(false);
        api.edge = reply::is_edge(properties);
        api.policy = properties.get("Policy").map(to_json);
        let compression = properties.number("MinimumCompressionSize", 0, 10_485_760);
        api.minimum_compression_size = compression.and_then(|size| u64::try_from(size).ok());
        if properties.text("ApiKeySourceType").as_deref() == Some("AUTHORIZER") {
            api.api_key_source = ApiKeySource::Authorizer;
        }
        api
    }

    fn route(&self, api: &str, method: &Properties<'_>, context: Context<'_>) -> Option<RouteDraft> {
        let resource = method.text("ResourceId").unwrap_or_default();
        let path = match self.path(api, &resource) {
            Ok(path) => path,
            Err(last) => {
                let message = format!("{resource} is no resource of the API {api}");
                // A resource of another stack, or one under it, is known to a deployment alone.
                let is_stand_in = method.get("ResourceId").is_some_and(|node| method.is_stand_in(node));
                if is_stand_in || self.scope.findings().is_stand_in(&last) {
                    method.warning("ResourceId", message)
                } else {
                    method.error("ResourceId", message)
                }
                return None;
            }
        };
        let integrated = method
            .get("Integration")
            .map(|node| integration(node, ApiKind::Rest, context.index, context.stage_variables));
        Some(RouteDraft {
            path,
            method: Method::parse(&method.text("HttpMethod").unwrap_or_default()),
            integration: integrated,
            security: security(method),
            operation_name: method.text("OperationName"),
            validation: self.validation(method),
            mark: method.node.mark.clone(),
        })
    }

    /// The path of a resource: the parts up to the root; else the id at which the way to it ends.
    fn path(&self, api: &str, resource: &str) -> Result<String, String> {
        let mut parts = Vec::new();
        let mut current = resource.to_owned();
        while current != root_resource(api) {
            let Some((parent, part)) = self.resources.get(current.as_str()) else { return Err(current) };
            parts.push(part.as_str());
            if parts.len() > MAX_PATH_PARTS {
                return Err(current);
            }
            current.clone_from(parent);
        }
        parts.reverse();
        Ok(format!("/{}", parts.join("/")))
    }

    fn validation(&self, method: &Properties<'_>) -> Validation {
        let id = method.text("RequestValidatorId").unwrap_or_default();
        let validator = self.validators.iter().find(|(name, _)| *name == id).map(|(_, node)| node);
        let flag = |key: &str| validator.and_then(|node| node.get(key)).and_then(Node::as_bool).unwrap_or(false);
        let parameters = method.get("RequestParameters").and_then(Node::as_map).into_iter().flat_map(Map::iter);
        let required = parameters.filter(|(_, required)| required.as_bool() == Some(true));
        let models = method.get("RequestModels").map(reply::texts).unwrap_or_default();
        Validation {
            body: flag("ValidateRequestBody"),
            parameters: flag("ValidateRequestParameters"),
            required: required.map(|(name, _)| name.text.to_string()).collect(),
            models,
        }
    }
}

/// A model's schema, which may be written as the text of a JSON document.
fn schema(node: &Node) -> Json {
    let text = node.as_str().and_then(|text| serde_json::from_str(text).ok());
    text.unwrap_or_else(|| to_json(node))
}

/// The resources of an API.
fn belonging<'p>(parts: &'p [(&'p str, Node)], api: &'p str) -> impl Iterator<Item = (&'p str, &'p Node)> {
    let own = parts.iter().filter(move |(_, node)| node.get("RestApiId").and_then(Node::as_str) == Some(api));
    own.map(|(id, node)| (*id, node))
}

fn security(method: &Properties<'_>) -> Option<Vec<Requirement>> {
    let mut security = Vec::new();
    match method.text("AuthorizationType").as_deref() {
        Some("AWS_IAM") => security.push(requirement("AWS_IAM", Vec::new())),
        Some("CUSTOM" | "COGNITO_USER_POOLS") => {
            let scopes = method.get("AuthorizationScopes").map(Node::strings).unwrap_or_default();
            security.push(requirement(&method.text("AuthorizerId").unwrap_or_default(), scopes));
        }
        _ => {}
    }
    if method.flag("ApiKeyRequired") == Some(true) {
        security.push(requirement("api_key", Vec::new()));
    }
    Some(security)
}
