//! The data plane as a client meets it, bytes included.

use std::io::Write;
use std::net::TcpStream;
use std::process::Command;

use samd_tests::daemon::{Daemon, Project, Served, read_reply};

const ECHO: &str = "
import json
def handler(event, context):
    if event.get('path', '').endswith('/case'):
        return {'statusCode': 200, 'multiValueHeaders': {'tesT-Multi': ['one', 'two']}, 'headers': {'X-CusTom': 'v'}, 'body': 'x'}
    return {'statusCode': 200, 'body': json.dumps(event)}
";

const TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 10, MemorySize: 256, Runtime: python3.11}}
Resources:
  Web:
    Type: AWS::Serverless::HttpApi
  Rest:
    Type: AWS::Serverless::Api
    Properties: {StageName: dev}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Events:
        Rest: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: '/rest/{proxy+}', Method: any}}
        Web: {Type: HttpApi, Properties: {ApiId: !Ref Web, Path: '/web/{id}', Method: get}}
        Same: {Type: HttpApi, Properties: {ApiId: !Ref Web, Path: '/rest/{proxy+}', Method: any}}
";

fn serve() -> (Daemon, Project, Served) {
    let daemon = Daemon::start();
    let project = Project::of(&[("template.yaml", TEMPLATE), ("src/app.py", ECHO)]);
    let served = daemon.serve(&project, "gateway");
    (daemon, project, served)
}

#[test]
fn rest_events_keep_the_clients_casing_and_replies_have_the_functions() {
    let (_daemon, _project, served) = serve();
    let event = served.ask("GET", "/rest/a", &[("tEsT-HEADeR", "aValUE"), ("authorization", "x")], b"").json();
    assert_eq!(event["headers"]["tEsT-HEADeR"], "aValUE");
    assert_eq!(event["headers"]["Authorization"], "x");
    assert_eq!(event["requestContext"]["path"], "/dev/rest/a");
    assert_eq!(event["path"], "/rest/a");
    let reply = served.get("/rest/case");
    let names: Vec<&str> = reply.head.lines().skip(1).filter_map(|line| Some(line.split_once(':')?.0)).collect();
    for name in [
        "tesT-Multi",
        "X-CusTom",
        "Content-Type",
        "x-amzn-RequestId",
        "x-amz-apigw-id",
        "X-Amzn-Trace-Id",
        "Content-Length",
        "Date",
    ] {
        assert!(names.contains(&name), "no {name} in {}", reply.head);
    }
}

#[test]
fn http_api_events_are_payload_two_with_lower_case_names() {
    let (_daemon, _project, served) = serve();
    let event = served.ask("GET", "/web/a%20b?x=1&x=2", &[("X-Up", "1"), ("Cookie", "a=1; b=2")], b"").json();
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "GET /web/{id}");
    assert_eq!(event["rawPath"], "/web/a b");
    assert_eq!(event["headers"]["x-up"], "1");
    assert_eq!(event["cookies"], serde_json::json!(["a=1", "b=2"]));
    assert_eq!(event["queryStringParameters"]["x"], "1,2");
    assert_eq!(event["pathParameters"]["id"], "a b");
}

#[test]
fn an_unknown_route_is_answered_as_its_product_does() {
    let (_daemon, _project, served) = serve();
    let host = |api: &str| format!("{api}.localhost:{}", served.address.port());
    let rest = served.ask("GET", "/nope", &[("Host", &host("Rest"))], b"");
    assert_eq!((rest.status, rest.text().as_str()), (403, r#"{"message":"Missing Authentication Token"}"#));
    assert_eq!(rest.header("x-amzn-ErrorType"), Some("MissingAuthenticationTokenException"));
    let web = served.ask("GET", "/nope", &[("Host", &host("web"))], b"");
    assert_eq!((web.status, web.text().as_str()), (404, r#"{"message":"Not Found"}"#));
    assert!(web.header("Apigw-Requestid").is_some(), "{}", web.head);
}

#[test]
fn where_two_apis_claim_a_path_rest_goes_first_and_each_has_its_host() {
    let (daemon, _project, served) = serve();
    assert!(served.get("/rest/a").json().get("version").is_none());
    let host = format!("Web.localhost:{}", served.address.port());
    assert_eq!(served.ask("GET", "/rest/a", &[("Host", &host)], b"").json()["version"], "2.0");
    let diagnostics = daemon.status("gateway")["diagnostics"].to_string();
    assert!(diagnostics.contains("/rest/{proxy+}"), "the clash is named: {diagnostics}");
}

#[test]
fn http_1_0_is_answered_with_an_http_1_1_status_line() {
    let (_daemon, _project, served) = serve();
    let reply = served.raw(b"GET /rest/a HTTP/1.0\r\nHost: x\r\n\r\n");
    assert!(reply.head.starts_with("HTTP/1.1 200 "), "{}", reply.head);
}

#[test]
fn a_connection_is_kept_and_pipelined_requests_are_answered_in_order() {
    let (_daemon, _project, served) = serve();
    let mut stream = served.connect();
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-Path: {path}\r\n\r\n");
    stream.write_all((ask("/rest/1") + &ask("/rest/2")).as_bytes()).unwrap();
    // Both replies may come in one piece; each is read by its own length.
    for path in ["/rest/1", "/rest/2"] {
        let body = next_body(&mut stream);
        let event: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(event["path"], path);
        assert_eq!(event["headers"]["X-Path"], path);
    }
}

/// One reply of several on a connection, byte by byte, so that nothing of the next one is taken.
fn next_body(stream: &mut TcpStream) -> Vec<u8> {
    use std::io::Read;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    body
}

#[test]
fn http_2_cleartext_is_served_on_the_same_port() {
    let (_daemon, _project, served) = serve();
    let url = format!("http://{}/rest/a", served.address);
    let out = Command::new("curl").args(["-s", "--http2-prior-knowledge", "-w", "\n%{http_version}", &url]).output();
    let out = String::from_utf8(out.expect("curl is installed by tests/run").stdout).unwrap();
    assert!(out.ends_with("\n2"), "{out}");
    let event: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(event["requestContext"]["protocol"], "HTTP/1.1");
    assert!(event["headers"]["Host"].is_string(), "{event}");
}

#[test]
fn head_is_not_implied_and_a_head_reply_has_no_body() {
    let (_daemon, _project, served) = serve();
    let mut stream = served.connect();
    stream.write_all(b"HEAD /rest/case HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let reply = read_reply(&mut stream);
    assert_eq!((reply.status, reply.body.len()), (200, 0), "{}", reply.head);
    let head_on_get = served.ask("HEAD", "/web/1", &[], b"");
    assert_eq!(head_on_get.status, 403, "no route takes HEAD, and the first API answers");
}

/// Two APIs with what only one of them has: CORS, custom domains, mapped parameters, compression.
const RICH: &str = "
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 10, MemorySize: 256, Runtime: python3.11, CodeUri: src/, Handler: app.handler}}
Resources:
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: dev
      MinimumCompressionSize: 100
      Domain: {DomainName: api.example.com, CertificateArn: arn:aws:acm:us-east-1:123456789012:certificate/x, BasePath: [shop]}
      Models: {Broken: {type: nonsense}}
  Web:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration: {AllowOrigins: ['https://page.example'], AllowMethods: [GET]}
  Mapped:
    Type: AWS::Serverless::HttpApi
    Properties:
      DefinitionBody:
        openapi: 3.0.1
        info: {title: t, version: '1'}
        paths:
          /mapped:
            get:
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                payloadFormatVersion: '2.0'
                uri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations
                requestParameters: {'append:header.X-Mapped': $request.querystring.q, 'overwrite:header.Via': x}
                responseParameters: {'200': {'overwrite:statuscode': '203', 'append:header.X-Back': 'static'}}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Get: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: /rest, Method: get}}
        Patch: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: /rest, Method: patch}}
        Post: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: /coded, Method: post}}
        Web: {Type: HttpApi, Properties: {ApiId: !Ref Web, Path: /web, Method: get}}
";

fn rich() -> (Daemon, Project, Served) {
    let daemon = Daemon::start();
    let project = Project::of(&[("template.yaml", RICH), ("src/app.py", ECHO)]);
    let served = daemon.serve(&project, "rich");
    (daemon, project, served)
}

#[test]
fn a_client_may_name_another_method_to_a_rest_api_alone() {
    let (_daemon, _project, served) = rich();
    let patch = [("X-HTTP-Method-Override", "PATCH")];
    let event = served.ask("POST", "/rest", &patch, b"").json();
    assert_eq!(event["requestContext"]["resourcePath"], "/rest");
    assert_eq!(served.ask("POST", "/rest", &[], b"").status, 403, "no route takes POST itself");
    let get = [("X-HTTP-Method-Override", "GET")];
    assert_eq!(served.ask("POST", "/web", &get, b"").status, 403, "an HTTP API does not know the header");
}

#[test]
fn a_preflight_on_the_shared_port_is_for_the_api_whose_route_comes_next() {
    let (_daemon, _project, served) = rich();
    let headers = [("Origin", "https://page.example"), ("Access-Control-Request-Method", "GET")];
    let reply = served.ask("OPTIONS", "/web", &headers, b"");
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (204, Some("https://page.example")));
    assert_eq!(served.ask("OPTIONS", "/rest", &headers, b"").status, 403, "the REST API has no CORS");
}

#[test]
fn a_custom_domain_leads_to_its_api_under_its_base_path() {
    let (_daemon, _project, served) = rich();
    let event = served.ask("GET", "/shop/rest", &[("Host", "api.example.com")], b"").json();
    assert_eq!(event["path"], "/shop/rest");
    assert_eq!(event["requestContext"]["path"], "/shop/rest");
    assert_eq!(event["requestContext"]["domainName"], "api.example.com");
    assert_eq!(event["resource"], "/rest");
    let unmapped = served.ask("GET", "/rest", &[("Host", "api.example.com")], b"");
    assert_eq!((unmapped.status, unmapped.text().as_str()), (403, r#"{"message":"Forbidden"}"#));
}

#[test]
fn parameters_of_an_http_apis_function_are_mapped_on_the_way_and_back() {
    let (daemon, _project, served) = rich();
    let reply = served.ask("GET", "/mapped?q=found", &[], b"");
    assert_eq!((reply.status, reply.header("X-Back")), (203, Some("static")), "{}", reply.head);
    assert_eq!(reply.json()["headers"]["x-mapped"], "found");
    let diagnostics = daemon.status("rich")["diagnostics"].to_string();
    assert!(diagnostics.contains("overwrite:header.Via"), "what cannot be mapped is named: {diagnostics}");
    assert!(diagnostics.contains("the model broken is no JSON schema"), "{diagnostics}");
}

#[test]
fn a_large_reply_is_compressed_for_who_accepts_it_and_a_coded_request_is_read() {
    let (_daemon, _project, served) = rich();
    let reply = served.ask("GET", "/rest", &[("Accept-Encoding", "gzip")], b"");
    assert_eq!(reply.header("Content-Encoding"), Some("gzip"), "{}", reply.head);
    assert_eq!(reply.body[..2], [0x1f, 0x8b]);
    assert_eq!(served.get("/rest").header("Content-Encoding"), None);
    // A gzip member that holds `hello`, stored.
    let mut hello = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 5, 0, 0xfa, 0xff];
    hello.extend_from_slice(b"hello");
    hello.extend_from_slice(&[0x86, 0xa6, 0x10, 0x36, 5, 0, 0, 0]);
    let event = served.ask("POST", "/coded", &[("Content-Encoding", "gzip")], &hello).json();
    assert_eq!(event["body"], "hello");
    assert_eq!(served.ask("POST", "/coded", &[("Content-Encoding", "gzip")], b"hello").status, 400);
}

#[test]
fn a_reply_says_that_the_connection_is_kept_unless_the_client_closes_it() {
    let (_daemon, _project, served) = rich();
    let kept = served.raw(b"GET /rest HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(kept.header("Connection"), Some("keep-alive"), "{}", kept.head);
    assert_eq!(served.get("/rest").header("Connection"), Some("close"));
}

#[test]
fn a_nested_apis_host_has_a_hyphen_in_place_of_the_slash() {
    let daemon = Daemon::start();
    let parent = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Shop: {Type: AWS::Serverless::Application, Properties: {Location: child.yaml}}
";
    let project = Project::of(&[("template.yaml", parent), ("child.yaml", TEMPLATE), ("src/app.py", ECHO)]);
    let served = daemon.serve(&project, "nested");
    let host = format!("shop-web.localhost:{}", served.address.port());
    assert_eq!(served.ask("GET", "/rest/a", &[("Host", &host)], b"").json()["version"], "2.0");
    let routes = daemon.samctl(&["routes", "nested", "--output", "json"]).out;
    assert!(routes.contains("http://Shop-Web.localhost:"), "{routes}");
}

#[test]
fn a_websocket_api_is_listed_and_a_handshake_is_told_that_it_is_not_served() {
    let daemon = Daemon::start();
    let project = Project::of(&[
        (
            "template.yaml",
            "
Transform: AWS::Serverless-2016-10-31
Resources:
  Chat:
    Type: AWS::Serverless::WebSocketApi
    Properties: {RouteSelectionExpression: $request.body.action, Routes: {$default: {FunctionArn: !GetAtt Talk.Arn}}}
  Talk:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.11, Handler: app.handler, CodeUri: ., Events: {E: {Type: Api, Properties: {Path: /talk, Method: get}}}}
",
        ),
        ("app.py", "def handler(event, context):\n    return {'statusCode': 200, 'body': 'served'}\n"),
    ]);
    let served = daemon.serve(&project, "chat");
    assert_eq!(served.get("/talk").text(), "served", "the REST API beside it is");
    for headers in [&[("Upgrade", "websocket"), ("Connection", "Upgrade")][..], &[("Host", "chat.localhost")]] {
        let reply = served.ask("GET", "/talk", headers, b"");
        assert_eq!(reply.status, 501, "{headers:?}");
        assert!(reply.text().contains("WebSocket"), "{}", reply.text());
    }
    let routes = daemon.samctl(&["routes", "chat", "--output", "json"]).out;
    assert!(routes.contains("WEBSOCKET"), "{routes}");
}
