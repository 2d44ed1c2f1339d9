//! One invocation of a function and how it ended.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

/// What a caller asks of a function.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// `Lambda-Runtime-Aws-Request-Id`, a UUID; all retries of one asynchronous event share it.
    pub request_id: String,
    /// The event, valid JSON.
    pub event: Bytes,
    /// ARN as invoked: unqualified, or with the qualifier that the caller used.
    pub invoked_arn: Arc<str>,
    /// `Root=…;Parent=…;Sampled=0`.
    pub trace_id: String,
    /// Client context, decoded JSON.
    pub client_context: Option<String>,
    /// Cognito identity, JSON.
    pub cognito_identity: Option<String>,
    /// Tenant of a function with tenant isolation.
    pub tenant_id: Option<String>,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The function returned; the payload is verbatim.
    Returned(Bytes),
    /// The function failed: `X-Amz-Function-Error: Unhandled`, with the error's JSON as payload.
    Failed(Failure),
    /// No sandbox may be had: reserved concurrency is used up, or the queue is full.
    Throttled {
        /// Lambda's reason, as in `ReservedFunctionConcurrentInvocationLimitExceeded`.
        reason: &'static str,
    },
    /// The function cannot run here at all; the sentence says why and what to do.
    Unavailable {
        /// One sentence.
        reason: String,
    },
}

/// A function error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Normalised type for logs and metrics, as in `Runtime.ExitError`.
    pub error_type: String,
    /// The payload that the caller sees.
    pub payload: Bytes,
    /// The function's timeout passed.
    pub timed_out: bool,
}

/// A fresh trace header: `Root=1-<seconds>-<96 bits>;Parent=<64 bits>;Sampled=0`, in hexadecimal, of two random numbers.
#[must_use]
pub fn fresh_trace(now: SystemTime, root: u128, parent: u128) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("Root=1-{seconds:08x}-{:024x};Parent={:016x};Sampled=0", root >> 32, parent >> 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_trace_header_has_the_widths_of_x_ray() {
        assert_eq!(
            fresh_trace(UNIX_EPOCH + Duration::from_secs(0x6745_2301), u128::MAX, 1 << 64),
            "Root=1-67452301-ffffffffffffffffffffffff;Parent=0000000000000001;Sampled=0"
        );
    }
}
