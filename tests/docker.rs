//! Functions in containers, through the real daemon, a real engine and stand-ins for AWS's base images
//! (tests/install/docker.sh makes them).

mod auto;
mod beside;
mod building;
mod heirs;
mod layers;
mod node;
mod podman;
mod pulling;
mod remote;
mod restart;
mod settings;
mod tmp;
mod trouble;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use rustix::process::Signal;
use samd_tests::daemon::{Daemon, PYTHON, Project, Served, eventually};
use samd_tests::engine::{containers, docker, serve_in};
use serde_json::Value;

const PLACES: &str = "
import json, os
def writable(path):
    try:
        with open(path + '/samd', 'w'): return True
    except OSError: return False
def handler(event, context):
    status = dict(line.split(':\\t', 1) for line in open('/proc/self/status').read().splitlines() if ':\\t' in line)
    return {'statusCode': 200, 'body': json.dumps({
        'env': dict(os.environ), 'cwd': os.getcwd(),
        'writable': [path for path in ('/tmp', '/var/task', '/opt', '/var', '/') if writable(path)],
        'rights': status['CapEff'].strip(), 'no_new': status['NoNewPrivs'].strip(), 'bounds': status['CapBnd'].strip()})}
";

#[test]
fn a_function_in_a_container_finds_awss_places_and_no_rights() {
    let daemon = Daemon::with(&[("DAEMON_SECRET", "s3cret")]);
    let project = Project::python(PLACES);
    let reply = serve_in(&daemon, "docker", &project, "places").get("/x").json();
    assert_eq!(reply["cwd"], "/var/task");
    assert_eq!(reply["writable"], serde_json::json!(["/tmp"]));
    assert_eq!(
        (reply["rights"].as_str(), reply["bounds"].as_str()),
        (Some("0000000000000000"), Some("0000000000000000"))
    );
    assert_eq!(reply["no_new"], "1");
    let env = reply["env"].as_object().unwrap();
    for (name, value) in [
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("PYTHONPATH", "/var/runtime"),
        ("PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
        ("TZ", ":UTC"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_python3.11"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("_HANDLER", "app.handler"),
    ] {
        assert_eq!(env[name], value, "{name}");
    }
    assert!(!env.contains_key("DAEMON_SECRET"));
}

#[test]
fn a_container_has_the_functions_memory_without_swap_and_lambdas_limits() {
    let daemon = Daemon::start();
    let project = Project::python("def handler(event, context): return {'statusCode': 200}\n");
    assert_eq!(serve_in(&daemon, "docker", &project, "limits").get("/x").status, 200);
    let id = containers(&daemon).pop().unwrap();
    let inspected: Value = serde_json::from_str(&docker(&["inspect", &id])).unwrap();
    let host = &inspected[0]["HostConfig"];
    // 256 MB are the function's, and 512 MB are for what it has in /tmp.
    assert_eq!((host["Memory"].as_i64(), host["MemorySwap"].as_i64()), (Some(768 << 20), Some(768 << 20)));
    assert_eq!((host["CpuShares"].as_i64(), host["PidsLimit"].as_i64()), (Some(148), Some(1024)));
    let labels = &inspected[0]["Config"]["Labels"];
    assert_eq!((labels["samd.project"].as_str(), labels["samd.function"].as_str()), (Some("limits"), Some("Fn")));
    assert_eq!(labels["samd.generation"], "1");
}

pub(crate) const WHO: &str = "
import socket, os
def handler(event, context):
    return {'statusCode': 200, 'body': 'one ' + socket.gethostname() + ' ' + os.environ['AWS_LAMBDA_RUNTIME_API']}
";

pub(crate) fn words(served: &Served) -> Vec<String> {
    let reply = served.get("/x");
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.text().split(' ').map(str::to_owned).collect()
}

/// The container that waits at the gate, once there is one.
fn waiting(daemon: &Daemon, serving: &str) -> String {
    eventually("a container that waits", || {
        let held = daemon.status_text("who").contains("held");
        held.then(|| containers(daemon).into_iter().find(|id| !id.starts_with(serving)))?
    })
}

#[test]
fn an_edit_is_served_by_the_container_that_waited_for_it() {
    let daemon = Daemon::start();
    let project = Project::python(WHO);
    let served = serve_in(&daemon, "docker", &project, "who");
    let first = words(&served);
    let held = waiting(&daemon, &first[1]);
    // One event alone: a file that is made in the folder first would already take the one that waits.
    project.write("next.py", &WHO.replace("'one '", "'two '"));
    std::fs::rename(project.path().join("next.py"), project.path().join("src/app.py")).unwrap();
    let second = eventually("the edit", || Some(words(&served)).filter(|words| words[0] == "two"));
    assert!(held.starts_with(&second[1]), "{held} waited and {} serves", second[1]);
    eventually("the end of the old one", || {
        (!containers(&daemon).iter().any(|id| id.starts_with(&first[1]))).then_some(())
    });
}

#[test]
fn a_code_folder_that_was_made_anew_is_not_served_by_a_container_on_the_old_one() {
    let daemon = Daemon::start();
    let project = Project::python(WHO);
    let served = serve_in(&daemon, "docker", &project, "who");
    let first = words(&served);
    let held = waiting(&daemon, &first[1]);
    project.write("next/app.py", &WHO.replace("'one '", "'two '"));
    std::fs::rename(project.path().join("src"), project.path().join("old")).unwrap();
    std::fs::rename(project.path().join("next"), project.path().join("src")).unwrap();
    let second = eventually("the new folder", || Some(words(&served)).filter(|words| words[0] == "two"));
    assert!(!held.starts_with(&second[1]), "{held} stands on the folder that was moved away");
}

#[test]
fn nobody_but_the_container_may_talk_to_its_runtime_api() {
    let daemon = Daemon::start();
    let project = Project::python(WHO);
    let served = serve_in(&daemon, "docker", &project, "alone");
    let address = words(&served)[2].clone();
    let mut stream = TcpStream::connect(&address).unwrap();
    // The daemon may have closed it before this is written.
    drop(write!(stream, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: {address}\r\n\r\n"));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(words(&served)[0], "one", "its own container goes on");
    assert!(daemon.log().contains("refused a connection to a Runtime API"), "{}", daemon.log());
}

const CRASH: &str = "
import os, time
def handler(event, context):
    if 'exit' in event['path']: os._exit(3)
    if 'big' in event['path']:
        b = bytearray(600 * 1024 * 1024)
        for i in range(0, len(b), 4096): b[i] = 1
        time.sleep(9)
    return {'statusCode': 200, 'body': 'fine'}
";

#[test]
fn a_container_that_ends_in_an_invocation_is_answered_for_and_replaced() {
    let daemon = Daemon::start();
    let project = Project::python(CRASH);
    let served = serve_in(&daemon, "docker", &project, "crash");
    for path in ["/x", "/exit", "/x", "/big", "/x"] {
        let reply = served.get(path);
        assert_eq!(reply.status, if path == "/x" { 200 } else { 502 }, "{path}: {}", reply.text());
    }
    let log = daemon.logs("crash");
    assert!(log.contains("Error Type: Runtime.ExitError"), "{log}");
    assert!(log.contains("Error Type: Runtime.OutOfMemory"), "{log}");
}

#[test]
fn a_container_that_was_removed_by_hand_is_noticed_and_replaced() {
    let daemon = Daemon::start();
    let project = Project::python(WHO);
    let served = serve_in(&daemon, "docker", &project, "gone");
    let first = words(&served);
    let _removed = docker(&["rm", "--force", &first[1]]);
    let second = eventually("another container", || {
        let reply = served.get("/x");
        (reply.status == 200).then(|| reply.text())
    });
    assert!(!second.contains(&first[1]), "{second}");
}

#[test]
fn stopping_leaves_no_container_and_no_volume() {
    let mut daemon = Daemon::start();
    let project = Project::python(WHO);
    let served = serve_in(&daemon, "docker", &project, "who");
    let first = words(&served);
    waiting(&daemon, &first[1]);
    let volume = docker(&["inspect", "--format", "{{range .Mounts}}{{.Name}}{{end}}", &first[1]]);
    assert_eq!(volume, "", "a /tmp in memory needs none");
    assert_eq!(daemon.samctl(&["stop", "who"]).code, 0);
    eventually("the end of all containers", || containers(&daemon).is_empty().then_some(()));

    assert_eq!(daemon.samctl(&["start", "who"]).code, 0);
    assert_eq!(words(&daemon.address("who"))[0], "one");
    daemon.signal(Signal::TERM);
    assert!(daemon.wait().success(), "{}", daemon.log());
    assert_eq!(containers(&daemon), Vec::<String>::new(), "when the daemon has ended, so have they");
}

const LAYERED: &str = "
import shared, only
def handler(event, context): return {'statusCode': 200, 'body': shared.WHO + ' ' + only.WHO}
";

#[test]
fn layers_lie_over_each_other_at_opt() {
    let daemon = Daemon::start();
    let layer = |name: &str| {
        format!("  {name}:\n    Type: AWS::Serverless::LayerVersion\n    Properties: {{ContentUri: {name}/}}\n")
    };
    let template = PYTHON.replace("      Timeout: 10", "      Timeout: 10\n      Layers: [!Ref One, !Ref Two]");
    let project = Project::of(&[
        ("template.yaml", &(template + &layer("One") + &layer("Two"))),
        ("src/app.py", LAYERED),
        ("One/python/shared.py", "WHO = 'one'\n"),
        ("One/python/only.py", "WHO = 'only one'\n"),
        ("Two/python/shared.py", "WHO = 'two'\n"),
    ]);
    let reply = serve_in(&daemon, "docker", &project, "layers").get("/x");
    assert_eq!(reply.text(), "two only one");
}

#[test]
fn what_is_printed_stands_between_start_and_report() {
    let daemon = Daemon::start();
    let project = Project::python(
        "import sys\nprint('loading')\ndef handler(event, context):\n    print('one')\n    sys.stderr.write('two\\n')\n    print('three')\n    return {'statusCode': 200}\n",
    );
    assert_eq!(serve_in(&daemon, "docker", &project, "log").get("/x").status, 200);
    let log = eventually("the report", || Some(daemon.logs("log")).filter(|log| log.contains("REPORT")));
    let parts = ["INIT_START", "loading", "START RequestId", "one", "two", "three", "END RequestId", "REPORT"];
    let places: Vec<usize> =
        parts.iter().map(|part| log.find(part).unwrap_or_else(|| panic!("no {part} in {log}"))).collect();
    assert!(places.is_sorted(), "{log}");
    assert!(!log.contains("Max Memory Used: 0 MB"), "memory is really measured: {log}");
}

#[test]
fn a_burst_of_first_requests_is_served_by_containers_each() {
    let daemon = Daemon::start();
    let project = Project::python(
        "import socket, time\ndef handler(event, context):\n    time.sleep(1)\n    return {'statusCode': 200, 'body': socket.gethostname()}\n",
    );
    let served = serve_in(&daemon, "docker", &project, "burst");
    let replies = thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| served.get("/x"))).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
}

fn image_project(properties: &str) -> Project {
    let template = format!(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Fn:\n    Type: AWS::Serverless::Function\n    Properties:\n      PackageType: Image\n      ImageUri: samd-tests/own:1\n      MemorySize: 128\n{properties}      Events:\n        Any: {{Type: Api, Properties: {{Path: '/{{proxy+}}', Method: any}}}}\n"
    );
    Project::of(&[("template.yaml", &template)])
}

#[test]
fn an_image_function_runs_its_own_entry_point() {
    let daemon = Daemon::start();
    let served = serve_in(&daemon, "docker", &image_project(""), "own");
    assert_eq!(served.get("/x").text(), "/own from-the-image in / as AWS_Lambda_Image");
    assert_eq!(served.get("/exit").status, 502);
    assert_eq!(served.get("/x").status, 200);
    let log = eventually("its last words", || Some(daemon.logs("own")).filter(|log| log.contains("leaving as asked")));
    assert!(log.contains("the image's own program starts"), "{log}");
}

#[test]
fn image_config_overrides_command_and_folder() {
    let daemon = Daemon::start();
    let project = image_project("      ImageConfig: {Command: [from, config], WorkingDirectory: /opt}\n");
    let served = serve_in(&daemon, "docker", &project, "config");
    assert_eq!(served.get("/x").text(), "/own from config in /opt as AWS_Lambda_Image");
}

#[test]
fn a_custom_runtime_runs_its_bootstrap_in_a_container() {
    let daemon = Daemon::start();
    let project = Project::of(&[(
        "template.yaml",
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Fn:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: src/, Handler: some.thing, Runtime: provided.al2023, Events: {Any: {Type: HttpApi, Properties: {Path: /x, Method: get}}}}\n",
    )]);
    project.write("src/readme", "no bootstrap yet");
    let served = serve_in(&daemon, "docker", &project, "custom");
    assert_eq!(served.get("/x").status, 500);
    let log = daemon.logs("custom");
    assert!(log.contains("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"), "{log}");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-tools/own");
    let beside = project.path().join("bootstrap");
    std::fs::copy(own, &beside).unwrap();
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(beside, project.path().join("src/bootstrap")).unwrap();
    let reply = eventually("the bootstrap", || Some(served.get("/x")).filter(|reply| reply.status == 200));
    assert_eq!(reply.text(), "/var/task/bootstrap in /var/task as  some.thing");
}

#[test]
fn an_image_that_cannot_be_pulled_is_named_and_the_rest_serves() {
    let daemon = Daemon::start();
    let second = "  Lost:\n    Type: AWS::Serverless::Function\n    Properties:\n      PackageType: Image\n      ImageUri: 127.0.0.1:9/nowhere:1\n      Events:\n        Any: {Type: Api, Properties: {Path: /lost, Method: get}}\n";
    let project = Project::of(&[("template.yaml", &format!("{PYTHON}{second}")), ("src/app.py", WHO)]);
    let served = serve_in(&daemon, "docker", &project, "partly");
    assert_eq!(served.get("/x").status, 200);
    assert!(served.get("/lost").status >= 500);
    let status = daemon.status_text("partly");
    assert!(status.contains("image 127.0.0.1:9/nowhere:1 cannot be pulled"), "{status}");
}
