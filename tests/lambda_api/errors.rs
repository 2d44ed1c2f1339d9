//! Lambda's errors, to the byte where AWS's were recorded.

use samd_tests::daemon::{Daemon, Reply};
use samd_tests::lambda_client::{boto3, endpoint};
use serde_json::json;

use super::{TELL, project};

fn error_type(reply: &Reply) -> &str {
    reply.header("X-Amzn-Errortype").unwrap_or_else(|| panic!("no error type in {}", reply.head))
}

#[test]
fn what_lambda_refuses_is_refused_in_its_words() {
    let daemon = Daemon::start();
    let project = project(&[("Tell", "AutoPublishAlias: live"), ("Never", "ReservedConcurrentExecutions: 0")], TELL);
    let _served = daemon.serve(&project, "shop");
    let arn = "arn:aws:lambda:us-east-1:123456789012:function";
    let invoke = |name: &str, headers: &[(&str, &str)], body: &[u8]| {
        endpoint(&daemon).ask("POST", &format!("/shop/2015-03-31/functions/{name}/invocations"), headers, body)
    };
    let cases = [
        (
            invoke("doesnotexist", &[], b"{}"),
            404,
            "ResourceNotFoundException",
            format!(r#"{{"Message":"Function not found: {arn}:doesnotexist:$LATEST","Type":"User"}}"#),
        ),
        (
            invoke("Tell:gone", &[], b"{}"),
            404,
            "ResourceNotFoundException",
            format!(r#"{{"Message":"Cannot find alias arn: {arn}:Tell:gone","Type":"User"}}"#),
        ),
        (
            invoke("Tell:7", &[], b"{}"),
            404,
            "ResourceNotFoundException",
            format!(r#"{{"Message":"Function not found: {arn}:Tell:7","Type":"User"}}"#),
        ),
        (
            invoke("Never", &[], b"{}"),
            429,
            "TooManyRequestsException",
            r#"{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}"#
                .to_owned(),
        ),
        (
            invoke("Tell", &[], b"\x99"),
            400,
            "InvalidRequestContentException",
            json!({ "Type": "User", "message": "Could not parse request body into json: Could not parse payload into json: Unexpected character ((CTRL-CHAR, code 153)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1]" }).to_string(),
        ),
        (
            invoke("Tell", &[], &vec![b' '; 6 * 1024 * 1024 + 1]),
            413,
            "RequestTooLargeException",
            r#"{"Type":"User","message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}"#
                .to_owned(),
        ),
        (
            invoke("Tell", &[("X-Amz-Invocation-Type", "Event")], &vec![b' '; 1024 * 1024 + 1]),
            413,
            "RequestTooLargeException",
            r#"{"Type":"User","message":"Request must be smaller than 1048576 bytes for the InvokeFunction operation"}"#
                .to_owned(),
        ),
        (
            invoke("Tell", &[("X-Amz-Client-Context", "!")], b"{}"),
            400,
            "InvalidRequestContentException",
            r#"{"Type":"User","message":"Client context must be a valid Base64-encoded JSON object."}"#.to_owned(),
        ),
    ];
    for (reply, status, kind, body) in &cases {
        assert_eq!((reply.status, error_type(reply), reply.text().as_str()), (*status, *kind, body.as_str()));
        assert!(reply.header("X-Amzn-Requestid").is_some_and(|id| id.len() == 36), "{}", reply.head);
    }
}

#[test]
fn the_largest_event_arrives_whole() {
    let daemon = Daemon::start();
    let project = project(&[("Length", "")], "def handler(event, context):\n    return len(event)\n");
    let _served = daemon.serve(&project, "shop");
    let event = format!("\"{}\"", "x".repeat(6 * 1024 * 1024 - 2));
    let reply = endpoint(&daemon).ask("POST", "/2015-03-31/functions/Length/invocations", &[], event.as_bytes());
    assert_eq!((reply.status, reply.text().as_str()), (200, "6291454"));
}

#[test]
fn boto3_names_the_errors_as_on_aws() {
    let daemon = Daemon::start();
    let project = project(&[("Tell", "")], TELL);
    let _served = daemon.serve(&project, "shop");
    let answers = boto3(
        &daemon,
        "shop",
        &json!([
            ["invoke", { "FunctionName": "Gone" }],
            ["invoke", { "FunctionName": "Tell", "Payload": "no json" }],
            ["delete_function", { "FunctionName": "Tell" }],
        ]),
    );
    let code = |index: usize| answers[index]["error"]["Error"]["Code"].as_str().unwrap();
    assert_eq!([code(0), code(1)], ["ResourceNotFoundException", "InvalidRequestContentException"]);
    let message = answers[0]["error"]["Error"]["Message"].as_str().unwrap();
    assert_eq!(message, "Function not found: arn:aws:lambda:eu-west-1:123456789012:function:Gone:$LATEST");
    assert_eq!(answers[2]["error"]["ResponseMetadata"]["HTTPStatusCode"], 501);
    let log = daemon.log();
    assert!(log.contains("that no running project has") && log.contains("shop: Tell"), "{log}");
}

#[test]
fn a_function_that_cannot_run_says_why_at_once() {
    let daemon = Daemon::start();
    let project = project(&[("Tell", "")], TELL);
    project.write("template.yaml", &super::template(&[("Tell", "")]).replace("python3.11", "java21"));
    let _served = daemon.serve(&project, "shop");
    let reply = endpoint(&daemon).ask("POST", "/2015-03-31/functions/Tell/invocations", &[], b"{}");
    assert_eq!((reply.status, error_type(&reply)), (501, "NotImplemented"), "{}", reply.text());
    assert!(reply.text().contains("java21"), "{}", reply.text());
}

#[test]
fn no_web_page_gets_in() {
    let daemon = Daemon::start();
    let project = project(&[("Tell", "")], TELL);
    let _served = daemon.serve(&project, "shop");
    let path = "/2015-03-31/functions/Tell/invocations";
    for headers in [
        [("Origin", "http://evil.example")],
        [("Origin", "null")],
        [("Host", "evil.example")],
        [("Host", "127.0.0.1:1")],
    ] {
        let reply = endpoint(&daemon).ask("POST", path, &headers, b"{}");
        assert_eq!((reply.status, error_type(&reply)), (403, "AccessDeniedException"), "{headers:?}");
    }
    assert!(!daemon.logs("shop").contains("called with"), "nothing ran");
}
