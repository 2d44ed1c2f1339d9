//! A WebSocket API as the template has it: its routes are listed and named, and not served yet.

use super::{ApiId, FunctionId};

/// A WebSocket API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketApi {
    /// Its logical id.
    pub id: ApiId,
    /// Its routes, in the template's order.
    pub routes: Vec<WebSocketRoute>,
}

/// A route of a WebSocket API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketRoute {
    /// `$connect`, `$disconnect`, `$default`, or what the route selection expression gives.
    pub key: String,
    /// API Gateway's integration type in lower case: `aws_proxy`, `mock`, …
    pub integration: String,
    /// The function behind it, as the template names it.
    pub function: Option<String>,
    /// That function, when the template has it.
    pub function_id: Option<FunctionId>,
    /// The authorizer's name, `AWS_IAM`, or none; `$connect` alone has one.
    pub authorizer: Option<String>,
    /// An API key is needed.
    pub api_key_required: bool,
}
