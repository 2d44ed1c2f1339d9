//! Python handlers under awslambdaric and under ours: what arrives at the Runtime API and in the log is the same.

use serde_json::Value;

use samd::project::function::Runtime;
use samd_tests::recording_api::Event;
use samd_tests::runtime_client::{Function, run};

use super::clients::{awslambdaric, handlers, interpreter, ours};
use super::transcript;

/// Handlers that get one empty object.
const PLAIN: &[&str] = &[
    "values.nothing",
    "values.not_a_number",
    "values.unicode",
    "values.raw_bytes",
    "values.bytes_inside",
    "values.bytes_that_are_no_text",
    "values.bytes_as_key",
    "values.a_set",
    "values.a_set_deep_inside",
    "values.a_date",
    "values.decimals",
    "values.decimal_as_key",
    "values.named_tuple",
    "values.as_dict",
    "values.enums",
    "values.an_enum",
    "values.subclasses",
    "values.keys",
    "values.tuple_as_key",
    "values.circle",
    "values.circle_of_subclasses",
    "values.shared",
    "values.numbers",
    "values.generator",
    "values.large",
    "values.text",
    "values.empty",
    "values.half_a_pair",
    "contexts.fields",
    "contexts.described",
    "contexts.remaining",
    "contexts.trace",
    "contexts.variables",
    "contexts.standard_input",
    "contexts.search_path",
    "contexts.working_directory",
    "failures.custom",
    "failures.wordless",
    "failures.key",
    "failures.unicode",
    "failures.lines",
    "failures.chained",
    "failures.deep",
    "failures.leave",
    "failures.leave_badly",
    "failures.leave_with_words",
    "failures.leave_at_once",
    "failures.interrupt",
    "failures.base",
    "failures.killed",
    "failures.evaluated",
    "failures.imported_late",
    "failures.not_callable",
    "failures.too_few",
    "logs.prints",
    "logs.levels",
    "logs.failures",
    "logs.extra",
    "logs.basic",
    "logs.own_handler",
    "logs.by_context",
    "logs.fails",
    "lazy_logs.handler",
    "namespace.service",
    "sub/deep/app.handler",
    "sub.deep.app.handler",
    "pkg.app.handler",
    // INIT fails.
    "values.missing",
    "no_such_file.handler",
    "sub/no_such_file.handler",
    "nodot",
    "time.time",
    "broken_syntax.handler",
    "broken_syntax_inside.handler",
    "broken_indentation.handler",
    "broken_import.handler",
    "broken_import_inside.handler",
    "broken_name.handler",
    "raises_at_import.handler",
    "leaves_at_import.handler",
    "leaves_badly_at_import.handler",
];

/// Handlers that show the JSON log format.
const LOGS: &[&str] = &[
    "logs.prints",
    "logs.levels",
    "logs.failures",
    "logs.extra",
    "logs.fails",
    "failures.unicode",
    "broken_import.handler",
    "lazy_logs.handler",
];

fn function(minor: u8, handler: &str, events: Vec<Event>, variables: &[(&str, &str)]) -> Function {
    let runtime = format!("AWS_Lambda_python3.{minor}");
    let mut all = vec![("AWS_EXECUTION_ENV", runtime.as_str()), ("PYTHONDONTWRITEBYTECODE", "1")];
    all.extend(variables);
    Function {
        folder: handlers("python"),
        handler: handler.to_owned(),
        variables: all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        events,
    }
}

fn events(bodies: &[&str]) -> Vec<Event> {
    bodies.iter().map(|body| Event::new(body)).collect()
}

/// All that one Python is asked.
fn functions(minor: u8) -> Vec<Function> {
    let mut all: Vec<Function> = PLAIN.iter().map(|handler| function(minor, handler, events(&["{}"]), &[])).collect();
    let bodies = [
        "{\"a\": [1, 2.5, null, true, \"é \\u00e9 \\ud83d\\ude00\"]}",
        "\"\"",
        "0",
        "[]",
        "null",
        "1e400",
        "{\"a\":1,\"a\":2}",
    ];
    all.push(function(minor, "values.echo", events(&bodies), &[]));
    all.push(function(minor, "values.kind", events(&bodies), &[]));
    all.push(function(minor, "failures.plain", events(&["1", "{}", "\"é\""]), &[]));
    all.push(function(minor, "contexts.client", contexts(), &[]));
    all.push(function(minor, "contexts.identity", contexts(), &[]));
    all.push(function(minor, "contexts.described", contexts(), &[]));
    for handler in LOGS {
        let json = [("AWS_LAMBDA_LOG_FORMAT", "JSON")];
        all.push(function(minor, handler, events(&["{}"]), &json));
        let debug = [("AWS_LAMBDA_LOG_FORMAT", "JSON"), ("AWS_LAMBDA_LOG_LEVEL", "DEBUG")];
        all.push(function(minor, handler, events(&["{}"]), &debug));
    }
    all
}

fn contexts() -> Vec<Event> {
    let client =
        "{\"custom\":{\"a\":\"b\"},\"env\":{\"x\":\"y\"},\"client\":{\"app_title\":\"t\",\"installation_id\":\"i\"}}";
    vec![
        Event::new("{}").header("Lambda-Runtime-Client-Context", client),
        Event::new("{}").header("Lambda-Runtime-Client-Context", "{\"custom\":null}"),
        Event::new("{}").header("Lambda-Runtime-Client-Context", "[]"),
        Event::new("{}")
            .header("Lambda-Runtime-Cognito-Identity", "{\"cognitoIdentityId\":\"i\",\"cognitoIdentityPoolId\":\"p\"}"),
        Event::new("{}").header("Lambda-Runtime-Aws-Tenant-Id", "tenant-1"),
    ]
}

/// Clients before 4 know neither tenants nor `repr` of the context, fail on a log's extras that are not JSON, and name a
/// refused key's module; Python 3.8 has no newer one.
fn is_of_an_older_client(minor: u8, function: &Function) -> bool {
    minor == 8
        && (function.handler.starts_with("contexts.")
            || ["lazy_logs.handler", "logs.extra", "values.decimal_as_key"].contains(&&*function.handler))
}

/// What is printed differs on purpose: the client of Python 3.8 logs in an older form, and what ends the client
/// itself prints the way through the client.
fn is_output_apart(minor: u8, function: &Function) -> bool {
    minor == 8 || ["values.half_a_pair", "failures.interrupt", "failures.base"].contains(&&*function.handler)
}

/// Recorded from AWS: only Python 3.8's errors come without the request's id. awslambdaric sends it always.
fn as_recorded(minor: u8, mut transcript: Value) -> Value {
    if minor == 8 {
        drop_request_id(&mut transcript);
    }
    transcript
}

fn drop_request_id(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(drop_request_id),
        Value::Object(members) => {
            if members.contains_key("errorType") {
                members.remove("requestId");
            }
            members.values_mut().for_each(drop_request_id);
        }
        _ => {}
    }
}

fn compare(minor: u8) {
    let runtime = Runtime::Python { minor };
    let Some(interpreter) = interpreter(&runtime) else {
        // The tests bring the newest with them, out of Debian's packages.
        let is_brought = minor == 14 && std::path::Path::new("/usr/bin/dpkg-deb").exists();
        assert!(!is_brought, "Python 3.14 is not here; run tests/install/interpreters.sh first");
        eprintln!("SKIPPED: python3.{minor} is not on this machine");
        return;
    };
    let mine = ours(&runtime, &interpreter);
    let mut differences = Vec::new();
    for function in functions(minor).iter().filter(|function| !is_of_an_older_client(minor, function)) {
        let theirs = awslambdaric(minor, &function.handler);
        let expected = as_recorded(minor, transcript::of(&theirs, &run(&theirs, function).unwrap()));
        let found = as_recorded(minor, transcript::of(&mine, &run(&mine, function).unwrap()));
        let places = transcript::differences(&expected, &found);
        let places: Vec<String> = places
            .into_iter()
            .filter(|place| !(is_output_apart(minor, function) && place.starts_with("  .output")))
            .collect();
        if !places.is_empty() {
            differences.push(format!("{} {:?}\n{}", function.handler, function.variables, places.join("\n")));
        }
    }
    assert!(differences.is_empty(), "{} of python3.{minor} differ:\n{}", differences.len(), differences.join("\n"));
}

macro_rules! each_python {
    ($($name:ident: $minor:literal),*) => {
        $(#[test]
        fn $name() {
            compare($minor);
        })*
    };
}

each_python! {
    python3_8_behaves_as_under_awslambdaric: 8,
    python3_9_behaves_as_under_awslambdaric: 9,
    python3_10_behaves_as_under_awslambdaric: 10,
    python3_11_behaves_as_under_awslambdaric: 11,
    python3_12_behaves_as_under_awslambdaric: 12,
    python3_13_behaves_as_under_awslambdaric: 13,
    python3_14_behaves_as_under_awslambdaric: 14
}
