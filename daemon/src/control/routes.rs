//! The table of a project's routes as a reader wants it: which URL reaches which function.
//!
//! All APIs of a project answer on its one port. Where two claim the same method and path, the first in the project's
//! precedence is served there; the other one is reached by its API's own host name.

use std::collections::BTreeSet;

use samd_proto::route::{ApiKind, Route as WireRoute};

use super::convert::{self, Origin};
use crate::project::api::{ApiKind as Kind, Authorization, Integration, LambdaProxy, Method, Route, RoutePath};
use crate::project::websocket::{WebSocketApi, WebSocketRoute};
use crate::project::{Api, Function, Project};

/// The routes, API by API in the order of precedence; with URLs when the project is served at `origin`.
pub(super) fn of(project: &Project, origin: Option<Origin>) -> Vec<WireRoute> {
    let mut claimed: BTreeSet<(&Method, &RoutePath)> = BTreeSet::new();
    let mut table = Vec::new();
    for api in in_order(project) {
        for route in &api.routes {
            let first = claimed.insert((&route.method, &route.path));
            table.push(entry(project, api, route, !first, origin));
        }
    }
    table.extend(project.functions.values().filter_map(|function| function_url(function, origin)));
    table.extend(project.websockets.iter().flat_map(|api| api.routes.iter().map(|route| websocket(api, route))));
    table
}

/// Each API once: those that the precedence names, then any that it forgot.
fn in_order(project: &Project) -> impl Iterator<Item = &Api> {
    let named = project.precedence.iter().filter_map(|id| project.apis.get(id));
    named.chain(project.apis.values().filter(|api| !project.precedence.contains(&api.id)))
}

fn entry(project: &Project, api: &Api, route: &Route, shadowed: bool, origin: Option<Origin>) -> WireRoute {
    let function = lambda(route).and_then(|proxy| proxy.function.as_ref());
    WireRoute {
        method: route.method.as_str().to_owned(),
        path: route.path.as_str().to_owned(),
        url: origin.map(|origin| url(api, route, shadowed, origin)),
        api: api.id.0.clone(),
        kind: match api.kind {
            Kind::Rest => ApiKind::Rest,
            Kind::Http => ApiKind::Http,
        },
        integration: integration(&route.integration).to_owned(),
        function: function.map(|id| id.0.clone()),
        runtime: function.and_then(|id| project.functions.get(id)).map(convert::runtime),
        authorization: match &route.authorization {
            Authorization::None => "none".to_owned(),
            Authorization::Iam => "iam".to_owned(),
            Authorization::Authorizer { name, .. } => name.clone(),
        },
        shadowed,
        note: note(route),
    }
}

/// A function URL takes every path and method at a host of its own.
fn function_url(function: &Function, origin: Option<Origin>) -> Option<WireRoute> {
    let url = function.url.as_ref()?;
    let host = format!("{}.lambda-url.localhost", function.id.host_label());
    Some(WireRoute {
        method: "ANY".to_owned(),
        path: "/{proxy+}".to_owned(),
        url: origin.map(|origin| format!("{}://{host}:{}/", origin.scheme, origin.address.port())),
        api: format!("{}Url", function.id),
        kind: ApiKind::Url,
        integration: "lambda".to_owned(),
        function: Some(function.id.0.clone()),
        runtime: Some(convert::runtime(function)),
        authorization: if url.iam { "iam" } else { "none" }.to_owned(),
        shadowed: false,
        note: url.streaming.then(|| "streams its replies".to_owned()),
    })
}

/// A WebSocket API's route key stands for its path.
fn websocket(api: &WebSocketApi, route: &WebSocketRoute) -> WireRoute {
    WireRoute {
        method: "ANY".to_owned(),
        path: route.key.clone(),
        url: None,
        api: api.id.0.clone(),
        kind: ApiKind::Websocket,
        integration: "unsupported".to_owned(),
        function: route.function_id.as_ref().map(|id| id.0.clone()),
        runtime: None,
        authorization: match route.authorizer.as_deref() {
            None => "none".to_owned(),
            Some("AWS_IAM") => "iam".to_owned(),
            Some(name) => name.to_owned(),
        },
        shadowed: false,
        note: Some("samd does not serve WebSocket APIs; answered 501".to_owned()),
    }
}

fn lambda(route: &Route) -> Option<&LambdaProxy> {
    match &route.integration {
        Integration::Lambda(proxy) => Some(proxy),
        Integration::Mock(_) | Integration::HttpProxy(_) | Integration::Unsupported { .. } => None,
    }
}

fn integration(integration: &Integration) -> &'static str {
    match integration {
        Integration::Lambda(_) => "lambda",
        Integration::Mock(_) => "mock",
        Integration::HttpProxy(_) => "http_proxy",
        Integration::Unsupported { .. } => "unsupported",
    }
}

fn note(route: &Route) -> Option<String> {
    match &route.integration {
        Integration::Lambda(proxy) if proxy.function.is_none() => {
            Some(format!("the template has no function for {}; answered 502", proxy.uri))
        }
        Integration::HttpProxy(proxy) => Some(format!("passed on to {}", proxy.uri)),
        Integration::Unsupported { reason, .. } => Some(format!("{reason}; answered 501")),
        Integration::Lambda(_) | Integration::Mock(_) => None,
    }
}

/// The URL of a route, with its path's parameters still in it.
fn url(api: &Api, route: &Route, shadowed: bool, origin: Origin) -> String {
    let base = if shadowed {
        format!("{}://{}.localhost:{}", origin.scheme, api.id.host_label(), origin.address.port())
    } else {
        convert::url(origin)
    };
    match &route.path {
        RoutePath::Template(path) => format!("{base}{path}"),
        RoutePath::Default => format!("{base}/"),
    }
}
