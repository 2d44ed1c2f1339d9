//! The lines that the platform writes to a function's log (F7): text, or JSON where LoggingConfig asks for it.

use std::time::Duration;

use serde_json::{Value, json};

use super::extension::Standing;
use crate::project::function::{Function, LogFormat};

/// What a REPORT line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report<'a> {
    /// The invocation.
    pub request_id: &'a str,
    /// From the hand-over to the runtime until its answer.
    pub duration: Duration,
    /// INIT, on the sandbox's first invocation.
    pub init: Option<Duration>,
    /// The most memory that the sandbox has used, in bytes.
    pub max_memory: u64,
    /// How it ended, when not well: `timeout`, or `error` and its type.
    pub status: Option<(&'a str, Option<&'a str>)>,
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Billed are whole milliseconds of invocation and INIT together (F7.1).
fn billed(report: &Report<'_>) -> u64 {
    let total = report.duration + report.init.unwrap_or_default();
    u64::try_from(total.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// `INIT_START …`, or `platform.initStart`.
#[must_use]
pub fn init_start(function: &Function, runtime_version: &str, time: &str) -> String {
    match function.logging.format {
        LogFormat::Text => format!(
            "INIT_START Runtime Version: {runtime_version}\tRuntime Version ARN: arn:aws:lambda:{}::runtime:local",
            function.region
        ),
        LogFormat::Json => {
            let record = init_record(function, runtime_version);
            json!({"time": time, "type": "platform.initStart", "record": record}).to_string()
        }
    }
}

/// What `platform.initStart` tells.
pub(super) fn init_record(function: &Function, runtime_version: &str) -> Value {
    json!({"initializationType": "on-demand", "phase": "init", "runtimeVersion": runtime_version,
        "functionName": function.name, "functionVersion": super::environment::version(function)})
}

/// The line that tells of an extension (G1.11).
#[must_use]
pub fn extension(function: &Function, standing: &Standing, time: &str) -> String {
    let events: Vec<&str> = standing.events.iter().map(|event| event.name()).collect();
    match function.logging.format {
        LogFormat::Text => {
            format!("EXTENSION\tName: {}\tState: Ready\tEvents: [{}]", standing.name, events.join(", "))
        }
        LogFormat::Json => {
            let record = json!({"name": *standing.name, "state": "Ready", "events": events});
            json!({"time": time, "type": "platform.extension", "record": record}).to_string()
        }
    }
}

/// `START …`, or `platform.start`.
#[must_use]
pub fn start(function: &Function, request_id: &str, time: &str) -> String {
    let version = super::environment::version(function);
    match function.logging.format {
        LogFormat::Text => format!("START RequestId: {request_id} Version: {version}"),
        LogFormat::Json => {
            json!({"time": time, "type": "platform.start", "record": {"requestId": request_id, "version": version}})
                .to_string()
        }
    }
}

/// `END …` and `REPORT …`, or `platform.report`.
#[must_use]
pub fn end(function: &Function, report: &Report<'_>, time: &str) -> Vec<String> {
    match function.logging.format {
        LogFormat::Text => vec![format!("END RequestId: {}", report.request_id), text_report(function, report)],
        LogFormat::Json => vec![json_report(function, report, time)],
    }
}

fn text_report(function: &Function, report: &Report<'_>) -> String {
    let mut line = format!(
        "REPORT RequestId: {}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {} MB\tMax Memory Used: {} MB\t",
        report.request_id,
        milliseconds(report.duration),
        billed(report),
        function.memory_mb,
        megabytes(report.max_memory),
    );
    if let Some(init) = report.init {
        line += &format!("Init Duration: {:.2} ms\t", milliseconds(init));
    }
    if let Some((status, error_type)) = report.status {
        line += &format!("Status: {status}\t");
        if let Some(error_type) = error_type {
            line += &format!("Error Type: {error_type}\t");
        }
    }
    line
}

fn json_report(function: &Function, report: &Report<'_>, time: &str) -> String {
    json!({"time": time, "type": "platform.report", "record": record(function, report)}).to_string()
}

/// What `platform.report` tells.
pub(super) fn record(function: &Function, report: &Report<'_>) -> Value {
    let mut metrics = json!({
        "durationMs": milliseconds_of(report.duration), "billedDurationMs": billed(report),
        "memorySizeMB": function.memory_mb, "maxMemoryUsedMB": megabytes(report.max_memory)});
    if let Some(init) = report.init {
        metrics["initDurationMs"] = json!(milliseconds_of(init));
    }
    let mut record = json!({"requestId": report.request_id,
        "status": report.status.map_or("success", |(status, _)| status), "metrics": metrics});
    if let Some((_, Some(error_type))) = report.status {
        record["errorType"] = json!(error_type);
    }
    record
}

/// As a number of JSON, to the microsecond.
pub(super) fn milliseconds_of(duration: Duration) -> f64 {
    (milliseconds(duration) * 1e3).round() / 1e3
}

/// The line that a timeout leaves before END.
#[must_use]
pub fn timed_out(request_id: &str, timeout: Duration, time: &str) -> String {
    format!("{time} {request_id} Task timed out after {:.2} seconds", timeout.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::environment;

    fn function(format: LogFormat) -> Function {
        use crate::project::function::Environment;
        let mut function = crate::project::testing::function();
        function.logging.format = format;
        function.environment = Environment([("A".to_owned(), "1".to_owned()), ("_X".into(), "2".into())].into());
        function
    }

    #[test]
    fn a_report_bills_init_and_ends_with_a_tab() {
        let report = Report {
            request_id: "id",
            duration: Duration::from_micros(3_010),
            init: Some(Duration::from_micros(110_100)),
            max_memory: 36 << 20,
            status: None,
        };
        assert_eq!(
            end(&function(LogFormat::Text), &report, ""),
            [
                "END RequestId: id",
                "REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 110.10 ms\t"
            ]
        );
    }

    #[test]
    fn json_lines_are_platform_events() {
        let line = start(&function(LogFormat::Json), "id", "2026-01-01T00:00:00.000Z");
        assert_eq!(
            line,
            r#"{"time":"2026-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"id","version":"$LATEST"}}"#
        );
    }

    #[test]
    fn variables_have_awss_names_and_values_in_awss_places() {
        let places = environment::Places {
            task_root: "/var/task".into(),
            layers: vec!["/opt".into()],
            runtime_dir: "/var/runtime".into(),
            interpreter_path: vec!["/var/lang/bin".into()],
            interpreter_libraries: vec!["/var/lang/lib".into()],
        };
        let identity = environment::SandboxIdentity {
            runtime_api: "169.254.100.1:9001".into(),
            log_stream: "s".into(),
            generation: 1,
        };
        let all = environment::variables(&function(LogFormat::Text), &places, &Default::default(), &identity);
        assert_eq!(all["PATH"], "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin");
        assert_eq!(
            all["LD_LIBRARY_PATH"],
            "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
        );
        assert_eq!(all["AWS_EXECUTION_ENV"], "AWS_Lambda_python3.13");
        assert_eq!(all["A"], "1");
        assert!(!all.contains_key("_X"), "a customer's name may not begin with an underscore");
    }
}
