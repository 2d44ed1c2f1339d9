//! Payload 1.0 (A2–A4, B2): the event of a REST API, and of an HTTP API that asks for it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::body::EventBody;
use super::caller::stringified;
use super::grouped::{All, Grouped, Last};
use super::{AuthorizerContext, Exchange, clock, header, json};
use crate::project::api::ApiKind;

/// The event of a request that a route takes, as JSON.
#[must_use]
pub fn event(exchange: &Exchange) -> Vec<u8> {
    let request = exchange.request;
    let rest = exchange.api.kind == ApiKind::Rest;
    let headers = if rest { header::rest(request) } else { header::http_v1(request) };
    let query = Grouped::query(request.query.as_deref());
    let body = if rest { EventBody::rest(request, &exchange.api.binary_media_types) } else { EventBody::http(request) };
    json::to_vec(&Event {
        version: if rest { None } else { Some("1.0") },
        resource: exchange.resource_path(),
        path: path(exchange),
        http_method: &request.method,
        headers: headers.last(),
        multi_value_headers: headers.all(),
        query_string_parameters: some(&query).map(Grouped::last),
        multi_value_query_string_parameters: some(&query).map(Grouped::all),
        path_parameters: PathParameters::of(exchange),
        stage_variables: Some(&exchange.api.stage_variables).filter(|variables| !variables.is_empty()),
        request_context: RequestContext::of(exchange),
        is_base64_encoded: body.base64,
        body,
    })
}

/// `path`: on REST without the stage, with one slash at its start (A1.2) and a custom domain's base path (A10.2).
pub(crate) fn path<'a>(exchange: &Exchange<'a>) -> Cow<'a, str> {
    let sent = &exchange.request.path;
    if exchange.api.kind == ApiKind::Http {
        return Cow::Owned(exchange.path_with_prefix());
    }
    let rest = sent.trim_start_matches('/');
    if exchange.context.base_path.is_empty() && sent.len() - rest.len() == 1 {
        return Cow::Borrowed(sent);
    }
    Cow::Owned(format!("{}/{rest}", exchange.context.base_path))
}

fn some<'g, 'a>(grouped: &'g Grouped<'a>) -> Option<&'g Grouped<'a>> {
    (!grouped.is_empty()).then_some(grouped)
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'e, 'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    resource: &'a str,
    path: Cow<'a, str>,
    http_method: &'a str,
    headers: Last<'e, 'a>,
    multi_value_headers: All<'e, 'a>,
    query_string_parameters: Option<Last<'e, 'a>>,
    multi_value_query_string_parameters: Option<All<'e, 'a>>,
    path_parameters: Option<PathParameters<'a>>,
    stage_variables: Option<&'a BTreeMap<String, String>>,
    request_context: RequestContext<'a>,
    body: EventBody<'a>,
    is_base64_encoded: bool,
}

/// Path parameters of a 1.0 event: as sent on REST (A1.5), decoded on HTTP (B4.5).
pub(crate) struct PathParameters<'a> {
    pairs: &'a [(String, String)],
    decoded: bool,
}

impl<'a> PathParameters<'a> {
    /// `None` where the route has none (A1.8).
    pub(crate) fn of(exchange: &Exchange<'a>) -> Option<PathParameters<'a>> {
        let (_, found) = exchange.found?;
        let decoded = exchange.api.kind == ApiKind::Http;
        (!found.path_parameters.is_empty()).then_some(PathParameters { pairs: &found.path_parameters, decoded })
    }
}

impl Serialize for PathParameters<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = |text| if self.decoded { super::event_v2::decoded(text) } else { Cow::Borrowed(text) };
        serializer.collect_map(self.pairs.iter().map(|(name, text)| (name, value(text.as_str()))))
    }
}

/// `requestContext`, also of REQUEST authorizers' events.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestContext<'a> {
    resource_id: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer: Option<Authorizer<'a>>,
    resource_path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_name: Option<&'a str>,
    http_method: &'a str,
    extended_request_id: &'a str,
    request_time: String,
    path: String,
    account_id: &'a str,
    protocol: &'static str,
    stage: &'a str,
    domain_prefix: &'a str,
    request_time_epoch: u64,
    request_id: &'a str,
    identity: Identity<'a>,
    domain_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_id: Option<&'a str>,
    api_id: &'a str,
}

impl<'a> RequestContext<'a> {
    pub(crate) fn of(exchange: &Exchange<'a>) -> RequestContext<'a> {
        let (context, request) = (exchange.context, exchange.request);
        let rest = exchange.api.kind == ApiKind::Rest;
        RequestContext {
            resource_id: if rest { exchange.resource_id().into() } else { exchange.route_key().into() },
            authorizer: Authorizer::of(exchange),
            resource_path: exchange.resource_path(),
            operation_name: exchange.found.and_then(|(route, _)| route.operation_name.as_deref()),
            http_method: &request.method,
            extended_request_id: &request.extended_request_id,
            request_time: clock::request_time(request.time_ms),
            path: exchange.path_with_prefix(),
            account_id: &context.account_id,
            // AWS says so to HTTP/2 clients too.
            protocol: "HTTP/1.1",
            stage: &exchange.api.stage,
            domain_prefix: exchange.domain_prefix(),
            request_time_epoch: request.time_ms,
            request_id: exchange.request_id(),
            identity: Identity::of(exchange),
            domain_name: exchange.domain_name(),
            deployment_id: rest.then_some(context.deployment_id.as_str()),
            api_id: &context.api_id,
        }
    }
}

/// `identity`: twelve keys on REST, null but for what is known of the caller (A2); HTTP has `cognitoAmr` besides.
#[derive(serde::Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    cognito_identity_pool_id: Option<&'a str>,
    account_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cognito_amr: Option<()>,
    cognito_identity_id: Option<&'a str>,
    caller: Option<&'a str>,
    source_ip: String,
    principal_org_id: Option<&'a str>,
    access_key: Option<&'a str>,
    cognito_authentication_type: Option<&'a str>,
    cognito_authentication_provider: Option<&'a str>,
    user_arn: Option<&'a str>,
    user_agent: Option<&'a str>,
    user: Option<&'a str>,
}

impl<'a> Identity<'a> {
    fn of(exchange: &Exchange<'a>) -> Identity<'a> {
        let iam = match &exchange.caller.authorizer {
            Some(AuthorizerContext::Iam(identity)) => Some(identity),
            _ => None,
        };
        let key = exchange.caller.api_key.as_ref();
        Identity {
            account_id: iam.map(|iam| iam.account_id.as_str()),
            caller: iam.map(|iam| iam.caller_id.as_str()),
            access_key: iam.map(|iam| iam.access_key.as_str()),
            user_arn: iam.map(|iam| iam.user_arn.as_str()),
            user: iam.map(|iam| iam.user_id.as_str()),
            api_key: key.map(|key| key.value.as_str()),
            api_key_id: key.map(|key| key.id.as_str()),
            // A unit is written as null.
            cognito_amr: (exchange.api.kind == ApiKind::Http).then_some(()),
            source_ip: exchange.request.source_ip.to_string(),
            user_agent: exchange.request.header("user-agent"),
            ..Identity::default()
        }
    }
}

/// `requestContext.authorizer` in 1.0: flat, with strings on REST (E3.4) and JSON types on HTTP (B7.5).
struct Authorizer<'a> {
    context: Option<&'a AuthorizerContext>,
    strings: bool,
}

impl<'a> Authorizer<'a> {
    /// Absent on REST where none ran (A2); `{"claims":null,"scopes":null}` on HTTP (B2).
    fn of(exchange: &Exchange<'a>) -> Option<Authorizer<'a>> {
        let context = exchange.caller.authorizer.as_ref();
        match (exchange.api.kind, context) {
            (ApiKind::Rest, None | Some(AuthorizerContext::Iam(_))) => None,
            (kind, context) => Some(Authorizer { context, strings: kind == ApiKind::Rest }),
        }
    }
}

impl Serialize for Authorizer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.context {
            Some(AuthorizerContext::Lambda(lambda)) => {
                for (name, value) in &lambda.context {
                    match self.strings {
                        true => map.serialize_entry(name, &stringified(value))?,
                        false => map.serialize_entry(name, value)?,
                    }
                }
                if let Some(principal) = &lambda.principal_id {
                    map.serialize_entry("principalId", principal)?;
                }
                map.serialize_entry("integrationLatency", &lambda.integration_latency)?;
            }
            Some(AuthorizerContext::Claims { claims, scopes }) => {
                map.serialize_entry("claims", claims)?;
                if !self.strings {
                    map.serialize_entry("scopes", scopes)?;
                }
            }
            Some(AuthorizerContext::Iam(_)) | None => {
                map.serialize_entry("claims", &Value::Null)?;
                map.serialize_entry("scopes", &Value::Null)?;
            }
        }
        map.end()
    }
}
