//! Plain CloudFormation's HTTP APIs: `AWS::ApiGatewayV2::*`, quick create included.

use super::authorizer::{self, Context};
use super::draft::{Draft, RouteDraft, Scheme};
use super::events::requirement;
use super::index::Index;
use super::integration::integration;
use super::rest_api::{elsewhere, of_type};
use super::websocket_api::is_websocket;
use super::{authorizer_check, document, reply};
use crate::project::ApiId;
use crate::project::api::{Api, ApiKind, Integration, LambdaProxy, Method, Payload, Validation};
use crate::template::openapi::{Document, Requirement};
use crate::template::properties::Properties;
use crate::template::{Node, Scope};

/// The resources of which HTTP APIs are made.
struct Parts<'s> {
    index: &'s Index<'s>,
    routes: Vec<(&'s str, Node)>,
    integrations: Vec<(&'s str, Node)>,
    authorizers: Vec<(&'s str, Node)>,
    stages: Vec<(&'s str, Node)>,
}

/// Adds the HTTP APIs of one template.
pub(super) fn drafts(scope: &Scope<'_>, index: &Index<'_>, drafts: &mut Vec<Draft>) {
    let mut apis = of_type(scope, "AWS::ApiGatewayV2::Api");
    apis.retain(|(_, node)| !is_websocket(node));
    let parts = Parts {
        index,
        routes: of_type(scope, "AWS::ApiGatewayV2::Route"),
        integrations: of_type(scope, "AWS::ApiGatewayV2::Integration"),
        authorizers: of_type(scope, "AWS::ApiGatewayV2::Authorizer"),
        stages: of_type(scope, "AWS::ApiGatewayV2::Stage"),
    };
    let others = elsewhere(scope, &parts.routes, "ApiId", drafts);
    let http = drafts.iter_mut().filter(|draft| draft.api.kind == ApiKind::Http);
    for draft in http.filter(|draft| others.contains(&draft.api.id.0)) {
        let id = draft.api.id.0.clone();
        parts.check(scope, &id);
        parts.add(scope, &id, draft);
    }
    for (id, node) in apis {
        let properties = Properties::new(&node, format!("Resources.{id}.Properties"), scope.findings());
        parts.check(scope, &scope.id(id));
        drafts.push(parts.draft(scope, &scope.id(id), &properties));
    }
}

impl Parts<'_> {
    fn draft(&self, scope: &Scope<'_>, id: &str, properties: &Properties<'_>) -> Draft {
        let mut draft = Draft::new(self.api(id, properties));
        if let Some(body) = document::body(scope, id, properties) {
            document::apply(&Document::new(body), &mut draft, self.index, scope.findings());
        }
        if let Some(cors) = properties.get("CorsConfiguration").and_then(reply::cors) {
            draft.api.cors = Some(cors);
        }
        self.add(scope, id, &mut draft);
        let variables = draft.api.stage_variables.clone();
        let context = Context { api: ApiKind::Http, index: self.index, stage_variables: &variables };
        if let Some(route) = quick_create(properties, context) {
            draft.push(route);
        }
        draft
    }

    /// Adds what resources of their own add to an API.
    fn add(&self, scope: &Scope<'_>, id: &str, draft: &mut Draft) {
        let variables = draft.api.stage_variables.clone();
        let context = Context { api: ApiKind::Http, index: self.index, stage_variables: &variables };
        for (name, node) in self.authorizers.iter().filter(|(_, node)| belongs(node, id)) {
            let path = format!("Resources.{name}.Properties");
            authorizer_check::check(&Properties::new(node, path, scope.findings()), ApiKind::Http);
            draft.schemes.insert((*name).to_owned(), Scheme::Authorizer(authorizer::of_resource(node, context)));
        }
        for (name, node) in self.routes.iter().filter(|(_, node)| belongs(node, id)) {
            let route = Properties::new(node, format!("Resources.{name}.Properties"), scope.findings());
            draft.push(self.route(scope, &route, context));
        }
    }

    /// What AWS would refuse, or never serve, of the parts of an API.
    fn check(&self, scope: &Scope<'_>, api: &str) {
        let own = |parts: &[(&str, Node)], check: fn(&Properties<'_>)| {
            for (name, node) in parts.iter().filter(|(_, node)| belongs(node, api)) {
                check(&Properties::new(node, format!("Resources.{name}.Properties"), scope.findings()));
            }
        };
        own(&self.integrations, payload_version);
        own(&self.stages, deployed);
        let mut stages = self.stages.iter().filter(|(_, node)| belongs(node, api));
        let served = stages.next().and_then(|(_, node)| node.get("StageName")?.scalar()).unwrap_or_default();
        for (name, node) in stages {
            let stage = Properties::new(node, format!("Resources.{name}.Properties"), scope.findings());
            reply::further_stage(&stage, &served);
        }
    }

    fn api(&self, id: &str, properties: &Properties<'_>) -> Api {
        let stage = self.stages.iter().find(|(_, node)| belongs(node, id)).map(|(_, node)| node);
        let name = stage.and_then(|node| node.get("StageName")?.scalar());
        let name = name.map_or_else(|| "$default".to_owned(), |name| name.to_string());
        let mut api = Api::new(ApiId(id.to_owned()), ApiKind::Http, name);
        api.stage_variables = stage.and_then(|node| node.get("StageVariables")).map(reply::texts).unwrap_or_default();
        api.default_endpoint_disabled = properties.flag("DisableExecuteApiEndpoint").unwrap_or(false);
        api
    }

    fn route(&self, scope: &Scope<'_>, route: &Properties<'_>, context: Context<'_>) -> RouteDraft {
        let (method, path) = route_key(&route.text("RouteKey").unwrap_or_default());
        let target = route.text("Target").unwrap_or_default();
        let name = target.trim_start_matches("integrations/");
        let node = self.integrations.iter().find(|(id, _)| *id == name).map(|(_, node)| node);
        if target.is_empty() {
            route.warning("Target", "the route has no Target, so that nothing answers it");
        } else if node.is_none() && scope.findings().is_stand_in(name) {
            route.warning("Target", format!("{target} is no integration of this template, so the route is not served"));
        } else if node.is_none() {
            route.error("Target", format!("{target} is no integration of this template"));
        }
        RouteDraft {
            path,
            method,
            integration: node.map(|node| integration(node, ApiKind::Http, context.index, context.stage_variables)),
            security: security(route),
            operation_name: route.text("OperationName"),
            validation: Validation::default(),
            mark: route.node.mark.clone(),
        }
    }
}

/// A Lambda integration states 1.0 or 2.0, any other at most 1.0 (B10.1).
fn payload_version(integration: &Properties<'_>) {
    let lambda = integration.text("IntegrationType").as_deref() == Some("AWS_PROXY")
        && integration.get("IntegrationSubtype").is_none();
    let message = match (integration.text("PayloadFormatVersion").as_deref(), lambda) {
        (Some("1.0" | "2.0"), true) | (Some("1.0") | None, false) => return,
        (None, true) => {
            "AWS refuses a Lambda integration without PayloadFormatVersion; it is served with 1.0 here".to_owned()
        }
        (Some(other), true) => {
            format!("PayloadFormatVersion is {other:?}; AWS takes 1.0 and 2.0 of a Lambda integration")
        }
        (Some(other), false) => {
            format!(
                "PayloadFormatVersion is {other:?}; AWS takes 1.0 alone of an integration that is not with a Lambda function"
            )
        }
    };
    integration.warning("PayloadFormatVersion", message);
}

/// A stage serves what was deployed to it; samd serves the template as it stands (B10.4).
fn deployed(stage: &Properties<'_>) {
    if stage.flag("AutoDeploy") != Some(true) && stage.get("DeploymentId").is_none() {
        let message = "the stage has neither AutoDeploy nor a DeploymentId: on AWS it answers 404 to everything until \
                       something is deployed to it";
        stage.warning("AutoDeploy", message);
    }
}

fn belongs(node: &Node, api: &str) -> bool {
    node.get("ApiId").and_then(Node::as_str) == Some(api)
}

/// `GET /users` or `$default`.
fn route_key(key: &str) -> (Method, String) {
    match key.split_once(' ') {
        Some((method, path)) => (Method::parse(method), path.trim().to_owned()),
        None => (Method::Any, key.to_owned()),
    }
}

fn security(route: &Properties<'_>) -> Option<Vec<Requirement>> {
    let scopes = route.get("AuthorizationScopes").map(Node::strings).unwrap_or_default();
    Some(match route.text("AuthorizationType").as_deref() {
        Some("AWS_IAM") => vec![requirement("AWS_IAM", Vec::new())],
        Some("JWT" | "CUSTOM") => vec![requirement(&route.text("AuthorizerId").unwrap_or_default(), scopes)],
        _ => Vec::new(),
    })
}

/// An API with a `Target` has one route, to a function (payload 2.0) or a URL.
fn quick_create(properties: &Properties<'_>, context: Context<'_>) -> Option<RouteDraft> {
    let target = properties.text("Target")?;
    let (method, path) = route_key(&properties.text("RouteKey").unwrap_or_else(|| "$default".to_owned()));
    let is_url = target.starts_with("http://") || target.starts_with("https://");
    let integration = if is_url {
        Integration::HttpProxy(crate::project::api::HttpProxy {
            uri: target,
            method: "ANY".to_owned(),
            timeout: super::integration::default_timeout(ApiKind::Http),
            request_parameters: Default::default(),
            response_parameters: Default::default(),
            streaming: false,
        })
    } else {
        Integration::Lambda(LambdaProxy {
            function: context.index.find(&target, context.stage_variables),
            uri: target,
            payload: Payload::V2,
            timeout: super::integration::default_timeout(ApiKind::Http),
            streaming: false,
            request_parameters: Default::default(),
            response_parameters: Default::default(),
            http_method: "POST".to_owned(),
        })
    };
    Some(RouteDraft {
        path,
        method,
        integration: Some(integration),
        security: None,
        operation_name: None,
        validation: Validation::default(),
        mark: properties.node.mark.clone(),
    })
}
