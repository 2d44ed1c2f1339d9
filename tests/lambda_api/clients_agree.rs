//! Invoke and InvokeWithResponseStream as each client sees them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use samd_tests::daemon::{Daemon, Project, eventually};
use samd_tests::lambda_client::{aws, boto3, endpoint, javascript};
use serde_json::{Value, json};

use super::{TELL, project};

const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:told";
const LIVE: &str = "FunctionName: told\nAutoPublishAlias: live";

fn parsed(payload: &Value) -> Value {
    serde_json::from_str(payload.as_str().unwrap()).unwrap()
}

fn log(answer: &Value) -> String {
    String::from_utf8(BASE64.decode(answer["LogResult"].as_str().unwrap()).unwrap()).unwrap()
}

#[test]
fn boto3_gets_payload_version_request_id_and_log_tail() {
    let daemon = Daemon::start();
    let project = project(&[("Tell", LIVE)], TELL);
    let _served = daemon.serve_with(&project, "shop", &["--region", "eu-west-1"]);
    let context = BASE64.encode(r#"{"custom":{"a":"b"}}"#);
    let answers = boto3(
        &daemon,
        "shop",
        &json!([
            ["invoke", { "FunctionName": "told", "Payload": "{\"a\":1}", "LogType": "Tail", "ClientContext": context }],
            ["invoke", { "FunctionName": "told", "Payload": "\"nothing\"" }],
            ["invoke", { "FunctionName": "told" }],
            ["invoke", { "FunctionName": "told", "Payload": "{\"fail\":\"no way\"}", "LogType": "Tail" }],
            ["invoke", { "FunctionName": "told", "InvocationType": "DryRun" }],
            ["invoke", { "FunctionName": "told", "InvocationType": "Event", "Payload": "[]" }],
        ]),
    );
    let first = &answers[0];
    let told = parsed(&first["Payload"]);
    assert_eq!((&first["StatusCode"], &first["ExecutedVersion"]), (&json!(200), &json!("$LATEST")));
    assert_eq!((&told["event"], &told["arn"], &told["custom"]), (&json!({"a": 1}), &json!(ARN), &json!({"a": "b"})));
    assert_eq!(first["ResponseMetadata"]["RequestId"], told["id"]);
    let headers = &first["ResponseMetadata"]["HTTPHeaders"];
    assert_eq!(
        (&headers["content-type"], &headers["x-amzn-remapped-content-length"]),
        (&json!("application/json"), &json!("0"))
    );
    assert!(headers["x-amzn-trace-id"].as_str().unwrap().starts_with("Root=1-"), "{headers}");
    let log_lines = log(first);
    let id = told["id"].as_str().unwrap();
    assert!(log_lines.starts_with(&format!("START RequestId: {id} ")), "{log_lines}");
    assert!(log_lines.contains("called with {\"a\": 1}") && log_lines.contains("REPORT RequestId"), "{log_lines}");
    assert_eq!(answers[1]["Payload"], "null");
    assert_eq!(parsed(&answers[2]["Payload"])["event"], json!({}), "no payload is an empty object");
    assert_eq!(answers[3]["FunctionError"], "Unhandled");
    assert_eq!(parsed(&answers[3]["Payload"])["errorMessage"], "no way");
    assert!(log(&answers[3]).contains("ValueError"));
    assert_eq!((&answers[4]["StatusCode"], &answers[4]["Payload"]), (&json!(204), &json!("")));
    assert_eq!((&answers[5]["StatusCode"], &answers[5]["Payload"]), (&json!(202), &json!("")));
    assert_eq!(answers[5]["ExecutedVersion"], Value::Null, "only synchronous answers tell it");
    eventually("the event", || daemon.logs("shop").contains("called with []").then_some(()));
}

#[test]
fn a_function_is_reached_by_each_of_its_names_and_told_its_qualifier() {
    let daemon = Daemon::start();
    let project = project(&[("Tell", LIVE)], TELL);
    let _served = daemon.serve_with(&project, "shop", &["--region", "eu-west-1"]);
    let cases = [
        ("told", None, ARN.to_owned(), "$LATEST"),
        ("Tell", None, ARN.to_owned(), "$LATEST"),
        ("told:live", None, format!("{ARN}:live"), "1"),
        ("told", Some("live"), format!("{ARN}:live"), "1"),
        ("told", Some("1"), format!("{ARN}:1"), "1"),
        ("told", Some("$LATEST"), format!("{ARN}:$LATEST"), "$LATEST"),
        ("123456789012:function:told", None, ARN.to_owned(), "$LATEST"),
        (ARN, None, ARN.to_owned(), "$LATEST"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:told:live", None, format!("{ARN}:live"), "1"),
    ];
    let asked: Vec<Value> = cases
        .iter()
        .map(|(name, qualifier, ..)| match qualifier {
            Some(qualifier) => json!(["invoke", { "FunctionName": name, "Qualifier": qualifier }]),
            None => json!(["invoke", { "FunctionName": name }]),
        })
        .collect();
    let answers = boto3(&daemon, "", &json!(asked));
    for ((name, qualifier, arn, version), answer) in cases.iter().zip(answers) {
        assert_eq!(parsed(&answer["Payload"])["arn"], json!(arn), "{name} {qualifier:?}");
        assert_eq!(answer["ExecutedVersion"], *version, "{name} {qualifier:?}");
    }
    let raw = endpoint(&daemon).ask("POST", &format!("/2015-03-31/functions/{ARN}:live/invocations"), &[], b"{}");
    assert_eq!((raw.status, &raw.json()["arn"]), (200, &json!(format!("{ARN}:live"))), "an ARN may be raw in the path");
}

#[test]
fn the_aws_cli_invokes_and_shows_the_tail() {
    let daemon = Daemon::start();
    let project = project(&[("Tell", "")], TELL);
    let _served = daemon.serve(&project, "shop");
    let out = project.path().join("out.json");
    let arguments = ["invoke", "--function-name", "Tell", "--payload", r#"{"a":1}"#, "--log-type", "Tail"];
    let ran = aws(&daemon, "shop", &[&arguments[..], &[out.to_str().unwrap()]].concat());
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!((&told["StatusCode"], &told["ExecutedVersion"]), (&json!(200), &json!("$LATEST")));
    assert!(log(&told).contains("REPORT RequestId"));
    let payload: Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(payload["event"], json!({"a": 1}));
    let ran = aws(&daemon, "shop", &["invoke", "--function-name", "Gone", out.to_str().unwrap()]);
    let complaint = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(!ran.status.success() && complaint.contains("ResourceNotFoundException"), "{complaint}");
    let ran = aws(&daemon, "shop", &["list-functions", "--query", "Functions[].FunctionName", "--output", "text"]);
    assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), "Tell");
}

#[test]
fn javascript_gets_what_boto3_gets() {
    let daemon = Daemon::start();
    let project = project(&[("Tell", "")], TELL);
    let _served = daemon.serve(&project, "shop");
    let answers = javascript(
        &daemon,
        "shop",
        &json!([
            ["InvokeCommand", { "FunctionName": "Tell", "Payload": "{\"a\":1}", "LogType": "Tail" }],
            ["InvokeCommand", { "FunctionName": "Tell", "Payload": "{\"fail\":\"no\"}" }],
            ["InvokeCommand", { "FunctionName": "Tell", "InvocationType": "Event" }],
            ["InvokeCommand", { "FunctionName": "Gone" }],
            ["InvokeWithResponseStreamCommand", { "FunctionName": "Tell", "Payload": "7" }],
        ]),
    );
    assert_eq!(parsed(&answers[0]["Payload"])["event"], json!({"a": 1}));
    assert!(log(&answers[0]).contains("REPORT RequestId"));
    assert_eq!(answers[1]["FunctionError"], "Unhandled");
    assert_eq!(answers[2]["StatusCode"], 202);
    assert_eq!(answers[3]["error"]["name"], "ResourceNotFoundException");
    assert_eq!((&answers[3]["error"]["status"], &answers[3]["error"]["type"]), (&json!(404), &json!("User")));
    let events = answers[4]["EventStream"].as_array().unwrap();
    assert_eq!(parsed(&events[0])["event"], json!(7));
    assert!(events[1].get("InvokeComplete").is_some(), "{events:?}");
}

const STREAMS: &str = "
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.setContentType('text/plain')
  stream.write('one ')
  if (event.fail) throw new TypeError('in the midst')
  stream.write('two')
  stream.end()
})
";

#[test]
fn a_streamed_answer_comes_in_chunks_and_then_completes() {
    let daemon = Daemon::start();
    let project = Project::of(&[
        (
            "template.yaml",
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  Flow:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: src/, Handler: app.handler, Runtime: nodejs20.x}\n",
        ),
        ("src/app.js", STREAMS),
    ]);
    let _served = daemon.serve(&project, "flow");
    let answers = boto3(
        &daemon,
        "flow",
        &json!([
            ["invoke_with_response_stream", { "FunctionName": "Flow", "Payload": "{}", "LogType": "Tail" }],
            ["invoke_with_response_stream", { "FunctionName": "Flow", "Payload": "{\"fail\":1}" }],
            ["invoke_with_response_stream", { "FunctionName": "Flow", "InvocationType": "DryRun" }],
            ["invoke_with_response_stream", { "FunctionName": "Gone" }],
        ]),
    );
    let text = |events: &[Value]| events.iter().filter_map(Value::as_str).collect::<String>();
    let events = answers[0]["EventStream"].as_array().unwrap();
    assert_eq!((text(events).as_str(), &answers[0]["ExecutedVersion"]), ("one two", &json!("$LATEST")));
    assert_eq!(answers[0]["ResponseStreamContentType"], "application/vnd.amazon.eventstream");
    let complete = &events.last().unwrap()["InvokeComplete"];
    assert!(log(complete).contains("REPORT RequestId") && complete.get("ErrorCode").is_none(), "{complete}");
    let events = answers[1]["EventStream"].as_array().unwrap();
    let complete = &events.last().unwrap()["InvokeComplete"];
    assert!(complete["ErrorDetails"].as_str().unwrap().contains("in the midst"), "{events:?}");
    assert_eq!(answers[2]["StatusCode"], 204);
    assert_eq!(answers[3]["error"]["Error"]["Code"], "ResourceNotFoundException");
}
