//! WebSocket APIs, SAM's (I9) and plain CloudFormation's: read as far as their routes, and named as not served.

use super::index::Index;
use super::rest_api::of_type;
use crate::project::websocket::{WebSocketApi, WebSocketRoute};
use crate::project::{ApiId, FunctionId};
use crate::template::properties::Properties;
use crate::template::{Diagnostic, Node, Scope};

/// The WebSocket APIs of one template.
pub(super) fn all(scope: &Scope<'_>, index: &Index<'_>) -> Vec<WebSocketApi> {
    let plain = of_type(scope, "AWS::ApiGatewayV2::Api").into_iter().filter(|(_, node)| is_websocket(node));
    let plain = plain.map(|(id, _)| (id, plain_routes(scope, index, &scope.id(id))));
    let of_sam = of_type(scope, "AWS::Serverless::WebSocketApi").into_iter();
    let of_sam = of_sam.map(|(id, node)| (id, sam_routes(scope, index, id, &node)));
    plain.chain(of_sam).map(|(id, routes)| named(scope, id, routes)).collect()
}

/// Whether an `AWS::ApiGatewayV2::Api` speaks WebSocket.
pub(super) fn is_websocket(api: &Node) -> bool {
    api.get("ProtocolType").and_then(Node::as_str) == Some("WEBSOCKET")
}

fn named(scope: &Scope<'_>, id: &str, routes: Vec<WebSocketRoute>) -> WebSocketApi {
    let place = scope.resources().find(|(name, _)| *name == id).map(|(_, node)| node.mark.location());
    let message =
        format!("{id} is a WebSocket API: its routes are listed, and a connection to it is answered with 501");
    let warning = Diagnostic::warning(message).path(format!("Resources.{id}"));
    scope.findings().report(match place {
        Some(place) => warning.at(place),
        None => warning,
    });
    WebSocketApi { id: ApiId(scope.id(id)), routes }
}

fn sam_routes(scope: &Scope<'_>, index: &Index<'_>, id: &str, node: &Node) -> Vec<WebSocketRoute> {
    let properties = Properties::new(node, format!("Resources.{id}.Properties"), scope.findings());
    let authorizer = properties.map("Auth").and_then(|auth| sam_authorizer(id, &auth));
    let Some(routes) = properties.map("Routes") else {
        properties.error("Routes", "a WebSocket API needs Routes");
        return Vec::new();
    };
    let route = |(key, route): (&str, Properties<'_>)| {
        let target = route.text("FunctionArn");
        if target.is_none() {
            route.error("FunctionArn", format!("the route {key} needs a FunctionArn"));
        }
        let (function, function_id) = behind(index, target.as_deref().unwrap_or_default());
        WebSocketRoute {
            key: key.to_owned(),
            integration: "aws_proxy".to_owned(),
            function,
            function_id,
            authorizer: authorizer.clone().filter(|_| key == "$connect"),
            api_key_required: route.flag("ApiKeyRequired").unwrap_or(false),
        }
    };
    routes.entries().map(route).collect()
}

/// The name of a CUSTOM authorizer is SAM's own where the template gives none.
fn sam_authorizer(id: &str, auth: &Properties<'_>) -> Option<String> {
    match auth.text("AuthType")?.to_ascii_uppercase().as_str() {
        "AWS_IAM" => Some("AWS_IAM".to_owned()),
        "CUSTOM" => Some(auth.text("Name").unwrap_or_else(|| format!("{id}ConnectAuthorizer"))),
        _ => None,
    }
}

fn plain_routes(scope: &Scope<'_>, index: &Index<'_>, api: &str) -> Vec<WebSocketRoute> {
    let integrations = of_type(scope, "AWS::ApiGatewayV2::Integration");
    let routes = of_type(scope, "AWS::ApiGatewayV2::Route").into_iter();
    let routes = routes.filter(|(_, node)| node.get("ApiId").and_then(Node::as_str) == Some(api));
    let read = |(id, node): (&str, Node)| {
        let route = Properties::new(&node, format!("Resources.{id}.Properties"), scope.findings());
        let target = route.text("Target").unwrap_or_default();
        let name = target.trim_start_matches("integrations/");
        let integration = integrations.iter().find(|(id, _)| *id == name).map(|(_, node)| node);
        let kind = integration.and_then(|node| node.get("IntegrationType")?.scalar());
        let uri = integration.and_then(|node| node.get("IntegrationUri")?.scalar());
        let (function, function_id) = uri.map(|uri| behind(index, &uri)).unwrap_or_default();
        WebSocketRoute {
            key: route.text("RouteKey").unwrap_or_default(),
            integration: kind.map_or_else(|| "mock".to_owned(), |kind| kind.to_lowercase()),
            function,
            function_id,
            authorizer: plain_authorizer(&route),
            api_key_required: route.flag("ApiKeyRequired").unwrap_or(false),
        }
    };
    routes.map(read).collect()
}

fn plain_authorizer(route: &Properties<'_>) -> Option<String> {
    match route.text("AuthorizationType").as_deref() {
        Some("AWS_IAM") => Some("AWS_IAM".to_owned()),
        Some("CUSTOM") => route.text("AuthorizerId"),
        _ => None,
    }
}

/// The function that a URI or an ARN means, by name and, where the template has it, by id.
fn behind(index: &Index<'_>, uri: &str) -> (Option<String>, Option<FunctionId>) {
    if let Some(id) = index.find(uri, &Default::default()) {
        return (Some(id.0.clone()), Some(id));
    }
    let name = uri.rsplit_once(":function:").and_then(|(_, name)| name.split([':', '/']).next());
    (name.map(str::to_owned), None)
}
