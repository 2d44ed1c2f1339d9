//! The errors that the platform itself gives (F4.4), and the names of errors that runtimes report (F4.1).

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use super::Failure;

/// Largest event of a synchronous invocation, in bytes: 6 MiB (H1).
pub const MAX_EVENT: usize = 6 * 1024 * 1024;

/// Largest buffered response body, in bytes: 6 MiB and 100 (F3.1).
pub const MAX_RESPONSE: usize = 6 * 1024 * 1024 + 100;

/// How a sandbox's runtime process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// With a status.
    Status(i32),
    /// By a signal, by its number.
    Signal(i32),
    /// It was stopped for using more memory than the function has.
    OutOfMemory,
}

impl Exit {
    /// `Runtime exited …` as the platform words it (F4.4).
    #[must_use]
    pub fn reason(self) -> String {
        match self {
            Exit::Status(0) => "Runtime exited without providing a reason".to_owned(),
            Exit::Status(code) => format!("Runtime exited with error: exit status {code}"),
            Exit::Signal(number) => format!("Runtime exited with error: signal: {}", signal_name(number)),
            Exit::OutOfMemory => "Runtime exited with error: signal: killed".to_owned(),
        }
    }

    fn error_type(self) -> &'static str {
        match self {
            Exit::OutOfMemory => "Runtime.OutOfMemory",
            Exit::Status(_) | Exit::Signal(_) => "Runtime.ExitError",
        }
    }
}

/// A signal as Go, and so the platform, names it.
fn signal_name(number: i32) -> String {
    match number {
        1 => "hangup".to_owned(),
        2 => "interrupt".to_owned(),
        3 => "quit".to_owned(),
        4 => "illegal instruction".to_owned(),
        6 => "aborted".to_owned(),
        7 => "bus error".to_owned(),
        8 => "floating point exception".to_owned(),
        9 => "killed".to_owned(),
        11 => "segmentation fault".to_owned(),
        13 => "broken pipe".to_owned(),
        14 => "alarm clock".to_owned(),
        15 => "terminated".to_owned(),
        other => format!("signal {other}"),
    }
}

/// Key order as recorded.
#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "errorType")]
    error_type: &'a str,
    #[serde(rename = "errorMessage")]
    error_message: &'a str,
}

fn failure(error_type: &str, message: &str, timed_out: bool) -> Failure {
    let payload = serde_json::to_vec(&Payload { error_type, error_message: message }).unwrap_or_default();
    Failure { error_type: error_type.to_owned(), payload: Bytes::from(payload), timed_out }
}

/// The function's timeout passed.
#[must_use]
pub fn timed_out(request_id: &str, timeout: Duration) -> Failure {
    let message = format!("RequestId: {request_id} Error: Task timed out after {:.2} seconds", timeout.as_secs_f64());
    failure("Sandbox.Timedout", &message, true)
}

/// The runtime ended during an invocation, or before it could take one.
#[must_use]
pub fn exited(request_id: &str, exit: Exit) -> Failure {
    failure(exit.error_type(), &format!("RequestId: {request_id} Error: {}", exit.reason()), false)
}

/// The runtime could not be started: no `bootstrap`, no interpreter, a folder that is not there.
#[must_use]
pub fn not_started(request_id: &str, error_type: &str, reason: &str) -> Failure {
    failure(error_type, &format!("RequestId: {request_id} Error: {reason}"), false)
}

/// The response was larger than [`MAX_RESPONSE`] (F3.1); the sandbox survives it.
#[must_use]
pub fn response_too_large() -> Failure {
    let message = format!("Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).");
    // F3.1 records the message before the type here, unlike the other platform errors.
    let payload = format!(
        r#"{{"errorMessage":{},"errorType":"Function.ResponseSizeTooLarge"}}"#,
        serde_json::Value::String(message)
    );
    Failure { error_type: "Function.ResponseSizeTooLarge".to_owned(), payload: Bytes::from(payload), timed_out: false }
}

/// The runtime named a response mode that there is not.
#[must_use]
pub fn invalid_response_mode(request_id: &str) -> Failure {
    not_started(request_id, "Runtime.InvalidResponseModeHeader", "Invalid function response mode")
}

/// A runtime's own error type, made fit for logs and metrics (F4.1): kept when it looks like
/// `Runtime.Something` or `Function.Something`.
#[must_use]
pub fn normalise_type(reported: Option<&str>) -> String {
    let reported = reported.unwrap_or_default();
    let Some((family, name)) = reported.split_once('.') else { return "Runtime.Unknown".to_owned() };
    let well_formed = name.len() > 1
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().all(|letter| letter.is_ascii_alphabetic());
    match family {
        "Runtime" | "Function" if well_formed => reported.to_owned(),
        "Function" => "Function.Unknown".to_owned(),
        _ => "Runtime.Unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(failure: &Failure) -> &str {
        std::str::from_utf8(&failure.payload).unwrap()
    }

    #[test]
    fn a_timeout_is_worded_as_recorded() {
        let failure = timed_out("8476a536", Duration::from_secs(1));
        assert_eq!(
            text(&failure),
            r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 8476a536 Error: Task timed out after 1.00 seconds"}"#
        );
    }

    #[test]
    fn exits_are_worded_as_recorded() {
        assert_eq!(
            text(&exited("1", Exit::Status(0))),
            r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 1 Error: Runtime exited without providing a reason"}"#
        );
        assert_eq!(Exit::Status(127).reason(), "Runtime exited with error: exit status 127");
        assert_eq!(Exit::Signal(9).reason(), "Runtime exited with error: signal: killed");
        assert_eq!(exited("1", Exit::OutOfMemory).error_type, "Runtime.OutOfMemory");
    }

    #[test]
    fn only_well_formed_types_are_kept() {
        assert_eq!(normalise_type(Some("Runtime.ImportModuleError")), "Runtime.ImportModuleError");
        assert_eq!(normalise_type(Some("Function.Bad1")), "Function.Unknown");
        assert_eq!(normalise_type(Some("ValueError")), "Runtime.Unknown");
        assert_eq!(normalise_type(None), "Runtime.Unknown");
    }
}
