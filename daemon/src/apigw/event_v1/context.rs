//! `requestContext` of a 1.0 event: ids and times, identity, and what the authorizer said.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::apigw::caller::stringified;
use crate::apigw::{AuthorizerContext, Exchange, clock};
use crate::project::api::ApiKind;

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
