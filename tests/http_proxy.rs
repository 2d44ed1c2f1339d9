//! HTTP_PROXY integrations towards a real server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use samd_tests::daemon::{Daemon, Project, Served, read_reply};

/// A server that tells what it was asked, and under `/slow` waits for a word in the middle of its body.
struct Upstream {
    port: u16,
    go_on: mpsc::Sender<()>,
    /// What has come of a body that streams.
    seen: mpsc::Receiver<String>,
}

impl Upstream {
    fn start() -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (go_on, word) = mpsc::channel();
        let (tell, seen) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &word, &tell);
            }
        });
        Upstream { port, go_on, seen }
    }
}

fn answer(mut stream: TcpStream, word: &mpsc::Receiver<()>, tell: &mpsc::Sender<String>) {
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
    if head.contains(" /late ") {
        // The gateway gives up first and closes.
        drop(reader.read_to_end(&mut Vec::new()));
        return;
    }
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        // The gateway breaks it off.
        drop(reader.read_to_end(&mut Vec::new()));
        return;
    }
    if head.contains(" /up ") {
        let mut first = vec![0; 6];
        reader.read_exact(&mut first).unwrap();
        tell.send(String::from_utf8(first).unwrap()).unwrap();
        length -= 6;
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
          /up:
            post:
              x-amazon-apigateway-integration:
                {{type: http_proxy, httpMethod: POST, payloadFormatVersion: '1.0', uri: 'http://127.0.0.1:{upstream}/up'}}
          /late:
            get:
              x-amazon-apigateway-integration:
                {{type: http_proxy, httpMethod: GET, payloadFormatVersion: '1.0', timeoutInMillis: 100, uri: 'http://127.0.0.1:{upstream}/late'}}
          /unread:
            post:
              x-amazon-apigateway-integration:
                {{type: http_proxy, httpMethod: POST, payloadFormatVersion: '1.0', timeoutInMillis: 100, uri: 'http://127.0.0.1:{upstream}/'}}
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
        x-amazon-apigateway-request-validators: {{body: {{validateRequestBody: true, validateRequestParameters: false}}}}
        paths:
          /rest-late:
            get:
              x-amazon-apigateway-integration:
                {{type: http_proxy, httpMethod: GET, timeoutInMillis: 100, uri: 'http://127.0.0.1:{upstream}/late'}}
          /rest-unread:
            post:
              x-amazon-apigateway-integration:
                {{type: http_proxy, httpMethod: POST, timeoutInMillis: 100, uri: 'http://127.0.0.1:{upstream}/'}}
          /rest-up/up:
            post:
              x-amazon-apigateway-integration:
                {{type: http_proxy, httpMethod: POST, uri: 'http://127.0.0.1:{upstream}/up'}}
          /rest-checked:
            post:
              x-amazon-apigateway-request-validator: body
              requestBody: {{content: {{application/json: {{schema: {{type: object, required: [a]}}}}}}}}
              x-amazon-apigateway-integration:
                {{type: http_proxy, httpMethod: POST, uri: 'http://127.0.0.1:{upstream}/checked'}}
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

#[test]
fn a_requests_body_streams_through_too() {
    let upstream = Upstream::start();
    let (_daemon, _project, served) = serve(upstream.port);
    for path in ["/up", "/rest-up/up"] {
        let mut stream = served.connect();
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nConnection: close\r\n\r\n");
        stream.write_all(format!("{head}first ").as_bytes()).unwrap();
        assert_eq!(upstream.seen.recv().unwrap(), "first ", "{path}: the server reads before the client has sent all");
        stream.write_all(b"last").unwrap();
        let reply = read_reply(&mut stream);
        assert!(reply.status == 418 && reply.text().ends_with("\nlast"), "{path}: {}", reply.text());
    }
}

#[test]
fn a_body_that_turns_out_too_large_on_its_way_is_413() {
    let upstream = Upstream::start();
    let (_daemon, _project, served) = serve(upstream.port);
    let over = 10 * 1024 * 1024 + 1;
    for (path, message) in
        [("/up", r#"{"message":"Request Entity Too Large"}"#), ("/rest-up/up", r#"{"message":"Request Too Long"}"#)]
    {
        let reply = served.ask("POST", path, &[], &vec![b'x'; over]);
        assert_eq!((reply.status, reply.text().as_str()), (413, message), "{path}: by its length");
        let mut stream = served.connect();
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{over:x}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        // No end follows: what is over is seen as it comes.
        stream.write_all(&vec![b'x'; over]).unwrap();
        let reply = read_reply(&mut stream);
        assert_eq!((reply.status, reply.text().as_str()), (413, message), "{path}: in pieces");
    }
}

#[test]
fn a_body_that_a_model_checks_is_read_before_it_is_sent() {
    let upstream = Upstream::start();
    let (_daemon, _project, served) = serve(upstream.port);
    let ask =
        |body: &str| served.ask("POST", "/rest-checked", &[("Content-Type", "application/json")], body.as_bytes());
    assert!(ask(r#"{"a":1}"#).text().ends_with("\n{\"a\":1}"));
    assert_eq!(ask("{}").text(), r#"{"message": "Invalid request body"}"#);
}

#[test]
fn a_server_that_is_late_is_503_of_an_http_api_and_504_of_a_rest_api() {
    let upstream = Upstream::start();
    let (_daemon, _project, served) = serve(upstream.port);
    let reply = served.get("/late");
    assert_eq!((reply.status, reply.text().as_str()), (503, r#"{"message":"Service Unavailable"}"#));
    let reply = served.get("/rest-late");
    assert_eq!((reply.status, reply.text().as_str()), (504, r#"{"message": "Endpoint request timed out"}"#));
}

#[test]
fn a_server_that_does_not_read_is_late_too() {
    // It never accepts: the kernel takes the connection and the first of the body.
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let (_daemon, _project, served) = serve(upstream.local_addr().unwrap().port());
    for (path, status) in [("/unread", 503), ("/rest-unread", 504)] {
        let mut stream = served.connect();
        let mut sending = stream.try_clone().unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n");
        let sender = std::thread::spawn(move || {
            sending.write_all(head.as_bytes()).unwrap();
            // The gateway answers before it has read all of it.
            drop(sending.write_all(&vec![b'x'; 10_000_000]));
        });
        assert_eq!(read_reply(&mut stream).status, status, "{path}");
        drop(stream.shutdown(std::net::Shutdown::Both));
        sender.join().unwrap();
    }
}

/// An HTTPS server that says what it was asked.
const SECURE: &str = "
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f'secure {self.path}'.encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
";

/// A child that is killed at the end of its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn certificate(folder: &Path) -> (String, String) {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args([Path::new("-out"), &certificate, Path::new("-keyout"), &key])
        .output();
    let made = made.expect("openssl is installed by tests/run");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (certificate.to_str().unwrap().to_owned(), key.to_str().unwrap().to_owned())
}

#[test]
fn an_https_server_is_reached_by_who_trusts_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let mut server = Command::new("python3");
    let server = server.args(["-c", SECURE, &certificate, &key]).stdout(Stdio::piped()).spawn();
    let mut server = Running(server.unwrap());
    let mut port = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
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
          /{{proxy+}}:
            get:
              x-amazon-apigateway-integration:
                {{type: http_proxy, httpMethod: GET, payloadFormatVersion: '1.0', uri: 'https://localhost:{}/{{proxy}}'}}
",
        port.trim()
    );
    let project = Project::of(&[("template.yaml", &template)]);
    let trusting = Daemon::with(&[("SSL_CERT_FILE", &certificate)]);
    let served = trusting.serve(&project, "secure");
    assert_eq!(served.get("/a/b?c=d").text(), "secure /a/b?c=d", "{}", trusting.log());
    let other = Daemon::start();
    let reply = other.serve(&project, "secure").get("/a");
    assert_eq!(reply.status, 503);
    assert!(other.log().contains("certificate"), "the log says why: {}", other.log());
}
