//! Each command of `samctl` against the real daemon.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use samd_tests::command_line::CommandLine;
use samd_tests::daemon::{Daemon, Project, eventually, executable};
use serde_json::{Value, json};

const ECHO: &str = "
import json
def handler(event, context):
    print('seen', json.dumps(event, sort_keys=True))
    if event.get('fail'): raise ValueError('as asked')
    return {'statusCode': 200, 'body': json.dumps(event.get('given', 'nothing'))}
";

fn echo() -> (Daemon, Project) {
    let daemon = Daemon::start();
    let project = Project::python(ECHO);
    let served = daemon.serve(&project, "echo");
    assert_eq!(served.get("/x").status, 200);
    (daemon, project)
}

/// `samctl` as a process of its own.
fn samctl(state: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(executable("samctl"));
    command.args(arguments).env_clear().env("SAMD_STATE_DIR", state).env("SAMD_AUTOSTART", "0");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn the_json_of_each_command_can_be_read() {
    let (daemon, project) = echo();
    let template = project.path().join("template.yaml");
    let template = template.to_str().unwrap();
    let commands: &[&[&str]] = &[
        &["list"],
        &["status", "echo"],
        &["routes", "echo"],
        &["routes", "--template", template],
        &["validate", template],
        &["events"],
        &["logs", "echo"],
        &["invoke", "echo", "Fn"],
        &["invoke", "echo", "Fn", "--async"],
        &["reload", "echo"],
        &["set", "echo", "--idle-expiry", "5m"],
        &["start", "echo"],
        &["stop", "echo"],
        &["start", "echo"],
        &["daemon", "status"],
        &["daemon", "start"],
        &["remove", "echo"],
        &["daemon", "stop"],
    ];
    for command in commands {
        let ran = daemon.samctl(&[command, &["--output", "json"][..]].concat());
        assert_eq!(ran.code, 0, "{command:?}: {}", ran.err);
        let read = serde_json::Deserializer::from_str(&ran.out).into_iter::<Value>();
        let values: Result<Vec<_>, _> = read.collect();
        let count = values.unwrap_or_else(|error| panic!("{command:?}: {error}: {}", ran.out)).len();
        assert!(count > 0, "{command:?} says nothing");
    }
}

#[test]
fn an_event_comes_from_a_file_or_from_standard_input_or_is_empty() {
    let (daemon, project) = echo();
    project.write("event.json", r#"{"given": "file"}"#);
    let file = project.path().join("event.json");
    let body = |ran: samd_tests::command_line::Ran| {
        assert_eq!(ran.code, 0, "{}", ran.err);
        serde_json::from_str::<Value>(&ran.out).unwrap()["body"].as_str().unwrap().to_owned()
    };
    assert_eq!(body(daemon.samctl(&["invoke", "echo", "Fn", "--event", file.to_str().unwrap()])), "\"file\"");
    let mut line = CommandLine::new(daemon.state());
    line.input = r#"{"given": "stdin"}"#.to_owned();
    assert_eq!(body(line.run(&["invoke", "echo", "Fn", "-e", "-"])), "\"stdin\"");
    assert_eq!(body(daemon.samctl(&["invoke", "echo", "Fn"])), "\"nothing\"");
    line.input = r#"{"fail": true}"#.to_owned();
    let failed = line.run(&["invoke", "echo", "Fn", "-e", "-"]);
    assert_eq!(failed.code, 5, "{}", failed.err);
    let error: Value = serde_json::from_str(&failed.out).unwrap();
    assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!("ValueError"), &json!("as asked")));
    assert!(failed.err.contains("REPORT RequestId"), "the log stands beside it: {}", failed.err);
}

#[test]
fn an_asynchronous_invocation_is_not_waited_for_and_runs() {
    let (daemon, _project) = echo();
    let mut line = CommandLine::new(daemon.state());
    line.input = r#"{"given": "later"}"#.to_owned();
    let ran = line.run(&["invoke", "echo", "Fn", "--async", "--event", "-"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let id = ran.out.trim();
    assert_eq!(id.len(), 36, "the request's id: {id}");
    eventually("its report", || daemon.logs("echo").contains(&format!("END RequestId: {id}")).then_some(()));
}

#[test]
fn a_followed_log_shows_what_comes_until_the_daemon_ends() {
    let (daemon, _project) = echo();
    let mut follower = samctl(daemon.state(), &["logs", "echo", "Fn", "--follow"]).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("REPORT")), "what was there comes first");
    let mut line = CommandLine::new(daemon.state());
    line.input = r#"{"given": "fresh"}"#.to_owned();
    assert_eq!(line.run(&["invoke", "echo", "Fn", "-e", "-"]).code, 0);
    assert!(lines.any(|line| line.contains("fresh")));
    assert_eq!(daemon.samctl(&["daemon", "stop"]).code, 0);
    assert_eq!(lines.filter(|line| line.contains("error")).count(), 0);
    follower.wait().unwrap();
}

#[test]
fn since_leaves_out_what_is_older() {
    let (daemon, _project) = echo();
    let at = |name: &str| daemon.samctl(&["logs", name, "--output", "json"]).out;
    let times: Vec<u64> = at("echo")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["time_ms"].as_u64().unwrap())
        .collect();
    let after = format_time(times.iter().max().unwrap() + 1);
    let ran = daemon.samctl(&["logs", "echo", "--since", &after]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert!(!daemon.samctl(&["logs", "echo", "--since", "10m"]).out.is_empty());
    assert_eq!(daemon.samctl(&["logs", "echo", "--since", "some day"]).code, 2);
}

/// Milliseconds since 1970 as a time that `--since` takes.
fn format_time(milliseconds: u64) -> String {
    let out = Command::new("date")
        .args(["-u", "-d", &format!("@{}.{:03}", milliseconds / 1000, milliseconds % 1000), "+%Y-%m-%dT%H:%M:%S.%3NZ"])
        .output()
        .unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[test]
fn validate_tells_good_from_bad_and_starts_nothing() {
    let (daemon, project) = echo();
    let good = daemon.samctl(&["validate", project.path().to_str().unwrap()]);
    assert_eq!(good.code, 0, "{}{}", good.out, good.err);
    let bad = Project::of(&[(
        "template.yaml",
        "Resources:\n  Fn:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: !Sub '${Nobody}'\n",
    )]);
    let ran = daemon.samctl(&["validate", bad.path().to_str().unwrap()]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("template.yaml:5:") && ran.err.contains("Nobody"), "{}", ran.err);
    let listed: Value = serde_json::from_str(&daemon.samctl(&["list", "--output", "json"]).out).unwrap();
    assert_eq!(listed["projects"].as_array().unwrap().len(), 1);
}

#[test]
fn validate_finds_what_a_start_finds() {
    let daemon = Daemon::start();
    let project = Project::of(&[("template.yaml", UNSERVED)]);
    let validated = daemon.samctl(&["validate", project.path().to_str().unwrap()]);
    assert_eq!(validated.code, 0, "{}{}", validated.out, validated.err);
    for why in
        ["\"bad stage!\" would be refused", "GET /vtl is answered 501: a mapping template", "GET /ht is answered 501"]
    {
        assert!(validated.err.contains(why), "{why}: {}", validated.err);
    }
    let started = daemon.samctl(&["start", project.path().to_str().unwrap(), "--name", "unserved"]);
    assert_eq!(started.code, 0, "{}{}", started.out, started.err);
    let found =
        |text: &str| text.lines().filter(|line| line.contains("warning: ")).map(str::to_owned).collect::<Vec<_>>();
    let (validated, started) = (found(&validated.err), found(&started.err));
    assert_eq!(validated.len(), 3, "{validated:?}");
    assert_eq!(validated, started);
}

/// An API of which AWS would refuse the stage, and samd serves a route alone.
const UNSERVED: &str = r#"
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: bad stage!
      DefinitionBody:
        openapi: 3.0.1
        info: {title: x, version: '1'}
        paths:
          /ok:
            get:
              x-amazon-apigateway-integration:
                type: mock
                requestTemplates: {application/json: '{"statusCode": 200}'}
                responses: {default: {statusCode: '200'}}
          /vtl:
            get:
              x-amazon-apigateway-integration:
                type: mock
                requestTemplates: {application/json: '{"statusCode": #if(true)200#end}'}
                responses: {default: {statusCode: '200'}}
          /ht:
            get:
              x-amazon-apigateway-integration: {type: http, httpMethod: GET, uri: 'http://127.0.0.1:1/x'}
"#;

#[test]
fn routes_of_a_template_are_told_without_starting_it() {
    let daemon = Daemon::start();
    let project = Project::python(ECHO);
    let ran = daemon.samctl(&["routes", "--template", project.path().join("template.yaml").to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("/{proxy+}") && ran.out.contains("ServerlessRestApi"), "{}", ran.out);
    assert!(daemon.samctl(&["list"]).out.contains("no projects"));
}

#[test]
fn completions_name_the_commands_of_each_shell() {
    let state = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = CommandLine::new(state.path()).run(&["completions", shell]);
        assert!(ran.code == 0 && ran.out.contains("completions") && ran.out.contains("reload"), "{shell}: {}", ran.err);
    }
    let ran = CommandLine::new(state.path()).run(&["completions", "bash"]);
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(ran.out.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success(), "bash reads them");
}

/// A daemon that `samctl` started by itself; it is stopped however the test ends.
struct Autostarted<'a>(&'a Path);

impl Drop for Autostarted<'_> {
    fn drop(&mut self) {
        drop(samctl(self.0, &["daemon", "stop"]).status());
    }
}

fn finished(child: Child) -> (Option<i32>, String, String) {
    let out = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.code(), text(&out.stdout), text(&out.stderr))
}

#[test]
fn start_brings_up_the_daemon_that_is_missing_and_it_outlives_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let project = Project::python(ECHO);
    let path = project.path().to_str().unwrap();
    let start = |autostart: &str| {
        let mut command = samctl(&state, &["start", path, "--name", "auto", "--sandbox", "process"]);
        command.env("SAMD_AUTOSTART", autostart).env("SAMD_CONTROL", "127.0.0.1:0");
        finished(command.spawn().unwrap())
    };
    let (code, _, err) = start("0");
    assert_eq!(code, Some(3), "{err}");
    assert!(!state.join("control").exists(), "nothing was started");

    let _stopped = Autostarted(&state);
    let (code, out, err) = start("1");
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("/{proxy+}"), "{out}");
    let (code, out, err) = finished(samctl(&state, &["invoke", "auto", "Fn"]).spawn().unwrap());
    assert_eq!(code, Some(0), "{out}{err}");
    let (_, out, _) = finished(samctl(&state, &["daemon", "status"]).spawn().unwrap());
    assert!(out.contains("1 running"), "{out}");
}

#[test]
fn a_daemon_that_finds_its_state_held_says_so_by_its_status() {
    let daemon = Daemon::start();
    let mut second = Command::new(executable("samd"));
    second.env("SAMD_STATE_DIR", daemon.state()).env("SAMD_CONTROL", "127.0.0.1:0");
    let ended = second.output().unwrap();
    assert_eq!(ended.status.code(), Some(i32::from(samd_proto::place::HELD_STATUS)));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("another samd"));
}

#[test]
fn two_starts_at_the_same_moment_share_one_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let projects = [Project::python(ECHO), Project::python(ECHO)];
    let _stopped = Autostarted(&state);
    let started: Vec<Child> = projects
        .iter()
        .zip(["left", "right"])
        .map(|(project, name)| {
            let path = project.path().to_str().unwrap();
            let mut command = samctl(&state, &["start", path, "--name", name, "--sandbox", "process"]);
            command.env("SAMD_AUTOSTART", "1").env("SAMD_CONTROL", "127.0.0.1:0").spawn().unwrap()
        })
        .collect();
    for child in started {
        let (code, out, err) = finished(child);
        assert_eq!(code, Some(0), "{out}{err}");
    }
    let (_, out, _) = finished(samctl(&state, &["list"]).spawn().unwrap());
    assert!(out.contains("left") && out.contains("right"), "{out}");
}

#[test]
fn the_real_control_port_refuses_other_hosts_pages_and_tokens() {
    let (daemon, _project) = echo();
    let address = std::fs::read_to_string(daemon.state().join("control")).unwrap();
    let token = std::fs::read_to_string(daemon.state().join("token")).unwrap();
    let ask = |headers: &str| {
        let mut stream = std::net::TcpStream::connect(address.trim()).unwrap();
        write!(stream, "POST /v1/list HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: 2\r\n\r\n{{}}")
            .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply.split(' ').nth(1).unwrap().to_owned()
    };
    let (host, bearer) =
        (format!("Host: {}\r\n", address.trim()), format!("Authorization: Bearer {}\r\n", token.trim()));
    assert_eq!(ask(&format!("{host}{bearer}")), "200");
    assert_eq!(ask(&format!("Host: rebound.example\r\n{bearer}")), "403");
    assert_eq!(ask(&format!("{host}Origin: http://localhost:3000\r\n{bearer}")), "403");
    assert_eq!(ask(&format!("{host}Authorization: Bearer wrong\r\n")), "401");
    assert_eq!(ask(&host), "401");
    use std::os::unix::fs::MetadataExt;
    let mode = |file: &str| std::fs::metadata(daemon.state().join(file)).unwrap().mode() & 0o777;
    assert_eq!((mode("token"), mode(".")), (0o600, 0o700));
}
