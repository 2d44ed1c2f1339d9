//! How the control port ends, and how streams live until then.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use samd::logs::LogSource;
use samd::project::settings::ProjectName;
use samd::supervisor::handle::{ReloadOutcome, ReloadReport};
use samd_tests::control_port::{ControlPort, TOKEN};

/// An open stream; its body's lines come one by one.
fn follow(port: &ControlPort, name: &str, request: &str) -> impl Iterator<Item = String> + use<> {
    let mut stream = TcpStream::connect(port.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "POST /v1/{name} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n{request}",
        port.address,
        request.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert!(lines.next().unwrap().unwrap().contains(" 200 "));
    let body = lines.map(Result::unwrap).skip_while(|line| !line.is_empty());
    body.filter(|line| line.starts_with('{'))
}

fn start_shop(port: &ControlPort) {
    assert_eq!(port.post("start", r#"{"name":"shop","settings":{"path":"/shop"}}"#).0, 200);
}

#[test]
fn a_followed_log_goes_on_with_what_comes() {
    let port = ControlPort::open();
    start_shop(&port);
    port.supervisor.log("Echo", LogSource::Function, "past");
    let mut lines = follow(&port, "logs", r#"{"name":"shop","function":"Echo","follow":true}"#);
    assert!(lines.next().unwrap().contains("past"));
    port.supervisor.log("Fail", LogSource::Function, "of another function");
    port.supervisor.log("Echo", LogSource::Function, "future");
    assert!(lines.next().unwrap().contains("future"));
}

#[test]
fn followed_events_tell_a_change_once() {
    let port = ControlPort::open();
    start_shop(&port);
    let mut lines = follow(&port, "events", r#"{"name":"shop","follow":true}"#);
    assert!(lines.next().unwrap().contains("applied"));
    let report = |project: &str, outcome| ReloadReport {
        project: ProjectName(project.to_owned()),
        generation: 3,
        at: SystemTime::now(),
        duration: Duration::from_millis(2),
        files: vec!["/shop/app.py".into()],
        outcome,
    };
    port.supervisor.events.send(report("blog", ReloadOutcome::Unchanged)).unwrap();
    port.supervisor.events.send(report("shop", ReloadOutcome::Rejected { diagnostics: Vec::new() })).unwrap();
    let line = lines.next().unwrap();
    assert!(line.contains("rejected") && line.contains("/shop/app.py"), "{line}");
}

#[test]
fn a_slow_reader_is_told_how_much_it_missed() {
    let port = ControlPort::open();
    start_shop(&port);
    let mut lines = follow(&port, "events", r#"{"follow":true}"#);
    lines.next().unwrap();
    // More than the channel keeps, sent before the stream's task can run on, and far more than sockets buffer.
    let diagnostics = vec![samd::template::Diagnostic::error("x".repeat(100_000)); 10];
    for generation in 0..200 {
        let outcome = ReloadOutcome::Rejected { diagnostics: diagnostics.clone() };
        let report = ReloadReport {
            project: ProjectName("shop".to_owned()),
            generation,
            at: SystemTime::now(),
            duration: Duration::ZERO,
            files: Vec::new(),
            outcome,
        };
        port.supervisor.events.send(report).unwrap();
    }
    let lagged = lines.find(|line| line.contains(r#""type":"lagged""#)).unwrap();
    assert!(lagged.contains(r#""lost":"#), "{lagged}");
}

#[test]
fn the_stop_command_is_answered_and_then_everything_ends() {
    let mut port = ControlPort::open();
    start_shop(&port);
    let mut lines = follow(&port, "logs", r#"{"name":"shop","follow":true}"#);
    assert_eq!(port.post("daemon-stop", "{}"), (200, "{}".to_owned()));
    assert!(port.cancel.is_cancelled());
    assert_eq!(lines.next(), None, "an open stream ends");
    port.wait_until_closed();
    assert!(TcpStream::connect(port.address).is_err(), "nobody listens any more");
}
