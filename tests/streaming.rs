//! Streamed replies of REST APIs (`responseTransferMode: STREAM`).

use std::fs;
use std::io::{Read, Write};

use samd_tests::daemon::{Daemon, Project, Served};

const TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: dev
      DefinitionBody:
        openapi: 3.0.1
        info: {title: t, version: '1'}
        paths:
          /stream:
            get:
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                responseTransferMode: STREAM
                uri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2021-11-15/functions/${Fn.Arn}/response-streaming-invocations
          /bare:
            get:
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                responseTransferMode: STREAM
                uri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2021-11-15/functions/${Bare.Arn}/response-streaming-invocations
  Fn:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src/, Handler: stream.handler, Runtime: nodejs20.x, Timeout: 20}
  Bare:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src/, Handler: stream.bare, Runtime: nodejs20.x, Timeout: 20}
";

const STREAM: &str = "
const fs = require('fs');
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const gate = event.queryStringParameters && event.queryStringParameters.gate;
  const out = awslambda.HttpResponseStream.from(stream, { statusCode: 200, headers: { 'Content-Type': 'text/event-stream' } });
  out.write('first ');
  while (gate && !fs.existsSync(gate)) await new Promise((go) => setTimeout(go, 5));
  out.end('last');
});
exports.bare = awslambda.streamifyResponse(async (event, stream) => { stream.end('no prelude'); });
";

fn serve() -> (Daemon, Project, Served) {
    let daemon = Daemon::start();
    let project = Project::of(&[("template.yaml", TEMPLATE), ("src/stream.js", STREAM)]);
    let served = daemon.serve(&project, "streams");
    (daemon, project, served)
}

#[test]
fn a_rest_api_passes_a_stream_on_as_it_comes() {
    let (_daemon, project, served) = serve();
    let gate = project.path().join("gate");
    let mut stream = served.connect();
    let request = format!("GET /stream?gate={} HTTP/1.1\r\nHost: x\r\n\r\n", gate.display());
    stream.write_all(request.as_bytes()).unwrap();
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    let mut until = |wanted: &str| {
        while !String::from_utf8_lossy(&all).contains(wanted) {
            let read = stream.read(&mut piece).unwrap_or(0);
            assert!(read > 0, "no {wanted} in {:?}", String::from_utf8_lossy(&all));
            all.extend_from_slice(&piece[..read]);
        }
        String::from_utf8_lossy(&all).into_owned()
    };
    let first = until("first ");
    assert!(first.contains("Content-Type: text/event-stream\r\n") && first.contains("x-amzn-RequestId: "), "{first}");
    fs::write(gate, "").unwrap();
    until("last\r\n0\r\n\r\n");
}

#[test]
fn a_stream_without_a_prelude_is_a_malformed_reply() {
    let (_daemon, _project, served) = serve();
    assert_eq!(served.get("/bare").status, 502);
}

#[test]
fn an_http_1_0_client_gets_a_stream_until_the_connections_end() {
    let (_daemon, _project, served) = serve();
    let reply = served.raw(b"GET /stream HTTP/1.0\r\nHost: x\r\n\r\n");
    assert_eq!((reply.status, reply.text().as_str()), (200, "first last"), "{}", reply.head);
}
