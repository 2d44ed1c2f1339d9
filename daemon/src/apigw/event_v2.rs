//! Payload 2.0 (B1): the event of an HTTP API, and with other ids that of a function URL (H5).

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::body::EventBody;
use super::event_v1::PathParameters;
use super::grouped::{Grouped, Joined};
use super::{AuthorizerContext, Exchange, Request, clock, header, json};
use crate::project::api::ApiKind;

/// The event of a request that a route takes, as JSON.
#[must_use]
pub fn event(exchange: &Exchange) -> Vec<u8> {
    parts(exchange, &exchange.route_key()).to_json()
}

pub(crate) fn parts<'a>(exchange: &Exchange<'a>, route_key: &'a str) -> Parts<'a> {
    Parts {
        request: exchange.request,
        route_key,
        raw_path: raw_path(exchange),
        ids: Ids {
            account_id: &exchange.context.account_id,
            api_id: &exchange.context.api_id,
            domain_name: exchange.domain_name(),
            domain_prefix: exchange.domain_prefix(),
            request_id: exchange.request_id(),
            stage: &exchange.api.stage,
        },
        authorizer: exchange.caller.authorizer.as_ref(),
        path_parameters: PathParameters::of(exchange),
        stage_variables: Some(&exchange.api.stage_variables).filter(|variables| !variables.is_empty()),
        body: EventBody::http(exchange.request),
        extra_headers: &[],
    }
}

/// The path as `rawPath` has it: decoded once, with the stage before it unless that is `$default` (B1.2).
pub(crate) fn raw_path<'a>(exchange: &Exchange<'a>) -> Cow<'a, str> {
    if exchange.context.path_prefix.is_empty() {
        return decoded(&exchange.request.path);
    }
    Cow::Owned(decoded(&exchange.path_with_prefix()).into_owned())
}

/// Percent-decoded; as it stands where an escape is invalid (H5.2) or does not make UTF-8.
pub(crate) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') || !escapes_are_valid(text) {
        return Cow::Borrowed(text);
    }
    percent_decode_str(text).decode_utf8().unwrap_or(Cow::Borrowed(text))
}

fn escapes_are_valid(text: &str) -> bool {
    let mut parts = text.as_bytes().split(|byte| *byte == b'%').skip(1);
    parts.all(|part| part.len() >= 2 && part.iter().take(2).all(u8::is_ascii_hexdigit))
}

/// Ids of `requestContext`.
pub(crate) struct Ids<'a> {
    pub(crate) account_id: &'a str,
    pub(crate) api_id: &'a str,
    pub(crate) domain_name: &'a str,
    pub(crate) domain_prefix: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) stage: &'a str,
}

/// What a 2.0 event is made of.
pub(crate) struct Parts<'a> {
    pub(crate) request: &'a Request,
    pub(crate) route_key: &'a str,
    pub(crate) raw_path: Cow<'a, str>,
    pub(crate) ids: Ids<'a>,
    pub(crate) authorizer: Option<&'a AuthorizerContext>,
    pub(crate) path_parameters: Option<PathParameters<'a>>,
    pub(crate) stage_variables: Option<&'a BTreeMap<String, String>>,
    pub(crate) body: EventBody<'a>,
    pub(crate) extra_headers: &'a [(&'a str, &'a str)],
}

impl Parts<'_> {
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let headers = header::v2(self.request, self.extra_headers);
        let query = Grouped::query(ApiKind::Http, self.request.query.as_deref());
        json::to_vec(&Event {
            version: "2.0",
            route_key: self.route_key,
            raw_path: &self.raw_path,
            raw_query_string: self.request.query.as_deref().unwrap_or_default(),
            cookies: header::cookies(self.request),
            headers: headers.joined(),
            query_string_parameters: (!query.is_empty()).then(|| query.joined()),
            request_context: self.request_context(),
            path_parameters: self.path_parameters.as_ref(),
            stage_variables: self.stage_variables,
            body: self.body.text.as_deref(),
            is_base64_encoded: self.body.base64,
        })
    }

    pub(crate) fn request_context(&self) -> RequestContext<'_> {
        RequestContext {
            account_id: self.ids.account_id,
            api_id: self.ids.api_id,
            authorizer: self.authorizer.map(Authorizer),
            domain_name: self.ids.domain_name,
            domain_prefix: self.ids.domain_prefix,
            http: Http {
                method: &self.request.method,
                path: &self.raw_path,
                protocol: "HTTP/1.1",
                source_ip: self.request.source_ip.to_string(),
                user_agent: self.request.header("user-agent").unwrap_or_default(),
            },
            request_id: self.ids.request_id,
            route_key: self.route_key,
            stage: self.ids.stage,
            time: clock::request_time(self.request.time_ms),
            time_epoch: self.request.time_ms,
        }
    }
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'e> {
    version: &'static str,
    route_key: &'e str,
    raw_path: &'e str,
    raw_query_string: &'e str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<Cow<'e, str>>,
    headers: Joined<'e, 'e>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_string_parameters: Option<Joined<'e, 'e>>,
    request_context: RequestContext<'e>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_parameters: Option<&'e PathParameters<'e>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage_variables: Option<&'e BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'e str>,
    is_base64_encoded: bool,
}

/// `requestContext` (B1.7), also of 2.0 authorizers' events.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestContext<'e> {
    account_id: &'e str,
    api_id: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer: Option<Authorizer<'e>>,
    domain_name: &'e str,
    domain_prefix: &'e str,
    http: Http<'e>,
    request_id: &'e str,
    route_key: &'e str,
    stage: &'e str,
    time: String,
    time_epoch: u64,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'e> {
    method: &'e str,
    path: &'e str,
    protocol: &'static str,
    source_ip: String,
    user_agent: &'e str,
}

/// `requestContext.authorizer` in 2.0 (B1.8): under the authorizer's kind, with JSON types.
struct Authorizer<'e>(&'e AuthorizerContext);

impl Serialize for Authorizer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self.0 {
            AuthorizerContext::Lambda(lambda) => map.serialize_entry("lambda", &lambda.context)?,
            AuthorizerContext::Claims { claims, scopes } => {
                map.serialize_entry("jwt", &serde_json::json!({ "claims": claims, "scopes": scopes }))?;
            }
            AuthorizerContext::Iam(iam) => map.serialize_entry(
                "iam",
                &serde_json::json!({
                    "accessKey": iam.access_key,
                    "accountId": iam.account_id,
                    "callerId": iam.caller_id,
                    "cognitoIdentity": Value::Null,
                    "principalOrgId": Value::Null,
                    "userArn": iam.user_arn,
                    "userId": iam.user_id,
                }),
            )?,
        }
        map.end()
    }
}
