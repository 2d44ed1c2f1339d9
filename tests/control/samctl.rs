//! The command line in front of the real control port.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use samd::logs::LogSource;
use samd_tests::command_line::{CommandLine, Ran};
use samd_tests::control_port::ControlPort;
use serde_json::Value;

/// A control port, a command line that finds it, and a folder with a project's folder `shop`.
struct Scene {
    port: ControlPort,
    line: CommandLine,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Scene {
        let port = ControlPort::open();
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("shop")).unwrap();
        fs::create_dir(folder.path().join("broken")).unwrap();
        let line = CommandLine::new(port.state_dir()).within(folder.path());
        Scene { port, line, folder }
    }

    fn started() -> Scene {
        let scene = Scene::new();
        scene.ok(&["start", "shop"]);
        scene
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.line.run(arguments)
    }

    fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran
    }
}

#[test]
fn start_prints_the_urls_and_shows_warnings_beside_them() {
    let ran = Scene::new().ok(&["start", "shop"]);
    let expected = "\
METHOD  URL                              FUNCTION  RUNTIME
GET     http://127.0.0.1:3000/echo       Echo      python3.12
POST    http://127.0.0.1:3000/gone       (missing)
GET     http://Web.localhost:3000/echo   Fail      python3.12
";
    let table: String = ran.out.lines().skip(2).take(4).map(|line| line.to_owned() + "\n").collect();
    let squeeze =
        |text: &str| text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
    assert_eq!(squeeze(&table), squeeze(expected), "{}", ran.out);
    assert!(ran.out.starts_with("shop is served at http://127.0.0.1:3000 (generation 1"), "{}", ran.out);
    assert!(ran.out.ends_with("without a route: Busy (samctl invoke shop Busy)\n"), "{}", ran.out);
    assert!(ran.err.contains("warning: no interpreter is python3.12"), "{}", ran.err);
}

#[test]
fn start_sends_absolute_paths_and_the_callers_whole_environment() {
    let mut scene = Scene::new();
    fs::write(scene.folder.path().join("env.json"), "{}").unwrap();
    scene.line = scene.line.clone().with("TABLE", "orders").with("AWS_PROFILE", "work");
    scene.ok(&["start", "shop", "--name", "mine", "--env-vars", "env.json", "--idle-expiry", "5m"]);
    let (name, patch, caller) = scene.port.supervisor.last_asked();
    let root = scene.folder.path().canonicalize().unwrap();
    assert_eq!(name.0, "mine");
    assert_eq!(patch.path, Some(root.join("shop")));
    assert_eq!(patch.env_vars, Some(root.join("env.json")));
    assert_eq!(patch.idle_expiry, Some(std::time::Duration::from_secs(300)));
    assert_eq!(caller.0.get("TABLE").map(String::as_str), Some("orders"));
    assert_eq!(caller.0.get("AWS_PROFILE").map(String::as_str), Some("work"));
}

#[test]
fn a_project_is_started_again_by_its_name_or_its_place_and_is_one_project() {
    let scene = Scene::started();
    scene.ok(&["stop", "shop"]);
    assert!(scene.ok(&["list"]).out.contains("stopped"));
    let elsewhere = scene.line.clone().within(Path::new("/"));
    assert_eq!(elsewhere.run(&["start", "shop"]).code, 0);
    let renamed = scene.run(&["start", "shop"]);
    assert_eq!(renamed.code, 0, "{renamed:?}");
    assert_eq!(json(&scene.ok(&["list", "--output", "json"]).out)["projects"].as_array().unwrap().len(), 1);
}

#[test]
fn a_template_with_errors_is_shown_like_a_compilers() {
    let scene = Scene::new();
    let template = scene.folder.path().join("broken/template.yaml");
    fs::write(&template, "Resources:\n  Echo:\n    Runtime: pyton3.12\n").unwrap();
    let ran = scene.run(&["start", "broken"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert_eq!(ran.out, "");
    assert!(ran.err.contains("error: AWS has no runtime pyton3.12\n"), "{}", ran.err);
    assert!(ran.err.contains("3 |     Runtime: pyton3.12\n  |     ^\n"), "{}", ran.err);
    assert!(ran.err.contains("= help: did you mean python3.12?\n"), "{}", ran.err);
    assert_eq!(scene.run(&["validate", "broken"]).code, 4);
    assert_eq!(scene.run(&["routes", "--template", "broken"]).code, 4);
    assert_eq!(scene.run(&["validate", "shop"]).code, 0);
}

#[test]
fn exit_codes_tell_failures_apart() {
    let scene = Scene::started();
    let cases: [(&[&str], u8); 9] = [
        (&["status", "blog"], 1),
        (&["start", "nowhere"], 2),
        (&["start", "./nowhere"], 2),
        (&["start", "shop", "--env-vars", "absent.json"], 2),
        (&["nonsense"], 2),
        (&["set", "shop"], 2),
        (&["logs", "blog", "Echo"], 2),
        (&["--control", "127.0.0.1:1", "list"], 3),
        (&["invoke", "shop", "Fail"], 5),
    ];
    for (arguments, code) in cases {
        let ran = scene.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
        assert!(code == 5 || !ran.err.is_empty(), "{arguments:?} says nothing");
    }
}

#[test]
fn a_wrong_token_is_told_with_the_place_of_the_right_one() {
    let scene = Scene::new();
    fs::write(scene.port.state_dir().join("token"), "wrong").unwrap();
    let ran = scene.run(&["list"]);
    assert_eq!(ran.code, 6);
    assert!(ran.err.contains(scene.port.state_dir().join("token").to_str().unwrap()), "{}", ran.err);
}

#[test]
fn json_output_is_the_protocols_own_and_so_are_errors() {
    let scene = Scene::started();
    let list = json(&scene.ok(&["list", "--output", "json"]).out);
    assert_eq!(list["projects"][0]["name"], "shop");
    let refused = scene.run(&["status", "blog", "--output", "json"]);
    assert_eq!(json(&refused.err)["code"], "unknown_project");
    let unreachable = scene.run(&["--control", "127.0.0.1:1", "list", "--output", "json"]);
    assert_eq!(json(&unreachable.err)["code"], "no_daemon");
}

#[test]
fn an_invocation_writes_its_payload_to_the_output_and_its_log_beside_it() {
    let mut scene = Scene::started();
    scene.line.input = "{\"id\":  1}".to_owned();
    let ran = scene.ok(&["invoke", "shop", "Echo", "--event", "-"]);
    assert_eq!(ran.out, "{\"id\":  1}\n");
    assert!(ran.err.starts_with("START RequestId: ") && ran.err.contains("REPORT RequestId: "), "{}", ran.err);
    let failed = scene.run(&["invoke", "Fail"]);
    assert_eq!((failed.code, failed.out.as_str()), (5, "{\"errorMessage\":\"no\",\"errorType\":\"ValueError\"}\n"));
    assert_eq!(scene.ok(&["invoke", "Echo", "--async"]).out.trim().len(), 36, "an id");
}

#[test]
fn an_event_that_is_not_json_is_told_with_its_line() {
    let scene = Scene::started();
    fs::write(scene.folder.path().join("event.json"), "{\n  \"id\": nope\n}").unwrap();
    let ran = scene.run(&["invoke", "shop", "Echo", "--event", "event.json"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("event.json is not JSON") && ran.err.contains("line 2"), "{}", ran.err);
}

#[test]
fn logs_are_text_for_people_and_lines_of_json_for_programs() {
    let scene = Scene::started();
    scene.port.supervisor.log("Echo", LogSource::Function, "hello");
    scene.port.supervisor.log("Fail", LogSource::Function, "other");
    let text = scene.ok(&["logs", "shop", "Echo"]).out;
    assert!(text.ends_with(" hello\n") && !text.contains("other"), "{text}");
    scene.port.supervisor.log("Echo", LogSource::Function, "[ERROR] ValueError: no\rTraceback:\r  File");
    assert!(scene.ok(&["logs", "shop", "Echo"]).out.ends_with("ValueError: no\nTraceback:\n  File\n"));
    let all = scene.ok(&["logs", "--output", "json"]).out;
    let lines: Vec<Value> = all.lines().map(json).collect();
    assert_eq!((lines.len(), &lines[1]["function"]), (3, &Value::from("Fail")));
}

#[test]
fn the_project_of_the_current_folder_is_meant_when_none_is_named() {
    let scene = Scene::started();
    fs::create_dir(scene.folder.path().join("blog")).unwrap();
    scene.ok(&["start", "blog"]);
    let inside = scene.line.clone().within(&scene.folder.path().join("shop"));
    assert_eq!(json(&inside.run(&["status", "--output", "json"]).out)["name"], "shop");
    assert_eq!(scene.run(&["logs"]).code, 2, "of two projects none is meant");
    let both = scene.ok(&["status"]).out;
    assert!(both.contains("blog runs") && both.contains("shop runs"), "{both}");
}

#[test]
fn reload_and_events_tell_what_changed() {
    let scene = Scene::started();
    let ran = scene.ok(&["reload", "Echo"]);
    assert!(ran.out.contains("shop applied in 12.3 ms: functions ~Echo"), "{}", ran.out);
    assert!(scene.ok(&["reload", "--no-wait"]).out.contains("is being reloaded"));
    assert!(scene.ok(&["events"]).out.contains("shop applied in 12.3 ms"));
}

#[test]
fn settings_are_changed_while_a_project_runs() {
    let scene = Scene::started();
    scene.ok(&["set", "--max-concurrency", "3", "--parameter-overrides", "Stage=dev", "Title=Two words"]);
    let (_, patch, _) = scene.port.supervisor.last_asked();
    assert_eq!(patch.max_concurrency, Some(3));
    let expected = [("Stage", "dev"), ("Title", "Two words")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(patch.parameter_overrides, Some(expected.to_vec()));
}

#[test]
fn help_goes_to_the_output_and_mistakes_to_standard_error() {
    let scene = Scene::new();
    let help = scene.ok(&["start", "--help"]);
    assert!(help.out.contains("Examples:") && help.err.is_empty());
    let codes = scene.ok(&["--help"]).out;
    assert!(codes.contains("Exit codes:") && codes.contains("5  the function failed"), "{codes}");
    let wrong = scene.run(&["start", "--port", "x"]);
    assert!(wrong.out.is_empty() && wrong.err.contains("--port"), "{wrong:?}");
    assert!(scene.ok(&["completions", "bash"]).out.contains("_samctl"));
}

#[test]
fn the_daemon_is_shown_and_stopped() {
    let mut scene = Scene::new();
    let shown = scene.ok(&["daemon", "status"]).out;
    assert!(shown.contains(&scene.port.address.to_string()), "{shown}");
    assert!(scene.ok(&["daemon", "start"]).out.contains("runs"), "one that runs is not started again");
    scene.ok(&["daemon", "stop"]);
    scene.port.wait_until_closed();
    fs::remove_file(scene.port.state_dir().join("control")).unwrap();
    let again = scene.line.clone().with("SAMD_CONTROL", &scene.port.address.to_string());
    assert_eq!(again.run(&["daemon", "stop"]).out, "no samd runs\n");
    assert_eq!(again.run(&["daemon", "status"]).code, 3);
}

#[test]
fn a_stranger_on_the_port_is_told_apart_from_samd() {
    let scene = Scene::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let stranger = std::thread::spawn(move || {
        // The first connection only asks whether somebody listens.
        listener.accept().unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
    });
    let ran = scene.run(&["--control", &address, "list"]);
    stranger.join().unwrap();
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("does not speak samd's protocol"), "{}", ran.err);
}

/// A command line beside which a program `samd` stands: a shell script.
fn beside_samd(scene: &Scene, script: &str) -> CommandLine {
    let program = scene.folder.path().join("samd");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut line = scene.line.clone().with("SAMD_AUTOSTART", "1").with("PATH", "/usr/bin:/bin");
    line.program = Some(scene.folder.path().join("samctl"));
    line
}

#[test]
fn a_daemon_is_started_in_the_background_where_none_answers() {
    let scene = Scene::new();
    let control = scene.port.state_dir().join("control");
    fs::remove_file(&control).unwrap();
    // It says where the control port is, as the real one does after binding, and writes down its environment.
    let script = format!(
        "env > \"$SAMD_STATE_DIR/env\"; echo {} > \"$SAMD_STATE_DIR/new\"; mv \"$SAMD_STATE_DIR/new\" \
         \"$SAMD_STATE_DIR/control\"",
        scene.port.address
    );
    let line = beside_samd(&scene, &script)
        .with("SAMD_CONTROL", "127.0.0.1:0")
        .with("AWS_SECRET_ACCESS_KEY", "hunter2")
        .with("AWS_PROFILE", "work");
    let ran = line.run(&["start", "shop"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let environment = fs::read_to_string(scene.port.state_dir().join("env")).unwrap();
    assert!(environment.contains("SAMD_CONTROL=127.0.0.1:0\n"), "{environment}");
    assert!(!environment.contains("hunter2"), "keys of one caller are not the daemon's");
    let (_, _, caller) = scene.port.supervisor.last_asked();
    assert_eq!(caller.0.get("AWS_SECRET_ACCESS_KEY").map(String::as_str), Some("hunter2"), "they come with the start");
}

#[test]
fn a_daemon_that_dies_at_once_is_told_with_its_last_words() {
    let scene = Scene::new();
    fs::remove_file(scene.port.state_dir().join("control")).unwrap();
    fs::write(scene.port.state_dir().join("samd.log"), "of an earlier run\n").unwrap();
    let line = beside_samd(&scene, "echo the store is damaged >&2; exit 7").with("SAMD_CONTROL", "127.0.0.1:0");
    let ran = line.run(&["start", "shop"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("exit status: 7") && ran.err.contains("  the store is damaged\n"), "{}", ran.err);
    assert!(!ran.err.contains("earlier run"), "{}", ran.err);
    assert!(ran.err.contains("samd.log"), "{}", ran.err);
}

#[test]
fn nothing_is_started_for_a_mistake_on_the_command_line() {
    let scene = Scene::new();
    fs::remove_file(scene.port.state_dir().join("control")).unwrap();
    let line = beside_samd(&scene, "touch \"$SAMD_STATE_DIR/started\"").with("SAMD_CONTROL", "127.0.0.1:0");
    assert_eq!(line.run(&["start", "./nowhere"]).code, 2);
    assert_eq!(line.run(&["list"]).code, 3, "a question starts nothing either");
    assert!(!scene.port.state_dir().join("started").exists());
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}
