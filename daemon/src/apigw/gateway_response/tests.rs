use super::ResponseType as T;
use super::*;
use crate::apigw::testing::{api, request};
use crate::apigw::{Caller, Context};
use crate::project::api::ApiKind;

/// Type, status, `x-amzn-ErrorType` and body as section A7 has them.
const TABLE: [(T, u16, &str, &str); 16] = [
    (T::AccessDenied, 403, "AccessDeniedException", "{\"Message\":\"User is not authorized to access this resource\"}"),
    (T::ApiConfigurationError, 500, "InternalServerErrorException", "{\"message\": \"Internal server error\"}"),
    (T::AuthorizerConfigurationError, 500, "AuthorizerConfigurationException", "{\"message\":null}"),
    (T::AuthorizerFailure, 500, "AuthorizerConfigurationException", "{\"message\":null}"),
    (T::BadRequestBody, 400, "BadRequestException", "{\"message\": \"Invalid request body\"}"),
    (
        T::ExpiredToken,
        403,
        "ExpiredTokenException",
        "{\"message\":\"The security token included in the request is expired\"}",
    ),
    (
        T::IntegrationFailure,
        504,
        "InternalServerErrorException",
        "{\"message\": \"Network error communicating with endpoint\"}",
    ),
    (T::IntegrationTimeout, 504, "InternalServerErrorException", "{\"message\": \"Endpoint request timed out\"}"),
    (T::InvalidApiKey, 403, "ForbiddenException", "{\"message\":\"Forbidden\"}"),
    (
        T::MissingAuthenticationToken,
        403,
        "MissingAuthenticationTokenException",
        "{\"message\":\"Missing Authentication Token\"}",
    ),
    (T::QuotaExceeded, 429, "LimitExceededException", "{\"message\":\"Limit Exceeded\"}"),
    (T::RequestTooLarge, 413, "RequestTooLargeException", "{\"message\":\"Request Too Long\"}"),
    (T::Throttled, 429, "TooManyRequestsException", "{\"message\":\"Too Many Requests\"}"),
    (T::Unauthorized, 401, "UnauthorizedException", "{\"message\":\"Unauthorized\"}"),
    (T::UnsupportedMediaType, 415, "BadRequestException", "{\"message\": \"Unsupported Media Type\"}"),
    (T::WafFiltered, 403, "ForbiddenException", "{\"message\":\"Forbidden\"}"),
];

#[test]
fn every_type_has_its_default() {
    let (api, request) = (api(ApiKind::Rest, Vec::new()), request("GET", "/", &[], b""));
    let context = Context::new("123456789012", "us-east-1", &api);
    let exchange = Exchange { context: &context, api: &api, found: None, request: &request, caller: Caller::NOBODY };
    for (kind, status, error_type, body) in TABLE {
        let reply = reply(&exchange, kind);
        assert_eq!((reply.status, reply.header("x-amzn-ErrorType")), (status, Some(error_type)), "{kind:?}");
        assert_eq!((reply.body.as_ref(), reply.header("content-type")), (body.as_bytes(), Some("application/json")));
        assert_eq!(reply.header("x-amzn-RequestId"), Some(request.request_id.as_str()));
    }
}
