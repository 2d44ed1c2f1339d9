//! Who may use the control port.

use std::io::Write;
use std::net::TcpStream;

use samd_tests::control_port::{self, ControlPort, TOKEN};

fn list(port: &ControlPort, host: &str, more: &str) -> (u16, String) {
    let reply = port.raw(&format!(
        "POST /v1/list HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\nContent-Length: 2\r\n\r\n{{}}"
    ));
    (reply.split(' ').nth(1).unwrap().parse().unwrap(), reply)
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

#[test]
fn the_token_opens_the_port_and_nothing_else_does() {
    let port = ControlPort::open();
    let host = port.address.to_string();
    assert_eq!(list(&port, &host, &bearer(TOKEN)).0, 200);
    assert_eq!(list(&port, &host, &format!("authorization: bearer {TOKEN}\r\n")).0, 200, "the scheme has no case");
    let wrong = [
        String::new(),
        bearer(""),
        bearer("wrong"),
        bearer(&TOKEN[1..]),
        bearer(&format!("{TOKEN}x")),
        format!("Authorization: Basic {TOKEN}\r\n"),
        format!("Authorization: {TOKEN}\r\n"),
        format!("{}{}", bearer(TOKEN), bearer("second")),
    ];
    for headers in wrong {
        assert_eq!(list(&port, &host, &headers).0, 401, "{headers}");
    }
}

#[test]
fn a_refused_token_names_the_file_and_never_the_token() {
    let port = ControlPort::open();
    for headers in [String::new(), bearer("wrong")] {
        let (_, reply) = list(&port, &port.address.to_string(), &headers);
        assert!(reply.contains(port.state_dir().join("token").to_str().unwrap()), "{reply}");
        assert!(reply.contains(r#""code":"unauthorized""#), "{reply}");
        assert!(!reply.contains(TOKEN), "{reply}");
    }
}

#[test]
fn a_name_that_was_rebound_to_the_loopback_is_refused() {
    let port = ControlPort::open();
    let number = port.address.port();
    for host in [format!("127.0.0.1:{number}"), format!("localhost:{number}")] {
        assert_eq!(list(&port, &host, &bearer(TOKEN)).0, 200, "{host}");
    }
    let foreign =
        ["evil.example".to_owned(), format!("evil.example:{number}"), "127.0.0.1:1".to_owned(), String::new()];
    for host in foreign {
        let (status, reply) = list(&port, &host, &bearer(TOKEN));
        assert_eq!(status, 403, "{host}: {reply}");
        assert!(reply.contains(r#""code":"forbidden""#), "{reply}");
    }
}

#[test]
fn a_request_without_a_host_is_refused() {
    let port = ControlPort::open();
    let reply = port.raw(&format!("POST /v1/list HTTP/1.0\r\n{}Content-Length: 2\r\n\r\n{{}}", bearer(TOKEN)));
    assert!(reply.contains(" 403 "), "{reply}");
}

#[test]
fn a_web_page_is_refused_even_with_the_token() {
    let port = ControlPort::open();
    let host = port.address.to_string();
    for origin in ["https://evil.example", &format!("http://{host}"), "null", ""] {
        let headers = format!("{}Origin: {origin}\r\n", bearer(TOKEN));
        assert_eq!(list(&port, &host, &headers).0, 403, "{origin}");
    }
}

#[test]
fn a_preflight_and_a_websocket_handshake_of_a_page_are_refused() {
    let port = ControlPort::open();
    let address = port.address;
    let preflight = format!(
        "OPTIONS /v1/list HTTP/1.1\r\nHost: {address}\r\nOrigin: https://evil.example\r\n\
         Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n"
    );
    let reply = port.raw(&preflight);
    assert!(reply.contains(" 403 ") && !reply.to_lowercase().contains("access-control-allow"), "{reply}");
    let handshake = format!(
        "GET /v1/events HTTP/1.1\r\nHost: {address}\r\nOrigin: https://evil.example\r\nConnection: Upgrade, close\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    assert!(port.raw(&handshake).contains(" 403 "));
}

#[test]
fn no_answer_may_be_kept_by_a_cache() {
    let port = ControlPort::open();
    let (_, reply) = list(&port, &port.address.to_string(), &bearer(TOKEN));
    assert!(reply.to_lowercase().contains("cache-control: no-store"), "{reply}");
}

#[test]
fn the_openapi_document_needs_no_token_but_a_local_host() {
    let port = ControlPort::open();
    let get =
        |host: &str| port.raw(&format!("GET /v1/openapi.json HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
    assert!(get(&port.address.to_string()).contains(" 200 "));
    assert!(get("evil.example").contains(" 403 "));
}

#[test]
fn a_body_that_is_too_large_is_refused_and_others_are_served() {
    let port = ControlPort::open();
    let limit = 16 * 1024 * 1024;
    let (status, body) = port.post("list", &format!("{{}}{}", " ".repeat(limit - 1)));
    assert_eq!(status, 413, "{body}");
    assert!(body.contains(r#""code":"too_large""#), "{body}");
    assert_eq!(port.post("list", &format!("{{}}{}", " ".repeat(limit - 2))).0, 200);
}

#[test]
fn a_half_sent_request_hinders_nobody() {
    let port = ControlPort::open();
    let mut half = TcpStream::connect(port.address).unwrap();
    half.write_all(b"POST /v1/list HTTP/1.1\r\nHost: ").unwrap();
    let mut garbage = TcpStream::connect(port.address).unwrap();
    garbage.write_all(&[0xff; 512]).unwrap();
    assert_eq!(port.post("list", "{}").0, 200);
}

#[test]
fn an_address_that_the_network_can_reach_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        let supervisor = samd_tests::fake_supervisor::FakeSupervisor::spawn();
        let (auth, info) = (control_port::auth(folder.path()), control_port::info(folder.path()));
        let cancel = tokio_util::sync::CancellationToken::new();
        samd::control::serve(listener, supervisor.handle, control_port::reader(), auth, info, cancel).await.unwrap_err()
    });
    assert!(error.to_string().contains("loopback"), "{error}");
}
