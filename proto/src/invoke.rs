//! One run of a function that does not come through an API.

use serde::{Deserialize, Serialize};

use crate::secret::Text;

/// Request of `invoke`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvokeRequest {
    /// The project.
    pub name: String,
    /// The function's logical id.
    pub function: String,
    /// The event's JSON as text, so that it reaches the function byte for byte; `{}` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Text>,
    /// Answer when the invocation has begun instead of when it has ended.
    #[serde(default, rename = "async")]
    pub asynchronous: bool,
}

/// Response of `invoke`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvokeResponse {
    /// The invocation's id, as in the log.
    pub request_id: String,
    /// What the function returned, or the error's JSON; absent for an asynchronous invocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Text>,
    /// The payload in base64 instead, when it is not text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_base64: Option<Text>,
    /// The error's type, when the function failed, as in `Unhandled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_error: Option<String>,
    /// The end of the invocation's log, at most 4 KB of whole lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_tail: Option<String>,
}
