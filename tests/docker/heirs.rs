//! What becomes of containers when the daemon is killed and another one comes.

use samd_tests::daemon::{Daemon, PYTHON, Project, Served, eventually};
use samd_tests::engine::{containers, docker, serve_in};

use super::{WHO, waiting, words};

const NODE_WHO: &str = "
exports.handler = async () => ({statusCode: 200,
  body: 'one ' + require('os').hostname() + ' ' + process.env.AWS_LAMBDA_RUNTIME_API});
";

fn runs(id: &str) -> bool {
    docker(&["ps", "--no-trunc", "--quiet"]).lines().any(|running| running.starts_with(id))
}

/// The project, when the daemon that came back serves it.
fn restored(daemon: &Daemon) -> Served {
    eventually("the project", || {
        let held = daemon.samctl(&["status", "who", "--output", "json"]);
        (held.code == 0 && held.out.contains("\"url\"")).then(|| daemon.address("who"))
    })
}

/// Kills the daemon while one container serves and one waits, and looks at both until the next daemon has served.
fn one_is_taken_over(project: &Project, file: &str, code: &str) {
    let daemon = Daemon::start();
    let first = words(&serve_in(&daemon, "docker", project, "who"));
    let held = waiting(&daemon, &first[1]);
    let killed = daemon.killed();
    eventually("the end of the runtime whose Runtime API is gone", || (!runs(&first[1])).then_some(()));
    assert!(runs(&held), "it waits for the next daemon");
    project.rename_over(file, &code.replace("'one '", "'two '"));
    let daemon = killed.restarted();
    let again = words(&restored(&daemon));
    assert_eq!(again[0], "two", "it has loaded nothing of the code before");
    assert!(held.starts_with(&again[1]), "{held} waited and {} serves: {}", again[1], daemon.log());
    assert_eq!(words(&restored(&daemon)), again, "it goes on");
    assert!(!containers(&daemon).iter().any(|id| id.starts_with(&first[1])));
    let next = waiting(&daemon, &again[1]);
    assert!(next != held && !daemon.log().contains("refused a connection"), "{}", daemon.log());
}

#[test]
fn a_container_that_waits_in_python_is_taken_over_by_the_next_daemon() {
    one_is_taken_over(&Project::python(WHO), "src/app.py", WHO);
}

#[test]
fn a_container_that_waits_in_node_is_taken_over_by_the_next_daemon() {
    let template = PYTHON.replace("python3.11", "nodejs20.x");
    let project = Project::of(&[("template.yaml", &template), ("src/app.js", NODE_WHO)]);
    one_is_taken_over(&project, "src/app.js", NODE_WHO);
}

#[test]
fn a_container_that_waits_for_what_is_no_more_is_removed_by_the_next_daemon() {
    let daemon = Daemon::start();
    let project = Project::python(WHO);
    let first = words(&serve_in(&daemon, "docker", &project, "who"));
    let held = waiting(&daemon, &first[1]);
    let killed = daemon.killed();
    project.write("template.yaml", &PYTHON.replace("MemorySize: 256", "MemorySize: 320"));
    let daemon = killed.restarted();
    let again = words(&restored(&daemon));
    assert!(!held.starts_with(&again[1]) && !first[1].starts_with(&again[1]), "{again:?}");
    eventually("the removal of both", || {
        let left = containers(&daemon);
        (!left.iter().any(|id| id.starts_with(&first[1]) || *id == held)).then_some(())
    });
    let gates = std::fs::read_dir(daemon.state().join("containers")).unwrap().count();
    assert!(gates <= 2, "{gates} gates for one container that serves and perhaps one that waits");
}

#[test]
fn a_stopped_projects_waiting_container_is_nobodys() {
    let daemon = Daemon::start();
    let project = Project::python(WHO);
    let first = words(&serve_in(&daemon, "docker", &project, "who"));
    let held = waiting(&daemon, &first[1]);
    let killed = daemon.killed();
    std::fs::remove_file(project.path().join("template.yaml")).unwrap();
    let daemon = killed.restarted();
    eventually("the end of all containers", || containers(&daemon).is_empty().then_some(()));
    assert!(!runs(&held));
}
