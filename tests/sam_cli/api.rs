//! `samctl local start-api`.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, test_kill_process};
use samd_tests::daemon::eventually;
use samd_tests::foreground::{Foreground, samctl};
use serde_json::json;

use super::{CODE, TEMPLATE, project};

fn start(folder: &Path, state: &tempfile::TempDir, more: &[&str]) -> Foreground {
    let arguments = ["local", "start-api", "--port", "0"];
    Foreground::start(samctl(folder, state, &[&arguments[..], more].concat()))
}

#[test]
fn it_names_what_it_mounts_serves_and_tells_of_each_request() {
    let (project, state) = (project(), tempfile::tempdir().unwrap());
    let mut command = start(project.path(), &state, &[]);
    let served = command.ready();
    let at = format!("http://{}", served.address);
    let said = command.said();
    for mounted in [
        format!("Mounting Hello at {at}/hello [GET, POST]\n"),
        format!("Mounting Rest at {at}/files/{{proxy+}} [DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT]\n"),
    ] {
        assert!(said.contains(&mounted), "{mounted} is not in: {said}");
    }
    assert_eq!(served.get("/hello?a=1").json()["who"], "template");
    assert_eq!(served.get("/nobody").status, 403);
    command.says("\"GET /hello?a=1 HTTP/1.1\" 200 -\n");
    command.says("\"GET /nobody HTTP/1.1\" 403 -\n");
    command.says("hello was called\n");
    command.says("REPORT RequestId: ");
    assert!(!state.path().join("state/store").exists(), "the user's own daemon is left alone");
}

#[test]
fn interrupted_or_terminated_it_ends_with_0_and_its_daemon_with_it() {
    for signal in [Signal::INT, Signal::TERM] {
        let (project, state) = (project(), tempfile::tempdir().unwrap());
        let mut command = start(project.path(), &state, &[]);
        let served = command.ready();
        assert_eq!(served.get("/hello").status, 200);
        let daemon = daemon_of(&command);
        command.signal(signal);
        assert_eq!(command.wait().code(), Some(0), "{}", command.said());
        assert!(is_gone(daemon), "the daemon went first");
        TcpListener::bind(served.address).expect("its port is free");
    }
}

#[test]
fn when_it_is_killed_its_daemon_its_functions_and_their_state_go_too() {
    let (project, state) = (project(), tempfile::tempdir().unwrap());
    let mut command = start(project.path(), &state, &[]);
    let served = command.ready();
    assert_eq!(served.get("/hello").status, 200);
    let daemon = daemon_of(&command);
    let place = place_of(daemon);
    assert!(Path::new(&place).join("token").exists());
    command.signal(Signal::KILL);
    command.wait();
    eventually("the end of the daemon", || is_gone(daemon).then_some(()));
    eventually("the end of its state", || (!Path::new(&place).exists()).then_some(()));
    TcpListener::bind(served.address).expect("its port is free");
}

#[test]
fn a_port_that_is_taken_is_said_to_be() {
    let (project, state) = (project(), tempfile::tempdir().unwrap());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = start(project.path(), &state, &["-p", &port]);
    assert_eq!(command.wait().code(), Some(1));
    command.says("Address already in use");
}

#[test]
fn edits_of_code_and_template_are_served_and_new_routes_named() {
    let (project, state) = (project(), tempfile::tempdir().unwrap());
    let mut command = start(project.path(), &state, &[]);
    let served = command.ready();
    assert_eq!(served.get("/hello").status, 200);
    project.write("src/app.py", &CODE.replace("'stage':", "'edited': True, 'stage':"));
    eventually("the edit", || (served.get("/hello").json()["edited"] == true).then_some(()));
    assert_eq!(served.get("/hello/again").status, 403);
    project.write("template.yaml", &TEMPLATE.replace("Path: /hello, Method: post", "Path: /hello/again, Method: get"));
    command.says(&format!("Mounting Hello at http://{}/hello/again [GET]\n", served.address));
    assert_eq!(served.get("/hello/again").status, 200);
    project.write("template.yaml", "Resources: [\n");
    command.says("What was served before these errors still is.");
    assert_eq!(served.get("/hello/again").status, 200, "the last good one is served on");
}

#[test]
fn files_are_served_beside_the_apis_and_give_way_to_routes() {
    let (project, state) = (project(), tempfile::tempdir().unwrap());
    project.write("public/site.css", "b {}");
    project.write("public/hello", "a file");
    project.write("public/files/there.txt", "a file");
    project.write("secret.txt", "no file for anybody");
    let mut command = start(project.path(), &state, &[]);
    let served = command.ready();
    assert!(command.said().contains("Mounting static files from "), "{}", command.said());
    let css = served.get("/site.css");
    assert_eq!((css.status, css.text().as_str()), (200, "b {}"));
    assert_eq!(css.header("Content-Type"), Some("text/css; charset=utf-8"));
    let modified = css.header("Last-Modified").unwrap().to_owned();
    assert_eq!(served.ask("GET", "/site.css", &[("If-Modified-Since", &modified)], b"").status, 304);
    assert_eq!(served.get("/hello").json()["who"], "template", "a route that names the path goes first");
    assert_eq!(served.get("/files/there.txt").text(), "a file", "a greedy one does not");
    assert_eq!(served.get("/files/other.txt").text(), "rest of /files/other.txt");
    for path in ["/../secret.txt", "/%2e%2e/secret.txt", "/site.css/../../secret.txt"] {
        assert_eq!(served.get(path).status, 403, "{path}");
    }
    assert_eq!(served.ask("POST", "/site.css", &[], b"").status, 403);
}

#[test]
fn without_authorizers_everybody_may_call_and_with_binary_types_bytes_pass() {
    let closed = TEMPLATE.replace(
        "Resources:\n",
        "Resources:\n  Guard:\n    Type: AWS::Serverless::Api\n    Properties:\n      StageName: Prod\n      Auth: \
         {DefaultAuthorizer: AWS_IAM}\n",
    );
    let closed = closed.replace("Path: /hello, Method: get", "Path: /hello, Method: get, RestApiId: !Ref Guard");
    let (project, state) = (project(), tempfile::tempdir().unwrap());
    project.write("template.yaml", &closed);
    let mut command = start(project.path(), &state, &[]);
    assert_eq!(command.ready().get("/hello").status, 403);
    let mut command = start(project.path(), &state, &["--disable-authorizer", "--binary-type", "image/png"]);
    let served = command.ready();
    let reply = served.get("/hello");
    assert_eq!(reply.status, 200);
    let reply = served.ask("POST", "/hello", &[("Content-Type", "image/png")], b"\x89PNG");
    let event = &reply.json()["event"];
    assert_eq!((&event["isBase64Encoded"], &event["body"]), (&json!(true), &json!("iVBORw==")));
}

#[test]
fn with_a_certificate_it_serves_https_in_both_protocols() {
    let (project, state) = (project(), tempfile::tempdir().unwrap());
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("sam_cli/tls");
    let (certificate, key) = (tls.join("certificate.pem"), tls.join("key.pem"));
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let mut command = start(project.path(), &state, &["--ssl-cert-file", certificate, "--ssl-key-file", key]);
    let served = command.ready();
    let at = format!("https://{}/hello", served.address);
    assert!(command.said().contains(&format!("Mounting Hello at {at} [GET, POST]\n")), "{}", command.said());
    let fetched = Command::new("python3")
        .args(["-c", "import ssl, sys, urllib.request as r\nc = ssl.create_default_context(cafile=sys.argv[1])\nprint(r.urlopen(sys.argv[2], context=c).read().decode())"])
        .args([certificate, &at])
        .output()
        .unwrap();
    assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
    let told: serde_json::Value = serde_json::from_slice(&fetched.stdout).unwrap();
    assert_eq!(told["event"]["headers"]["X-Forwarded-Proto"], "https");
    let http2 = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--http2",
            "--cacert",
            certificate,
            "--write-out",
            "%{http_version}",
            "--output",
            "/dev/null",
            &at,
        ])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&http2.stdout), "2", "{}", String::from_utf8_lossy(&http2.stderr));
}

#[test]
fn half_a_certificate_and_one_that_is_none_are_refused() {
    let (project, state) = (project(), tempfile::tempdir().unwrap());
    project.write("no.pem", "nothing");
    let mut command = start(project.path(), &state, &["--ssl-cert-file", "no.pem"]);
    assert_eq!(command.wait().code(), Some(2));
    command.says("--ssl-key-file");
    let mut command = start(project.path(), &state, &["--ssl-cert-file", "no.pem", "--ssl-key-file", "no.pem"]);
    assert_eq!(command.wait().code(), Some(1));
    command.says("no certificate can be read from");
}

#[test]
fn output_of_functions_goes_to_the_log_file_and_requests_stay_on_the_screen() {
    let (project, state) = (project(), tempfile::tempdir().unwrap());
    let mut command = start(project.path(), &state, &["--log-file", "out.log"]);
    assert_eq!(command.ready().get("/hello").status, 200);
    command.says("\"GET /hello HTTP/1.1\" 200 -\n");
    let log = project.path().join("out.log");
    eventually("the log file", || std::fs::read_to_string(&log).ok()?.contains("REPORT RequestId").then_some(()));
    assert!(std::fs::read_to_string(&log).unwrap().contains("hello was called\n"));
    assert!(!command.said().contains("hello was called"));
}

#[test]
fn a_template_without_apis_is_refused() {
    let (project, state) = (project(), tempfile::tempdir().unwrap());
    let without: String =
        TEMPLATE.lines().filter(|line| !line.contains("Api")).map(|line| format!("{line}\n")).collect();
    project.write("template.yaml", &without.replace("      Events:\n", ""));
    let mut command = start(project.path(), &state, &[]);
    assert_ne!(command.wait().code(), Some(0));
    command.says("Template does not have any APIs connected to Lambda functions");
}

/// The daemon of a command: its only child.
fn daemon_of(command: &Foreground) -> u32 {
    let children = format!("/proc/{0}/task/{0}/children", command.pid());
    let all = std::fs::read_to_string(children).unwrap();
    all.split_whitespace().next().expect("it has a daemon").parse().unwrap()
}

/// The daemon's state folder.
fn place_of(daemon: u32) -> String {
    let environment = std::fs::read(format!("/proc/{daemon}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    environment.split('\0').find_map(|variable| variable.strip_prefix("SAMD_STATE_DIR=")).unwrap().to_owned()
}

fn is_gone(process: u32) -> bool {
    let pid = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    test_kill_process(pid).is_err() || stat.contains(") Z ")
}
