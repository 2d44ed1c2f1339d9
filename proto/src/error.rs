//! A refusal: what went wrong as a word for programs and a sentence for people.

use serde::{Deserialize, Serialize};

use crate::Diagnostic;

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// For programs.
    pub code: ErrorCode,
    /// For people: one sentence without a final stop.
    pub message: String,
    /// Findings about the user's files, when these are the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
}

impl ApiError {
    /// An error without diagnostics.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> ApiError {
        ApiError { code, message: message.into(), diagnostics: Vec::new() }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request cannot be read.
    BadRequest,
    /// The token is missing or wrong.
    Unauthorized,
    /// The request may come from a web page: its `Host` is not ours, or it has an `Origin`.
    Forbidden,
    /// No such endpoint.
    UnknownEndpoint,
    /// The endpoint takes POST.
    MethodNotAllowed,
    /// The body did not arrive in time.
    RequestTimeout,
    /// The body is larger than the control port takes.
    TooLarge,
    /// Too many streams are open.
    TooManyStreams,
    /// No project of this name.
    UnknownProject,
    /// The project has no such function.
    UnknownFunction,
    /// The name belongs to a project at another place.
    NameTaken,
    /// The project is stopped.
    Stopped,
    /// The template or a file beside it has errors.
    Diagnostics,
    /// The address cannot be listened on.
    Address,
    /// The state could not be saved; nothing was changed.
    Store,
    /// The function has no room for another invocation.
    Throttled,
    /// The function cannot run here.
    FunctionUnavailable,
    /// The daemon is stopping.
    Stopping,
    /// This daemon cannot do it.
    NotSupported,
    /// Something else.
    Other,
    /// A code of a newer daemon.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [ErrorCode; 21] = [
        ErrorCode::BadRequest,
        ErrorCode::Unauthorized,
        ErrorCode::Forbidden,
        ErrorCode::UnknownEndpoint,
        ErrorCode::MethodNotAllowed,
        ErrorCode::RequestTimeout,
        ErrorCode::TooLarge,
        ErrorCode::TooManyStreams,
        ErrorCode::UnknownProject,
        ErrorCode::UnknownFunction,
        ErrorCode::NameTaken,
        ErrorCode::Stopped,
        ErrorCode::Diagnostics,
        ErrorCode::Address,
        ErrorCode::Store,
        ErrorCode::Throttled,
        ErrorCode::FunctionUnavailable,
        ErrorCode::Stopping,
        ErrorCode::NotSupported,
        ErrorCode::Other,
        ErrorCode::Unknown,
    ];

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            ErrorCode::BadRequest => 400,
            ErrorCode::Unauthorized => 401,
            ErrorCode::Forbidden => 403,
            ErrorCode::UnknownEndpoint | ErrorCode::UnknownProject | ErrorCode::UnknownFunction => 404,
            ErrorCode::MethodNotAllowed => 405,
            ErrorCode::RequestTimeout => 408,
            ErrorCode::NameTaken | ErrorCode::Stopped | ErrorCode::Address => 409,
            ErrorCode::TooLarge => 413,
            ErrorCode::Diagnostics => 422,
            ErrorCode::Throttled => 429,
            ErrorCode::Store | ErrorCode::Other | ErrorCode::Unknown => 500,
            ErrorCode::NotSupported => 501,
            ErrorCode::FunctionUnavailable => 502,
            ErrorCode::TooManyStreams | ErrorCode::Stopping => 503,
        }
    }
}
