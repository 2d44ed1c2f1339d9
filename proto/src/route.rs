//! Routes as they are served.

use serde::{Deserialize, Serialize};

use crate::Diagnostic;

/// Request of `routes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutesRequest {
    /// The project.
    pub name: String,
}

/// Response of `routes` and `routes-of-template`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutesResponse {
    /// The routes, API by API in the order of precedence.
    pub routes: Vec<Route>,
    /// Findings about the template.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
}

/// One method of one path. The first eight fields are what a template says; the rest is known of a project that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The API's logical id; for a function URL the id that SAM gives it, as in `HelloUrl`.
    pub api: String,
    /// Which product the API belongs to.
    #[serde(rename = "type")]
    pub kind: ApiKind,
    /// `GET`, `ANY`.
    pub method: String,
    /// `/users/{id}` or `$default`; the route key of a WebSocket API.
    pub path: String,
    /// API Gateway's integration type in lower case: `aws_proxy`, `mock`, `http_proxy`, …
    pub integration: String,
    /// What the integration invokes: a function's logical id, or that of the alias that SAM makes for AutoPublishAlias; null
    /// where no Lambda function stands behind the route.
    pub function: Option<String>,
    /// The authorizer's name, `AWS_IAM`, or null.
    pub authorizer: Option<String>,
    /// An API key is needed.
    pub api_key_required: bool,
    /// Where it is reached; absent for a template that does not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The function's runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// The project's port serves an equal route of an API that goes before; this one is reached by its API's host name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shadowed: bool,
    /// What the reader should know, as in the reason why it is answered 501.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Which of API Gateway's products an API belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ApiKind {
    /// REST API (v1).
    Rest,
    /// HTTP API (v2).
    Http,
    /// A function URL.
    Url,
    /// WebSocket API (v2).
    Websocket,
}
