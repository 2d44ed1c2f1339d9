//! What has no counterpart to be compared with: AWS's newer Node.js client that does not run here, what was recorded from
//! AWS, and where ours is better on purpose.

use serde_json::{Value, json};

use samd::project::function::Runtime;
use samd_tests::recording_api::{Arrived, Event};
use samd_tests::runtime_client::{Client, Function, Run, run};

use super::clients::{any_node, any_python, handlers, node_24, ours};

fn python(handler: &str, variables: &[(&str, &str)], events: Vec<Event>) -> Run {
    let (runtime, interpreter) = any_python();
    run_in(&ours(&runtime, &interpreter), "python", handler, variables, events)
}

fn node(handler: &str, variables: &[(&str, &str)], events: Vec<Event>) -> Run {
    let (runtime, interpreter) = any_node();
    run_in(&ours(&runtime, &interpreter), "node", handler, variables, events)
}

fn in_node_24(handler: &str, events: Vec<Event>) -> Run {
    let (runtime, interpreter) = node_24();
    run_in(&ours(&runtime, &interpreter), "node", handler, NODE_24, events)
}

fn run_in(client: &Client, language: &str, handler: &str, variables: &[(&str, &str)], events: Vec<Event>) -> Run {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    run(client, &Function { folder: handlers(language), handler: handler.to_owned(), variables, events }).unwrap()
}

/// A function in a folder of its own.
fn inline(language: &str, text: &str, events: Vec<Event>) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let (runtime, interpreter) = if language == "python" { any_python() } else { any_node() };
    std::fs::write(folder.path().join(if language == "python" { "app.py" } else { "app.js" }), text).unwrap();
    let function = Function {
        folder: folder.path().canonicalize().unwrap(),
        handler: "app.handler".to_owned(),
        variables: Vec::new(),
        events,
    };
    run(&ours(&runtime, &interpreter), &function).unwrap()
}

fn posts(run: &Run) -> Vec<&Arrived> {
    run.arrived.iter().filter(|request| !request.is_next()).collect()
}

fn body(request: &Arrived) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn events(count: usize) -> Vec<Event> {
    vec![Event::new("{}"); count]
}

#[test]
fn an_answer_that_is_too_large_leaves_python_alive() {
    let text = "count = 0\n\n\ndef handler(event, context):\n    global count\n    count += 1\n    return 'x' * 7_000_000 if count == 1 else count\n";
    let run = inline("python", text, events(2));
    assert_eq!((body(posts(&run)[1]), run.exit), (json!(2), None));
    assert!(run.output.contains("413"), "{}", run.output);
}

#[test]
fn an_answer_that_is_too_large_leaves_node_alive() {
    let text = "let count = 0;\nexports.handler = async () => (++count === 1 ? 'x'.repeat(7000000) : count);\n";
    let run = inline("node", text, events(2));
    assert_eq!((body(posts(&run)[1]), run.exit), (json!(2), None));
    assert!(run.output.contains("413"), "{}", run.output);
}

#[test]
fn a_large_event_arrives_whole() {
    let event = format!("\"{}\"", "é".repeat(3_000_000));
    let large = || vec![Event::new(&event)];
    let in_python = inline("python", "def handler(event, context):\n    return len(event)\n", large());
    let in_node = inline("node", "exports.handler = async (event) => event.length;\n", large());
    assert_eq!([body(posts(&in_python)[0]), body(posts(&in_node)[0])], [json!(3_000_000), json!(3_000_000)]);
}

#[test]
fn an_event_that_is_not_json_is_the_functions_error() {
    let run = python("values.echo", &[], vec![Event::new("[1"), Event::new("{} x"), Event::new("[3]")]);
    let types: Vec<Value> = posts(&run)[..2].iter().map(|post| body(post)["errorType"].clone()).collect();
    assert_eq!(types, ["Runtime.UnmarshalError", "Runtime.UnmarshalError"]);
    assert_eq!(body(posts(&run)[2]), json!([3]));
}

#[test]
fn a_context_header_that_is_not_json_is_the_functions_error() {
    let event = || Event::new("{}").header("Lambda-Runtime-Client-Context", "{not json");
    let run = python("values.echo", &[], vec![event()]);
    let error = body(posts(&run)[0]);
    assert_eq!(error["errorType"], "Runtime.LambdaContextUnmarshalError");
    assert!(error["errorMessage"].as_str().unwrap().starts_with("Unable to parse Client Context JSON: Expecting"));
}

#[test]
fn each_call_of_the_contexts_log_is_a_line() {
    let text = "def handler(event, context):\n    context.log('one')\n    context.log('two\\n')\n    context.log(3)\n";
    assert_eq!(inline("python", text, events(1)).output, "one\ntwo\n3\n");
}

#[test]
fn what_was_printed_without_a_newline_survives_a_kill() {
    let text =
        "import os\n\n\ndef handler(event, context):\n    print('last words', end='')\n    os.kill(os.getpid(), 9)\n";
    let run = inline("python", text, events(1));
    assert_eq!((run.output.as_str(), run.exit), ("last words", Some(-9)));
}

#[test]
fn a_rejection_at_import_is_an_init_error_and_no_event_is_asked_for() {
    let run = node("rejectsAtImport.handler", &[], events(1));
    let post = &run.arrived[0];
    assert_eq!((post.path.as_str(), run.arrived.len(), run.exit), ("/2018-06-01/runtime/init/error", 1, Some(128)));
    assert_eq!(body(post)["errorType"], "Runtime.UnhandledPromiseRejection");
}

#[test]
fn a_streaming_mode_that_there_is_not_is_named() {
    let run = node("streams.wrongKind", &[], Vec::new());
    assert_eq!(body(posts(&run)[0])["errorType"], "Runtime.MalformedStreamingHandler");
}

#[test]
fn a_stream_that_can_never_end_fails_and_the_next_event_is_served() {
    let text = "exports.handler = awslambda.streamifyResponse((event, stream) => { stream.write('x'); return new Promise(() => {}); });\n";
    let run = inline("node", text, events(2));
    assert_eq!(posts(&run).len(), 2);
    assert!(posts(&run).iter().all(|post| post.trailers.contains_key("lambda-runtime-function-error-type")));
}

const NODE_24: &[(&str, &str)] = &[("AWS_EXECUTION_ENV", "AWS_Lambda_nodejs24.x")];

#[test]
fn from_node_24_on_a_callback_handler_is_refused_at_init() {
    let run = in_node_24("answers.callback", Vec::new());
    let post = posts(&run)[0];
    assert_eq!((post.path.as_str(), run.exit), ("/2018-06-01/runtime/init/error", Some(1)));
    assert_eq!(body(post)["errorType"], "Runtime.CallbackHandlerDeprecated");
}

#[test]
fn from_node_24_on_the_context_knows_no_callbacks() {
    let run = in_node_24("contexts.names", events(1));
    let names = body(posts(&run)[0]).to_string();
    assert!(
        names.contains("awsRequestId") && !names.contains("succeed") && !names.contains("callbackWaits"),
        "{names}"
    );
}

#[test]
fn from_node_24_on_a_default_export_is_looked_into() {
    let run = in_node_24("module.other", events(2));
    assert_eq!(
        posts(&run).iter().map(|post| body(post)).collect::<Vec<_>>(),
        ["by default export", "by default export"]
    );
}

#[test]
fn from_node_24_on_a_sync_value_is_the_answer() {
    let run = in_node_24("values.syncValue", events(1));
    assert_eq!(body(posts(&run)[0]), json!("ignored"));
}

#[test]
fn from_node_24_on_an_unhandled_rejection_ends_the_process_as_node_does() {
    let run = inline_24(
        "exports.handler = async () => { Promise.reject(new Error('left')); await new Promise((r) => setTimeout(r, 60000)); };\n",
    );
    assert_eq!((posts(&run).len(), run.exit), (0, Some(1)));
}

#[test]
fn from_node_24_on_libraries_find_the_invocation_in_the_invoke_store() {
    let text = "const before = awslambda.InvokeStore.getRequestId();\nexports.handler = async (event, context) => [before, \
                awslambda.InvokeStore.getRequestId() === context.awsRequestId, awslambda.InvokeStore.getXRayTraceId() === \
                context.xRayTraceId, awslambda.InvokeStore.hasContext()];\n";
    assert_eq!(body(posts(&inline_24(text))[0]), json!(["-", true, true, true]));
}

fn inline_24(text: &str) -> Run {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.js"), text).unwrap();
    let (runtime, interpreter) = node_24();
    let variables = NODE_24.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let folder = folder.path().canonicalize().unwrap();
    run(
        &ours(&runtime, &interpreter),
        &Function { folder, handler: "app.handler".into(), variables, events: events(1) },
    )
    .unwrap()
}

/// The replies recorded from AWS, where they are beside the repository.
fn recorded() -> Option<Value> {
    let file = samd_tests::shared("recorded/test_lambda_common.snapshot.json")?;
    Some(serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
}

/// What was recorded for a test, by runtime.
fn recordings<'a>(recorded: &'a Value, test: &str) -> Vec<(&'a str, &'a Value)> {
    let marker = format!("{test}[");
    let all = recorded.as_object().unwrap().iter();
    let found: Vec<_> = all
        .filter_map(|(name, value)| {
            let runtime = name.split_once(&marker)?.1.strip_suffix(']')?;
            let ours = matches!(Runtime::parse(runtime), Runtime::Python { .. } | Runtime::Node { .. });
            ours.then_some((runtime, &value["recorded-content"]))
        })
        .collect();
    assert!(found.len() > 8, "{test} was recorded for {} runtimes", found.len());
    found
}

fn names(value: &Value) -> Vec<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn errors_have_the_fields_recorded_from_aws_for_each_runtime() {
    let Some(recorded) = recorded() else { return };
    for (name, content) in recordings(&recorded, "test_uncaught_exception_invoke") {
        let variables = [("AWS_EXECUTION_ENV", &*format!("AWS_Lambda_{name}"))];
        let run = match Runtime::parse(name) {
            Runtime::Python { .. } => python("failures.plain", &variables, events(1)),
            _ => node("failures.plain", &variables, events(1)),
        };
        let mut expected = names(&content["error_result"]["Payload"]);
        let mut found = names(&body(posts(&run)[0]));
        expected.sort();
        found.sort();
        assert_eq!(expected, found, "{name}");
    }
}

#[test]
fn the_python_context_has_the_fields_recorded_from_aws() {
    let Some(recorded) = recorded() else { return };
    let fields = "def handler(event, context):\n    return [name for name in event if not hasattr(context, name)]\n";
    for (name, content) in recordings(&recorded, "test_introspection_invoke") {
        if !name.starts_with("python") {
            continue;
        }
        let mut wanted = names(&content["invocation_result_payload"]["ctx"]);
        // The recording function calls `get_remaining_time_in_millis` for this one.
        wanted.retain(|field| field != "remaining_time_in_millis");
        let run = inline("python", fields, vec![Event::new(&json!(wanted).to_string())]);
        assert_eq!(body(posts(&run)[0]), json!([]), "{name}");
    }
}
