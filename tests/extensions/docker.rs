//! In containers.

use samd_tests::daemon::{Daemon, eventually};
use samd_tests::engine::{containers, serve_in};

use super::{executable, project};

/// Registers and listens by Python's own means, since the image has no curl; prints what it hears.
const LISTENER: &str = r#"#!/var/lang/bin/python3.11
import http.client, http.server, json, os, sys, threading
api, name = os.environ["AWS_LAMBDA_RUNTIME_API"], os.path.basename(sys.argv[0])
def call(method, path, headers, body=None):
    connection = http.client.HTTPConnection(api)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return dict(response.getheaders()), response.read().decode()
print("withheld:", [name for name in os.environ if name.startswith("_") or name == "LAMBDA_TASK_ROOT"], flush=True)
headers, _ = call("POST", "/2020-01-01/extension/register", {"Lambda-Extension-Name": name}, '{"events": ["INVOKE", "SHUTDOWN"]}')
own = {"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}
class Listener(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        batch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for event in batch:
            if event["type"] == "function": print("told:", event["record"], flush=True)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *arguments): pass
server = http.server.HTTPServer(("sandbox.localdomain", 4243), Listener)
threading.Thread(target=server.serve_forever, daemon=True).start()
destination = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243"}
body = {"types": ["function"], "buffering": {"timeoutMs": 25}, "destination": destination}
print("subscribed:", call("PUT", "/2022-07-01/telemetry", own, json.dumps(body))[1], flush=True)
while True:
    event = json.loads(call("GET", "/2020-01-01/extension/event/next", own)[1])
    print("heard:", event["eventType"], event.get("shutdownReason", ""), flush=True)
    if event["eventType"] == "SHUTDOWN": sys.exit(0)
"#;

#[test]
fn an_extension_of_a_layer_runs_in_the_container_and_hears_of_all() {
    let daemon = Daemon::start();
    let project = project(&[("listener", LISTENER)], &[], 10);
    executable(&project.path().join("layer/extensions/listener"));
    let served = serve_in(&daemon, "docker", &project, "ext");
    let first = served.get("/one");
    assert_eq!(first.status, 200, "{}", daemon.logs("ext"));
    for line in [
        "told: the function says /one",
        "withheld: []",
        "heard: INVOKE",
        "subscribed: \"OK\"",
        "EXTENSION\tName: listener\tState: Ready",
    ] {
        eventually(line, || daemon.logs("ext").contains(line).then_some(()));
    }
    assert_eq!(served.get("/two").text(), first.text(), "the sandbox goes on");
    assert_eq!(daemon.samctl(&["stop", "ext"]).code, 0);
    eventually("the end", || containers(&daemon).is_empty().then_some(()));
    assert_eq!(daemon.samctl(&["start", "ext"]).code, 0);
    eventually("the reason", || daemon.logs("ext").contains("heard: SHUTDOWN spindown").then_some(()));
}

#[test]
fn a_container_that_timed_out_tells_its_extension_why() {
    let daemon = Daemon::start();
    let project = project(&[("listener", LISTENER)], &[], 1);
    let served = serve_in(&daemon, "docker", &project, "late");
    assert_eq!(served.get("/slow").status, 502);
    eventually("the reason", || daemon.logs("late").contains("heard: SHUTDOWN timeout").then_some(()));
    assert_eq!(served.get("/x").status, 200, "{}", daemon.logs("late"));
}

#[test]
fn a_frozen_container_serves_the_next_invocation() {
    let daemon = Daemon::start();
    let project = project(&[], &[], 10);
    std::fs::create_dir_all(project.path().join("layer")).unwrap();
    let served = serve_in(&daemon, "docker", &project, "cold");
    assert_eq!(daemon.samctl(&["set", "cold", "--freeze"]).code, 0);
    let first = served.get("/x").text();
    let paused = || {
        samd_tests::engine::docker(&[
            "ps",
            "--filter",
            "status=paused",
            "--format",
            "{{.ID}}",
            "--filter",
            &format!("label=samd.state={}", daemon.state().display()),
        ])
    };
    eventually("its freezing", || (!paused().is_empty()).then_some(()));
    for _ in 0..3 {
        assert_eq!(served.get("/x").text(), first);
    }
    assert_eq!(daemon.samctl(&["stop", "cold"]).code, 0);
    eventually("the end", || containers(&daemon).is_empty().then_some(()));
}
