//! Values that mappings and gateway responses may name: `context.*`, `stageVariables.*`, parts of the request.

use super::caller::stringified;
use super::gateway_response::Refusal;
use super::grouped::query_pairs;
use super::{AuthorizerContext, Exchange, clock, event_v1};

/// Looks values up by name, for one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variables<'a> {
    pub(crate) exchange: &'a Exchange<'a>,
    /// What went wrong, where a gateway response is being made.
    pub(crate) refusal: Option<&'a Refusal>,
}

impl Variables<'_> {
    /// `context.requestId`, `stageVariables.x`, `method.request.header.X` and the like, without a `$` before it.
    /// `None` where there is no such value.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        if let Some(name) = name.strip_prefix("context.") {
            return self.context(name);
        }
        if let Some(name) = name.strip_prefix("stageVariables.") {
            return self.exchange.api.stage_variables.get(name).cloned();
        }
        let name = name.strip_prefix("method.").unwrap_or(name);
        self.request(name.strip_prefix("request.")?)
    }

    /// `header.X`, `querystring.X`, `path.X`, `multivalueheader.X`, `multivaluequerystring.X`, `path`, `body`.
    pub(crate) fn request(&self, name: &str) -> Option<String> {
        let request = self.exchange.request;
        let (place, name) = name.split_once('.').unwrap_or((name, ""));
        match (place, name) {
            ("path", "") => Some(event_v1::path(self.exchange).into_owned()),
            ("body", "") => Some(String::from_utf8_lossy(&request.body).into_owned()),
            ("header", name) => request.last_header(name).map(str::to_owned),
            ("multivalueheader", name) => joined(request.header_values(name).map(str::to_owned)),
            ("querystring", name) => self.query(name).last(),
            ("multivaluequerystring", name) => joined(self.query(name)),
            ("path", name) => {
                let (_, found) = self.exchange.found?;
                found.path_parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
            }
            _ => None,
        }
    }

    fn query(&self, wanted: &str) -> impl Iterator<Item = String> {
        let query = self.exchange.request.query.as_deref().unwrap_or_default();
        let pairs = query_pairs(self.exchange.api.kind, query);
        pairs.filter(move |(name, _)| name == wanted).map(|(_, value)| value.into())
    }

    fn context(&self, name: &str) -> Option<String> {
        let (exchange, context, request) = (self.exchange, self.exchange.context, self.exchange.request);
        let text = match name {
            "accountId" => &context.account_id,
            "apiId" => &context.api_id,
            "deploymentId" => &context.deployment_id,
            "domainName" => exchange.domain_name(),
            "domainPrefix" => exchange.domain_prefix(),
            "extendedRequestId" => &request.extended_request_id,
            "httpMethod" => &request.method,
            "protocol" => "HTTP/1.1",
            "requestId" => exchange.request_id(),
            "resourceId" => exchange.resource_id(),
            "resourcePath" => exchange.resource_path(),
            "stage" => &exchange.api.stage,
            "path" => return Some(exchange.path_with_prefix()),
            "requestTime" => return Some(clock::request_time(request.time_ms)),
            "requestTimeEpoch" => return Some(request.time_ms.to_string()),
            "routeKey" => return Some(exchange.route_key()),
            "operationName" => exchange.found?.0.operation_name.as_deref()?,
            _ => return self.nested(name),
        };
        Some(text.to_owned())
    }

    fn nested(&self, name: &str) -> Option<String> {
        match name.split_once('.')? {
            ("identity", name) => self.identity(name),
            ("authorizer", name) => self.authorizer(name),
            ("error", name) => self.refusal?.variable(name),
            _ => None,
        }
    }

    fn identity(&self, name: &str) -> Option<String> {
        let request = self.exchange.request;
        let key = self.exchange.caller.api_key.as_ref();
        match name {
            "sourceIp" => return Some(request.source_ip.to_string()),
            "userAgent" => return request.header("user-agent").map(str::to_owned),
            "apiKey" => return key.map(|key| key.value.clone()),
            "apiKeyId" => return key.map(|key| key.id.clone()),
            _ => {}
        }
        let Some(AuthorizerContext::Iam(iam)) = &self.exchange.caller.authorizer else { return None };
        let text = match name {
            "accessKey" => &iam.access_key,
            "accountId" => &iam.account_id,
            "caller" => &iam.caller_id,
            "user" => &iam.user_id,
            "userArn" => &iam.user_arn,
            _ => return None,
        };
        Some(text.clone())
    }

    fn authorizer(&self, name: &str) -> Option<String> {
        match self.exchange.caller.authorizer.as_ref()? {
            AuthorizerContext::Lambda(lambda) if name == "principalId" => lambda.principal_id.clone(),
            AuthorizerContext::Lambda(lambda) => lambda.context.get(name).map(stringified),
            AuthorizerContext::Claims { claims, .. } => claims.get(name.strip_prefix("claims.")?).map(stringified),
            AuthorizerContext::Iam(_) => None,
        }
    }
}

fn joined(values: impl Iterator<Item = String>) -> Option<String> {
    let values: Vec<String> = values.collect();
    (!values.is_empty()).then(|| values.join(","))
}
