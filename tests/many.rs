//! Many projects in one daemon: what they share, and what each keeps.

use std::fs;

use samd_tests::daemon::{Daemon, Project, Served, eventually};

/// More are measured by `shared/bench`; these are enough to see what grows with their number.
const PROJECTS: usize = 12;

fn project(number: usize) -> Project {
    Project::python(&format!("def handler(event, context):\n    return {{'statusCode': 200, 'body': '{number}'}}\n"))
}

fn started(daemon: &Daemon, projects: &[Project]) -> Vec<Served> {
    // Ports of their own: while its daemon is dead, another test's may take the next free one.
    let port = |number: usize| (12_000 + std::process::id() as usize % 500 * PROJECTS + number).to_string();
    let started = projects.iter().enumerate();
    started
        .map(|(number, project)| daemon.serve_with(project, &format!("p{number}"), &["--port", &port(number)]))
        .collect()
}

/// The names of the daemon's threads that begin so.
fn threads(daemon: &Daemon, name: &str) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
    let names = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|found| found.starts_with(name)).count()
}

#[test]
fn many_projects_keep_their_ports_across_a_restart_and_share_one_watcher() {
    let daemon = Daemon::start();
    let projects: Vec<Project> = (0..PROJECTS).map(project).collect();
    let served = started(&daemon, &projects);
    assert_eq!(threads(&daemon, "notify-rs"), 1);
    assert_eq!(threads(&daemon, "watcher"), 1);
    let daemon = daemon.killed_and_restarted();
    for (number, served) in served.into_iter().enumerate() {
        eventually("the project's port", || std::net::TcpStream::connect(served.address).ok().map(drop));
        assert_eq!(served.get("/x").text(), number.to_string());
    }
    assert_eq!(threads(&daemon, "notify-rs"), 1);
}

#[test]
fn an_edit_of_one_project_is_no_reload_of_another() {
    let daemon = Daemon::start();
    let projects: Vec<Project> = (0..2).map(project).collect();
    let served = started(&daemon, &projects);
    assert_eq!(served[1].get("/x").text(), "1");
    let before = daemon.status("p1");
    projects[0].write("src/app.py", "def handler(event, context):\n    return {'statusCode': 200, 'body': 'new'}\n");
    eventually("the edit", || (served[0].get("/x").text() == "new").then_some(()));
    assert_eq!(served[1].get("/x").text(), "1");
    let pids = |status: &serde_json::Value| {
        status.to_string().split("\"pid\":").skip(1).map(|rest| rest[..6].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(pids(&before), pids(&daemon.status("p1")));
}
