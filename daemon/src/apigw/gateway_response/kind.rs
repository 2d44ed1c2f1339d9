//! The types of gateway responses, and what each is by default (A7).

/// API Gateway's types of gateway responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // The names are API Gateway's own.
pub enum ResponseType {
    AccessDenied,
    ApiConfigurationError,
    AuthorizerConfigurationError,
    AuthorizerFailure,
    BadRequestBody,
    BadRequestParameters,
    ExpiredToken,
    IntegrationFailure,
    IntegrationTimeout,
    InvalidApiKey,
    InvalidSignature,
    MissingAuthenticationToken,
    QuotaExceeded,
    RequestTooLarge,
    ResourceNotFound,
    Throttled,
    Unauthorized,
    UnsupportedMediaType,
    WafFiltered,
}

/// What a type is without any customisation.
pub(super) struct Defaults {
    name: &'static str,
    pub(super) status: u16,
    pub(super) error_type: &'static str,
    /// `None` is written as null.
    pub(super) message: Option<&'static str>,
}

impl ResponseType {
    /// Every type (A7.1).
    pub const ALL: [ResponseType; 19] = [
        ResponseType::AccessDenied,
        ResponseType::ApiConfigurationError,
        ResponseType::AuthorizerConfigurationError,
        ResponseType::AuthorizerFailure,
        ResponseType::BadRequestBody,
        ResponseType::BadRequestParameters,
        ResponseType::ExpiredToken,
        ResponseType::IntegrationFailure,
        ResponseType::IntegrationTimeout,
        ResponseType::InvalidApiKey,
        ResponseType::InvalidSignature,
        ResponseType::MissingAuthenticationToken,
        ResponseType::QuotaExceeded,
        ResponseType::RequestTooLarge,
        ResponseType::ResourceNotFound,
        ResponseType::Throttled,
        ResponseType::Unauthorized,
        ResponseType::UnsupportedMediaType,
        ResponseType::WafFiltered,
    ];

    pub(super) fn defaults(self) -> Defaults {
        use ResponseType as T;
        let (name, status, error_type, message) = match self {
            T::AccessDenied => {
                ("ACCESS_DENIED", 403, "AccessDeniedException", "User is not authorized to access this resource")
            }
            T::ApiConfigurationError => {
                ("API_CONFIGURATION_ERROR", 500, "InternalServerErrorException", "Internal server error")
            }
            T::AuthorizerConfigurationError => {
                ("AUTHORIZER_CONFIGURATION_ERROR", 500, "AuthorizerConfigurationException", "")
            }
            T::AuthorizerFailure => ("AUTHORIZER_FAILURE", 500, "AuthorizerConfigurationException", ""),
            T::BadRequestBody => ("BAD_REQUEST_BODY", 400, "BadRequestException", "Invalid request body"),
            T::BadRequestParameters => {
                ("BAD_REQUEST_PARAMETERS", 400, "BadRequestException", "Missing required request parameters")
            }
            T::ExpiredToken => {
                ("EXPIRED_TOKEN", 403, "ExpiredTokenException", "The security token included in the request is expired")
            }
            T::IntegrationFailure => (
                "INTEGRATION_FAILURE",
                504,
                "InternalServerErrorException",
                "Network error communicating with endpoint",
            ),
            T::IntegrationTimeout => {
                ("INTEGRATION_TIMEOUT", 504, "InternalServerErrorException", "Endpoint request timed out")
            }
            T::InvalidApiKey => ("INVALID_API_KEY", 403, "ForbiddenException", "Forbidden"),
            T::InvalidSignature => (
                "INVALID_SIGNATURE",
                403,
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                 Access Key and signing method. Consult the service documentation for details.",
            ),
            T::MissingAuthenticationToken => (
                "MISSING_AUTHENTICATION_TOKEN",
                403,
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            ),
            T::QuotaExceeded => ("QUOTA_EXCEEDED", 429, "LimitExceededException", "Limit Exceeded"),
            T::RequestTooLarge => ("REQUEST_TOO_LARGE", 413, "RequestTooLargeException", "Request Too Long"),
            T::ResourceNotFound => ("RESOURCE_NOT_FOUND", 404, "NotFoundException", "Not Found"),
            T::Throttled => ("THROTTLED", 429, "TooManyRequestsException", "Too Many Requests"),
            T::Unauthorized => ("UNAUTHORIZED", 401, "UnauthorizedException", "Unauthorized"),
            T::UnsupportedMediaType => ("UNSUPPORTED_MEDIA_TYPE", 415, "BadRequestException", "Unsupported Media Type"),
            T::WafFiltered => ("WAF_FILTERED", 403, "ForbiddenException", "Forbidden"),
        };
        Defaults { name, status, error_type, message: (!message.is_empty()).then_some(message) }
    }

    /// API Gateway's name, as in `DEFAULT_4XX`'s siblings `ACCESS_DENIED` and `THROTTLED`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.defaults().name
    }

    /// The status without any customisation.
    #[must_use]
    pub fn status(self) -> u16 {
        self.defaults().status
    }
}
