//! What others do to containers, and an engine that goes away.

use std::process::Command;
use std::time::{Duration, Instant};

use samd_tests::daemon::{Daemon, Project, eventually};
use samd_tests::engine::{Relay, containers, docker, serve_in};

use super::{WHO, words};

#[test]
fn a_container_that_somebody_paused_is_replaced_before_a_request_is_lost_in_it() {
    let daemon = Daemon::start();
    let project = Project::python(WHO);
    let served = serve_in(&daemon, "docker", &project, "paused");
    let first = words(&served);
    let began = Instant::now();
    let _paused = docker(&["pause", &first[1]]);
    // One that comes before the engine's word is answered for; it waits for no timeout.
    let second = eventually("another container", || {
        let reply = served.get("/x");
        (reply.status == 200).then(|| reply.text())
    });
    assert!(!second.contains(&first[1]), "{second}");
    assert!(began.elapsed() < Duration::from_secs(9), "it took the function's timeout");
    eventually("the end of the paused one", || {
        (!containers(&daemon).iter().any(|id| id.starts_with(&first[1]))).then_some(())
    });
    assert!(daemon.log().contains("somebody paused a container"), "{}", daemon.log());
}

#[test]
fn a_container_that_the_daemon_freezes_goes_on_with_the_next_request() {
    let daemon = Daemon::start();
    let project = Project::python(WHO);
    let path = project.path().to_str().unwrap();
    let ran = daemon.samctl(&["start", path, "--name", "frozen", "--sandbox", "docker", "--freeze"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let served = daemon.address("frozen");
    let first = words(&served);
    let is_paused = || {
        let asked = ["inspect", "--format", "{{.State.Paused}}", &first[1]];
        let ran = Command::new("docker").args(asked).output().unwrap();
        String::from_utf8_lossy(&ran.stdout).trim() == "true"
    };
    for _ in 0..3 {
        eventually("its freezing", || is_paused().then_some(()));
        assert_eq!(words(&served)[1], first[1], "{}", daemon.log());
    }
    assert!(!daemon.log().contains("somebody paused a container"), "{}", daemon.log());
    assert_eq!(daemon.samctl(&["stop", "frozen"]).code, 0);
    eventually("the end of all containers", || containers(&daemon).is_empty().then_some(()));
}

#[test]
fn while_the_engine_is_away_its_containers_serve_and_what_needs_another_one_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let daemon = Daemon::with(&[("DOCKER_HOST", &format!("unix://{}", socket.display()))]);
    let relay = Relay::open(&socket);
    let project = Project::python(WHO);
    let served = serve_in(&daemon, "docker", &project, "away");
    let first = words(&served);

    drop(relay);
    assert_eq!(words(&served), first);
    let _killed = docker(&["kill", &first[1]]);
    let lost = eventually("an answer without an engine, and why in the log", || {
        let reply = served.get("/x");
        (reply.status != 200 && daemon.logs("away").contains("no container could be made")).then_some(reply)
    });
    assert!((500..600).contains(&lost.status), "{}", lost.text());

    let _relay = Relay::open(&socket);
    let second = eventually("the engine's return", || {
        let reply = served.get("/x");
        (reply.status == 200).then(|| reply.text())
    });
    assert!(!second.contains(&first[1]), "{second}");
    eventually("the end of the one that was left", || {
        (!containers(&daemon).iter().any(|id| id.starts_with(&first[1]))).then_some(())
    });
}
