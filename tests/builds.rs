//! Functions with a build step: built when their sources change, through the tool that the template names.

use std::path::Path;
use std::process::Command;

use samd_tests::daemon::{Daemon, Project, Served, eventually};

const TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: makefile}
    Properties:
      Runtime: python3.11
      Handler: app.handler
      CodeUri: src/
      Events: {Get: {Type: Api, Properties: {Path: /, Method: get}}}
";
/// What it makes lies under the state folder; beside the sources it leaves a file that would ask for a build again.
const MAKEFILE: &str = "build-Orders:
\tdate +%N > left-behind
\tgrep -q VERSION app.in || { echo 'app.in:1: no VERSION here' >&2; exit 3; }
\tcp app.in $(ARTIFACTS_DIR)/app.py
";

fn code(version: u64) -> String {
    format!(
        "VERSION = {version}\ndef handler(event, context):\n    return {{'statusCode': 200, 'body': str(VERSION)}}\n"
    )
}

fn project() -> Project {
    Project::of(&[("template.yaml", TEMPLATE), ("src/Makefile", MAKEFILE), ("src/app.in", &code(0))])
}

fn is_served(served: Served, body: &str) {
    eventually(&format!("the reply {body}"), || {
        let reply = served.get("/");
        assert_eq!(reply.status, 200, "{}", reply.text());
        (reply.text() == body).then_some(())
    });
}

#[test]
fn a_makefile_builds_what_runs_at_the_start_and_after_each_edit() {
    let (daemon, project) = (Daemon::start(), project());
    let served = daemon.serve_with(&project, "made", &["--build"]);
    assert_eq!(served.get("/").text(), "0", "start is answered when it is built");
    for version in 1..=2 {
        project.write("src/app.in", &code(version));
        is_served(served, &version.to_string());
    }
    let mut left: Vec<_> =
        std::fs::read_dir(project.path().join("src")).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["Makefile", "app.in"], "the build wrote beside the user's sources");
}

#[test]
fn a_failing_build_shows_the_tools_output_and_the_last_good_one_keeps_serving() {
    let (daemon, project) = (Daemon::start(), project());
    let served = daemon.serve_with(&project, "broken", &["--build"]);
    let mut events = daemon.follow_events();
    project.write("src/app.in", "nothing\n");
    let status = eventually("the failure in the status", || {
        let status = daemon.status_text("broken");
        status.contains("app.in:1: no VERSION here").then_some(status)
    });
    assert!(status.contains("the build of Orders failed (makefile)"), "{status}");
    assert!(daemon.logs("broken").contains("app.in:1: no VERSION here"), "{}", daemon.logs("broken"));
    assert!(daemon.log().contains("no VERSION here"), "{}", daemon.log());
    while !events.next_line().contains("no VERSION here") {}
    assert_eq!(served.get("/").text(), "0");
    let forced = daemon.samctl(&["reload", "broken", "Orders"]);
    assert_ne!(forced.code, 0);
    assert!(forced.err.contains("no VERSION here"), "{}", forced.err);
    project.write("src/app.in", &code(3));
    is_served(served, "3");
    eventually("the mended status", || (!daemon.status_text("broken").contains("failed")).then_some(()));
}

#[test]
fn a_function_whose_first_build_fails_answers_with_the_reason_until_one_is_good() {
    let (daemon, project) = (Daemon::start(), project());
    project.write("src/app.in", "nothing\n");
    let served = daemon.serve_with(&project, "never", &["--build"]);
    assert!(daemon.status_text("never").contains("no VERSION here"));
    assert_eq!(served.get("/").status, 501);
    project.write("src/app.in", &code(1));
    eventually("the first good build", || (served.get("/").status == 200).then_some(()));
}

#[test]
fn a_command_of_the_users_builds_and_an_edit_while_it_runs_is_built_too() {
    let (daemon, project) = (Daemon::start(), project());
    project.write("template.yaml", &TEMPLATE.replace("Metadata: {BuildMethod: makefile}", "Metadata: {}"));
    // It waits until the second edit is there, and leaves the same file beside the sources each time.
    let command = "Orders=echo x > src/left; cp src/app.in seen; cp seen \"$ARTIFACTS_DIR/app.py\"; \
                   while [ -e hold ]; do sleep 0.01; done";
    let served = daemon.serve_with(&project, "own", &["--build", "--build-command", command]);
    assert_eq!(served.get("/").text(), "0");
    project.write("hold", "");
    project.write("src/app.in", &code(1));
    eventually("the build of the first edit", || {
        std::fs::read_to_string(project.path().join("seen")).unwrap().contains("VERSION = 1").then_some(())
    });
    assert!(daemon.status_text("own").contains("is being built (command)"), "{}", daemon.status_text("own"));
    assert_eq!(served.get("/").text(), "0", "what was built before serves meanwhile");
    project.write("src/app.in", &code(2));
    std::fs::remove_file(project.path().join("hold")).unwrap();
    is_served(served, "2");
}

#[test]
fn a_build_that_changes_its_own_sources_comes_to_an_end_and_says_so() {
    let (daemon, project) = (Daemon::start(), project());
    let command = "Orders=date +%s%N > src/left; cp src/app.in \"$ARTIFACTS_DIR/app.py\"";
    let served = daemon.serve_with(&project, "loop", &["--build", "--build-command", command]);
    assert_eq!(served.get("/").text(), "0");
    project.write("src/app.in", &code(1));
    eventually("the finding", || daemon.status_text("loop").contains("changes its own sources").then_some(()));
    is_served(served, "1");
}

#[test]
fn what_is_not_built_here_is_said_and_served_as_it_stands() {
    let (daemon, project) = (Daemon::start(), project());
    project.write("template.yaml", &TEMPLATE.replace("makefile", "dotnet7"));
    project.write("src/app.py", &code(5));
    let served = daemon.serve_with(&project, "other", &["--build"]);
    assert_eq!(served.get("/").text(), "5");
    let status = daemon.status_text("other");
    assert!(status.contains("BuildMethod dotnet7") && status.contains("--build-command"), "{status}");
}

/// esbuild, as `tests/install/esbuild.sh` puts it there.
fn esbuild() -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    let installed = root.join("target/test-tools/esbuild/node_modules");
    assert!(installed.join(".bin/esbuild").exists(), "esbuild is not there; run tests/install/esbuild.sh first");
    installed
}

#[test]
fn esbuild_bundles_typescript_with_sams_properties() {
    let (daemon, project) = (Daemon::start(), project());
    let metadata = "Metadata: {BuildMethod: esbuild, BuildProperties: {EntryPoints: [app.ts], Sourcemap: true}}";
    let template = TEMPLATE.replace("Metadata: {BuildMethod: makefile}", metadata).replace("python3.11", "nodejs20.x");
    project.write("template.yaml", &template);
    let code = |number: u64| {
        format!(
            "import {{ word }} from './word';\nexport const handler = async () => ({{ statusCode: 200, body: `${{word}} {number}` }});\n"
        )
    };
    project.write("src/word.ts", "export const word: string = 'bundled';\n");
    project.write("src/app.ts", &code(0));
    std::os::unix::fs::symlink(esbuild(), project.path().join("src/node_modules")).unwrap();
    let served = daemon.serve_with(&project, "bundled", &["--build"]);
    assert_eq!(served.get("/").text(), "bundled 0", "{}", daemon.status_text("bundled"));
    project.write("src/app.ts", &code(1));
    is_served(served, "bundled 1");
    project.write("src/app.ts", "export { handler } from './nowhere';\n");
    eventually("the compiler's words", || daemon.status_text("bundled").contains("Could not resolve").then_some(()));
    assert_eq!(served.get("/").text(), "bundled 1");
}

/// A template with one function of a runtime that runs a `bootstrap`.
fn compiled(method: &str) -> String {
    TEMPLATE
        .replace("BuildMethod: makefile", &format!("BuildMethod: {method}"))
        .replace("python3.11", "provided.al2023")
        .replace("app.handler", "bootstrap")
}

/// An edit is built and served, and what the compiler says of a fault is shown while the last good program serves on.
fn is_built_by(daemon: &Daemon, project: &Project, source: &str, text: &str, fault: &str) {
    let served = daemon.serve_with(project, "compiled", &["--build"]);
    assert_eq!(served.get("/").text(), "built 0", "{}", daemon.status_text("compiled"));
    project.write(source, &text.replace("built 0", "built 1"));
    is_served(served, "built 1");
    project.write(source, "this is no program\n");
    eventually("the compiler's words", || daemon.status_text("compiled").contains(fault).then_some(()));
    assert_eq!(served.get("/").text(), "built 1");
}

const GO: &str = r#"package main

import (
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		event, err := http.Get(base + "next")
		if err != nil {
			panic(err)
		}
		io.Copy(io.Discard, event.Body)
		event.Body.Close()
		reply := strings.NewReader(`{"statusCode": 200, "body": "built 0"}`)
		answer, err := http.Post(base+event.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", reply)
		if err != nil {
			panic(err)
		}
		answer.Body.Close()
	}
}
"#;

#[test]
fn go_builds_the_bootstrap() {
    let project = Project::of(&[
        ("template.yaml", &compiled("go1.x")),
        ("src/go.mod", "module orders\n\ngo 1.19\n"),
        ("src/main.go", GO),
    ]);
    is_built_by(&Daemon::start(), &project, "src/main.go", GO, "main.go:1:1");
}

const RUST: &str = r#"use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

fn main() {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let mut stream = BufReader::new(TcpStream::connect(&api).unwrap());
    loop {
        let next = format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: {api}\r\n\r\n");
        stream.get_mut().write_all(next.as_bytes()).unwrap();
        let id = request_id(&mut stream);
        let reply = "{\"statusCode\": 200, \"body\": \"built 0\"}";
        let post = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: {api}\r\nContent-Length: {}\r\n\r\n{reply}",
            reply.len()
        );
        stream.get_mut().write_all(post.as_bytes()).unwrap();
        request_id(&mut stream);
    }
}

fn request_id(stream: &mut BufReader<TcpStream>) -> String {
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("lambda-runtime-aws-request-id") => id = value.into(),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
            Some(_) => {}
            None if line.trim_end().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    id
}
"#;

#[test]
fn cargo_lambda_builds_the_bootstrap() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let tool = root.join("target/test-tools/cargo-lambda/bin");
    assert!(tool.join("cargo-lambda").exists(), "cargo-lambda is not there; run tests/install/builders.sh first");
    let path = std::env::var("PATH").unwrap();
    let daemon = Daemon::with(&[("PATH", &format!("{}:{path}", tool.display()))]);
    let manifest = "[package]\nname = \"orders\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n";
    let project = Project::of(&[
        ("template.yaml", &compiled("rust-cargolambda")),
        ("src/Cargo.toml", manifest),
        ("src/src/main.rs", RUST),
    ]);
    is_built_by(&daemon, &project, "src/src/main.rs", RUST, "src/main.rs:1:");
}

/// A build that hangs where the project has a file `hold`, and whether it runs.
struct Hanging {
    command: String,
    marker: String,
}

impl Hanging {
    fn new(name: &str) -> Hanging {
        let marker = format!("samd-test-{name}-{}", std::process::id());
        let hold = format!("[ ! -e hold ] || sh -c 'sleep 1000 # {marker}'");
        Hanging { command: format!("Orders=cp src/app.in \"$ARTIFACTS_DIR/app.py\"; {hold}"), marker }
    }

    fn runs(&self) -> bool {
        let found = Command::new("pgrep").args(["-f", &format!("sleep 1000 # {}", self.marker)]).output().unwrap();
        !found.stdout.is_empty()
    }

    /// Serves a project whose second build is under way.
    fn begin(&self, daemon: &Daemon, project: &Project) {
        let served = daemon.serve_with(project, "held", &["--build", "--build-command", &self.command]);
        assert_eq!(served.get("/").text(), "0");
        project.write("hold", "");
        project.write("src/app.in", &code(1));
        eventually("the build", || self.runs().then_some(()));
    }
}

#[test]
fn a_build_ends_with_its_project() {
    let (daemon, project, build) = (Daemon::start(), project(), Hanging::new("stopped"));
    build.begin(&daemon, &project);
    assert_eq!(daemon.samctl(&["stop", "held"]).code, 0);
    eventually("its end", || (!build.runs()).then_some(()));
}

#[test]
fn a_build_that_a_killed_daemon_left_is_stopped_by_the_next_and_built_anew() {
    let (daemon, project, build) = (Daemon::start(), project(), Hanging::new("killed"));
    build.begin(&daemon, &project);
    let killed = daemon.killed();
    std::fs::remove_file(project.path().join("hold")).unwrap();
    let daemon = killed.restarted();
    eventually("its end", || (!build.runs()).then_some(()));
    is_served(daemon.address("held"), "1");
}

#[test]
fn a_daemon_that_comes_back_serves_the_last_good_build_while_it_builds_anew() {
    let (daemon, project, build) = (Daemon::start(), project(), Hanging::new("back"));
    build.begin(&daemon, &project);
    let daemon = daemon.killed().restarted();
    eventually("the build", || build.runs().then_some(()));
    assert_eq!(daemon.address("held").get("/").text(), "0");
    assert_eq!(daemon.samctl(&["remove", "held"]).code, 0);
    eventually("its end", || (!build.runs()).then_some(()));
    let left = daemon.state().join("built/held");
    assert!(!left.exists(), "what was built of a project that is gone");
}
