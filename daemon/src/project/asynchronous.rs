//! What happens to a function's asynchronous invocations: EventInvokeConfig, as it should be honoured (H3).

use std::time::Duration;

use super::FunctionId;

/// How long Lambda keeps an event, unless MaximumEventAgeInSeconds says less.
pub const MAX_AGE: Duration = Duration::from_secs(6 * 3600);
/// How often it tries again after a function error, unless MaximumRetryAttempts says less.
pub const MAX_RETRIES: u32 = 2;

/// A function's EventInvokeConfig with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asynchronous {
    /// MaximumEventAgeInSeconds.
    pub max_age: Duration,
    /// MaximumRetryAttempts.
    pub retries: u32,
    /// The function that is told of events that have run.
    pub on_success: Option<FunctionId>,
    /// The function that is told of events that were given up.
    pub on_failure: Option<FunctionId>,
}

impl Default for Asynchronous {
    fn default() -> Asynchronous {
        Asynchronous { max_age: MAX_AGE, retries: MAX_RETRIES, on_success: None, on_failure: None }
    }
}
