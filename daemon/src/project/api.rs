//! An API of API Gateway as it should be served: stage, routes, integrations, authorizers, replies of the gateway.
//!
//! The shapes are API Gateway's own after SAM's translation: what an implicit API, an OpenAPI document or plain
//! CloudFormation resources say ends here in one form.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::FunctionId;
use super::issuers::PinnedKeys;

/// An API's logical id, with its nested stacks before it; the implicit ones are `ServerlessRestApi` and
/// `ServerlessHttpApi`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApiId(pub String);

impl ApiId {
    /// The first label of its own host name, in any case: nested stacks are told apart by hyphens, which ids have none of.
    #[must_use]
    pub fn host_label(&self) -> String {
        self.0.replace('/', "-")
    }
}

impl fmt::Display for ApiId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which of API Gateway's products an API belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ApiKind {
    /// REST API (v1).
    Rest,
    /// HTTP API (v2).
    Http,
}

/// One API with the one stage that is served.
#[derive(Debug, Clone, PartialEq)]
pub struct Api {
    /// Logical id.
    pub id: ApiId,
    /// REST or HTTP.
    pub kind: ApiKind,
    /// Stage name: `Prod` for the implicit REST API, `$default` for HTTP APIs.
    pub stage: String,
    /// Stage variables.
    pub stage_variables: BTreeMap<String, String>,
    /// Routes (methods of resources on a REST API), in the template's order.
    pub routes: Vec<Route>,
    /// Authorizers by name.
    pub authorizers: BTreeMap<String, Authorizer>,
    /// REST: media types that are passed as base64, as in `image/png` or `*/*`.
    pub binary_media_types: Vec<String>,
    /// HTTP: CorsConfiguration, answered by the gateway. (REST's `Cors` becomes OPTIONS mocks among the routes.)
    pub cors: Option<Cors>,
    /// REST: the template's own gateway responses by type, as in `DEFAULT_4XX`.
    pub gateway_responses: BTreeMap<String, GatewayResponse>,
    /// REST: JSON schemas of the models by name.
    pub models: BTreeMap<String, serde_json::Value>,
    /// REST: where the API key is read from.
    pub api_key_source: ApiKeySource,
    /// REST: usage plans that cover the stage.
    pub usage_plans: Vec<UsagePlan>,
    /// REST: the resource policy document.
    pub policy: Option<serde_json::Value>,
    /// REST: replies of at least this many bytes are compressed for clients that accept it.
    pub minimum_compression_size: Option<u64>,
    /// Custom domains that lead here.
    pub domains: Vec<Domain>,
    /// The default endpoint (`execute-api`) is disabled.
    pub default_endpoint_disabled: bool,
    /// REST: the endpoint is edge-optimised, so that CloudFront stands before it.
    pub edge: bool,
    /// HTTP: the default route is spelled `/$default`, as SAM does with FailOnWarnings and AWS in what it exports.
    pub slash_default: bool,
}

impl Api {
    /// An API without routes.
    #[must_use]
    pub fn new(id: ApiId, kind: ApiKind, stage: String) -> Api {
        Api {
            id,
            kind,
            stage,
            stage_variables: BTreeMap::new(),
            routes: Vec::new(),
            authorizers: BTreeMap::new(),
            binary_media_types: Vec::new(),
            cors: None,
            gateway_responses: BTreeMap::new(),
            models: BTreeMap::new(),
            api_key_source: ApiKeySource::Header,
            usage_plans: Vec::new(),
            policy: None,
            minimum_compression_size: None,
            domains: Vec::new(),
            default_endpoint_disabled: false,
            edge: false,
            slash_default: false,
        }
    }
}

/// A custom domain and the base path under which it leads to the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// The domain name.
    pub name: String,
    /// Base path without slashes at its ends; empty for none.
    pub base_path: String,
}

/// One method of one path.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, or HTTP's `$default` route.
    pub path: RoutePath,
    /// What answers.
    pub integration: Integration,
    /// Who may call.
    pub authorization: Authorization,
    /// REST: an API key is needed.
    pub api_key_required: bool,
    /// REST: OperationName (`operationId`).
    pub operation_name: Option<String>,
    /// REST: what is checked before the integration runs.
    pub validation: Validation,
}

/// The method that a route takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// `ANY`: each method that no route of the same path names.
    Any,
    /// One method, upper case.
    One(String),
}

impl Method {
    /// The methods that API Gateway has names for; ANY of a REST API is these (A6.4).
    pub const OF_ANY: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

    /// Parses `get`, `GET`, `any`, `*`, `x-amazon-apigateway-any-method`.
    #[must_use]
    pub fn parse(text: &str) -> Method {
        match text.to_ascii_uppercase().as_str() {
            "ANY" | "*" | "X-AMAZON-APIGATEWAY-ANY-METHOD" => Method::Any,
            other => Method::One(other.to_owned()),
        }
    }

    /// `GET` or `ANY`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Method::Any => "ANY",
            Method::One(name) => name,
        }
    }
}

/// The path that a route takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoutePath {
    /// A template such as `/users/{id}/{proxy+}`; begins with a slash.
    Template(String),
    /// HTTP API's `$default` route: whatever no other route takes.
    Default,
}

impl RoutePath {
    /// `/users/{id}` or `$default`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            RoutePath::Template(path) => path,
            RoutePath::Default => "$default",
        }
    }
}

/// What answers a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Integration {
    /// A Lambda function receives the whole request (AWS_PROXY).
    Lambda(LambdaProxy),
    /// The gateway answers by itself (REST's MOCK).
    Mock(Mock),
    /// The request is passed on to an HTTP server (HTTP_PROXY).
    HttpProxy(HttpProxy),
    /// Something that samd does not run; the request is answered 501 with the reason.
    Unsupported {
        /// API Gateway's type in lower case, as in `aws` or `http`.
        kind: String,
        /// The function behind it, when the template has it: AWS would invoke it, and nothing does here.
        function: Option<FunctionId>,
        /// One sentence: what it is and what to do.
        reason: String,
    },
}

/// A Lambda proxy integration.
#[derive(Debug, Clone, PartialEq)]
pub struct LambdaProxy {
    /// The function, when the template has it. `None` is answered as the SAM CLI does:
    /// 502 `{"message":"No function defined for resource method"}`.
    pub function: Option<FunctionId>,
    /// The ARN or expression that was asked for, for messages.
    pub uri: String,
    /// The event's form.
    pub payload: Payload,
    /// Integration timeout: 29 s on REST, 30 s on HTTP unless set.
    pub timeout: Duration,
    /// REST: `responseTransferMode: STREAM`.
    pub streaming: bool,
    /// Request parameters to map; see `apigw::mapping`.
    pub request_parameters: BTreeMap<String, String>,
    /// HTTP: response parameters to map, by status.
    pub response_parameters: BTreeMap<String, BTreeMap<String, String>>,
    /// The integration's own HTTP method; other than POST a REST API answers 500.
    pub http_method: String,
}

/// The form of the event and the reply of a Lambda proxy integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// Payload 1.0 (REST APIs always).
    V1,
    /// Payload 2.0.
    V2,
}

/// A MOCK integration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mock {
    /// Request templates by content type; the chosen one's `statusCode` selects the response.
    pub request_templates: BTreeMap<String, String>,
    /// Integration responses by selection pattern; `default` is the one without.
    pub responses: BTreeMap<String, MockResponse>,
    /// WHEN_NO_MATCH, WHEN_NO_TEMPLATES or NEVER.
    pub passthrough_behavior: Option<String>,
}

/// One integration response of a mock.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MockResponse {
    /// Status.
    pub status: u16,
    /// `method.response.header.X` → mapping expression, as in `'*'`.
    pub parameters: BTreeMap<String, String>,
    /// Templates by content type.
    pub templates: BTreeMap<String, String>,
}

/// An HTTP_PROXY integration.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpProxy {
    /// The upstream's URI, with `{param}` and `${stageVariables.x}` still in it.
    pub uri: String,
    /// Method towards the upstream; `ANY` passes the client's.
    pub method: String,
    /// Integration timeout.
    pub timeout: Duration,
    /// Request parameters to map.
    pub request_parameters: BTreeMap<String, String>,
    /// HTTP: response parameters to map, by status.
    pub response_parameters: BTreeMap<String, BTreeMap<String, String>>,
    /// REST: `responseTransferMode: STREAM`.
    pub streaming: bool,
}

/// Who may call a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    /// Anyone.
    None,
    /// Signature Version 4.
    Iam,
    /// An authorizer of the API, with the scopes that the route asks for.
    Authorizer {
        /// Key in [`Api::authorizers`].
        name: String,
        /// Any one of these is needed; empty asks for none.
        scopes: Vec<String>,
    },
}

/// An authorizer.
#[derive(Debug, Clone, PartialEq)]
pub enum Authorizer {
    /// A Lambda function decides.
    Lambda(LambdaAuthorizer),
    /// HTTP API: a JSON web token.
    Jwt {
        /// Expected `iss`.
        issuer: String,
        /// Accepted `aud` (or `client_id`).
        audience: Vec<String>,
        /// `$request.header.Authorization` or a query string.
        identity_source: String,
        /// Keys that the user pinned the issuer to.
        pinned: PinnedKeys,
    },
    /// REST: a Cognito user pool.
    Cognito {
        /// The pools' ARNs.
        pools: Vec<String>,
        /// `method.request.header.Authorization`.
        identity_source: String,
        /// Full-match pattern of the token.
        validation_expression: Option<String>,
        /// Keys that the user pinned the pools' issuers to.
        pinned: PinnedKeys,
    },
    /// Something that cannot be evaluated: every request is refused, and the reason stands in the log.
    Unsupported {
        /// One sentence.
        reason: String,
    },
}

/// A Lambda authorizer of either product.
#[derive(Debug, Clone, PartialEq)]
pub struct LambdaAuthorizer {
    /// The function, when the template has it.
    pub function: Option<FunctionId>,
    /// The ARN or expression that was asked for.
    pub uri: String,
    /// What it is called with.
    pub kind: LambdaAuthorizerKind,
    /// Identity sources, as in `method.request.header.Authorization` or `$request.header.Authorization`.
    pub identity_sources: Vec<String>,
    /// REST TOKEN: full-match pattern of the token.
    pub validation_expression: Option<String>,
    /// How long a result is kept; zero is off.
    pub ttl: Duration,
}

/// The calling convention of a Lambda authorizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LambdaAuthorizerKind {
    /// REST `TOKEN`.
    Token,
    /// REST `REQUEST`.
    Request,
    /// HTTP, payload 1.0.
    HttpV1,
    /// HTTP, payload 2.0.
    HttpV2 {
        /// EnableSimpleResponses.
        simple: bool,
    },
}

/// CORS as HTTP APIs and function URLs have it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cors {
    /// Exact origins, `*`, `https://*` or `http://*`.
    pub allow_origins: Vec<String>,
    /// Methods or `*`.
    pub allow_methods: Vec<String>,
    /// Headers or `*`.
    pub allow_headers: Vec<String>,
    /// Headers that the page may read.
    pub expose_headers: Vec<String>,
    /// Credentials may be sent.
    pub allow_credentials: bool,
    /// Seconds that a preflight is remembered.
    pub max_age: Option<i64>,
}

/// A REST API's own form of one gateway response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GatewayResponse {
    /// Status; the type's default when absent.
    pub status: Option<u16>,
    /// Header name → expression, as in `'*'` or `context.requestId`.
    pub headers: BTreeMap<String, String>,
    /// Templates by content type.
    pub templates: BTreeMap<String, String>,
}

/// Where an API key is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ApiKeySource {
    /// The `x-api-key` header.
    #[default]
    Header,
    /// The authorizer's `usageIdentifierKey`.
    Authorizer,
}

/// A usage plan that covers the stage.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UsagePlan {
    /// Logical id.
    pub id: String,
    /// Keys that the plan admits.
    pub keys: Vec<ApiKey>,
    /// Requests a second and burst.
    pub throttle: Option<(f64, u32)>,
    /// Requests in a period (`DAY`, `WEEK`, `MONTH`).
    pub quota: Option<(u64, String)>,
}

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Logical id, `identity.apiKeyId`.
    pub id: String,
    /// The value that clients send: the template's, or a stable one derived from project and id.
    pub value: String,
    /// Enabled.
    pub enabled: bool,
}

/// What a REST API checks before the integration runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Validation {
    /// `validateRequestBody`.
    pub body: bool,
    /// `validateRequestParameters`.
    pub parameters: bool,
    /// Required parameters, as in `method.request.header.x`, in the template's order.
    pub required: Vec<String>,
    /// Model names by content type.
    pub models: BTreeMap<String, String>,
}
