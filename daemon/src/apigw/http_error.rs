//! What an HTTP API says by itself (B3.1): no space after the colon, capital words.

use bytes::Bytes;

use super::{Exchange, Reply};

/// The errors that an HTTP API's gateway answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpError {
    /// A target that cannot be read.
    BadRequest,
    /// No route (B4.3).
    NotFound,
    /// An authorizer said no.
    Forbidden,
    /// No identity; the value is `www-authenticate`'s, which JWT authorizers send (B6).
    Unauthorized {
        /// `www-authenticate`.
        challenge: Option<String>,
    },
    /// A token without a scope that the route asks for (B6.4).
    InsufficientScope {
        /// `www-authenticate`.
        challenge: String,
    },
    /// The function failed, or its reply cannot be understood (B3.3).
    InternalServerError,
    /// The integration took too long (B3.3).
    ServiceUnavailable,
    /// Throttled.
    TooManyRequests,
    /// The body is larger than 10 MB (B3.5).
    RequestEntityTooLarge,
}

impl HttpError {
    fn status_and_message(&self) -> (u16, &'static str) {
        match self {
            HttpError::BadRequest => (400, "Bad Request"),
            HttpError::NotFound => (404, "Not Found"),
            HttpError::Forbidden | HttpError::InsufficientScope { .. } => (403, "Forbidden"),
            HttpError::Unauthorized { .. } => (401, "Unauthorized"),
            HttpError::InternalServerError => (500, "Internal Server Error"),
            HttpError::ServiceUnavailable => (503, "Service Unavailable"),
            HttpError::TooManyRequests => (429, "Too Many Requests"),
            HttpError::RequestEntityTooLarge => (413, "Request Entity Too Large"),
        }
    }

    fn challenge(&self) -> Option<&str> {
        match self {
            HttpError::Unauthorized { challenge } => challenge.as_deref(),
            HttpError::InsufficientScope { challenge } => Some(challenge),
            _ => None,
        }
    }
}

/// The reply for an error of an HTTP API.
#[must_use]
pub fn reply(exchange: &Exchange, error: &HttpError) -> Reply {
    let (status, message) = error.status_and_message();
    let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    headers.extend(error.challenge().map(|challenge| ("www-authenticate".to_owned(), challenge.to_owned())));
    headers.push(("Apigw-Requestid".to_owned(), exchange.request.extended_request_id.clone()));
    Reply { status, headers, body: Bytes::from(format!("{{\"message\":\"{message}\"}}")) }
}
