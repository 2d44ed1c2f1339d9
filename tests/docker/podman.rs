//! Podman's API instead of Docker's.

use samd_tests::daemon::{Daemon, Project, eventually};
use samd_tests::own_podman::OwnPodman;

use super::{WHO, words};

const ARCH: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };

#[test]
fn a_rootless_podman_serves_whoever_runs_it() {
    let podman = OwnPodman::rootless(&format!("public.ecr.aws/lambda/python:3.11-{ARCH}"));
    let daemon = podman.daemon();
    let project = Project::python(WHO);
    podman.give(project.path());
    let path = project.path().to_str().unwrap();
    let asked = ["start", path, "--name", "pod", "--sandbox", "docker", "--docker-network", "host"];
    let ran = daemon.samctl(&asked);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let served = daemon.address("pod");
    let first = words(&served);
    assert_eq!(words(&served), first, "it stays warm");
    project.rename_over("src/app.py", &WHO.replace("'one '", "'two '"));
    eventually("the edit", || (words(&served)[0] == "two").then_some(()));
    assert_eq!(daemon.samctl(&["stop", "pod"]).code, 0);
    eventually("the end of all containers", || podman.docker(&["ps", "--all", "--quiet"]).is_empty().then_some(()));
    assert_eq!(podman.docker(&["volume", "ls", "--quiet"]), "");
}

#[test]
fn podman_serves_a_function_and_an_edit_of_it_and_keeps_nothing() {
    let podman = OwnPodman::with(&format!("public.ecr.aws/lambda/python:3.11-{ARCH}"));
    // Its own bridge may be another Podman's of this machine.
    let _made = podman.docker(&["network", "create", "own"]);
    let daemon = Daemon::with(&[("DOCKER_HOST", &podman.host())]);
    let project = Project::python(WHO);
    let path = project.path().to_str().unwrap();
    let asked = ["start", path, "--name", "pod", "--sandbox", "docker", "--docker-network", "own", "--output", "json"];
    let ran = daemon.samctl(&asked);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let served = daemon.address("pod");
    let first = words(&served);
    assert_eq!(words(&served), first, "it stays warm");
    let held = eventually("one that waits", || {
        let there = podman.docker(&["ps", "--no-trunc", "--quiet"]);
        there.lines().find(|id| !id.starts_with(&first[1])).map(str::to_owned)
    });
    eventually("its waiting", || daemon.status_text("pod").contains("held").then_some(()));
    project.rename_over("src/app.py", &WHO.replace("'one '", "'two '"));
    let second = eventually("the edit", || Some(words(&served)).filter(|words| words[0] == "two"));
    assert!(held.starts_with(&second[1]), "{held} waited and {} serves: {}", second[1], daemon.log());
    assert_eq!(daemon.samctl(&["stop", "pod"]).code, 0);
    eventually("the end of all containers", || podman.docker(&["ps", "--all", "--quiet"]).is_empty().then_some(()));
    assert_eq!(podman.docker(&["volume", "ls", "--quiet"]), "");
}
