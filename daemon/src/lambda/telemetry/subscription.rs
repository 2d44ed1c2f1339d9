//! A subscription, as an extension asks for it (G2.1, G3).

use std::time::Duration;

use serde_json::Value;

/// Hosts under which a sandbox knows itself.
const HOSTS: [&str; 2] = ["sandbox.localdomain", "sandbox"];
/// Bounds of the buffering.
const ITEMS: (u64, u64) = (1_000, 10_000);
const BYTES: (u64, u64) = (262_144, 1_048_576);
const TIMEOUT_MS: (u64, u64) = (25, 30_000);

/// Which of the two APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `PUT /2022-07-01/telemetry`.
    Telemetry,
    /// `PUT /2020-08-15/logs`.
    Logs,
}

impl Api {
    /// In the types of its errors.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Api::Telemetry => "Telemetry",
            Api::Logs => "Logs",
        }
    }

    fn schemas(self) -> &'static [&'static str] {
        match self {
            Api::Telemetry => &["2022-07-01", "2022-12-13", "2025-01-29"],
            Api::Logs => &["2020-08-15", "2021-03-18"],
        }
    }
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The platform.
    Platform,
    /// The function.
    Function,
    /// The external extensions.
    Extension,
}

impl Stream {
    /// As on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Stream::Platform => "platform",
            Stream::Function => "function",
            Stream::Extension => "extension",
        }
    }
}

/// When a batch is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// With so many items.
    pub max_items: usize,
    /// With so many bytes.
    pub max_bytes: u64,
    /// At this age.
    pub timeout: Duration,
}

/// Where batches go: an HTTP server in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Its port.
    pub port: u16,
    /// Path and query, from the slash on.
    pub path: String,
}

/// What an extension asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// By which API.
    pub api: Api,
    /// In which schema.
    pub schema: &'static str,
    /// Of whom.
    pub streams: Vec<Stream>,
    /// In which batches.
    pub limits: Limits,
    /// Where to.
    pub destination: Destination,
}

impl Subscription {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Everything that is wrong with it, as AWS words it: sentences with `; ` between them.
    pub fn parse(api: Api, body: &[u8]) -> Result<Subscription, String> {
        let body: Value = serde_json::from_slice(body).map_err(|_| "the body is not valid JSON".to_owned())?;
        let mut problems = Vec::new();
        let schema = taken(schema(api, &body), &mut problems);
        let destination = taken(destination(&body), &mut problems);
        let streams = taken(streams(&body), &mut problems);
        let limits = taken(limits(&body), &mut problems);
        match (schema, streams, limits, destination) {
            (Some(schema), Some(streams), Some(limits), Some(destination)) => {
                Ok(Subscription { api, schema, streams, limits, destination })
            }
            _ => Err(problems.join("; ")),
        }
    }

    /// Whether the Logs API tells of the runtime's end.
    pub(super) fn tells_runtime_done(&self) -> bool {
        self.schema == "2021-03-18"
    }

    /// Whether lines of a function that logs JSON are objects.
    pub(super) fn takes_objects(&self) -> bool {
        self.api == Api::Telemetry && self.schema != "2022-07-01"
    }
}

fn taken<T>(part: Result<T, String>, problems: &mut Vec<String>) -> Option<T> {
    part.map_err(|problem| problems.push(problem)).ok()
}

fn schema(api: Api, body: &Value) -> Result<&'static str, String> {
    let (known, Some(asked)) = (api.schemas(), body.get("schemaVersion")) else { return Ok(api.schemas()[0]) };
    let found = asked.as_str().and_then(|asked| known.iter().find(|schema| **schema == asked));
    found.copied().ok_or_else(|| format!("schemaVersion should be one of {}", known.join(", ")))
}

fn streams(body: &Value) -> Result<Vec<Stream>, String> {
    let types = body.get("types").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if types.is_empty() {
        return Err("types should not be empty".to_owned());
    }
    let all = [Stream::Platform, Stream::Function, Stream::Extension];
    let stream = |name: &Value| {
        let found = all.into_iter().find(|stream| name == stream.name());
        found.ok_or_else(|| format!("types should be platform, function or extension, and one is {name}"))
    };
    types.iter().map(stream).collect()
}

fn limits(body: &Value) -> Result<Limits, String> {
    let Some(asked) = body.get("buffering").filter(|asked| !asked.is_null()) else { return Ok(Limits::default()) };
    let number = |name: &str, (least, most): (u64, u64), default: u64| match asked.get(name) {
        None => Ok(default),
        Some(value) => {
            let within = value.as_u64().filter(|value| (least..=most).contains(value));
            within.ok_or_else(|| format!("{name} should lie between {least} and {most}"))
        }
    };
    let default = Limits::default();
    let items = number("maxItems", ITEMS, default.max_items as u64)?;
    let max_bytes = number("maxBytes", BYTES, default.max_bytes)?;
    let timeout = number("timeoutMs", TIMEOUT_MS, 1_000)?;
    Ok(Limits {
        max_items: usize::try_from(items).unwrap_or(default.max_items),
        max_bytes,
        timeout: Duration::from_millis(timeout),
    })
}

fn destination(body: &Value) -> Result<Destination, String> {
    let Some(asked) = body.get("destination") else { return Err("destination should not be empty".to_owned()) };
    match asked.get("protocol").and_then(Value::as_str) {
        Some("HTTP") => {}
        Some("TCP") => return Err("protocol TCP is not served here; use HTTP".to_owned()),
        Some(_) | None => return Err("protocol should be HTTP".to_owned()),
    }
    let uri = asked.get("URI").and_then(Value::as_str).unwrap_or_default();
    let rest = uri.strip_prefix("http://").ok_or("URI should begin with http://")?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let (host, port) = authority.split_once(':').ok_or("URI port is not provided")?;
    if !HOSTS.contains(&host) {
        return Err(format!("URI host should be {}", HOSTS.join(" or ")));
    }
    let port = port.parse().map_err(|_| "URI port is not a port".to_owned())?;
    Ok(Destination { port, path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Subscription, String> {
        Subscription::parse(Api::Telemetry, body.as_bytes())
    }

    #[test]
    fn a_subscription_has_the_documented_defaults() {
        let asked = parse(
            r#"{"schemaVersion":"2022-07-01","types":["platform","extension"],"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:4243/in?x=1"}}"#,
        )
        .unwrap();
        assert_eq!(asked.streams, [Stream::Platform, Stream::Extension]);
        assert_eq!(asked.destination, Destination { port: 4243, path: "/in?x=1".into() });
        assert_eq!(
            (asked.limits.max_items, asked.limits.max_bytes, asked.limits.timeout.as_millis()),
            (10_000, 262_144, 1_000)
        );
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let body = r#"{"types":[],"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain"}}"#;
        assert_eq!(parse(body).unwrap_err(), "URI port is not provided; types should not be empty");
        let body = r#"{"types":["function"],"buffering":{"timeoutMs":5},"destination":{"protocol":"HTTP","URI":"http://example.com:80"}}"#;
        assert_eq!(
            parse(body).unwrap_err(),
            "URI host should be sandbox.localdomain or sandbox; timeoutMs should lie between 25 and 30000"
        );
        assert!(parse("no").is_err());
    }
}
