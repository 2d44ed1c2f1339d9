//! Functions on an engine of another machine: the machine's own engine, offered behind TLS or ssh and named a remote one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use samd_tests::command_line::Ran;
use samd_tests::daemon::{Daemon, PYTHON, Project, eventually};
use samd_tests::engine::{containers, docker};
use samd_tests::remote_engine::{Certificates, RemoteEngine};
use serde_json::Value;

const CODE: &str = "
import os, word, deep.down
def handler(event, context):
    there = ' '.join(sorted(name for name in os.listdir('/var/task') if name != 'ballast'))
    return {'statusCode': 200, 'body': f'one {word.WORD} {deep.down.WORD} {os.access(\"/var/task\", os.W_OK)} {there}'}
";
/// Bytes that nobody edits.
const BALLAST: usize = 3 << 20;

/// A function with two layers, of which the later one has the last word.
fn project() -> Project {
    let layers = "      Timeout: 10\n      Layers: [!Ref One, !Ref Two]";
    let layer = |name: &str| {
        format!("  {name}:\n    Type: AWS::Serverless::LayerVersion\n    Properties:\n      ContentUri: {name}/\n")
    };
    let template = PYTHON.replace("      Timeout: 10", layers) + &layer("One") + &layer("Two");
    Project::of(&[
        ("template.yaml", &template),
        ("src/app.py", CODE),
        ("src/deep/down.py", "WORD = 'deep'\n"),
        ("src/ballast", &"samd ".repeat(BALLAST / 5)),
        ("One/python/word.py", "WORD = 'earlier'\n"),
        ("Two/python/word.py", "WORD = 'later'\n"),
    ])
}

fn daemon_for(engine: &RemoteEngine, certificates: &str) -> Daemon {
    Daemon::with(&[
        ("DOCKER_HOST", &engine.host()),
        ("DOCKER_TLS_VERIFY", "1"),
        ("DOCKER_CERT_PATH", certificates),
        ("SAMD_ENGINE", "remote"),
    ])
}

/// Starts a project whose containers reach the daemon at this machine's address in their network.
fn start(daemon: &Daemon, project: &Project) -> Ran {
    let gateway = docker(&["network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"]);
    let way = ["--container-host", &gateway, "--container-host-interface", &gateway];
    let path = project.path().to_str().unwrap();
    let arguments = [&["start", path, "--name", "far", "--sandbox", "docker", "--output", "json"][..], &way].concat();
    daemon.samctl(&arguments)
}

fn text(daemon: &Daemon) -> String {
    let reply = daemon.address("far").get("/x");
    assert_eq!(reply.status, 200, "{}\n{}\n{}", reply.text(), daemon.logs("far"), daemon.log());
    reply.text()
}

/// What the daemon sent, by its log: how many files each time.
fn files_sent(daemon: &Daemon) -> Vec<u64> {
    let log = daemon.log();
    let lines = log.lines().filter(|line| line.contains("sent files to the engine"));
    lines.map(|line| line.split("files=").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()).collect()
}

fn volumes(daemon: &Daemon) -> Vec<String> {
    let label = format!("label=samd.state={}", daemon.state().display());
    docker(&["volume", "ls", "--quiet", "--filter", &label]).lines().map(str::to_owned).collect()
}

fn nothing_is_left(daemon: &Daemon) {
    eventually("the end of all containers and volumes", || {
        (containers(daemon).is_empty() && volumes(daemon).is_empty()).then_some(())
    });
}

#[test]
fn code_and_layers_are_sent_to_a_remote_engine_and_an_edit_sends_what_changed() {
    let certificates = Certificates::make();
    let engine = RemoteEngine::with(&certificates);
    let (daemon, project) = (daemon_for(&engine, &certificates.of_user()), project());
    let ran = start(&daemon, &project);
    assert_eq!(ran.code, 0, "{}{}\n{}", ran.out, ran.err, daemon.log());
    assert_eq!(text(&daemon), "one later deep False app.py deep");
    let before = engine.sent();
    assert!(before > BALLAST as u64, "{before} bytes cannot be all of the code");
    let label = format!("label=samd.state={}", daemon.state().display());
    let running = docker(&["ps", "--quiet", "--filter", &label]);
    let inspected: Value = serde_json::from_str(&docker(&["inspect", running.lines().last().unwrap()])).unwrap();
    let mounts = inspected[0]["Mounts"].as_array().unwrap();
    assert!(mounts.iter().all(|mount| mount["Type"] == "volume"), "{mounts:?}");
    assert_eq!(inspected[0]["Config"]["Labels"]["samd.generation"], "2", "the first one waited for the files");

    let was = files_sent(&daemon).len();
    project.rename_over("src/app.py", &CODE.replace("'one ", "'two "));
    eventually("the edit", || text(&daemon).starts_with("two ").then_some(()));
    assert_eq!(files_sent(&daemon)[was..], [1], "{}", daemon.log());
    let more = engine.sent() - before;
    assert!(more < 100_000, "{more} bytes are more than one small file and some calls");

    // One that is gone here is gone there.
    fs::rename(project.path().join("src/deep"), project.path().join("src/other")).unwrap();
    project.rename_over("src/app.py", &CODE.replace("deep.down", "other.down"));
    eventually("the other name", || text(&daemon).ends_with(" app.py other").then_some(()));
    assert_eq!(daemon.samctl(&["stop", "far"]).code, 0);
    nothing_is_left(&daemon);
}

/// Registers, and prints what it hears.
const LISTENER: &str = r#"#!/var/lang/bin/python3.11
import http.client, json, os, sys
api, name = os.environ["AWS_LAMBDA_RUNTIME_API"], os.path.basename(sys.argv[0])
def call(method, path, headers, body=None):
    connection = http.client.HTTPConnection(api)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return dict(response.getheaders()), response.read().decode()
print("withheld:", [name for name in os.environ if name.startswith("_")], "stdin:", repr(sys.stdin.read()), flush=True)
headers, _ = call("POST", "/2020-01-01/extension/register", {"Lambda-Extension-Name": name}, '{"events": ["INVOKE"]}')
own = {"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}
while True:
    print("heard:", json.loads(call("GET", "/2020-01-01/extension/event/next", own)[1])["eventType"], flush=True)
"#;

#[test]
fn extensions_of_layers_run_on_a_remote_engine_and_a_container_waits_there() {
    let certificates = Certificates::make();
    let engine = RemoteEngine::with(&certificates);
    let (daemon, project) = (daemon_for(&engine, &certificates.of_user()), project());
    let extension = "One/extensions/listener";
    project.write(extension, LISTENER);
    fs::set_permissions(project.path().join(extension), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(start(&daemon, &project).code, 0, "{}", daemon.log());
    assert!(text(&daemon).starts_with("one later "));
    for line in ["withheld: [] stdin: ''", "heard: INVOKE", "EXTENSION\tName: listener\tState: Ready"] {
        eventually(line, || daemon.logs("far").contains(line).then_some(()));
    }
    eventually("one that waits", || daemon.status_text("far").contains("held").then_some(()));
    assert_eq!(containers(&daemon).len(), 4, "one serves, one waits, and two carry files");
    // What one that waits has not loaded is not started either.
    assert_eq!(daemon.logs("far").matches("withheld").count(), 1, "{}", daemon.logs("far"));
    assert_eq!(daemon.samctl(&["stop", "far"]).code, 0);
    nothing_is_left(&daemon);
}

#[test]
fn wrong_certificates_are_refused_with_the_reason() {
    let certificates = Certificates::make();
    let engine = RemoteEngine::with(&certificates);
    let refused = |folder: &str| {
        let (daemon, project) = (daemon_for(&engine, folder), Project::python(CODE));
        let ran = start(&daemon, &project);
        format!("{}{}{}", ran.out, ran.err, daemon.status_text("far"))
    };
    // An engine that somebody else signs for.
    let others = Certificates::make();
    let said = refused(&others.of_user());
    assert!(said.contains(&others.of_user()) && said.contains("certificate"), "{said}");
    // A user whom the engine does not know.
    let nobody = tempfile::tempdir().unwrap();
    fs::copy(Path::new(&certificates.of_user()).join("ca.pem"), nobody.path().join("ca.pem")).unwrap();
    let said = refused(nobody.path().to_str().unwrap());
    assert!(said.to_lowercase().contains("certificaterequired") && said.contains("TLS"), "{said}");
}

#[test]
fn a_remote_engine_that_goes_away_is_said_and_serves_again_when_it_is_back() {
    let certificates = Certificates::make();
    let mut engine = RemoteEngine::with(&certificates);
    let (daemon, project) = (daemon_for(&engine, &certificates.of_user()), project());
    assert_eq!(start(&daemon, &project).code, 0, "{}", daemon.log());
    assert!(text(&daemon).starts_with("one "));
    engine.go_away();
    let reply = eventually("an answer without the engine", || {
        Some(daemon.address("far").get("/x")).filter(|reply| reply.status != 200)
    });
    assert!(reply.status >= 500, "{}", reply.status);
    let log = daemon.log() + &daemon.logs("far");
    assert!(log.contains("the engine lost a container") && log.contains("Connection refused"), "{log}");
    let _engine = engine.back(&certificates);
    eventually("an answer with the engine", || (daemon.address("far").get("/x").status == 200).then_some(()));
    assert_eq!(daemon.samctl(&["stop", "far"]).code, 0);
    nothing_is_left(&daemon);
}

#[test]
fn what_a_killed_daemon_had_on_a_remote_engine_is_removed_by_the_next() {
    let certificates = Certificates::make();
    let engine = RemoteEngine::with(&certificates);
    let (daemon, project) = (daemon_for(&engine, &certificates.of_user()), project());
    assert_eq!(start(&daemon, &project).code, 0, "{}", daemon.log());
    assert!(text(&daemon).starts_with("one "));
    let (old, had) = (containers(&daemon), volumes(&daemon));
    assert!(!old.is_empty() && had.len() == 2, "{old:?} {had:?}");
    let daemon = daemon.killed_and_restarted();
    let again = eventually("the project", || {
        let status = daemon.samctl(&["status", "far", "--output", "json"]);
        (status.code == 0 && status.out.contains("\"url\"")).then(|| text(&daemon))
    });
    assert!(again.starts_with("one "));
    // An engine may refuse at first to take away a container that is just ending.
    eventually("the end of the containers", || (!containers(&daemon).iter().any(|id| old.contains(id))).then_some(()));
    eventually("the end of the volumes", || {
        (!volumes(&daemon).iter().any(|volume| had.contains(volume))).then_some(())
    });
    assert_eq!(daemon.samctl(&["stop", "far"]).code, 0);
    nothing_is_left(&daemon);
}

/// Stands for ssh: writes down what it was asked, and does it here.
const SSH: &str = "#!/bin/sh
echo \"$*\" >>\"$(dirname \"$0\")/asked\"
case \"$*\" in *stranger*) echo 'Permission denied (publickey).' >&2; exit 255;; esac
while [ \"$1\" != -- ]; do shift; done
shift 2
unset DOCKER_HOST
exec \"$@\"
";

#[test]
fn an_engine_behind_ssh_is_reached_by_the_docker_command_there() {
    let tools = tempfile::tempdir().unwrap();
    fs::write(tools.path().join("ssh"), SSH).unwrap();
    fs::set_permissions(tools.path().join("ssh"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", tools.path().display(), std::env::var("PATH").unwrap());
    let daemon = Daemon::with(&[("DOCKER_HOST", "ssh://me@build:2222"), ("PATH", &path)]);
    let ran = start(&daemon, &project());
    assert_eq!(ran.code, 0, "{}{}\n{}", ran.out, ran.err, daemon.log());
    assert!(text(&daemon).starts_with("one later deep "));
    let asked = fs::read_to_string(tools.path().join("asked")).unwrap();
    assert!(asked.lines().all(|line| line.ends_with("-l me -p 2222 -- build docker system dial-stdio")), "{asked}");
    assert_eq!(daemon.samctl(&["stop", "far"]).code, 0);
    nothing_is_left(&daemon);

    let daemon = Daemon::with(&[("DOCKER_HOST", "ssh://stranger@build"), ("PATH", &path)]);
    let ran = start(&daemon, &project());
    let said = format!("{}{}{}", ran.out, ran.err, daemon.status_text("far"));
    assert!(said.contains("ssh says: Permission denied (publickey)."), "{said}");
}
