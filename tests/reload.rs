//! Edits: what the next request runs, and what an edit leaves alone.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use samd_tests::daemon::{Daemon, Project, Served, eventually};

fn version(number: u64) -> String {
    format!(
        "import os, json\nVERSION = {number}\ndef handler(event, context):\n    return {{'statusCode': 200, 'body': json.dumps({{'version': VERSION, 'pid': os.getpid()}})}}\n"
    )
}

const TWO: &str = "
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 20, MemorySize: 256, Runtime: python3.11, Handler: app.handler}}
Resources:
  Edited:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: edited/, Events: {Get: {Type: Api, Properties: {Path: /edited, Method: get}}}}
  Steady:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: steady/, Events: {Get: {Type: Api, Properties: {Path: /steady, Method: get}}}}
";

fn two() -> Project {
    Project::of(&[("template.yaml", TWO), ("edited/app.py", &version(0)), ("steady/app.py", &version(0))])
}

fn served_version(served: Served, path: &str) -> u64 {
    let reply = served.get(path);
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply.json()["version"].as_u64().unwrap()
}

#[test]
fn an_edit_is_served_and_the_other_function_keeps_its_process() {
    let daemon = Daemon::start();
    let project = two();
    let served = daemon.serve(&project, "two");
    let steady = served.get("/steady").json()["pid"].clone();
    for number in 1..=6 {
        let before = served_version(served, "/edited");
        assert_eq!(before, number - 1);
        // In place and by renaming, as editors do; both of the same size within the same second.
        if number % 2 == 0 {
            project.write("edited/app.py", &version(number));
        } else {
            project.rename_over("edited/app.py", &version(number));
        }
        eventually("the new version", || (served_version(served, "/edited") == number).then_some(()));
    }
    assert_eq!(served.get("/steady").json()["pid"], steady);
}

/// Asks for `/edited` on three connections while `edit` goes on; each reply is shown to `see` with the newest version
/// that was known when its request began.
fn under_load(served: Served, newest: &AtomicU64, see: impl Fn(u64, u64) + Sync, edit: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    let known = newest.load(Ordering::SeqCst);
                    see(known, served_version(served, "/edited"));
                }
            });
        }
        edit();
        stop.store(true, Ordering::SeqCst);
    });
}

#[test]
fn no_request_under_load_is_served_by_code_older_than_was_served_before_it_began() {
    let daemon = Daemon::start();
    let project = two();
    // Of several sandboxes that one edit starts, the last may load what the next edit has written already.
    let served = daemon.serve_with(&project, "load", &["--max-concurrency", "1"]);
    served_version(served, "/edited");
    let newest = AtomicU64::new(0);
    under_load(
        served,
        &newest,
        |known, seen| {
            assert!(seen >= known, "version {seen} after {known}");
            newest.fetch_max(seen, Ordering::SeqCst);
        },
        || {
            for number in 1..=15 {
                project.write("edited/app.py", &version(number));
                eventually("a new version", || (newest.load(Ordering::SeqCst) >= number).then_some(()));
            }
        },
    );
}

#[test]
fn edits_that_come_faster_than_init_drop_nothing_and_the_newest_wins() {
    let daemon = Daemon::start();
    let project = two();
    let served = daemon.serve(&project, "storm");
    served_version(served, "/edited");
    let newest = AtomicU64::new(0);
    under_load(
        served,
        &newest,
        |_, seen| {
            newest.fetch_max(seen, Ordering::SeqCst);
        },
        || {
            for number in 1..=40 {
                project.write("edited/app.py", &version(number));
            }
            eventually("the newest version", || (newest.load(Ordering::SeqCst) == 40).then_some(()));
        },
    );
    assert_eq!(served_version(served, "/edited"), 40);
}

#[test]
fn a_new_route_is_there_without_any_sandbox_restarted() {
    let daemon = Daemon::start();
    let project = two();
    let served = daemon.serve(&project, "routes");
    let pids = ["/edited", "/steady"].map(|path| served.get(path).json()["pid"].clone());
    assert_eq!(served.get("/more").status, 403);
    project.write(
        "template.yaml",
        &TWO.replace(
            "Path: /steady, Method: get}}",
            "Path: /steady, Method: get}}, More: {Type: Api, Properties: {Path: /more, Method: get}}",
        ),
    );
    eventually("the new route", || (served.get("/more").status == 200).then_some(()));
    assert_eq!(["/edited", "/steady"].map(|path| served.get(path).json()["pid"].clone()), pids);
}

#[test]
fn a_changed_variable_restarts_only_that_function() {
    let daemon = Daemon::start();
    let project = two();
    let served = daemon.serve(&project, "variable");
    let pids = ["/edited", "/steady"].map(|path| served.get(path).json()["pid"].clone());
    project.write(
        "template.yaml",
        &TWO.replace("CodeUri: edited/,", "CodeUri: edited/, Environment: {Variables: {A: b}},"),
    );
    eventually("the restart", || (served.get("/edited").json()["pid"] != pids[0]).then_some(()));
    assert_eq!(served.get("/steady").json()["pid"], pids[1]);
}

#[test]
fn a_broken_template_keeps_the_last_good_configuration_serving() {
    let daemon = Daemon::start();
    let project = two();
    let served = daemon.serve(&project, "broken");
    let pid = served.get("/edited").json()["pid"].clone();
    project.write("template.yaml", "Resources: [unclosed\n");
    let status = eventually("the diagnostics", || {
        let status = daemon.status("broken").to_string();
        status.contains("template.yaml").then_some(status).filter(|status| status.contains("error"))
    });
    assert!(status.contains("\"line\""), "{status}");
    assert_eq!(served.get("/edited").json()["pid"], pid);
    project.write("template.yaml", TWO);
    eventually("the mended template", || {
        (!daemon.status("broken")["diagnostics"].to_string().contains("error")).then_some(())
    });
    assert_eq!(served.get("/edited").json()["pid"], pid, "nothing differs from what runs");
}

#[test]
fn broken_code_shows_its_own_error_until_the_next_save() {
    let daemon = Daemon::start();
    let project = two();
    let served = daemon.serve(&project, "code");
    assert_eq!(served_version(served, "/edited"), 0);
    project.write("edited/app.py", "def handler(event, context):\n  return (\n");
    eventually("the error", || (served.get("/edited").status == 502).then_some(()));
    assert!(daemon.logs("code").contains("Runtime.UserCodeSyntaxError"), "{}", daemon.logs("code"));
    project.write("edited/app.py", &version(2));
    eventually("the mended code", || (served.get("/edited").status == 200).then_some(()));
}

#[test]
fn a_forced_reload_returns_when_the_new_code_is_ready_or_says_why_it_is_not() {
    let daemon = Daemon::start();
    let project = two();
    let served = daemon.serve(&project, "forced");
    let pid = served.get("/edited").json()["pid"].clone();
    assert_eq!(daemon.samctl(&["reload", "forced", "Edited"]).code, 0);
    assert_ne!(served.get("/edited").json()["pid"], pid);
    let ran = daemon.samctl(&["reload", "forced", "Nobody"]);
    assert_ne!(ran.code, 0);
    assert!(ran.err.contains("Edited") && ran.err.contains("Steady"), "it names what there is: {}", ran.err);
}

#[test]
fn a_project_killed_with_its_daemon_serves_again_on_its_port() {
    let daemon = Daemon::start();
    let project = two();
    let served = daemon.serve(&project, "back");
    let pid = served.get("/edited").json()["pid"].as_u64().unwrap();
    let daemon = daemon.killed_and_restarted();
    let again = eventually("the project", || std::net::TcpStream::connect(served.address).ok().map(|_| served));
    assert_eq!(served_version(again, "/edited"), 0);
    eventually("the orphan's end", || {
        (!std::path::Path::new(&format!("/proc/{pid}/cmdline")).exists()
            || std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default().is_empty())
        .then_some(())
    });
    drop(daemon);
}

#[test]
fn stop_then_start_brings_a_project_back_with_all_its_settings() {
    let daemon = Daemon::start();
    let project = two();
    let served = daemon.serve_with(&project, "again", &["--warm", "eager"]);
    assert_eq!(daemon.samctl(&["stop", "again"]).code, 0);
    assert!(std::net::TcpStream::connect(served.address).is_err());
    assert_eq!(daemon.samctl(&["start", "again"]).code, 0);
    assert_eq!(daemon.address("again").address, served.address);
    let status = daemon.status("again");
    assert!(status.to_string().contains("eager"), "{status}");
}
