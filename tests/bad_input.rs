//! Bad input gets a clear answer, and everything else keeps serving.

use std::io::Write;
use std::net::TcpListener;

use samd_tests::daemon::{Daemon, Project, Served, eventually};

const FINE: &str = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'fine'}\n";

fn serve() -> (Daemon, Project, Served) {
    let daemon = Daemon::start();
    let project = Project::python(FINE);
    let served = daemon.serve(&project, "fine");
    assert_eq!(served.get("/x").text(), "fine");
    (daemon, project, served)
}

#[test]
fn a_template_that_cannot_be_parsed_is_refused_with_its_place() {
    let (daemon, _project, served) = serve();
    let bad = Project::of(&[("template.yaml", "Resources:\n  A: [1,\n")]);
    let ran = daemon.samctl(&["start", bad.path().to_str().unwrap(), "--name", "bad"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("template.yaml:"), "{}", ran.err);
    assert_eq!(served.get("/x").text(), "fine");
}

#[test]
fn an_unknown_runtime_a_missing_handler_and_missing_code_are_named_and_the_rest_is_served() {
    let daemon = Daemon::start();
    let project = Project::of(&[
        ("template.yaml", "
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 10, MemorySize: 256}}
Resources:
  Fine:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src/, Handler: app.handler, Runtime: python3.11, Events: {E: {Type: Api, Properties: {Path: /fine, Method: get}}}}
  Cobol:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src/, Handler: app.handler, Runtime: cobol85, Events: {E: {Type: Api, Properties: {Path: /cobol, Method: get}}}}
  NoFile:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src/, Handler: gone.handler, Runtime: python3.11, Events: {E: {Type: Api, Properties: {Path: /nofile, Method: get}}}}
  NoCode:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: nowhere/, Handler: app.handler, Runtime: python3.11, Events: {E: {Type: Api, Properties: {Path: /nocode, Method: get}}}}
"),
        ("src/app.py", FINE),
    ]);
    let served = daemon.serve(&project, "parts");
    assert_eq!(served.get("/fine").text(), "fine");
    let cobol = served.get("/cobol");
    assert_eq!(cobol.status, 501, "{}", cobol.text());
    assert!(cobol.text().contains("cobol85"), "{}", cobol.text());
    assert_eq!(served.get("/nofile").status, 502);
    let nocode = served.get("/nocode");
    assert!(nocode.status == 501 && nocode.text().contains("nowhere"), "{}", nocode.text());
    let diagnostics = daemon.status("parts")["diagnostics"].to_string();
    for part in ["cobol85", "gone", "nowhere"] {
        assert!(diagnostics.contains(part), "{part} is not named: {diagnostics}");
    }
}

#[test]
fn a_port_that_is_taken_is_named_and_another_projects_port_with_its_owner() {
    let (daemon, project, served) = serve();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let path = project.path().to_str().unwrap();
    let foreign = taken.local_addr().unwrap().port().to_string();
    let ran = daemon.samctl(&["start", path, "--name", "second", "--port", &foreign]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains(&foreign), "{}", ran.err);
    let own = served.address.port().to_string();
    let ran = daemon.samctl(&["start", path, "--name", "third", "--port", &own]);
    assert!(ran.code == 1 && ran.err.contains("project"), "{}", ran.err);
    assert_eq!(served.get("/x").text(), "fine");
}

#[test]
fn the_same_template_twice_under_two_names_has_two_ports() {
    let (daemon, project, served) = serve();
    let second = daemon.serve(&project, "second");
    assert_ne!(second.address, served.address);
    assert_eq!(second.get("/x").text(), "fine");
}

#[test]
fn a_body_over_ten_megabytes_is_refused_and_neighbours_are_served() {
    let (_daemon, _project, served) = serve();
    let reply = served.ask("POST", "/x", &[], &vec![b'x'; 11 * 1024 * 1024]);
    assert_eq!(reply.status, 413, "{}", reply.text());
    assert_eq!(served.get("/x").text(), "fine");
}

#[test]
fn a_flood_of_headers_is_refused() {
    let (_daemon, _project, served) = serve();
    let long = "v".repeat(11_000);
    assert_eq!(served.ask("GET", "/x", &[("X-Long", &long)], b"").status, 431);
    let many: Vec<(String, String)> = (0..5000).map(|number| (format!("X-{number}"), "v".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(served.ask("GET", "/x", &many, b"").status, 431);
    assert_eq!(served.get("/x").text(), "fine");
}

#[test]
fn half_a_request_keeps_nobody_waiting() {
    let (_daemon, _project, served) = serve();
    let mut halves: Vec<_> = (0..32).map(|_| served.connect()).collect();
    for half in &mut halves {
        half.write_all(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc").unwrap();
    }
    assert_eq!(served.get("/x").text(), "fine");
}

#[test]
fn garbage_at_the_runtime_api_harms_only_the_one_who_sends_it() {
    let daemon = Daemon::start();
    let project = Project::python(
        "import os, socket\ndef handler(event, context):\n    host, port = os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')\n    s = socket.create_connection((host, int(port)))\n    s.sendall(b'\\x00\\xffgarbage\\r\\n\\r\\n')\n    s.close()\n    return {'statusCode': 200, 'body': 'survived'}\n",
    );
    let served = daemon.serve(&project, "garbage");
    assert_eq!(served.get("/x").text(), "survived");
    assert_eq!(served.get("/x").text(), "survived");
}

#[test]
fn a_wrong_control_token_is_told_where_the_right_one_is() {
    let (daemon, _project, _served) = serve();
    let other = tempfile::tempdir().unwrap();
    std::fs::copy(daemon.state().join("control"), other.path().join("control")).unwrap();
    std::fs::write(other.path().join("token"), "wrong").unwrap();
    let ran = samd_tests::command_line::CommandLine::new(other.path()).run(&["list"]);
    assert_ne!(ran.code, 0);
    assert!(ran.err.contains("token"), "{}", ran.err);
    let right = std::fs::read_to_string(daemon.state().join("token")).unwrap();
    assert!(!ran.err.contains(right.trim()));
}

#[test]
fn a_second_daemon_on_the_same_state_says_who_holds_it() {
    let (daemon, _project, _served) = serve();
    let out = std::process::Command::new(samd_tests::daemon::executable("samd"))
        .env("SAMD_STATE_DIR", daemon.state())
        .env("SAMD_CONTROL", "127.0.0.1:0")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success() && text.contains(&daemon.pid().to_string()), "{text}");
}

#[test]
fn a_path_without_a_template_is_refused_with_what_was_looked_for() {
    let (daemon, _project, _served) = serve();
    let empty = tempfile::tempdir().unwrap();
    let ran = daemon.samctl(&["start", empty.path().to_str().unwrap(), "--name", "empty"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("template.yaml"), "{}", ran.err);
    eventually("the list without it", || (!daemon.samctl(&["list"]).out.contains("empty")).then_some(()));
}
