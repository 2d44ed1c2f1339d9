//! The types that API Gateway has of gateway responses (A7); another one is refused at deployment.

use crate::template::properties::Properties;

const TYPES: [&str; 21] = [
    "ACCESS_DENIED",
    "API_CONFIGURATION_ERROR",
    "AUTHORIZER_CONFIGURATION_ERROR",
    "AUTHORIZER_FAILURE",
    "BAD_REQUEST_BODY",
    "BAD_REQUEST_PARAMETERS",
    "DEFAULT_4XX",
    "DEFAULT_5XX",
    "EXPIRED_TOKEN",
    "INTEGRATION_FAILURE",
    "INTEGRATION_TIMEOUT",
    "INVALID_API_KEY",
    "INVALID_SIGNATURE",
    "MISSING_AUTHENTICATION_TOKEN",
    "QUOTA_EXCEEDED",
    "REQUEST_TOO_LARGE",
    "RESOURCE_NOT_FOUND",
    "THROTTLED",
    "UNAUTHORIZED",
    "UNSUPPORTED_MEDIA_TYPE",
    "WAF_FILTERED",
];

/// Says of a type that there is none of it, at the property `name`.
pub(super) fn check(kind: &str, properties: &Properties<'_>, name: &str) {
    if !TYPES.contains(&kind) {
        properties.warning(name, format!("API Gateway has no gateway response of type {kind}: AWS refuses it"));
    }
}

/// The type that a document means, which AWS's own guide has written in other letters (`DEFAULT_4xx`). The interface behind
/// `AWS::ApiGateway::GatewayResponse` takes capitals alone.
pub(super) fn meant(kind: &str, properties: &Properties<'_>) -> String {
    let capitals = kind.to_ascii_uppercase();
    if capitals != kind && TYPES.contains(&capitals.as_str()) {
        let message =
            format!("API Gateway's own name of the gateway response {kind} is {capitals}; it is served as that");
        properties.warning(kind, message);
        return capitals;
    }
    check(kind, properties, kind);
    kind.to_owned()
}
