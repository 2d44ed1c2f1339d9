//! Integrations: OpenAPI's `x-amazon-apigateway-integration` and CloudFormation's two spellings → one form.

use std::collections::BTreeMap;
use std::time::Duration;

use super::index::{self, Index};
use super::reply::{either, texts};
use crate::project::api::{ApiKind, HttpProxy, Integration, LambdaProxy, Mock, MockResponse, Payload};
use crate::template::Node;
use crate::template::node::Map;

/// What all spellings say, each under its own names.
struct Spelling<'n> {
    node: &'n Node,
    api: ApiKind,
}

/// An integration as OpenAPI or a REST API's CloudFormation method has it.
pub(super) fn integration(
    node: &Node,
    api: ApiKind,
    index: &Index<'_>,
    stage_variables: &BTreeMap<String, String>,
) -> Integration {
    let spelling = Spelling { node, api };
    let kind = spelling.text(&["type", "Type", "IntegrationType"]).to_ascii_lowercase();
    match kind.as_str() {
        "aws_proxy" if spelling.has_subtype() => spelling.service_subtype(),
        "aws_proxy" => Integration::Lambda(spelling.lambda(index, stage_variables)),
        "http_proxy" => Integration::HttpProxy(spelling.http_proxy()),
        "mock" => Integration::Mock(spelling.mock()),
        "aws" | "http" => spelling.unsupported(kind, index, stage_variables),
        "" => unsupported(
            "unknown",
            "The integration states no type, and API Gateway imports none without; write type: aws_proxy or another one.",
        ),
        other => unsupported(other, &format!("API Gateway has no integration of type {other}.")),
    }
}

fn unsupported(kind: &str, reason: &str) -> Integration {
    Integration::Unsupported { kind: kind.to_owned(), function: None, reason: reason.to_owned() }
}

/// The Lambda integration that SAM writes for an event.
pub(super) fn of_event(function: &crate::project::Function, api: ApiKind, streaming: bool) -> LambdaProxy {
    let uri = match &function.alias {
        Some(alias) => format!("{}:{alias}", function.arn),
        None => function.arn.clone(),
    };
    LambdaProxy {
        function: Some(function.id.clone()),
        uri,
        payload: if api == ApiKind::Http { Payload::V2 } else { Payload::V1 },
        timeout: default_timeout(api),
        streaming,
        request_parameters: BTreeMap::new(),
        response_parameters: BTreeMap::new(),
        http_method: "POST".to_owned(),
    }
}

/// API Gateway's integration timeout where none is set.
pub(super) fn default_timeout(api: ApiKind) -> Duration {
    match api {
        ApiKind::Rest => Duration::from_secs(29),
        ApiKind::Http => Duration::from_secs(30),
    }
}

/// `1.0` or `2.0`; REST APIs have 1.0 alone.
pub(super) fn payload(api: ApiKind, version: &str) -> Payload {
    if api == ApiKind::Http && version.starts_with('2') { Payload::V2 } else { Payload::V1 }
}

impl Spelling<'_> {
    fn first(&self, names: &[&str]) -> Option<&Node> {
        names.iter().find_map(|name| self.node.get(name))
    }

    fn text(&self, names: &[&str]) -> String {
        self.first(names).and_then(Node::scalar).map(|text| text.to_string()).unwrap_or_default()
    }

    fn uri(&self) -> String {
        self.text(&["uri", "Uri", "IntegrationUri"])
    }

    fn http_method(&self) -> String {
        self.text(&["httpMethod", "IntegrationHttpMethod", "IntegrationMethod"]).to_ascii_uppercase()
    }

    fn has_subtype(&self) -> bool {
        self.first(&["integrationSubtype", "IntegrationSubtype"]).is_some()
    }

    fn service_subtype(&self) -> Integration {
        let subtype = self.text(&["integrationSubtype", "IntegrationSubtype"]);
        unsupported("aws_proxy", &format!("The service integration {subtype} calls AWS, which samd does not run."))
    }

    fn unsupported(&self, kind: String, index: &Index<'_>, stage_variables: &BTreeMap<String, String>) -> Integration {
        let uri = self.uri();
        if !index::is_lambda(&uri) {
            let reason =
                format!("The integration with {uri} is not a proxy integration and calls what samd does not run.");
            return Integration::Unsupported { kind, function: None, reason };
        }
        let function = index.find(&uri, stage_variables);
        let name = function.as_ref().map_or(uri, ToString::to_string);
        let reason = format!("The custom integration with {name} maps requests by templates, which samd does not run.");
        Integration::Unsupported { kind, function, reason }
    }

    fn timeout(&self) -> Duration {
        let stated = self.first(&["timeoutInMillis", "TimeoutInMillis"]).and_then(Node::as_i64);
        let stated = stated.and_then(|millis| u64::try_from(millis).ok()).filter(|millis| *millis > 0);
        stated.map_or(default_timeout(self.api), Duration::from_millis)
    }

    fn streaming(&self) -> bool {
        self.text(&["responseTransferMode", "ResponseTransferMode"]).eq_ignore_ascii_case("STREAM")
    }

    fn request_parameters(&self) -> BTreeMap<String, String> {
        self.first(&["requestParameters", "RequestParameters"]).map(texts).unwrap_or_default()
    }

    fn lambda(&self, index: &Index<'_>, stage_variables: &BTreeMap<String, String>) -> LambdaProxy {
        let uri = self.uri();
        LambdaProxy {
            function: index::is_lambda(&uri).then(|| index.find(&uri, stage_variables)).flatten(),
            payload: payload(self.api, &self.text(&["payloadFormatVersion", "PayloadFormatVersion"])),
            timeout: self.timeout(),
            streaming: self.streaming() || uri.ends_with("/response-streaming-invocations"),
            request_parameters: self.request_parameters(),
            response_parameters: self.response_parameters(),
            http_method: Some(self.http_method())
                .filter(|method| !method.is_empty())
                .unwrap_or_else(|| "POST".to_owned()),
            uri,
        }
    }

    fn http_proxy(&self) -> HttpProxy {
        HttpProxy {
            uri: self.uri(),
            method: Some(self.http_method()).filter(|method| !method.is_empty()).unwrap_or_else(|| "ANY".to_owned()),
            timeout: self.timeout(),
            request_parameters: self.request_parameters(),
            response_parameters: self.response_parameters(),
            streaming: self.streaming(),
        }
    }

    /// HTTP API: mappings by status, of OpenAPI (`append:header.x: value`) or CloudFormation (a list of pairs).
    fn response_parameters(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let statuses = self.first(&["responseParameters", "ResponseParameters"]).and_then(Node::as_map);
        let statuses = statuses.into_iter().flat_map(Map::iter);
        statuses.map(|(status, mappings)| (status.text.to_string(), mapping_pairs(mappings))).collect()
    }

    fn mock(&self) -> Mock {
        let passthrough = self.text(&["passthroughBehavior", "PassthroughBehavior"]).to_ascii_uppercase();
        Mock {
            request_templates: self.first(&["requestTemplates", "RequestTemplates"]).map(texts).unwrap_or_default(),
            responses: self.responses(),
            passthrough_behavior: Some(passthrough).filter(|text| !text.is_empty()),
        }
    }

    fn responses(&self) -> BTreeMap<String, MockResponse> {
        if let Some(list) = self.first(&["IntegrationResponses"]).and_then(Node::as_list) {
            let pattern = |node: &Node| either(node, "SelectionPattern").and_then(Node::scalar);
            let named =
                list.iter().map(|node| (pattern(node).map_or("default".to_owned(), |text| text.to_string()), node));
            return named.map(|(pattern, node)| (pattern, response(node))).collect();
        }
        let map = self.first(&["responses"]).and_then(Node::as_map).into_iter().flat_map(Map::iter);
        map.map(|(pattern, node)| (pattern.text.to_string(), response(node))).collect()
    }
}

fn mapping_pairs(node: &Node) -> BTreeMap<String, String> {
    let Some(list) = node.get("ResponseParameters").and_then(Node::as_list) else { return texts(node) };
    let pair =
        |node: &Node| Some((node.get("Destination")?.as_str()?.to_owned(), node.get("Source")?.scalar()?.to_string()));
    list.iter().filter_map(pair).collect()
}

fn response(node: &Node) -> MockResponse {
    let status = either(node, "StatusCode").and_then(Node::as_i64).and_then(|status| u16::try_from(status).ok());
    MockResponse {
        status: status.unwrap_or(200),
        parameters: either(node, "ResponseParameters").map(texts).unwrap_or_default(),
        templates: either(node, "ResponseTemplates").map(texts).unwrap_or_default(),
    }
}
