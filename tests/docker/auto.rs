//! `--sandbox auto`: containers where that is possible, and what becomes of it when that changes.

use samd_tests::daemon::{Daemon, PYTHON, Project, eventually};
use samd_tests::engine::{Relay, containers, docker, serve_in};

use super::WHO;

/// The driver that serves.
fn driver(daemon: &Daemon, name: &str) -> String {
    let status = daemon.status_text(name);
    let at = status.find("\"driver\"").unwrap_or_else(|| panic!("no driver in {status}"));
    status[at..].split('"').nth(3).unwrap().to_owned()
}

#[test]
fn auto_takes_a_container_where_the_image_is_here_and_says_why_it_takes_a_process() {
    let daemon = Daemon::start();
    let here = Project::python(WHO);
    assert_eq!(serve_in(&daemon, "auto", &here, "here").get("/x").status, 200);
    assert_eq!(driver(&daemon, "here"), "docker");

    let missing = Project::python(WHO);
    missing.write("template.yaml", &PYTHON.replace("python3.11", "python3.12"));
    assert_eq!(serve_in(&daemon, "auto", &missing, "missing").get("/x").status, 200);
    assert_eq!(driver(&daemon, "missing"), "process");
    let status = daemon.status_text("missing");
    assert!(status.contains("image public.ecr.aws/lambda/python:3.12-x86_64 is not here"), "{status}");
}

#[test]
fn without_an_engine_functions_run_as_processes_and_say_so() {
    let daemon = Daemon::with(&[("DOCKER_HOST", "unix:///nowhere/docker.sock")]);
    let project = Project::python(WHO);
    assert_eq!(serve_in(&daemon, "auto", &project, "none").get("/x").status, 200);
    assert_eq!(driver(&daemon, "none"), "process");
    let status = daemon.status_text("none");
    assert!(status.contains("no container engine answers (unix:///nowhere/docker.sock (DOCKER_HOST)"), "{status}");
    assert_eq!(daemon.log().matches("no container engine answers").count(), 1, "{}", daemon.log());
}

#[test]
fn functions_move_into_containers_when_an_engine_comes_and_out_of_them_when_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let daemon = Daemon::with(&[("DOCKER_HOST", &format!("unix://{}", socket.display()))]);
    let project = Project::python(WHO);
    let served = serve_in(&daemon, "auto", &project, "moves");
    assert_eq!(driver(&daemon, "moves"), "process");

    let relay = Relay::open(&socket);
    eventually("the move into a container", || (driver(&daemon, "moves") == "docker").then_some(()));
    assert_eq!(served.get("/x").status, 200);
    assert!(!daemon.status_text("moves").contains("runs as a process"));
    assert_eq!(daemon.log().matches("found a container engine").count(), 1, "{}", daemon.log());

    drop(relay);
    eventually("the move out of it", || (driver(&daemon, "moves") == "process").then_some(()));
    assert_eq!(served.get("/x").status, 200);
    assert!(daemon.status_text("moves").contains("runs as a process: no container engine answers"));
    assert_eq!(daemon.log().matches("the container engine went away").count(), 1, "{}", daemon.log());
    assert_eq!(daemon.log().matches("serving project=moves").count(), 3, "nothing else changed: {}", daemon.log());
    // The daemon cannot any more.
    containers(&daemon).iter().for_each(|id| drop(docker(&["rm", "--force", "--volumes", id])));
}

const WITH_AN_IMAGE: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: python3.11
      Timeout: 10
      Events: {Any: {Type: Api, Properties: {Path: /x, Method: get}}}
  Whole:
    Type: AWS::Serverless::Function
    Properties:
      PackageType: Image
      ImageUri: samd-tests/own:1
      Timeout: 10
      Events: {Any: {Type: Api, Properties: {Path: /whole, Method: get}}}
";

#[test]
fn what_no_process_can_run_stays_in_its_containers_while_the_engine_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let daemon = Daemon::with(&[("DOCKER_HOST", &format!("unix://{}", socket.display()))]);
    let relay = Relay::open(&socket);
    let project = Project::of(&[("template.yaml", WITH_AN_IMAGE), ("src/app.py", WHO)]);
    let served = serve_in(&daemon, "auto", &project, "whole");
    assert_eq!((served.get("/x").status, served.get("/whole").status), (200, 200));
    drop(relay);
    // The first function of the status moves.
    eventually("the move out of the container", || (driver(&daemon, "whole") == "process").then_some(()));
    assert_eq!((served.get("/x").status, served.get("/whole").status), (200, 200), "{}", daemon.log());
    // The daemon cannot any more.
    containers(&daemon).iter().for_each(|id| drop(docker(&["rm", "--force", "--volumes", id])));
}

#[test]
fn an_image_that_comes_or_goes_counts_from_the_next_change_of_the_template() {
    let image = format!("samd-tests/arrives-{}:1", std::process::id());
    let daemon = Daemon::start();
    let project = Project::python(WHO);
    let path = project.path().to_str().unwrap();
    let ran = daemon.samctl(&["start", path, "--name", "comes", "--sandbox", "auto", "--invoke-image", &image]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(driver(&daemon, "comes"), "process");
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let _tagged = docker(&["tag", &format!("public.ecr.aws/lambda/python:3.11-{arch}"), &image]);
    project.write("template.yaml", &PYTHON.replace("Path: '/{proxy+}'", "Path: '/y'"));
    eventually("the container", || (driver(&daemon, "comes") == "docker").then_some(()));
    assert_eq!(daemon.address("comes").get("/y").status, 200);
    let _untagged = docker(&["rmi", &image]);
    assert_eq!(daemon.samctl(&["reload", "comes", "Fn"]).code, 0);
    assert_eq!(driver(&daemon, "comes"), "process");
    assert_eq!(daemon.address("comes").get("/y").status, 200);
}
