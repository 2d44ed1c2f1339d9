//! Function URLs as a client meets them: hosts, signatures, CORS, buffered and streamed replies.

use std::fs;
use std::io::{Read, Write};
use std::process::Command;

use samd_tests::daemon::{Daemon, Project, Reply, Served, eventually};

const TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 20, MemorySize: 256, CodeUri: src/}}
Resources:
  Open:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.11
      FunctionUrlConfig:
        AuthType: NONE
        Cors: {AllowOrigins: ['https://page.example'], AllowMethods: [GET], MaxAge: 60}
  Signed:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.11
      FunctionUrlConfig: {AuthType: AWS_IAM}
  Streams:
    Type: AWS::Serverless::Function
    Properties:
      Handler: stream.handler
      Runtime: nodejs20.x
      FunctionUrlConfig: {AuthType: NONE, InvokeMode: RESPONSE_STREAM}
  Plain:
    Type: AWS::Serverless::Function
    Properties:
      Handler: stream.plain
      Runtime: nodejs20.x
      FunctionUrlConfig: {AuthType: NONE, InvokeMode: RESPONSE_STREAM}
";

const ECHO: &str = "
import json
def handler(event, context):
    if event['rawPath'] == '/envelope':
        headers = {'x-own': '1', 'access-control-allow-origin': 'https://other.example'}
        return {'statusCode': 201, 'headers': headers, 'cookies': ['a=1', 'b=2'], 'body': context.aws_request_id}
    return event
";

/// Writes, waits for the file that the query names, and writes again; or fails after its first bytes.
const STREAM: &str = "
const fs = require('fs');
const waited = async (gate) => { while (gate && !fs.existsSync(gate)) await new Promise((go) => setTimeout(go, 5)); };
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  const query = event.queryStringParameters || {};
  const head = { statusCode: 202, headers: { 'X-Made-By': 'node' }, cookies: ['c=1'] };
  const out = awslambda.HttpResponseStream.from(stream, head);
  out.write('first ');
  await waited(query.gate);
  if (query.fails) throw new Error('in the middle');
  out.end('last');
});
exports.plain = async (event) => ({ statusCode: 418, body: 'as it is' });
";

fn serve() -> (Daemon, Project, Served) {
    let daemon = Daemon::start();
    let project = Project::of(&[("template.yaml", TEMPLATE), ("src/app.py", ECHO), ("src/stream.js", STREAM)]);
    let served = daemon.serve(&project, "urls");
    (daemon, project, served)
}

fn host(function: &str, served: &Served) -> String {
    format!("{function}.lambda-url.localhost:{}", served.address.port())
}

fn ask(served: &Served, function: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let host = host(function, served);
    let method = if body.is_empty() { "GET" } else { "POST" };
    served.ask(method, path, &[&[("Host", host.as_str())], headers].concat(), body)
}

#[test]
fn a_url_hands_its_function_payload_two_with_ids_of_its_own() {
    let (_daemon, _project, served) = serve();
    let reply = ask(&served, "open", "/a/b?x=1&x=2", &[("X-Up", "1")], b"text");
    let event = reply.json();
    assert_eq!((event["version"].as_str(), event["routeKey"].as_str()), (Some("2.0"), Some("$default")));
    assert_eq!(event["rawPath"], "/a/b");
    assert_eq!(event["queryStringParameters"]["x"], "1,2");
    assert_eq!(event["requestContext"]["domainName"], host("open", &served));
    assert_eq!(event["requestContext"]["accountId"], "anonymous");
    assert_eq!(event["requestContext"]["apiId"].as_str().unwrap().len(), 32);
    assert_eq!(event["body"], "text");
    assert_eq!(reply.header("x-amzn-RequestId"), event["requestContext"]["requestId"].as_str());
}

#[test]
fn a_urls_request_id_is_the_invocations_and_its_envelope_is_the_reply() {
    let (_daemon, _project, served) = serve();
    let reply = ask(&served, "open", "/envelope", &[("Origin", "https://page.example")], b"");
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("x-amzn-RequestId"), Some(reply.text().as_str()));
    assert_eq!(reply.head.matches("set-cookie: ").count(), 2, "{}", reply.head);
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://page.example"), "the URL's own wins");
    assert_eq!(reply.head.matches("allow-origin").count(), 1, "{}", reply.head);
}

#[test]
fn a_preflight_of_a_url_with_cors_is_answered_without_its_function() {
    let (_daemon, _project, served) = serve();
    let host = host("OPEN", &served);
    let headers = [("Host", &*host), ("Origin", "https://page.example"), ("Access-Control-Request-Method", "GET")];
    let reply = served.ask("OPTIONS", "/any", &headers, b"");
    assert_eq!((reply.status, reply.body.len()), (200, 0), "{}", reply.head);
    assert_eq!(reply.header("access-control-max-age"), Some("60"));
}

#[test]
fn a_url_that_there_is_not_is_forbidden() {
    let (_daemon, _project, served) = serve();
    let reply = ask(&served, "nobody", "/", &[], b"");
    assert_eq!((reply.status, reply.text().as_str()), (403, r#"{"Message":null}"#));
}

#[test]
fn a_body_over_six_megabytes_is_too_large_for_a_url() {
    let (_daemon, _project, served) = serve();
    let reply = ask(&served, "open", "/", &[], &vec![b'a'; 6 * 1024 * 1024 + 1]);
    assert_eq!(reply.status, 413);
}

#[test]
fn a_url_with_iam_takes_what_the_projects_credentials_signed() {
    let (_daemon, _project, served) = serve();
    let unsigned = ask(&served, "signed", "/", &[], b"");
    assert_eq!((unsigned.status, unsigned.header("x-amzn-ErrorType")), (403, Some("AccessDeniedException")));
    let event = signed(&served, "defaultkey:defaultsecret", "us-east-1");
    assert_eq!(event["requestContext"]["authorizer"]["iam"]["accessKey"], "defaultkey", "{event}");
    assert_eq!(event["requestContext"]["accountId"], "123456789012");
    let forged = signed(&served, "defaultkey:guessed", "us-east-1");
    assert!(forged["Message"].as_str().unwrap().starts_with("Forbidden"), "{forged}");
    let elsewhere = signed(&served, "defaultkey:defaultsecret", "eu-west-1");
    assert!(elsewhere["Message"].as_str().unwrap().starts_with("Forbidden"), "{elsewhere}");
}

/// What curl gets for a request that is signed for a region.
fn signed(served: &Served, user: &str, region: &str) -> serde_json::Value {
    let url = format!("http://{}/a?b=c", host("signed", served));
    let out = Command::new("curl")
        .args(["-s", "--noproxy", "*", "--aws-sigv4", &format!("aws:amz:{region}:lambda"), "--user", user])
        .args(["--resolve", &format!("{}:{}", host("signed", served), served.address.ip()), &url])
        .output();
    serde_json::from_slice(&out.expect("curl is installed by tests/run").stdout).unwrap()
}

/// Reads from a connection until `wanted` has come.
fn read_until(stream: &mut std::net::TcpStream, all: &mut Vec<u8>, wanted: &str) {
    let mut piece = [0; 4096];
    while !String::from_utf8_lossy(all).contains(wanted) {
        let read = stream.read(&mut piece).unwrap_or(0);
        assert!(read > 0, "no {wanted} in {:?}", String::from_utf8_lossy(all));
        all.extend_from_slice(&piece[..read]);
    }
}

#[test]
fn the_first_byte_of_a_stream_comes_while_the_function_still_runs() {
    let (_daemon, project, served) = serve();
    let gate = project.path().join("gate");
    let mut stream = served.connect();
    let host = host("streams", &served);
    let request = format!("GET /?gate={} HTTP/1.1\r\nHost: {host}\r\n\r\n", gate.display());
    stream.write_all(request.as_bytes()).unwrap();
    let mut all = Vec::new();
    read_until(&mut stream, &mut all, "first ");
    let head = String::from_utf8_lossy(&all).into_owned();
    assert!(head.starts_with("HTTP/1.1 202 "), "{head}");
    assert!(head.contains("X-Made-By: node\r\n") && head.contains("set-cookie: c=1\r\n"), "{head}");
    assert!(head.contains("Transfer-Encoding: chunked\r\n") && !head.contains("last"), "{head}");
    // Only now may the function go on.
    fs::write(gate, "").unwrap();
    read_until(&mut stream, &mut all, "last\r\n0\r\n\r\n");
}

#[test]
fn a_stream_that_fails_in_its_middle_cuts_the_connection() {
    let (_daemon, _project, served) = serve();
    let mut stream = served.connect();
    let request = format!("GET /?fails=1 HTTP/1.1\r\nHost: {}\r\n\r\n", host("streams", &served));
    stream.write_all(request.as_bytes()).unwrap();
    let mut all = Vec::new();
    // A cut connection may end with an error of the socket or without.
    drop(stream.read_to_end(&mut all));
    let text = String::from_utf8_lossy(&all);
    assert!(text.contains("first "), "{text}");
    assert!(!text.ends_with("0\r\n\r\n"), "half a body does not end as a whole one: {text}");
}

#[test]
fn what_a_handler_that_does_not_stream_returns_goes_out_as_it_is() {
    let (_daemon, _project, served) = serve();
    let reply = ask(&served, "plain", "/", &[], b"");
    assert_eq!((reply.status, reply.header("Content-Type")), (200, Some("application/octet-stream")));
    assert_eq!(reply.json(), serde_json::json!({"statusCode": 418, "body": "as it is"}));
}

#[test]
fn the_table_of_routes_names_the_urls() {
    let (daemon, _project, served) = serve();
    let ran = daemon.samctl(&["routes", "urls", "--output", "json"]);
    let url = format!("http://Streams.lambda-url.localhost:{}/", served.address.port());
    assert!(ran.out.contains(&url), "{}", ran.out);
}

/// Plain CloudFormation, which says for itself who may use a URL.
const PLAIN: &str = "
Resources:
  Granted: {Type: AWS::Lambda::Function, Properties: {Handler: app.handler, Runtime: python3.11, Code: src/, Timeout: 20}}
  GrantedUrl: {Type: AWS::Lambda::Url, Properties: {TargetFunctionArn: !Ref Live, AuthType: NONE}}
  Live: {Type: AWS::Lambda::Alias, Properties: {FunctionName: !Ref Granted, FunctionVersion: $LATEST, Name: live}}
  MayUse: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref Live, Action: lambda:InvokeFunctionUrl, Principal: '*', FunctionUrlAuthType: NONE}}
  MayInvoke: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref Live, Action: lambda:InvokeFunction, Principal: '*', InvokedViaFunctionUrl: true}}
  Bare: {Type: AWS::Lambda::Function, Properties: {Handler: app.handler, Runtime: python3.11, Code: src/, Timeout: 20}}
  BareUrl: {Type: AWS::Lambda::Url, Properties: {TargetFunctionArn: !Ref Bare, AuthType: NONE}}
";

const ARN: &str = "
def handler(event, context):
    return context.invoked_function_arn
";

fn serve_plain() -> (Daemon, Project, Served) {
    let daemon = Daemon::start();
    let project = Project::of(&[("template.yaml", PLAIN), ("src/app.py", ARN)]);
    let served = daemon.serve(&project, "plain");
    (daemon, project, served)
}

#[test]
fn a_plain_url_for_everyone_needs_its_permissions() {
    let (daemon, _project, served) = serve_plain();
    assert_eq!(ask(&served, "granted", "/", &[], b"").status, 200);
    let refused = ask(&served, "bare", "/", &[], b"");
    assert_eq!((refused.status, refused.header("x-amzn-ErrorType")), (403, Some("AccessDeniedException")));
    assert!(
        refused.text().starts_with(r#"{"Message":"Forbidden. For troubleshooting Function URL"#),
        "{}",
        refused.text()
    );
    let findings = daemon.status("plain")["diagnostics"].to_string();
    assert!(
        findings.contains("needs an AWS::Lambda::Permission for lambda:InvokeFunctionUrl and another"),
        "{findings}"
    );
    assert!(!findings.contains("GrantedUrl"), "{findings}");
}

#[test]
fn a_url_of_an_alias_invokes_the_alias() {
    let (_daemon, _project, served) = serve_plain();
    let arn = ask(&served, "granted", "/", &[], b"").text();
    assert!(arn.ends_with(":live") && arn.contains(":function:"), "{arn}");
}

#[test]
fn requests_over_ten_times_the_reserved_concurrency_are_throttled() {
    let daemon = Daemon::start();
    let template = TEMPLATE.replace(
        "      FunctionUrlConfig: {AuthType: AWS_IAM}",
        "      ReservedConcurrentExecutions: 1\n      FunctionUrlConfig: {AuthType: NONE}",
    );
    let project = Project::of(&[("template.yaml", &template), ("src/app.py", ECHO), ("src/stream.js", STREAM)]);
    let served = daemon.serve(&project, "rate");
    assert_eq!(ask(&served, "signed", "/", &[], b"").status, 200);
    let refused = eventually("more than ten requests in a second", || {
        Some(ask(&served, "signed", "/", &[], b"")).filter(|reply| reply.status != 200)
    });
    assert_eq!((refused.status, &refused.json()["message"]), (429, &"Rate Exceeded.".into()), "{}", refused.text());
    assert_eq!(refused.json()["Reason"], "ReservedFunctionInvocationRateLimitExceeded");
}
