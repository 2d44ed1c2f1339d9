//! The container engine as a bystander sees it, and projects that are served in containers.

use std::process::Command;

use crate::daemon::{Daemon, Project, Served};

/// Runs the docker command and returns what it printed.
///
/// # Panics
/// It fails: tests that need an engine do not pass without one.
#[must_use]
pub fn docker(arguments: &[&str]) -> String {
    let ran =
        Command::new("docker").args(arguments).output().expect("docker is installed; see tests/install/docker.sh");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "docker {arguments:?}: {out}{err}");
    out.trim().to_owned()
}

/// The ids of a daemon's containers, running or not.
#[must_use]
pub fn containers(daemon: &Daemon) -> Vec<String> {
    let label = format!("label=samd.state={}", daemon.state().display());
    docker(&["ps", "--all", "--no-trunc", "--quiet", "--filter", &label]).lines().map(str::to_owned).collect()
}

/// Starts a project with a driver on any free port.
///
/// # Panics
/// It does not start.
#[must_use]
pub fn serve_in(daemon: &Daemon, driver: &str, project: &Project, name: &str) -> Served {
    let path = project.path().to_str().expect("a path in UTF-8").to_owned();
    let ran = daemon.samctl(&["start", &path, "--name", name, "--sandbox", driver, "--output", "json"]);
    assert_eq!(ran.code, 0, "samctl start: {}{}\n{}", ran.out, ran.err, daemon.log());
    daemon.address(name)
}
