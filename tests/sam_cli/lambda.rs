//! `samctl local start-lambda`, asked by AWS's own clients.

use std::net::TcpListener;

use rustix::process::Signal;
use samd_tests::foreground::{Foreground, samctl};
use samd_tests::lambda_client::{aws_at, boto3_at, javascript_at};
use serde_json::{Value, json};

use super::project;

fn body(payload: &Value) -> Value {
    let reply: Value = serde_json::from_str(payload.as_str().unwrap()).unwrap();
    serde_json::from_str(reply["body"].as_str().unwrap()).unwrap()
}

#[test]
fn each_of_awss_clients_invokes_a_function() {
    let (project, state) = (project(), tempfile::tempdir().unwrap());
    let arguments = ["local", "start-lambda", "--port", "0", "--parameter-overrides", "Stage=dev"];
    let mut command = Foreground::start(samctl(project.path(), &state, &arguments));
    let url = format!("http://{}", command.ready().address);
    let calls = json!([
        ["invoke", { "FunctionName": "Hello", "Payload": "{\"a\":1}", "LogType": "Tail" }],
        ["invoke", { "FunctionName": "Hello", "Payload": "{\"fail\":\"no way\"}" }],
        ["invoke", { "FunctionName": "Hello", "InvocationType": "DryRun" }],
        ["invoke", { "FunctionName": "Hello", "InvocationType": "Event", "Payload": "[]" }],
        ["invoke", { "FunctionName": "Nobody" }],
    ]);
    let answers = boto3_at(&url, &calls);
    let told = body(&answers[0]["Payload"]);
    assert_eq!((&told["stage"], &told["event"]), (&json!("dev"), &json!({ "a": 1 })));
    assert!(answers[0]["LogResult"].is_string());
    assert_eq!(answers[1]["FunctionError"], "Unhandled");
    assert_eq!((&answers[2]["StatusCode"], &answers[3]["StatusCode"]), (&json!(204), &json!(202)));
    assert!(answers[4].to_string().contains("ResourceNotFoundException"), "{}", answers[4]);
    let answers = javascript_at(&url, &json!([["InvokeCommand", { "FunctionName": "Hello", "Payload": "{}" }]]));
    assert_eq!(answers[0]["StatusCode"], 200, "{answers:?}");
    let out = project.path().join("out.json");
    let ran = aws_at(&url, &["invoke", "--function-name", "Hello", out.to_str().unwrap()]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    command.says("hello was called");
    command.signal(Signal::INT);
    assert_eq!(command.wait().code(), Some(0), "{}", command.said());
}

#[test]
fn only_the_named_functions_can_be_invoked_and_a_name_that_is_none_is_refused() {
    let (project, state) = (project(), tempfile::tempdir().unwrap());
    let start = |functions: &[&str]| {
        let arguments = [&["local", "start-lambda", "--port", "0"], functions].concat();
        Foreground::start(samctl(project.path(), &state, &arguments))
    };
    let mut command = start(&["Rest"]);
    let served = command.ready();
    let invoke =
        |name: &str| served.ask("POST", &format!("/2015-03-31/functions/{name}/invocations"), &[], b"{}").status;
    assert_eq!((invoke("Rest"), invoke("Hello")), (200, 404));
    let mut command = start(&["Nobody"]);
    assert_eq!(command.wait().code(), Some(4));
    command.says("it has: Hello, Rest");
}

#[test]
fn a_port_that_is_taken_is_said_to_be() {
    let (project, state) = (project(), tempfile::tempdir().unwrap());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = Foreground::start(samctl(project.path(), &state, &["local", "start-lambda", "-p", &port]));
    assert_ne!(command.wait().code(), Some(0));
    command.says("Address already in use");
}
