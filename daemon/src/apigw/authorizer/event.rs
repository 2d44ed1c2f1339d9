//! The event that a Lambda authorizer receives (E1.2, E2.1, B7.1, B7.2).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Identity, method_arn};
use crate::apigw::event_v2::{self, decoded};
use crate::apigw::grouped::Grouped;
use crate::apigw::{Exchange, event_v1, header, json};
use crate::project::api::{ApiKind, LambdaAuthorizer, LambdaAuthorizerKind};

/// The event for an authorizer's function, as JSON.
#[must_use]
pub fn event(exchange: &Exchange, authorizer: &LambdaAuthorizer, identity: &Identity) -> Vec<u8> {
    json::to_vec(&match authorizer.kind {
        LambdaAuthorizerKind::Token => json!({
            "type": "TOKEN",
            "methodArn": method_arn(exchange),
            "authorizationToken": identity.values.first(),
        }),
        LambdaAuthorizerKind::Request => request(exchange),
        LambdaAuthorizerKind::HttpV1 => http_v1(exchange, identity),
        LambdaAuthorizerKind::HttpV2 { .. } => http_v2(exchange, authorizer, identity),
    })
}

fn request(exchange: &Exchange) -> Value {
    let headers = header::rest(exchange.request, exchange.api.edge);
    let query = Grouped::query(exchange.api.kind, exchange.request.query.as_deref());
    json!({
        "type": "REQUEST",
        "methodArn": method_arn(exchange),
        "resource": exchange.resource_path(),
        "path": event_v1::path(exchange),
        "httpMethod": exchange.request.method,
        "headers": headers.last(),
        "multiValueHeaders": headers.all(),
        "queryStringParameters": query.last(),
        "multiValueQueryStringParameters": query.all(),
        "pathParameters": path_parameters(exchange),
        "stageVariables": exchange.api.stage_variables,
        "requestContext": event_v1::RequestContext::of(exchange),
    })
}

fn http_v1(exchange: &Exchange, identity: &Identity) -> Value {
    let headers = header::http_v1(exchange.request);
    let query = Grouped::query(exchange.api.kind, exchange.request.query.as_deref());
    let source = (!identity.values.is_empty()).then(|| identity.values.join(","));
    json!({
        "version": "1.0",
        "type": "REQUEST",
        "methodArn": method_arn(exchange),
        "identitySource": source,
        "authorizationToken": source,
        "resource": exchange.resource_path(),
        "path": event_v1::path(exchange),
        "httpMethod": exchange.request.method,
        "headers": headers.last(),
        "queryStringParameters": query.last(),
        "pathParameters": path_parameters(exchange),
        "stageVariables": exchange.api.stage_variables,
        "requestContext": event_v1::RequestContext::of(exchange),
    })
}

fn http_v2(exchange: &Exchange, authorizer: &LambdaAuthorizer, identity: &Identity) -> Value {
    let mut event = Map::new();
    let route_key = exchange.route_key();
    let mut put = |name: &str, value: Value| event.insert(name.to_owned(), value);
    put("version", json!("2.0"));
    put("type", json!("REQUEST"));
    put("routeArn", json!(method_arn(exchange)));
    let sources = !authorizer.identity_sources.is_empty();
    put("identitySource", if sources { json!(identity.values) } else { Value::Null });
    put("routeKey", json!(route_key));
    put("rawPath", json!(event_v2::raw_path(exchange)));
    put("rawQueryString", json!(exchange.request.query.as_deref().unwrap_or_default()));
    let cookies = header::cookies(exchange.request);
    if !cookies.is_empty() {
        put("cookies", json!(cookies));
    }
    put("headers", json!(header::v2(exchange.request, &[]).joined()));
    let query = Grouped::query(exchange.api.kind, exchange.request.query.as_deref());
    if !query.is_empty() {
        put("queryStringParameters", json!(query.joined()));
    }
    put("requestContext", json!(event_v2::parts(exchange, &route_key).request_context()));
    let parameters = path_parameters(exchange);
    if !parameters.is_empty() {
        put("pathParameters", json!(parameters));
    }
    if !exchange.api.stage_variables.is_empty() {
        put("stageVariables", json!(exchange.api.stage_variables));
    }
    Value::Object(event)
}

fn path_parameters(exchange: &Exchange) -> BTreeMap<String, String> {
    let http = exchange.api.kind == ApiKind::Http;
    let value = |text: &String| if http { decoded(text).into_owned() } else { text.clone() };
    let found = exchange.found.map(|(_, found)| found.path_parameters.iter());
    found.into_iter().flatten().map(|(name, text)| (name.clone(), value(text))).collect()
}
