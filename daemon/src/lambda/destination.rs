//! What a destination is told of an asynchronous invocation that has ended (H3.3).

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Outcome;
use super::environment::version;
use crate::project::Function;

/// The condition of a record of an event that has run.
pub const SUCCESS: &str = "Success";

/// An asynchronous invocation that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Finished<'a> {
    /// The function.
    pub function: &'a Function,
    /// The event's id.
    pub request_id: &'a str,
    /// The event.
    pub event: &'a Bytes,
    /// [`SUCCESS`], or why it was given up.
    pub condition: &'a str,
    /// How often it was tried.
    pub attempts: u32,
    /// How the last attempt ended; nothing where there was none.
    pub outcome: Option<&'a Outcome>,
    /// Now, RFC 3339 in milliseconds.
    pub time: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    version: &'static str,
    timestamp: &'a str,
    request_context: RequestContext<'a>,
    request_payload: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_context: Option<ResponseContext>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_payload: Option<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    request_id: &'a str,
    function_arn: String,
    condition: &'a str,
    approximate_invoke_count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseContext {
    status_code: u16,
    executed_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_error: Option<&'static str>,
}

/// The record, as JSON.
#[must_use]
pub fn record(finished: &Finished<'_>) -> Bytes {
    let version = version(finished.function);
    let (payload, function_error) = match finished.outcome {
        Some(Outcome::Returned(payload)) => (Some(payload), None),
        Some(Outcome::Failed(failure)) => (Some(&failure.payload), Some("Unhandled")),
        Some(Outcome::Throttled { .. } | Outcome::Unavailable { .. }) | None => (None, None),
    };
    let record = Record {
        version: "1.0",
        timestamp: finished.time,
        request_context: RequestContext {
            request_id: finished.request_id,
            function_arn: format!("{}:{version}", finished.function.arn),
            condition: finished.condition,
            approximate_invoke_count: finished.attempts,
        },
        request_payload: json(finished.event),
        response_context: payload.map(|_| ResponseContext {
            status_code: 200,
            executed_version: version,
            function_error,
        }),
        response_payload: payload.map(json),
    };
    serde_json::to_vec(&record).unwrap_or_default().into()
}

/// A payload as it came; one that is no JSON becomes text.
fn json(payload: &Bytes) -> Box<RawValue> {
    let text = String::from_utf8_lossy(payload).into_owned();
    RawValue::from_string(text.clone())
        .or_else(|_| serde_json::value::to_raw_value(&text))
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::Failure;
    use crate::project::testing;

    fn text(condition: &str, outcome: Option<&Outcome>) -> String {
        let function = testing::function();
        let event = Bytes::from_static(br#"{"n":  1}"#);
        let (request_id, time) = ("id", "2025-01-01T00:00:00.000Z");
        let finished =
            Finished { function: &function, request_id, event: &event, condition, attempts: 3, outcome, time };
        String::from_utf8(record(&finished).to_vec()).unwrap()
    }

    const BEFORE: &str = r#"{"version":"1.0","timestamp":"2025-01-01T00:00:00.000Z","requestContext":{"requestId":"id","functionArn":"arn:aws:lambda:us-east-1:123456789012:function:Fn:$LATEST","condition":"#;

    #[test]
    fn a_record_tells_of_event_and_result_as_recorded() {
        let returned = Outcome::Returned(Bytes::from_static(b"null"));
        assert_eq!(
            text(SUCCESS, Some(&returned)),
            format!(
                r#"{BEFORE}"Success","approximateInvokeCount":3}},"requestPayload":{{"n":  1}},"responseContext":{{"statusCode":200,"executedVersion":"$LATEST"}},"responsePayload":null}}"#
            )
        );
        let failed = Outcome::Failed(Failure {
            error_type: "E".into(),
            payload: Bytes::from_static(br#"{"errorMessage":"no"}"#),
            timed_out: false,
        });
        assert_eq!(
            text("RetriesExhausted", Some(&failed)),
            format!(
                r#"{BEFORE}"RetriesExhausted","approximateInvokeCount":3}},"requestPayload":{{"n":  1}},"responseContext":{{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"}},"responsePayload":{{"errorMessage":"no"}}}}"#
            )
        );
    }

    #[test]
    fn what_never_ran_has_no_response() {
        assert!(!text("EventAgeExceeded", None).contains("response"));
    }
}
