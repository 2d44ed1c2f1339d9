//! Node.js handlers under aws-lambda-ric and under ours: what arrives at the Runtime API and in the log is the same.

use serde_json::Value;

use samd::project::function::Runtime;
use samd_tests::recording_api::Event;
use samd_tests::runtime_client::{Function, run};

use super::clients::{aws_lambda_ric, handlers, interpreter, ours};
use super::transcript;

/// Handlers that get two events, so that it is seen whether they get to the second.
const PLAIN: &[&str] = &[
    "values.nothing",
    "values.nil",
    "values.unicode",
    "values.halfAPair",
    "values.bigint",
    "values.circle",
    "values.aFunction",
    "values.notANumber",
    "values.dates",
    "values.buffers",
    "values.throwingJson",
    "values.large",
    "values.syncValue",
    "values.thenable",
    "values.deep.er.still",
    "contexts.all",
    "contexts.names",
    "contexts.remaining",
    "contexts.trace",
    "contexts.counts",
    "contexts.main",
    "contexts.input",
    "contexts.workingDirectory",
    "contexts.globals",
    "answers.callback",
    "answers.callbackError",
    "answers.callbackText",
    "answers.callbackObject",
    "answers.callbackNothing",
    "answers.callbackTwice",
    "answers.callbackLater",
    "answers.loopFirst",
    "answers.loopLast",
    "answers.succeed",
    "answers.fail",
    "answers.failNothing",
    "answers.done",
    "answers.doneError",
    "answers.never",
    "answers.neverResolves",
    "answers.bothWays",
    "answers.promiseAndTimer",
    "answers.circleByCallback",
    "failures.plain",
    "failures.custom",
    "failures.unnamed",
    "failures.sync",
    "failures.text",
    "failures.number",
    "failures.nothing",
    "failures.nil",
    "failures.object",
    "failures.errorLike",
    "failures.stackless",
    "failures.wordless",
    "failures.lines",
    "failures.cause",
    "failures.deep",
    "failures.uncaught",
    "failures.unhandled",
    "failures.unhandledText",
    "failures.leave",
    "failures.leaveBadly",
    "failures.abort",
    "logs.levels",
    "logs.lines",
    "logs.errors",
    "logs.circle",
    "logs.fails",
    "streams.plain",
    "streams.typed",
    "streams.prelude",
    "streams.preludeWithoutBody",
    "streams.piped",
    "streams.waits",
    "streams.failsEarly",
    "streams.failsMidway",
    "streams.lateType",
    "streams.notAsync",
    "streams.returns",
    "streams.empty",
    "streams.context",
    "module.handler",
    "common.handler",
    "sub/deep/app.handler",
    "typed_module/app.handler",
    "typed_module/imports.handler",
    // INIT fails.
    "values.missing",
    "values.notAFunction",
    "values.deep.missing.far",
    "module.default.missing",
    "noSuchFile.handler",
    "sub/noSuchFile.handler",
    "nodot",
    "../values.echo",
    "brokenSyntax.handler",
    "brokenSyntaxModule.handler",
    "brokenImport.handler",
    "brokenImportInside.handler",
    "brokenImportModule.handler",
    "throwsAtImport.handler",
    "throwsTextAtImport.handler",
    "leavesAtImport.handler",
];

/// Handlers that show the JSON log format.
const LOGS: &[&str] = &[
    "logs.levels",
    "logs.lines",
    "logs.errors",
    "logs.circle",
    "logs.fails",
    "failures.uncaught",
    "brokenImport.handler",
];

fn function(major: u8, handler: &str, events: &[&str], variables: &[(&str, &str)]) -> Function {
    let runtime = format!("AWS_Lambda_nodejs{major}.x");
    let mut all = vec![("AWS_EXECUTION_ENV", runtime.as_str())];
    all.extend(variables);
    Function {
        folder: handlers("node"),
        handler: handler.to_owned(),
        variables: all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        events: events.iter().map(|body| Event::new(body)).collect(),
    }
}

fn functions(major: u8) -> Vec<Function> {
    let mut all: Vec<Function> = PLAIN.iter().map(|handler| function(major, handler, &["1", "{}"], &[])).collect();
    let bodies = [
        "{\"a\": [1, 2.5, null, true, \"é \\u00e9 \\ud83d\\ude00\"]}",
        "\"\"",
        "0",
        "[]",
        "null",
        "{\"a\":1,\"a\":2}",
        "[1",
    ];
    all.push(function(major, "values.echo", &bodies, &[]));
    all.push(function(major, "values.kind", &bodies, &[]));
    all.push(with_contexts(major, "contexts.all"));
    for handler in LOGS {
        all.push(function(major, handler, &["{}"], &[("AWS_LAMBDA_LOG_FORMAT", "JSON")]));
        let warn = [("AWS_LAMBDA_LOG_FORMAT", "JSON"), ("AWS_LAMBDA_LOG_LEVEL", "warn")];
        all.push(function(major, handler, &["{}"], &warn));
    }
    all
}

fn with_contexts(major: u8, handler: &str) -> Function {
    let events = vec![
        Event::new("{}").header("Lambda-Runtime-Client-Context", "{\"custom\":{\"a\":\"é\"}}"),
        Event::new("{}").header("Lambda-Runtime-Client-Context", "{not json"),
        Event::new("{}").header("Lambda-Runtime-Cognito-Identity", "{\"cognitoIdentityId\":\"i\"}"),
        Event::new("{}").header("Lambda-Runtime-Aws-Tenant-Id", "tenant-1"),
    ];
    Function { events, ..function(major, handler, &[], &[]) }
}

/// Versions that the tests bring with them.
const BROUGHT: &[u8] = &[18, 22, 24];

/// Handlers whose stream fails: AWS's newer client asks for the next event before it has told so, ours after. The first
/// of two is told in any case.
const FAILING_STREAMS: &[&str] = &["streams.failsEarly", "streams.failsMidway", "streams.lateType", "streams.notAsync"];

/// What AWS's newer client leaves to Node is printed with lines of the client's own code, which differ, as does how
/// many frames of it are left out.
fn as_compared(major: u8, handler: &str, mut run: Value) -> Value {
    if major < 24 {
        return run;
    }
    if let Some(Value::Array(lines)) = run.get_mut("output") {
        if let Some(at) = lines.iter().position(|line| line.as_str().is_some_and(|line| line.contains("<client>:"))) {
            lines.drain(at..lines.len().min(at + 3));
        }
        lines.dedup_by(|line, before| line == "" && before == "");
    }
    if let Some(Value::Array(arrived)) = run.get_mut("arrived").filter(|_| FAILING_STREAMS.contains(&handler)) {
        arrived.retain(|request| request != "next");
        arrived.truncate(1);
    }
    run
}

fn compare(major: u8) {
    let Some(node) = interpreter(&Runtime::Node { major }) else {
        assert!(!BROUGHT.contains(&major), "Node.js {major} is not here; run tests/install/interpreters.sh first");
        eprintln!("SKIPPED: Node.js {major} is not on this machine");
        return;
    };
    let mine = ours(&Runtime::Node { major }, &node);
    let mut differences = Vec::new();
    for function in functions(major) {
        let theirs = aws_lambda_ric(major, &node, &function.handler);
        let expected = transcript::of(&theirs, &run(&theirs, &function).unwrap());
        let found = transcript::of(&mine, &run(&mine, &function).unwrap());
        let [expected, found] = [expected, found].map(|run| as_compared(major, &function.handler, run));
        let places = transcript::differences(&expected, &found);
        if !places.is_empty() {
            differences.push(format!("{} {:?}\n{}", function.handler, function.variables, places.join("\n")));
        }
    }
    assert!(differences.is_empty(), "{} of nodejs{major}.x differ:\n{}", differences.len(), differences.join("\n"));
}

macro_rules! each_node {
    ($($name:ident: $major:literal),*) => {
        $(#[test]
        fn $name() {
            compare($major);
        })*
    };
}

// Up to 22 AWS's client is aws-lambda-ric 3; from 24 on it is version 4, without callbacks.
each_node! {
    node_18_behaves_as_under_aws_lambda_ric: 18,
    node_20_behaves_as_under_aws_lambda_ric: 20,
    node_22_behaves_as_under_aws_lambda_ric: 22,
    node_24_behaves_as_under_aws_lambda_ric: 24
}
