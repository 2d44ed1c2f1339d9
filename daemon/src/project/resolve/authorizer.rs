//! Authorizers: OpenAPI's security schemes, SAM's `Auth.Authorizers`, CloudFormation's resources → one form (rule I5).

use std::collections::BTreeMap;
use std::time::Duration;

use super::draft::Scheme;
use super::index::Index;
use super::reply::either;
use crate::project::api::{ApiKind, Authorizer, LambdaAuthorizer, LambdaAuthorizerKind};
use crate::project::issuers::PinnedKeys;
use crate::template::Node;

/// A REST authorizer's results are kept so long where nothing is said (rule E3.5).
const DEFAULT_TTL: Duration = Duration::from_secs(300);

/// What an authorizer's resolution needs besides its own text.
#[derive(Clone, Copy)]
pub(super) struct Context<'c> {
    pub(super) api: ApiKind,
    pub(super) index: &'c Index<'c>,
    pub(super) stage_variables: &'c BTreeMap<String, String>,
}

/// A security scheme of an OpenAPI document.
pub(super) fn of_scheme(node: &Node, context: Context<'_>) -> Scheme {
    let text = |key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default();
    if let Some(authorizer) = node.get("x-amazon-apigateway-authorizer") {
        return Scheme::Authorizer(of_extension(node, authorizer, context));
    }
    if text("x-amazon-apigateway-authtype").eq_ignore_ascii_case("awsSigv4") {
        return Scheme::Iam;
    }
    if text("type") == "apiKey" && text("in") == "header" && text("name").eq_ignore_ascii_case("x-api-key") {
        return Scheme::ApiKey;
    }
    Scheme::Ignored
}

fn of_extension(scheme: &Node, node: &Node, context: Context<'_>) -> Authorizer {
    let kind = node.get("type").and_then(Node::as_str).unwrap_or_default().to_ascii_lowercase();
    let header = || {
        let name = scheme.get("name").and_then(Node::as_str).unwrap_or("Authorization");
        vec![format!("method.request.header.{name}")]
    };
    match kind.as_str() {
        "jwt" => jwt(node),
        "cognito_user_pools" => cognito(node, &header()[0]),
        "token" => lambda(node, LambdaAuthorizerKind::Token, header(), context),
        "request" if context.api == ApiKind::Http => {
            lambda(node, http_kind(node), sources(either(node, "IdentitySource")), context)
        }
        "request" => lambda(node, LambdaAuthorizerKind::Request, sources(either(node, "IdentitySource")), context),
        other => Authorizer::Unsupported { reason: format!("API Gateway has no authorizer of type {other:?}") },
    }
}

/// An authorizer of `AWS::ApiGateway::Authorizer` or `AWS::ApiGatewayV2::Authorizer`.
pub(super) fn of_resource(node: &Node, context: Context<'_>) -> Authorizer {
    let kind = either(node, "Type").or_else(|| node.get("AuthorizerType")).and_then(Node::as_str).unwrap_or_default();
    let identity = sources(node.get("IdentitySource"));
    match (context.api, kind.to_ascii_uppercase().as_str()) {
        (ApiKind::Http, "JWT") => jwt(node),
        (ApiKind::Http, "REQUEST") => lambda(node, http_kind(node), identity, context),
        (ApiKind::Rest, "TOKEN") => lambda(node, LambdaAuthorizerKind::Token, identity, context),
        (ApiKind::Rest, "REQUEST") => lambda(node, LambdaAuthorizerKind::Request, identity, context),
        (ApiKind::Rest, "COGNITO_USER_POOLS") => {
            cognito(node, identity.first().map_or("method.request.header.Authorization", String::as_str))
        }
        _ => Authorizer::Unsupported { reason: format!("API Gateway has no authorizer of type {kind:?}") },
    }
}

/// An authorizer of SAM's `Auth.Authorizers`.
pub(super) fn of_sam(node: &Node, context: Context<'_>) -> Authorizer {
    match context.api {
        ApiKind::Rest => sam_rest(node, context),
        ApiKind::Http => sam_http(node, context),
    }
}

fn sam_rest(node: &Node, context: Context<'_>) -> Authorizer {
    let identity = node.get("Identity");
    let header = identity.and_then(|identity| identity.get("Header")).and_then(Node::as_str).unwrap_or("Authorization");
    let header = format!("method.request.header.{header}");
    let validation = identity.and_then(|identity| identity.get("ValidationExpression")).and_then(Node::scalar);
    let validation = validation.map(|text| text.to_string());
    if let Some(pools) = node.get("UserPoolArn") {
        let pools = pools.strings();
        return Authorizer::Cognito {
            pools,
            identity_source: header,
            validation_expression: validation,
            pinned: PinnedKeys::new(),
        };
    }
    let request = node.get("FunctionPayloadType").and_then(Node::as_str) == Some("REQUEST");
    let names = [
        ("Headers", "method.request.header."),
        ("QueryStrings", "method.request.querystring."),
        ("StageVariables", "stageVariables."),
        ("Context", "context."),
    ];
    let (kind, identity_sources) = match request {
        true => (LambdaAuthorizerKind::Request, prefixed(identity, &names)),
        false => (LambdaAuthorizerKind::Token, vec![header]),
    };
    let authorizer = LambdaAuthorizer {
        validation_expression: validation.filter(|_| !request),
        ttl: ttl(identity.and_then(|identity| identity.get("ReauthorizeEvery"))).unwrap_or(DEFAULT_TTL),
        ..sam_lambda(node, kind, identity_sources, context)
    };
    Authorizer::Lambda(authorizer)
}

fn sam_http(node: &Node, context: Context<'_>) -> Authorizer {
    if node.get("JwtConfiguration").is_some() {
        return jwt(node);
    }
    let identity = node.get("Identity");
    let names = [
        ("Headers", "$request.header."),
        ("QueryStrings", "$request.querystring."),
        ("StageVariables", "$stageVariables."),
        ("Context", "$context."),
    ];
    let authorizer = LambdaAuthorizer {
        ttl: ttl(identity.and_then(|identity| identity.get("ReauthorizeEvery"))).unwrap_or(Duration::ZERO),
        ..sam_lambda(node, http_kind(node), prefixed(identity, &names), context)
    };
    Authorizer::Lambda(authorizer)
}

fn sam_lambda(
    node: &Node,
    kind: LambdaAuthorizerKind,
    identity_sources: Vec<String>,
    context: Context<'_>,
) -> LambdaAuthorizer {
    let uri = node.get("FunctionArn").and_then(Node::scalar).map(|text| text.to_string()).unwrap_or_default();
    let function = context.index.find(&uri, context.stage_variables);
    let (validation_expression, ttl) = (None, Duration::ZERO);
    LambdaAuthorizer { function, uri, kind, identity_sources, validation_expression, ttl }
}

fn prefixed(identity: Option<&Node>, names: &[(&str, &str)]) -> Vec<String> {
    let of_kind = |(key, prefix): &(&str, &str)| {
        let values = identity.and_then(|identity| identity.get(key)).map(Node::strings).unwrap_or_default();
        values.into_iter().map(|value| format!("{prefix}{value}")).collect::<Vec<String>>()
    };
    names.iter().flat_map(of_kind).collect()
}

fn http_kind(node: &Node) -> LambdaAuthorizerKind {
    let version = either(node, "AuthorizerPayloadFormatVersion").and_then(Node::scalar);
    let simple = either(node, "EnableSimpleResponses").and_then(Node::as_bool).unwrap_or(false);
    match version.as_deref().is_some_and(|version| version.starts_with('2')) {
        true => LambdaAuthorizerKind::HttpV2 { simple },
        false => LambdaAuthorizerKind::HttpV1,
    }
}

fn lambda(node: &Node, kind: LambdaAuthorizerKind, identity_sources: Vec<String>, context: Context<'_>) -> Authorizer {
    let uri = either(node, "AuthorizerUri").and_then(Node::scalar).map(|text| text.to_string()).unwrap_or_default();
    let default = if context.api == ApiKind::Rest { DEFAULT_TTL } else { Duration::ZERO };
    let validation = either(node, "IdentityValidationExpression").and_then(Node::scalar);
    Authorizer::Lambda(LambdaAuthorizer {
        function: context.index.find(&uri, context.stage_variables),
        uri,
        kind,
        identity_sources,
        validation_expression: validation.filter(|_| kind == LambdaAuthorizerKind::Token).map(|text| text.to_string()),
        ttl: ttl(either(node, "AuthorizerResultTtlInSeconds")).unwrap_or(default),
    })
}

fn ttl(node: Option<&Node>) -> Option<Duration> {
    node?.as_i64().and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs)
}

/// Identity sources, as a list or as one text with commas.
fn sources(node: Option<&Node>) -> Vec<String> {
    let texts = node.map(Node::strings).unwrap_or_default();
    let parts = texts.iter().flat_map(|text| text.split(','));
    parts.map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn jwt(node: &Node) -> Authorizer {
    let configuration = either(node, "JwtConfiguration");
    let value = |key: &str| configuration.and_then(|configuration| either(configuration, key));
    Authorizer::Jwt {
        issuer: value("Issuer").and_then(Node::scalar).map(|text| text.to_string()).unwrap_or_default(),
        audience: value("Audience").map(Node::strings).unwrap_or_default(),
        identity_source: sources(either(node, "IdentitySource"))
            .into_iter()
            .next()
            .unwrap_or_else(|| "$request.header.Authorization".to_owned()),
        pinned: PinnedKeys::new(),
    }
}

fn cognito(node: &Node, identity_source: &str) -> Authorizer {
    let pools = node.get("providerARNs").or_else(|| node.get("ProviderARNs"));
    Authorizer::Cognito {
        pools: pools.map(Node::strings).unwrap_or_default(),
        identity_source: identity_source.to_owned(),
        validation_expression: either(node, "IdentityValidationExpression")
            .and_then(Node::scalar)
            .map(|text| text.to_string()),
        pinned: PinnedKeys::new(),
    }
}
