//! What subscribers of the Telemetry API (G2) and of its predecessor, the Logs API (G3), are told, and in which batches.

mod buffer;
mod subscription;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::environment::version;
use super::extension::Standing;
use super::report::{self, Report};
use crate::project::function::{Function, LogFormat};

pub use buffer::Buffer;
pub use subscription::{Api, Destination, Limits, Stream, Subscription};

/// One thing to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// RFC 3339, in milliseconds.
    pub time: String,
    /// Who speaks.
    pub stream: Stream,
    /// As in `platform.start`; `function` and `extension` for their lines.
    pub kind: &'static str,
    /// What there is to say.
    pub record: Value,
    /// The record is a line of a function that logs JSON.
    pub json_line: bool,
}

impl Event {
    fn platform(time: String, kind: &'static str, record: Value) -> Event {
        Event { time, stream: Stream::Platform, kind, record, json_line: false }
    }

    /// A line that the function or an extension printed.
    #[must_use]
    pub fn line(function: &Function, stream: Stream, line: &str, time: String) -> Event {
        let kind = if stream == Stream::Extension { "extension" } else { "function" };
        let json_line = stream == Stream::Function && function.logging.format == LogFormat::Json;
        Event { time, stream, kind, record: Value::from(line), json_line }
    }

    /// INIT begins.
    #[must_use]
    pub fn init_start(function: &Function, runtime_version: &str, time: String) -> Event {
        Event::platform(time, "platform.initStart", report::init_record(function, runtime_version))
    }

    /// The runtime has done its part of INIT.
    #[must_use]
    pub fn init_runtime_done(error_type: Option<&str>, time: String) -> Event {
        let mut record = json!({"initializationType": "on-demand", "phase": "init", "status": status(error_type)});
        put_error(&mut record, error_type);
        Event::platform(time, "platform.initRuntimeDone", record)
    }

    /// INIT is over.
    #[must_use]
    pub fn init_report(duration: Duration, error_type: Option<&str>, time: String) -> Event {
        let mut record = json!({"initializationType": "on-demand", "phase": "init", "status": status(error_type),
            "metrics": {"durationMs": report::milliseconds_of(duration)}});
        put_error(&mut record, error_type);
        Event::platform(time, "platform.initReport", record)
    }

    /// An invocation begins.
    #[must_use]
    pub fn start(function: &Function, request_id: &str, trace_id: &str, time: String) -> Event {
        let mut record = json!({"requestId": request_id, "version": version(function)});
        if !trace_id.is_empty() {
            record["tracing"] = json!({"type": "X-Amzn-Trace-Id", "value": trace_id});
        }
        Event::platform(time, "platform.start", record)
    }

    /// The runtime has done its part of an invocation.
    #[must_use]
    pub fn runtime_done(done: &RuntimeDone<'_>, time: String) -> Event {
        let mut record = json!({"requestId": done.request_id, "status": done.status,
            "metrics": {"durationMs": report::milliseconds_of(done.duration), "producedBytes": done.produced}});
        put_error(&mut record, done.error_type);
        Event::platform(time, "platform.runtimeDone", record)
    }

    /// An invocation is over, in the Logs API's words.
    #[must_use]
    pub fn end(request_id: &str, time: String) -> Event {
        Event::platform(time, "platform.end", json!({"requestId": request_id}))
    }

    /// An invocation is over.
    #[must_use]
    pub fn report(function: &Function, report: &Report<'_>, time: String) -> Event {
        Event::platform(time, "platform.report", report::record(function, report))
    }

    /// How an extension stands.
    #[must_use]
    pub fn extension(extension: &Standing, error_type: Option<&str>, time: String) -> Event {
        let events: Vec<&str> = extension.events.iter().map(|event| event.name()).collect();
        let state = if error_type.is_some() { "Error" } else { "Ready" };
        let mut record = json!({"name": *extension.name, "state": state, "events": events});
        put_error(&mut record, error_type);
        Event::platform(time, "platform.extension", record)
    }

    /// An extension subscribed.
    #[must_use]
    pub fn subscribed(name: &Arc<str>, subscription: &Subscription, time: String) -> Event {
        let kind = match subscription.api {
            Api::Telemetry => "platform.telemetrySubscription",
            Api::Logs => "platform.logsSubscription",
        };
        let types: Vec<&str> = subscription.streams.iter().map(|stream| stream.name()).collect();
        Event::platform(time, kind, json!({"name": **name, "state": "Subscribed", "types": types}))
    }

    /// A subscriber was too slow, or was not there.
    #[must_use]
    pub fn dropped(records: u64, bytes: u64, reason: &str, time: String) -> Event {
        let record = json!({"droppedBytes": bytes, "droppedRecords": records, "reason": reason});
        Event::platform(time, "platform.logsDropped", record)
    }

    /// As a subscriber gets it; nothing where he did not ask for it.
    #[must_use]
    pub fn rendered(&self, subscription: &Subscription) -> Option<String> {
        if !subscription.streams.contains(&self.stream) {
            return None;
        }
        let record = match subscription.api {
            Api::Telemetry => self.for_telemetry(subscription)?,
            Api::Logs => self.for_logs(subscription)?,
        };
        Some(json!({"time": self.time, "type": self.kind, "record": record}).to_string())
    }

    fn for_telemetry(&self, subscription: &Subscription) -> Option<Value> {
        match self.kind {
            "platform.end" | "platform.logsSubscription" => None,
            _ => Some(self.record_for(subscription)),
        }
    }

    fn for_logs(&self, subscription: &Subscription) -> Option<Value> {
        let only = |names: &[&str]| {
            let fields = self.record.as_object()?.iter().filter(|(name, _)| names.contains(&name.as_str()));
            Some(Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect()))
        };
        match self.kind {
            "platform.start" => only(&["requestId", "version"]),
            "platform.report" => only(&["requestId", "metrics"]),
            "platform.runtimeDone" if subscription.tells_runtime_done() => only(&["requestId", "status"]),
            "platform.end"
            | "platform.extension"
            | "platform.logsSubscription"
            | "platform.logsDropped"
            | "function"
            | "extension" => Some(self.record_for(subscription)),
            _ => None,
        }
    }

    fn record_for(&self, subscription: &Subscription) -> Value {
        let parsed = self.record.as_str().filter(|_| self.json_line && subscription.takes_objects());
        let object = parsed.and_then(|line| serde_json::from_str::<Value>(line).ok()).filter(Value::is_object);
        object.unwrap_or_else(|| self.record.clone())
    }
}

/// The runtime's part of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeDone<'a> {
    /// Which.
    pub request_id: &'a str,
    /// From the hand-over until the answer.
    pub duration: Duration,
    /// Bytes of the answer.
    pub produced: u64,
    /// `success`, `error`, `failure` or `timeout`.
    pub status: &'static str,
    /// The error's type.
    pub error_type: Option<&'a str>,
}

fn status(error_type: Option<&str>) -> &'static str {
    if error_type.is_some() { "error" } else { "success" }
}

fn put_error(record: &mut Value, error_type: Option<&str>) {
    if let Some(error_type) = error_type {
        record["errorType"] = Value::from(error_type);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(api: Api, body: &str) -> Subscription {
        Subscription::parse(api, body.as_bytes()).unwrap()
    }

    fn telemetry(schema: &str) -> Subscription {
        let body = format!(
            r#"{{"schemaVersion":"{schema}","types":["platform","function"],"destination":{{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080"}}}}"#
        );
        subscription(Api::Telemetry, &body)
    }

    fn logs(schema: &str) -> Subscription {
        let body = format!(
            r#"{{"schemaVersion":"{schema}","types":["platform","function"],"destination":{{"protocol":"HTTP","URI":"http://sandbox:8080/x"}}}}"#
        );
        subscription(Api::Logs, &body)
    }

    fn function(format: LogFormat) -> Function {
        let mut function = crate::project::testing::function();
        function.logging.format = format;
        function
    }

    const TIME: &str = "2022-10-12T00:01:15.000Z";

    #[test]
    fn an_invocation_is_told_in_the_schema_of_each_api() {
        let start = Event::start(&function(LogFormat::Text), "id", "Root=1", TIME.to_owned());
        assert_eq!(
            start.rendered(&telemetry("2022-07-01")).unwrap(),
            r#"{"time":"2022-10-12T00:01:15.000Z","type":"platform.start","record":{"requestId":"id","version":"$LATEST","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1"}}}"#
        );
        assert_eq!(
            start.rendered(&logs("2020-08-15")).unwrap(),
            r#"{"time":"2022-10-12T00:01:15.000Z","type":"platform.start","record":{"requestId":"id","version":"$LATEST"}}"#
        );
        let done = RuntimeDone {
            request_id: "id",
            duration: Duration::from_micros(1_500),
            produced: 7,
            status: "success",
            error_type: None,
        };
        let done = Event::runtime_done(&done, TIME.to_owned());
        assert_eq!(
            done.rendered(&telemetry("2022-07-01")).unwrap(),
            r#"{"time":"2022-10-12T00:01:15.000Z","type":"platform.runtimeDone","record":{"requestId":"id","status":"success","metrics":{"durationMs":1.5,"producedBytes":7}}}"#
        );
        assert_eq!(done.rendered(&logs("2020-08-15")), None);
        assert!(
            done.rendered(&logs("2021-03-18")).unwrap().ends_with(r#""record":{"requestId":"id","status":"success"}}"#)
        );
        let end = Event::end("id", TIME.to_owned());
        assert!(end.rendered(&telemetry("2022-07-01")).is_none() && end.rendered(&logs("2020-08-15")).is_some());
    }

    #[test]
    fn a_json_line_is_an_object_from_the_second_schema_on() {
        let line = Event::line(&function(LogFormat::Json), Stream::Function, r#"{"a":1}"#, TIME.to_owned());
        assert!(line.rendered(&telemetry("2022-12-13")).unwrap().ends_with(r#""record":{"a":1}}"#));
        assert!(line.rendered(&telemetry("2022-07-01")).unwrap().ends_with(r#""record":"{\"a\":1}"}"#));
        let text = Event::line(&function(LogFormat::Text), Stream::Function, r#"{"a":1}"#, TIME.to_owned());
        assert!(text.rendered(&telemetry("2022-12-13")).unwrap().ends_with(r#""record":"{\"a\":1}"}"#));
    }

    #[test]
    fn who_did_not_ask_for_a_stream_does_not_get_it() {
        let line = Event::line(&function(LogFormat::Text), Stream::Extension, "x", TIME.to_owned());
        assert_eq!(line.rendered(&telemetry("2022-07-01")), None);
    }
}
