//! Every route of a project as a row: what `samctl routes` prints, in the order of api, path and method.

use super::api::{Api, ApiKind, Authorization, Integration, LambdaProxy, Route, RoutePath};
use super::websocket::WebSocketApi;
use super::{Function, FunctionId, Project};

/// One route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteRow {
    /// The API's logical id; for a function URL its own, or the one that SAM gives it, as in `HelloUrl`.
    pub api: String,
    /// The path, or `$default`.
    pub path: String,
    /// The method, or `ANY`.
    pub method: String,
    /// Which product the API belongs to.
    pub kind: RowKind,
    /// API Gateway's integration type in lower case: `aws_proxy`, `mock`, …
    pub integration: String,
    /// What the integration invokes: a function's logical id, or that of the alias that SAM makes for AutoPublishAlias; the
    /// name in the ARN when the template does not have it.
    pub function: Option<String>,
    /// The function behind the route, when the template has it.
    pub function_id: Option<FunctionId>,
    /// The authorizer's name, `AWS_IAM`, or none.
    pub authorizer: Option<String>,
    /// An API key is needed.
    pub api_key_required: bool,
}

/// Which of API Gateway's products an API belongs to; a function URL is Lambda's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowKind {
    /// REST API.
    Rest,
    /// HTTP API.
    Http,
    /// WebSocket API.
    WebSocket,
    /// Function URL.
    Url,
}

impl std::fmt::Display for RowKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RowKind::Rest => "REST",
            RowKind::Http => "HTTP",
            RowKind::WebSocket => "WEBSOCKET",
            RowKind::Url => "URL",
        })
    }
}

/// The routes of a project.
#[must_use]
pub fn routes(project: &Project) -> Vec<RouteRow> {
    let apis = project.apis.values().flat_map(|api| api.routes.iter().map(|route| row(project, api, route)));
    let urls = project.functions.values().filter_map(url);
    let websockets = project.websockets.iter().flat_map(websocket);
    let mut rows: Vec<RouteRow> = apis.chain(urls).chain(websockets).collect();
    rows.sort();
    rows
}

/// One route of an API.
#[must_use]
pub fn row(project: &Project, api: &Api, route: &Route) -> RouteRow {
    RouteRow {
        api: api.id.0.clone(),
        path: path(api, &route.path),
        method: route.method.as_str().to_owned(),
        kind: match api.kind {
            ApiKind::Rest => RowKind::Rest,
            ApiKind::Http => RowKind::Http,
        },
        integration: integration(&route.integration),
        function: invoked(project, &route.integration),
        function_id: function(&route.integration).cloned(),
        authorizer: match &route.authorization {
            Authorization::None => None,
            Authorization::Iam => Some("AWS_IAM".to_owned()),
            Authorization::Authorizer { name, .. } => Some(name.clone()),
        },
        api_key_required: route.api_key_required,
    }
}

/// The path as the deployed API spells it.
fn path(api: &Api, path: &RoutePath) -> String {
    match path {
        RoutePath::Default if api.slash_default => "/$default".to_owned(),
        path => path.as_str().to_owned(),
    }
}

fn integration(integration: &Integration) -> String {
    match integration {
        Integration::Lambda(_) => "aws_proxy".to_owned(),
        Integration::Mock(_) => "mock".to_owned(),
        Integration::HttpProxy(_) => "http_proxy".to_owned(),
        Integration::Unsupported { kind, .. } => kind.clone(),
    }
}

fn function(integration: &Integration) -> Option<&FunctionId> {
    match integration {
        Integration::Lambda(lambda) => lambda.function.as_ref(),
        Integration::Unsupported { function, .. } => function.as_ref(),
        Integration::Mock(_) | Integration::HttpProxy(_) => None,
    }
}

fn invoked(project: &Project, integration: &Integration) -> Option<String> {
    match integration {
        Integration::Lambda(lambda) => invoked_by_proxy(project, lambda),
        other => function(other).map(ToString::to_string),
    }
}

/// `Hello`, or `HelloAliaslive` where the integration invokes the alias that SAM publishes.
fn invoked_by_proxy(project: &Project, lambda: &LambdaProxy) -> Option<String> {
    let Some(id) = &lambda.function else {
        let (_, name) = lambda.uri.rsplit_once(":function:")?;
        return name.split([':', '/']).next().map(str::to_owned);
    };
    let alias = project.functions.get(id).and_then(|function| function.alias.as_deref());
    let alias = alias.filter(|alias| lambda.uri.trim_end_matches("/invocations").ends_with(&format!(":{alias}")));
    Some(alias.map_or_else(|| id.0.clone(), |alias| format!("{id}Alias{alias}")))
}

/// A message has no method and no path; its route key stands for the path.
pub fn websocket(api: &WebSocketApi) -> impl Iterator<Item = RouteRow> {
    api.routes.iter().map(|route| RouteRow {
        api: api.id.0.clone(),
        path: route.key.clone(),
        method: "ANY".to_owned(),
        kind: RowKind::WebSocket,
        integration: route.integration.clone(),
        function: route.function.clone(),
        function_id: route.function_id.clone(),
        authorizer: route.authorizer.clone(),
        api_key_required: route.api_key_required,
    })
}

/// A function URL takes every path and method.
#[must_use]
pub fn url(function: &Function) -> Option<RouteRow> {
    let url = function.url.as_ref()?;
    Some(RouteRow {
        api: url.resource.clone().unwrap_or_else(|| format!("{}Url", function.id)),
        path: "/{proxy+}".to_owned(),
        method: "ANY".to_owned(),
        kind: RowKind::Url,
        integration: "aws_proxy".to_owned(),
        function: Some(function.id.0.clone()),
        function_id: Some(function.id.clone()),
        authorizer: url.iam.then(|| "AWS_IAM".to_owned()),
        api_key_required: false,
    })
}
