//! What a client did, in a form in which two clients can be compared: ids and times are the same for both, places in the
//! clients' own code are left out, JSON is compared by value.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use samd_tests::recording_api::Arrived;
use samd_tests::runtime_client::{Client, Run};

/// Headers that mean something at the Runtime API.
const TELLING: &[&str] = &[
    "content-type",
    "lambda-runtime-function-error-type",
    "lambda-runtime-function-response-mode",
    "lambda-runtime-function-xray-error-cause",
    "trailer",
];

/// A run without what may differ.
pub(super) fn of(client: &Client, run: &Run) -> Value {
    let own = Own { folder: client.folder.to_string_lossy().into_owned() };
    json!({
        "arrived": run.arrived.iter().map(|request| own.request(request)).collect::<Vec<_>>(),
        "exit": run.exit,
        "output": own.output(&run.output),
    })
}

struct Own {
    folder: String,
}

impl Own {
    fn request(&self, request: &Arrived) -> Value {
        if request.is_next() {
            return json!("next");
        }
        let headers: BTreeMap<&str, Value> = TELLING
            .iter()
            .filter_map(|name| Some((*name, self.value(request.headers.get(*name)?.as_bytes()))))
            .filter(|(_, value)| *value != json!(""))
            .collect();
        json!({
            "request": format!("{} {}", request.method, request.path),
            "headers": headers,
            "body": self.value(&request.body),
            "trailers": request.trailers.iter().map(|(name, text)| (name, self.trailer(text))).collect::<BTreeMap<_, _>>(),
        })
    }

    fn value(&self, bytes: &[u8]) -> Value {
        match serde_json::from_slice(bytes) {
            Ok(value) => self.cleaned(value),
            // awslambdaric posts INIT errors in Latin-1 where they have no escapes; ours are UTF-8, as JSON asks for.
            Err(_) if std::str::from_utf8(bytes).is_err() => {
                let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
                serde_json::from_str(&text).map_or(Value::String(text), |value| self.cleaned(value))
            }
            Err(_) => Value::String(self.text(&String::from_utf8_lossy(bytes))),
        }
    }

    fn trailer(&self, text: &str) -> Value {
        use base64::Engine as _;
        match base64::engine::general_purpose::STANDARD.decode(text) {
            Ok(bytes) => self.value(&bytes),
            Err(_) => json!(text),
        }
    }

    /// Frames of the clients' own code and of the interpreter's insides are left out.
    fn cleaned(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => Value::Array(
                items.into_iter().filter(|item| !self.is_own_frame(item)).map(|item| self.cleaned(item)).collect(),
            ),
            Value::Object(members) => {
                let mut members: serde_json::Map<String, Value> =
                    members.into_iter().map(|(name, value)| (name, self.cleaned(value))).collect();
                // AWS's Python client makes this list from a set.
                if let Some(Value::Array(paths)) = members.get_mut("paths") {
                    paths.sort_by_key(ToString::to_string);
                }
                // Of no order on either side; serde_json keeps the order of arrival.
                let mut sorted: Vec<(String, Value)> = members.into_iter().collect();
                sorted.sort_by(|one, other| one.0.cmp(&other.0));
                Value::Object(sorted.into_iter().collect())
            }
            other => other,
        }
    }

    fn is_own_frame(&self, item: &Value) -> bool {
        match item {
            Value::String(text) => {
                self.is_frame(text.trim_start()) || text == "file" || text == "node" || text.starts_with(&self.folder)
            }
            Value::Object(frame) => frame.get("path").and_then(Value::as_str).is_some_and(|path| {
                path == "file" || path == "node" || path.is_empty() || path.starts_with(&self.folder)
            }),
            _ => false,
        }
    }

    /// `at f (file)` or `File "file", line 1, in f` of the client or of the interpreter.
    fn is_frame(&self, text: &str) -> bool {
        let is_inside = text.contains(&self.folder)
            || ["(node:", "at node:", "at async node:", "(<anonymous>)"].iter().any(|inside| text.contains(inside));
        (text.starts_with("at ") || text.starts_with("File \"")) && is_inside
    }

    /// A text without lines that are frames of the client, its own files under one name.
    fn text(&self, text: &str) -> String {
        let kept: Vec<&str> = text.split('\n').filter(|line| !self.is_frame(line.trim_start())).collect();
        self.renamed(&kept.join("\n"))
    }

    fn renamed(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(&self.folder) {
            out += &rest[..at];
            out += "<client>";
            let tail = &rest[at + self.folder.len()..];
            rest = tail.trim_start_matches(|c: char| c.is_alphanumeric() || "/._-".contains(c));
        }
        out + rest
    }

    fn output(&self, output: &str) -> Vec<Value> {
        output.split('\n').filter(|line| !is_about_the_client(line)).map(|line| self.line(line)).collect()
    }

    /// A line with its times replaced; what is JSON in it is compared by value.
    fn line(&self, line: &str) -> Value {
        let line = without_times(line);
        if line.starts_with('{')
            && let Ok(value) = serde_json::from_str(&line)
        {
            return self.cleaned(value);
        }
        if let Some((title, json)) = line.split_once("\t{")
            && let Ok(value) = serde_json::from_str(&format!("{{{json}"))
        {
            return json!([self.text(title), self.cleaned(value)]);
        }
        Value::String(self.text(&self.without_frames(&line)))
    }

    /// An event's parts but the client's frames, in Python's case with the source line that follows each.
    fn without_frames(&self, line: &str) -> String {
        let mut kept: Vec<&str> = Vec::new();
        let mut is_after_frame = false;
        for part in line.split('\r') {
            let is_source = is_after_frame && part.starts_with("\u{a0}\u{a0}\u{a0}\u{a0}");
            let is_frame = self.is_frame(part.trim_start_matches([' ', '\u{a0}']));
            if !is_frame && !is_source {
                kept.push(part);
            }
            is_after_frame = is_frame || is_source;
        }
        kept.join("\r")
    }
}

/// Lines that AWS's clients write about themselves, which ours has no reason to.
fn is_about_the_client(line: &str) -> bool {
    line.contains("LAMBDA_WARNING: Unhandled exception") || line.starts_with("Executing '")
}

/// Replaces `2024-01-02T03:04:05.678Z`, with or without a fraction.
fn without_times(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        if let Some(after) = after_time(rest) {
            out += "<time>";
            rest = after;
        } else {
            out.push(character);
            rest = &rest[character.len_utf8()..];
        }
    }
    out
}

fn after_time(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = bytes.len() > shape.len()
        && shape.iter().zip(bytes).all(|(want, byte)| if *want == b'd' { byte.is_ascii_digit() } else { want == byte });
    if !fits {
        return None;
    }
    let rest = text[shape.len()..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    rest.strip_prefix('Z')
}

/// The places in which two transcripts differ, each on a line.
pub(super) fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let mut all = Vec::new();
    collect(expected, found, "", &mut all);
    all
}

fn collect(expected: &Value, found: &Value, place: &str, all: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(one), Value::Object(other)) => {
            let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let member = |of: &serde_json::Map<String, Value>| of.get(name).cloned().unwrap_or(json!("(absent)"));
                collect(&member(one), &member(other), &format!("{place}.{name}"), all);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (at, (one, other)) in one.iter().zip(other).enumerate() {
                collect(one, other, &format!("{place}[{at}]"), all);
            }
        }
        _ if expected != found => all.push(format!("  {place}\n    AWS's {expected}\n    ours  {found}")),
        _ => {}
    }
}
