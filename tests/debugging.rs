//! A debugger attaches to a function, as an editor's does: debugpy's own protocol and Node's inspector's.

use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use samd_tests::daemon::{Daemon, PYTHON, Project, Served, eventually};
use samd_tests::debug_adapter::DebugAdapter;
use samd_tests::inspector::Inspector;
use serde_json::json;

/// Longer than the functions' timeout of a second.
const LONGER: Duration = Duration::from_millis(1_300);

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where tests/install/debuggers.sh puts debugpy.
fn debugpy() -> PathBuf {
    let place = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/test-tools/debugpy");
    place.canonicalize().expect("debugpy is installed by tests/install/debuggers.sh")
}

fn start(daemon: &Daemon, project: &Project, name: &str, options: &[&str]) -> Served {
    let path = project.path().to_str().unwrap();
    let driver: &[&str] = if options.contains(&"--sandbox") { &[] } else { &["--sandbox", "process"] };
    let arguments = [&["start", path, "--name", name, "--output", "json"], driver, options].concat();
    let ran = daemon.samctl(&arguments);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    daemon.address(name)
}

const CODE: &str = "\
import os
def handler(event, context):
    path = event['path']
    left = context.get_remaining_time_in_millis()
    return {'statusCode': 200, 'body': '%s %d %d' % (path, os.getpid(), left > 60000)}
";

#[test]
fn a_python_function_stops_at_a_breakpoint_and_its_time_does_not_count() {
    let daemon = Daemon::start();
    let project = Project::python(CODE);
    project.write("template.yaml", &PYTHON.replace("Timeout: 10", "Timeout: 1"));
    let port = free_port();
    let (path, text) = (debugpy(), port.to_string());
    let options = ["--debug-port", &text, "--debugger-path", path.to_str().unwrap()];
    let served = start(&daemon, &project, "debugged", &options);
    // It is there before anything was asked.
    let file = project.path().join("src/app.py");
    let mut adapter = DebugAdapter::attach(port, file.to_str().unwrap(), 4);
    thread::scope(|scope| {
        let asked = scope.spawn(|| served.get("/first"));
        let stopped = adapter.stopped();
        assert_eq!(adapter.evaluate(stopped, "path"), "'/first'");
        let began = Instant::now();
        while began.elapsed() < LONGER {
            assert_eq!(adapter.evaluate(stopped, "1 + 1"), "2");
        }
        assert!(!asked.is_finished());
        adapter.go_on(stopped);
        let reply = asked.join().unwrap();
        assert_eq!(reply.status, 200, "{}", daemon.logs("debugged"));
        assert!(reply.text().starts_with("/first ") && reply.text().ends_with(" 1"), "{}", reply.text());
    });
    let status = daemon.status("debugged");
    assert!(status.to_string().contains("a debugger may attach to 127.0.0.1"), "{status}");

    // A newer version has the port, and one sandbox serves everybody.
    drop(adapter);
    project.write("src/app.py", &CODE.replace("'%s ", "'new %s "));
    eventually("the edit", || served.get("/x").text().starts_with("new").then_some(()));
    let pids: std::collections::BTreeSet<String> = thread::scope(|scope| {
        let asked: Vec<_> = (0..4).map(|_| scope.spawn(|| served.get("/x").text())).collect();
        asked.into_iter().map(|asked| asked.join().unwrap().split(' ').nth(2).unwrap().to_owned()).collect()
    });
    assert_eq!(pids.len(), 1, "{pids:?}");
    drop(DebugAdapter::attach(port, file.to_str().unwrap(), 4));

    let ran = daemon.samctl(&["set", "debugged", "--debug-port", "0"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(served.get("/x").status, 200);
    eventually("the port's end", || TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(()));
}

#[test]
fn a_python_function_in_a_container_stops_at_a_breakpoint() {
    let daemon = Daemon::start();
    let project = Project::python(CODE);
    let (port, path) = (free_port(), debugpy());
    let text = port.to_string();
    let options = ["--sandbox", "docker", "-d", &text, "--debugger-path", path.to_str().unwrap()];
    let served = start(&daemon, &project, "boxed", &options);
    let mut adapter = DebugAdapter::attach(port, "/var/task/app.py", 4);
    thread::scope(|scope| {
        let asked = scope.spawn(|| served.get("/first"));
        let stopped = adapter.stopped();
        assert_eq!(adapter.evaluate(stopped, "path"), "'/first'");
        adapter.go_on(stopped);
        let reply = asked.join().unwrap();
        assert!(reply.status == 200 && reply.text().starts_with("/first "), "{}", daemon.logs("boxed"));
    });
}

#[test]
fn without_a_debugger_the_timeout_holds() {
    let daemon = Daemon::start();
    let project = Project::python("import time\ndef handler(event, context):\n    while True: time.sleep(60)\n");
    project.write("template.yaml", &PYTHON.replace("Timeout: 10", "Timeout: 1"));
    let (port, path) = (free_port().to_string(), debugpy());
    let served = start(&daemon, &project, "alone", &["-d", &port, "--debugger-path", path.to_str().unwrap()]);
    assert_eq!(served.get("/x").status, 502);
    assert!(daemon.logs("alone").contains("Task timed out after 1.00 seconds"), "{}", daemon.logs("alone"));
}

#[test]
fn init_waits_for_the_debugger_where_it_is_told_to() {
    let daemon = Daemon::start();
    let project = Project::python(
        "import os\nloaded = os.getpid()\ndef handler(event, context):\n    return {'statusCode': 200, 'body': str(loaded)}\n",
    );
    let (port, path) = (free_port(), debugpy());
    let text = port.to_string();
    let options = ["-d", &text, "--debugger-path", path.to_str().unwrap(), "--debug-args", "--wait-for-client"];
    let served = start(&daemon, &project, "waits", &options);
    thread::scope(|scope| {
        let asked = scope.spawn(|| served.get("/x"));
        let file = project.path().join("src/app.py");
        let mut adapter = DebugAdapter::attach(port, file.to_str().unwrap(), 2);
        let stopped = adapter.stopped();
        assert!(!asked.is_finished(), "the code is being loaded");
        adapter.go_on(stopped);
        assert_eq!(asked.join().unwrap().status, 200);
    });
}

#[test]
fn what_cannot_be_debugged_is_said() {
    let daemon = Daemon::start();
    let project = Project::python("def handler(event, context): return {'statusCode': 200}\n");
    let path = project.path().to_str().unwrap();
    let options = ["--sandbox", "process", "-d", "5678", "--debug-function", "Other"];
    let ran = daemon.samctl(&[&["start", path, "--name", "p"], &options[..]].concat());
    assert!(ran.code == 0 && ran.err.contains("there is no function Other"), "{}{}", ran.out, ran.err);
    let (port, empty) = (free_port().to_string(), tempfile::tempdir().unwrap());
    let folder = empty.path().to_str().unwrap();
    let ran = daemon.samctl(&["set", "p", "-d", &port, "--debug-function", "Fn", "--debugger-path", folder]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let status = daemon.status("p").to_string();
    assert!(status.contains("has no module debugpy") && status.contains("--debugger-path"), "{status}");
}

const NODE: &str = "\
exports.handler = async (event) => {
  const path = event.path;
  return { statusCode: 200, body: path };
};
";

#[test]
fn a_node_function_stops_at_a_breakpoint_and_its_time_does_not_count() {
    let daemon = Daemon::start();
    let project = Project::of(&[("src/app.js", NODE)]);
    let template = PYTHON.replace("python3.11", "nodejs20.x").replace("Timeout: 10", "Timeout: 1");
    project.write("template.yaml", &template);
    let port = free_port();
    let served = start(&daemon, &project, "node", &["--debug-port", &port.to_string(), "--debug-function", "Fn"]);
    let mut inspector = Inspector::attach(port);
    inspector.ask("Debugger.enable", &json!({}));
    let file = format!("file://{}", project.path().canonicalize().unwrap().join("src/app.js").display());
    inspector.ask("Debugger.setBreakpointByUrl", &json!({"lineNumber": 2, "url": file}));
    thread::scope(|scope| {
        let asked = scope.spawn(|| served.get("/first"));
        let stopped = inspector.event("Debugger.paused");
        let frame = stopped["callFrames"][0]["callFrameId"].clone();
        let began = Instant::now();
        while began.elapsed() < LONGER {
            let seen = json!({"callFrameId": frame, "expression": "path"});
            assert_eq!(inspector.ask("Debugger.evaluateOnCallFrame", &seen)["result"]["value"], "/first");
        }
        assert!(!asked.is_finished());
        inspector.ask("Debugger.resume", &json!({}));
        let reply = asked.join().unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (200, "/first"), "{}", daemon.logs("node"));
    });
}
