//! An engine that is restarted or killed while functions are served: an engine of the test's own, which nobody else needs.

use samd_tests::daemon::{Daemon, Project, Served, eventually};
use samd_tests::engine::serve_in;
use samd_tests::own_engine::OwnEngine;

use super::{WHO, words};

const WAITS: &str = "
import time
def handler(event, context):
    if 'wait' in event['path']: time.sleep(60)
    return {'statusCode': 200, 'body': 'fine'}
";

const ARCH: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };

pub(super) fn engine(arguments: &[&str]) -> OwnEngine {
    OwnEngine::with(&format!("public.ecr.aws/lambda/python:3.11-{ARCH}"), arguments)
}

/// The words of the first good answer; until then there is one all the same.
fn served_again(served: &Served) -> Vec<String> {
    let reply = eventually("an engine that serves", || {
        let reply = served.get("/x");
        assert!(reply.status == 200 || (500..600).contains(&reply.status), "{}", reply.head);
        (reply.status == 200).then_some(reply)
    });
    reply.text().split(' ').map(str::to_owned).collect()
}

/// Nothing but what serves and what waits is there, and nothing at all when the project has stopped.
fn nothing_is_left_over(daemon: &Daemon, engine: &OwnEngine, serving: &str) {
    eventually("one that serves and one that waits", || {
        let there = engine.containers();
        (there.len() == 2 && there.iter().any(|id| id.starts_with(serving))).then_some(())
    });
    assert_eq!(daemon.samctl(&["stop", "own"]).code, 0);
    eventually("the end of all containers", || engine.containers().is_empty().then_some(()));
    assert_eq!(engine.docker(&["volume", "ls", "--quiet"]), "");
    assert_eq!(engine.docker(&["network", "ls", "--quiet", "--filter", "type=custom"]), "");
}

#[test]
fn while_an_engine_is_restarted_requests_are_answered_and_then_served() {
    let mut engine = engine(&[]);
    let daemon = Daemon::with(&[("DOCKER_HOST", &engine.host())]);
    let project = Project::python(WHO);
    let served = serve_in(&daemon, "docker", &project, "own");
    let first = words(&served);
    engine.stop();
    let lost = eventually("an answer, and why in the log", || {
        let reply = served.get("/x");
        (reply.status != 200 && daemon.logs("own").contains("no container could be made")).then_some(reply)
    });
    assert!((500..600).contains(&lost.status), "{}", lost.text());
    engine.start();
    let second = served_again(&served);
    assert_ne!(first[1], second[1], "an engine that stops ends its containers");
    nothing_is_left_over(&daemon, &engine, &second[1]);
}

#[test]
fn an_engine_that_is_killed_leaves_its_containers_serving_until_it_is_back() {
    let mut engine = engine(&[]);
    let daemon = Daemon::with(&[("DOCKER_HOST", &engine.host())]);
    let project = Project::python(WHO);
    let served = serve_in(&daemon, "docker", &project, "own");
    let first = words(&served);
    engine.kill();
    for _ in 0..3 {
        assert_eq!(words(&served), first);
    }
    engine.start();
    let second = served_again(&served);
    assert_ne!(first[1], second[1], "an engine that comes back ends what it finds");
    nothing_is_left_over(&daemon, &engine, &second[1]);
}

#[test]
fn an_engine_that_keeps_its_containers_alive_is_restarted_without_anybody_noticing() {
    let mut engine = engine(&["--live-restore"]);
    let daemon = Daemon::with(&[("DOCKER_HOST", &engine.host())]);
    let project = Project::python(WHO);
    let served = serve_in(&daemon, "docker", &project, "own");
    let first = words(&served);
    engine.stop();
    assert_eq!(words(&served), first);
    engine.start();
    assert_eq!(words(&served), first);
    // The engine's word counts again.
    let _killed = engine.docker(&["kill", &first[1]]);
    let second = served_again(&served);
    assert_ne!(first[1], second[1]);
    nothing_is_left_over(&daemon, &engine, &second[1]);
}

#[test]
fn what_was_killed_is_no_timeout_although_the_engine_is_too_busy_to_say_so() {
    let engine = engine(&[]);
    let daemon = Daemon::with(&[("DOCKER_HOST", &engine.host())]);
    let project = Project::python(WAITS);
    let served = serve_in(&daemon, "docker", &project, "own");
    assert_eq!(served.get("/x").text(), "fine");
    let pid = served_pid(&engine);
    let reply = std::thread::scope(|scope| {
        let asked = scope.spawn(|| served.get("/wait"));
        eventually("two invocations", || (daemon.logs("own").matches("START RequestId").count() == 2).then_some(()));
        let asleep = engine.put_to_sleep();
        // As the kernel does where memory runs out.
        OwnEngine::kill_process(&pid);
        let reply = asked.join().unwrap();
        drop(asleep);
        reply
    });
    assert_eq!(reply.status, 502);
    let log = eventually("how it ended", || {
        let log = daemon.logs("own");
        (log.contains("Runtime.ExitError") || log.contains("timed out")).then_some(log)
    });
    assert!(!log.contains("timed out") && !log.contains("Timedout"), "{log}");
    assert_eq!(served_again(&served), ["fine"]);
}

/// The first process of the one that has served: the one that waits was made after it.
fn served_pid(engine: &OwnEngine) -> String {
    let first = engine.containers().pop().unwrap();
    engine.docker(&["inspect", "--format", "{{.State.Pid}}", &first])
}
