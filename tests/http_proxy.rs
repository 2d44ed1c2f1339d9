//! HTTP_PROXY integrations towards a real server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use samd_tests::daemon::{Daemon, Project, Served};

/// A server that tells what it was asked, and under `/slow` waits for a word in the middle of its body.
struct Upstream {
    port: u16,
    go_on: mpsc::Sender<()>,
}

impl Upstream {
    fn start() -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (go_on, word) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &word);
            }
        });
        Upstream { port, go_on }
    }
}

fn answer(mut stream: TcpStream, word: &mpsc::Receiver<()>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            return;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    if head.contains("/slow") {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst \r\n").unwrap();
        word.recv().unwrap();
        stream.write_all(b"4\r\nlast\r\n0\r\n\r\n").unwrap();
    } else {
        let seen = format!("{head}\n{}", String::from_utf8_lossy(&body));
        let reply = format!(
            "HTTP/1.1 418 Tea\r\nX-Up: here\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{seen}",
            seen.len()
        );
        stream.write_all(reply.as_bytes()).unwrap();
    }
}

fn serve(upstream: u16) -> (Daemon, Project, Served) {
    let template = format!(
        "
Transform: AWS::Serverless-2016-10-31
Resources:
  Web:
    Type: AWS::Serverless::HttpApi
    Properties:
      DefinitionBody:
        openapi: 3.0.1
        info: {{title: t, version: '1'}}
        paths:
          /pets/{{id}}:
            x-amazon-apigateway-any-method:
              x-amazon-apigateway-integration:
                {{type: http_proxy, httpMethod: ANY, payloadFormatVersion: '1.0', uri: 'http://127.0.0.1:{upstream}/v1/{{id}}'}}
          /slow:
            get:
              x-amazon-apigateway-integration:
                {{type: http_proxy, httpMethod: GET, payloadFormatVersion: '1.0', uri: 'http://127.0.0.1:{upstream}/slow'}}
          /mapped:
            get:
              x-amazon-apigateway-integration:
                type: http_proxy
                httpMethod: GET
                payloadFormatVersion: '1.0'
                uri: 'http://127.0.0.1:{upstream}/mapped'
                requestParameters: {{'append:header.X-Mapped': $request.querystring.q}}
                responseParameters: {{'418': {{'overwrite:statuscode': '200'}}}}
          /nobody:
            get:
              x-amazon-apigateway-integration:
                {{type: http_proxy, httpMethod: GET, payloadFormatVersion: '1.0', uri: 'http://127.0.0.1:1/'}}
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: dev
      DefinitionBody:
        openapi: 3.0.1
        info: {{title: t, version: '1'}}
        paths:
          /rest/{{id}}:
            get:
              parameters: [{{name: id, in: path, required: true, schema: {{type: string}}}}]
              x-amazon-apigateway-integration:
                type: http_proxy
                httpMethod: GET
                uri: 'http://127.0.0.1:{upstream}/v2/{{id}}'
                requestParameters: {{integration.request.path.id: method.request.path.id}}
"
    );
    let daemon = Daemon::start();
    let project = Project::of(&[("template.yaml", &template)]);
    let served = daemon.serve(&project, "proxy");
    (daemon, project, served)
}

#[test]
fn the_request_goes_to_the_server_and_its_answer_comes_back() {
    let upstream = Upstream::start();
    let (_daemon, _project, served) = serve(upstream.port);
    let reply = served.ask("PUT", "/pets/a%20b?q=1", &[("X-In", "v")], b"body");
    let seen = reply.text();
    assert_eq!((reply.status, reply.header("x-up")), (418, Some("here")), "{}", reply.head);
    assert!(seen.starts_with("PUT /v1/a%20b?q=1 HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("x-in: v\r\n") && seen.ends_with("\nbody"), "{seen}");
    assert!(seen.to_ascii_lowercase().contains("forwarded: for=127.0.0.1;"), "{seen}");
}

#[test]
fn an_answer_streams_through() {
    let upstream = Upstream::start();
    let (_daemon, _project, served) = serve(upstream.port);
    let mut stream = served.connect();
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&all).contains("first ") {
        let read = stream.read(&mut piece).unwrap_or(0);
        assert!(read > 0, "{}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&piece[..read]);
    }
    upstream.go_on.send(()).unwrap();
    while !all.ends_with(b"0\r\n\r\n") {
        let read = stream.read(&mut piece).unwrap_or(0);
        assert!(read > 0, "{}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&piece[..read]);
    }
    assert!(String::from_utf8_lossy(&all).contains("last"));
}

#[test]
fn parameters_are_mapped_on_the_way_and_back() {
    let upstream = Upstream::start();
    let (_daemon, _project, served) = serve(upstream.port);
    let reply = served.get("/mapped?q=found");
    assert_eq!(reply.status, 200);
    assert!(reply.text().contains("x-mapped: found\r\n"), "{}", reply.text());
}

#[test]
fn a_rest_api_fills_in_its_path_and_forwards_the_client() {
    let upstream = Upstream::start();
    let (_daemon, _project, served) = serve(upstream.port);
    let reply = served.get("/rest/7");
    let seen = reply.text();
    assert!(seen.starts_with("GET /v2/7 HTTP/1.1\r\n") && seen.contains("x-forwarded-for: 127.0.0.1\r\n"), "{seen}");
    assert!(reply.header("x-amzn-RequestId").is_some(), "{}", reply.head);
}

#[test]
fn a_server_that_is_not_there_is_503_of_an_http_api() {
    let (daemon, _project, served) = serve(1);
    let reply = served.get("/nobody");
    assert_eq!((reply.status, reply.text().as_str()), (503, r#"{"message":"Service Unavailable"}"#));
    assert!(daemon.log().contains("an HTTP integration failed"), "the log says why: {}", daemon.log());
}
