//! What a REST API says by itself (A7): each type's default, and the template's own form of it.
//!
//! Templates of gateway responses are no VTL: `$context.*`, `$stageVariables.*` and `$method.request.*` are put in as
//! they are, and nothing else is understood.

mod kind;

use bytes::Bytes;
use serde_json::Value;

use super::variables::Variables;
use super::{Exchange, Reply};
use crate::project::api::GatewayResponse;

pub use kind::ResponseType;

/// Why the gateway answers by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The type.
    pub kind: ResponseType,
    /// The message, where it is not the type's default.
    pub message: Option<String>,
    /// Where the status is not the type's: a malformed proxy response is an API_CONFIGURATION_ERROR with 502.
    pub status: Option<u16>,
    /// `x-amzn-ErrorType`, where it is not the type's.
    pub error_type: Option<&'static str>,
    /// `$context.error.validationErrorString`.
    pub validation_error: Option<String>,
}

impl From<ResponseType> for Refusal {
    fn from(kind: ResponseType) -> Refusal {
        Refusal { kind, message: None, status: None, error_type: None, validation_error: None }
    }
}

impl Refusal {
    /// A refusal that says something else than its type's default.
    #[must_use]
    pub fn saying(kind: ResponseType, message: impl Into<String>) -> Refusal {
        Refusal { message: Some(message.into()), ..Refusal::from(kind) }
    }

    /// The 502 for what a function should not have returned (A5.5), and for its errors (A5.9).
    #[must_use]
    pub fn malformed_proxy_response() -> Refusal {
        Refusal { status: Some(502), ..Refusal::from(ResponseType::ApiConfigurationError) }
    }

    /// With another `x-amzn-ErrorType`.
    #[must_use]
    pub fn error_type(self, error_type: &'static str) -> Refusal {
        Refusal { error_type: Some(error_type), ..self }
    }

    /// The message, or null.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref().or(self.kind.defaults().message)
    }

    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        match name {
            "message" => Some(self.message().unwrap_or("null").to_owned()),
            "messageString" => Some(self.quoted_message()),
            "responseType" => Some(self.kind.name().to_owned()),
            "validationErrorString" => self.validation_error.clone(),
            _ => None,
        }
    }

    fn quoted_message(&self) -> String {
        self.message().map_or_else(|| "null".to_owned(), |message| Value::from(message).to_string())
    }

    /// The body without customisation. AWS has a space after the colon for some types and a capital M for one (N5).
    fn default_body(&self) -> String {
        let message = self.quoted_message();
        match self.kind {
            ResponseType::AccessDenied => format!("{{\"Message\":{message}}}"),
            _ if message == "null" => "{\"message\":null}".to_owned(),
            ResponseType::ApiConfigurationError
            | ResponseType::IntegrationFailure
            | ResponseType::IntegrationTimeout
            | ResponseType::BadRequestBody
            | ResponseType::BadRequestParameters
            | ResponseType::UnsupportedMediaType => format!("{{\"message\": {message}}}"),
            _ => format!("{{\"message\":{message}}}"),
        }
    }
}

/// The reply for a refusal, in the template's own form where it has one.
#[must_use]
pub fn reply(exchange: &Exchange, refusal: impl Into<Refusal>) -> Reply {
    let refusal = refusal.into();
    let defaults = refusal.kind.defaults();
    let status = refusal.status.unwrap_or(defaults.status);
    let own = customised(exchange, &refusal, status);
    let variables = Variables { exchange, refusal: Some(&refusal) };
    let (content_type, body) = body(&variables, &refusal, own);
    let mut headers = vec![("Content-Type".to_owned(), content_type)];
    headers.push(("x-amzn-ErrorType".to_owned(), refusal.error_type.unwrap_or(defaults.error_type).to_owned()));
    headers.push(("x-amzn-RequestId".to_owned(), exchange.request.request_id.clone()));
    headers.push(("x-amz-apigw-id".to_owned(), exchange.request.extended_request_id.clone()));
    for (name, expression) in own.into_iter().flat_map(|own| &own.headers) {
        set_header(&mut headers, name, header_value(&variables, expression));
    }
    Reply { status: own.and_then(|own| own.status).unwrap_or(status), headers, body: Bytes::from(body) }
}

/// The template's own response: of the very type, else of its class (A7.2). A request that is too large is answered as it
/// is, since AWS does not support to customise that.
fn customised<'a>(exchange: &Exchange<'a>, refusal: &Refusal, status: u16) -> Option<&'a GatewayResponse> {
    if refusal.kind == ResponseType::RequestTooLarge {
        return None;
    }
    let own = &exchange.api.gateway_responses;
    let class = if status < 500 { "DEFAULT_4XX" } else { "DEFAULT_5XX" };
    own.get(refusal.kind.name()).or_else(|| own.get(class))
}

fn body(variables: &Variables, refusal: &Refusal, own: Option<&GatewayResponse>) -> (String, String) {
    let templates = own.map(|own| &own.templates).filter(|templates| !templates.is_empty());
    let Some(templates) = templates else {
        return ("application/json".to_owned(), refusal.default_body());
    };
    let accepted = variables.exchange.request.header("accept").unwrap_or_default();
    let mut wanted = accepted.split(',').map(super::body::media_type);
    let chosen = wanted.find_map(|media_type| templates.get_key_value(media_type));
    let chosen = chosen.or_else(|| templates.get_key_value("application/json")).or_else(|| templates.iter().next());
    match chosen {
        Some((content_type, template)) => (content_type.clone(), substituted(template, variables)),
        None => ("application/json".to_owned(), refusal.default_body()),
    }
}

/// A template with its variables put in; names that mean nothing become empty.
fn substituted(template: &str, variables: &Variables) -> String {
    let mut out = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let name = variable_name(rest);
        let known = ["context.", "stageVariables.", "method.request."];
        if known.iter().any(|prefix| name.starts_with(prefix)) {
            out.push_str(&variables.get(name).unwrap_or_default());
            rest = &rest[name.len()..];
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    out
}

fn variable_name(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c))).unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}

/// A header's value from its expression: `'static'`, or the name of a variable.
pub(crate) fn header_value(variables: &Variables, expression: &str) -> Option<String> {
    let quoted = expression.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    match quoted {
        Some(text) => Some(text.to_owned()),
        None => variables.get(expression.strip_prefix('$').unwrap_or(expression)),
    }
}

fn set_header(headers: &mut Vec<(String, String)>, name: &str, value: Option<String>) {
    let name = name.strip_prefix("gatewayresponse.header.").unwrap_or(name);
    let Some(value) = value.filter(|value| super::reply::is_header(name, value)) else { return };
    headers.retain(|(sent, _)| !sent.eq_ignore_ascii_case(name));
    headers.push((name.to_owned(), value));
}

#[cfg(test)]
mod tests;
