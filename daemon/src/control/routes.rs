//! The table of a project's routes as a reader wants it: which URL reaches which function.
//!
//! All APIs of a project answer on its one port. Where two claim the same method and path, the first in the project's
//! precedence is served there; the other one is reached by its API's own host name.

use std::collections::BTreeSet;

use samd_proto::route::{ApiKind, Route as WireRoute};

use super::convert::{self, Origin};
use crate::project::api::{Integration, LambdaProxy, Method, Route, RoutePath};
use crate::project::routes::{self, RouteRow, RowKind};
use crate::project::websocket::WebSocketApi;
use crate::project::{Api, Function, Project};

/// The routes that a template says, sorted by API, path and method.
pub(super) fn of_template(project: &Project) -> Vec<WireRoute> {
    routes::routes(project).into_iter().map(plain).collect()
}

/// The routes of a project that is served at `origin`, API by API in the order of precedence.
pub(super) fn of(project: &Project, origin: Origin) -> Vec<WireRoute> {
    let mut claimed: BTreeSet<(&Method, &RoutePath)> = BTreeSet::new();
    let mut table = Vec::new();
    for api in in_order(project) {
        for route in &api.routes {
            let first = claimed.insert((&route.method, &route.path));
            table.push(entry(project, api, route, !first, origin));
        }
    }
    table.extend(project.functions.values().filter_map(|function| function_url(function, origin)));
    table.extend(project.websockets.iter().flat_map(websocket));
    table
}

fn plain(row: RouteRow) -> WireRoute {
    WireRoute {
        api: row.api,
        kind: match row.kind {
            RowKind::Rest => ApiKind::Rest,
            RowKind::Http => ApiKind::Http,
            RowKind::WebSocket => ApiKind::Websocket,
            RowKind::Url => ApiKind::Url,
        },
        method: row.method,
        path: row.path,
        integration: row.integration,
        function: row.function,
        authorizer: row.authorizer,
        api_key_required: row.api_key_required,
        url: None,
        runtime: None,
        shadowed: false,
        note: None,
    }
}

/// Each API once: those that the precedence names, then any that it forgot.
fn in_order(project: &Project) -> impl Iterator<Item = &Api> {
    let named = project.precedence.iter().filter_map(|id| project.apis.get(id));
    named.chain(project.apis.values().filter(|api| !project.precedence.contains(&api.id)))
}

fn entry(project: &Project, api: &Api, route: &Route, shadowed: bool, origin: Origin) -> WireRoute {
    let function = lambda(route).and_then(|proxy| proxy.function.as_ref());
    WireRoute {
        url: Some(url(api, route, shadowed, origin)),
        runtime: function.and_then(|id| project.functions.get(id)).map(convert::runtime),
        shadowed,
        note: note(route),
        ..plain(routes::row(project, api, route))
    }
}

/// A function URL takes every path and method at a host of its own.
fn function_url(function: &Function, origin: Origin) -> Option<WireRoute> {
    let row = routes::url(function)?;
    let streams = function.url.as_ref().is_some_and(|url| url.streaming);
    Some(WireRoute {
        url: Some(format!(
            "{}://{}.lambda-url.localhost:{}/",
            origin.scheme,
            function.id.host_label(),
            origin.address.port()
        )),
        runtime: Some(convert::runtime(function)),
        note: streams.then(|| "streams its replies".to_owned()),
        ..plain(row)
    })
}

fn websocket(api: &WebSocketApi) -> impl Iterator<Item = WireRoute> {
    let note = "samd does not serve WebSocket APIs; answered 501";
    routes::websocket(api).map(|row| WireRoute { note: Some(note.to_owned()), ..plain(row) })
}

fn lambda(route: &Route) -> Option<&LambdaProxy> {
    match &route.integration {
        Integration::Lambda(proxy) => Some(proxy),
        Integration::Mock(_) | Integration::HttpProxy(_) | Integration::Unsupported { .. } => None,
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
        RoutePath::Template(path) => format!("{base}/{}", path.trim_start_matches('/')),
        RoutePath::Default => format!("{base}/"),
    }
}
