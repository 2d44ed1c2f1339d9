//! A project that should run when its daemon starts and cannot: it says why, and comes back when its files are mended.

use std::fs;
use std::path::{Path, PathBuf};

use samd_tests::daemon::{Daemon, Project, eventually};

const CODE: &str = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'back'}\n";

/// A project in a folder that may be taken away, and its daemon.
struct Case {
    project: Project,
    daemon: Daemon,
}

impl Case {
    fn of(more: &[&str]) -> Case {
        let files =
            [("shop/template.yaml", samd_tests::daemon::PYTHON), ("shop/src/app.py", CODE), ("shop/env.json", "{}")];
        let (project, daemon) = (Project::of(&files), Daemon::start());
        let case = Case { project, daemon };
        let (path, env) = (case.path("shop"), case.path("shop/env.json"));
        let mut arguments = vec!["start", path.to_str().unwrap(), "--name", "shop", "--sandbox", "process"];
        arguments.extend(more.iter().map(|word| if *word == "ENV" { env.to_str().unwrap() } else { word }));
        let ran = case.daemon.samctl(&arguments);
        assert_eq!(ran.code, 0, "{}", ran.err);
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.project.path().canonicalize().unwrap().join(name)
    }

    /// Breaks something while no daemon runs, and starts one: it must say `why`.
    fn restarted(self, breaks: impl FnOnce(&Path), why: &str) -> Case {
        let root = self.path("");
        let killed = self.daemon.killed();
        breaks(&root);
        let case = Case { project: self.project, daemon: killed.restarted() };
        let said = eventually("the reason", || {
            let status = case.daemon.status_text("shop");
            (status.contains(why) && status.contains("it is to run and does not")).then_some(status)
        });
        assert!(said.contains("\"running\": null") || !said.contains("\"url\""), "{said}");
        case
    }

    fn comes_back(&self) {
        eventually("the project", || {
            let status = self.daemon.status_text("shop");
            status.contains("\"url\"").then_some(())
        });
        assert_eq!(self.daemon.address("shop").get("/x").text(), "back");
        assert!(!self.daemon.status_text("shop").contains("it is to run"), "{}", self.daemon.status_text("shop"));
    }
}

#[test]
fn a_broken_template_is_told_and_its_mending_brings_the_project_back() {
    let broken = |root: &Path| fs::write(root.join("shop/template.yaml"), "Resources: [unclosed\n").unwrap();
    let case = Case::of(&[]).restarted(broken, "template.yaml");
    case.project.write("shop/template.yaml", "Resources: {still: [broken\n");
    case.project.write("shop/template.yaml", samd_tests::daemon::PYTHON);
    case.comes_back();
}

#[test]
fn a_missing_folder_is_told_and_its_return_brings_the_project_back() {
    let gone = |root: &Path| fs::rename(root.join("shop"), root.join("away")).unwrap();
    let case = Case::of(&[]).restarted(gone, "shop");
    fs::rename(case.path("away"), case.path("shop")).unwrap();
    case.comes_back();
}

#[test]
fn a_broken_env_vars_file_is_named_as_such_and_its_mending_brings_the_project_back() {
    let broken = |root: &Path| fs::write(root.join("shop/env.json"), "{ broken").unwrap();
    let case = Case::of(&["--env-vars", "ENV"]).restarted(broken, "env.json");
    let asked = case.daemon.samctl(&["start", "shop"]);
    assert_ne!(asked.code, 0);
    assert!(asked.err.contains("env.json") && !asked.err.contains("template has errors"), "{}", asked.err);
    case.project.write("shop/env.json", "{}");
    case.comes_back();
}

#[test]
fn what_was_refused_and_is_stopped_stays_stopped() {
    let broken = |root: &Path| fs::write(root.join("shop/template.yaml"), "Resources: [unclosed\n").unwrap();
    let case = Case::of(&[]).restarted(broken, "template.yaml");
    assert_eq!(case.daemon.samctl(&["stop", "shop"]).code, 0);
    case.project.write("shop/template.yaml", samd_tests::daemon::PYTHON);
    let other = Project::python(CODE);
    // What another project's edit shows was noticed after the one here.
    let served = case.daemon.serve(&other, "other");
    other.write("src/app.py", &CODE.replace("back", "edited"));
    eventually("the other's edit", || (served.get("/x").text() == "edited").then_some(()));
    assert!(!case.daemon.status_text("shop").contains("\"url\""), "{}", case.daemon.status_text("shop"));
}
