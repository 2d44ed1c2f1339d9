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
    let served = daemon.serve(&project, "load");
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
fn edits_that_come_while_sandboxes_of_the_one_before_start_are_never_seen_before_older_code() {
    let daemon = Daemon::start();
    let project = two();
    // Code that takes its time, so that sandboxes of one edit load what the next has written.
    let slow = |number: u64| format!("import time\ntime.sleep({})\n{}", 0.01 * (number % 5) as f64, version(number));
    let served = daemon.serve(&project, "overtaken");
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
            for number in 1..=60 {
                project.write("edited/app.py", &slow(number));
                let until = std::time::Instant::now() + std::time::Duration::from_millis(7 * (number % 9));
                while std::time::Instant::now() < until {
                    thread::yield_now();
                }
            }
            eventually("the newest version", || (newest.load(Ordering::SeqCst) == 60).then_some(()));
        },
    );
}

#[test]
fn who_asks_again_at_once_finds_the_process_that_answered() {
    let daemon = Daemon::start();
    let project = two();
    project.write("node/app.js", "exports.handler = async () => ({ statusCode: 200, body: `${process.pid}` });\n");
    project.write(
        "template.yaml",
        &TWO.replace(
            "  Steady:",
            "  Node:
    Type: AWS::Serverless::Function
    Properties: {Runtime: nodejs20.x, CodeUri: node/, Events: {Get: {Type: Api, Properties: {Path: /node, Method: get}}}}
  Steady:",
        ),
    );
    let served = daemon.serve(&project, "again");
    for path in ["/node", "/steady"] {
        let bodies: std::collections::BTreeSet<String> = (0..50).map(|_| served.get(path).text()).collect();
        assert_eq!(bodies.len(), 1, "{bodies:?}");
    }
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
fn what_was_found_of_an_api_is_found_again_when_a_broken_template_is_mended() {
    const UNSERVED: &str = "
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: x
      DefinitionBody: {swagger: 2.0, paths: {/sqs: {get: {x-amazon-apigateway-integration: {type: aws, uri: x}}}}}
";
    let (daemon, project) = (Daemon::start(), two());
    let template = format!("{TWO}{UNSERVED}");
    project.write("template.yaml", &template);
    let served = daemon.serve(&project, "found");
    let diagnostics = || daemon.status("found")["diagnostics"].to_string();
    assert!(diagnostics().contains("answered 501"), "{}", diagnostics());
    project.write("template.yaml", "Resources: [unclosed\n");
    eventually("the error", || diagnostics().contains("\"error\"").then_some(()));
    project.write("template.yaml", &template);
    eventually("the mended template", || (!diagnostics().contains("\"error\"")).then_some(()));
    assert!(diagnostics().contains("answered 501"), "{}", diagnostics());
    assert_eq!(served.get("/sqs").status, 501);
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

/// The generation that serves.
fn generation(daemon: &Daemon, name: &str) -> u64 {
    let ran = daemon.samctl(&["status", name, "--output", "json"]);
    let status: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    find_number(&status, "generation").unwrap_or_else(|| panic!("no generation in {status}"))
}

fn find_number(value: &serde_json::Value, key: &str) -> Option<u64> {
    match value {
        serde_json::Value::Object(fields) => {
            let own = fields.get(key).and_then(serde_json::Value::as_u64);
            own.or_else(|| fields.values().find_map(|value| find_number(value, key)))
        }
        serde_json::Value::Array(items) => items.iter().find_map(|value| find_number(value, key)),
        _ => None,
    }
}

#[test]
fn saving_without_changing_content_does_nothing() {
    let daemon = Daemon::start();
    let project = two();
    let served = daemon.serve(&project, "same");
    let pids = ["/edited", "/steady"].map(|path| served.get(path).json()["pid"].clone());
    // An edit shows that everything is watched; after it the index knows the file, whether it is made already or not.
    project.write("edited/app.py", &version(1));
    eventually("the edit", || (served_version(served, "/edited") == 1).then_some(()));
    let (pid, before) = (served.get("/edited").json()["pid"].clone(), generation(&daemon, "same"));
    project.write("edited/app.py", &version(1));
    project.rename_over("edited/app.py", &version(1));
    std::fs::remove_file(project.path().join("edited/app.py")).unwrap();
    project.write("edited/app.py", &version(1));
    // What came before another edit was told before it or with it.
    project.write("steady/app.py", &version(2));
    eventually("the other edit", || (served_version(served, "/steady") == 2).then_some(()));
    assert_eq!(served.get("/edited").json()["pid"], pid, "{}", daemon.log());
    assert_eq!(generation(&daemon, "same"), before + 1);
    assert_ne!(served.get("/steady").json()["pid"], pids[1]);
}

#[test]
fn what_samdignore_names_restarts_nothing_and_its_rules_may_change() {
    let daemon = Daemon::start();
    let project = two();
    project.write(".samdignore", "*.md\n");
    let served = daemon.serve(&project, "ignoring");
    let pid = served.get("/edited").json()["pid"].clone();
    project.write("edited/notes.md", "one");
    project.write("steady/app.py", &version(1));
    eventually("the edit", || (served_version(served, "/steady") == 1).then_some(()));
    assert_eq!(served.get("/edited").json()["pid"], pid);
    project.write(".samdignore", "nothing\n");
    let mut text = String::from("two");
    eventually("the new rules", || {
        text.push('.');
        project.write("edited/notes.md", &text);
        (served.get("/edited").json()["pid"] != pid).then_some(())
    });
}

#[test]
fn a_code_folder_that_is_swapped_for_another_is_served_and_still_watched() {
    let daemon = Daemon::start();
    let project = two();
    let served = daemon.serve(&project, "swapped");
    let steady = served.get("/steady").json()["pid"].clone();
    served_version(served, "/edited");
    // By renaming, as a build that swaps its folder.
    project.write("next/app.py", &version(1));
    std::fs::rename(project.path().join("edited"), project.path().join("old")).unwrap();
    std::fs::rename(project.path().join("next"), project.path().join("edited")).unwrap();
    eventually("the other folder", || (served.get("/edited").text().contains("\"version\": 1")).then_some(()));
    project.write("edited/app.py", &version(2));
    eventually("an edit in it", || (served_version(served, "/edited") == 2).then_some(()));
    // By deleting and making it again, as `git checkout` does.
    std::fs::remove_dir_all(project.path().join("edited")).unwrap();
    project.write("edited/app.py", &version(3));
    eventually("the folder made again", || served.get("/edited").text().contains("\"version\": 3").then_some(()));
    project.write("edited/app.py", &version(4));
    eventually("an edit in that", || served.get("/edited").text().contains("\"version\": 4").then_some(()));
    assert_eq!(served.get("/steady").json()["pid"], steady);
}

#[test]
fn a_missing_code_folder_is_served_once_it_is_there_and_so_are_new_folders_in_it() {
    let daemon = Daemon::start();
    let project = two();
    std::fs::remove_dir_all(project.path().join("edited")).unwrap();
    let template = TWO.replace("CodeUri: edited/", "CodeUri: build/out/edited/");
    project.write("template.yaml", &template);
    let served = daemon.serve(&project, "later");
    assert_ne!(served.get("/edited").status, 200);
    project.write("build/out/edited/app.py", &version(1));
    eventually("the folder", || served.get("/edited").text().contains("\"version\": 1").then_some(()));
    project.write("build/out/edited/lib/deep/number.py", "N = 2\n");
    project.write(
        "build/out/edited/app.py",
        &version(2).replace("VERSION = 2", "from lib.deep import number\nVERSION = number.N"),
    );
    eventually("the new module", || served.get("/edited").text().contains("\"version\": 2").then_some(()));
    project.write("build/out/edited/lib/deep/number.py", "N = 30\n");
    eventually("an edit of it", || served.get("/edited").text().contains("\"version\": 30").then_some(()));
}

#[test]
fn an_installation_of_thousands_of_files_is_a_few_reloads_and_its_last_state_is_served() {
    let daemon = Daemon::start();
    let project = two();
    let served = daemon.serve(&project, "storm");
    served_version(served, "/edited");
    let before = generation(&daemon, "storm");
    for number in 0..3_000 {
        project.write(&format!("edited/node_modules/m{}/lib/f{number}.js", number % 150), "x");
    }
    project.write("edited/app.py", &version(1));
    eventually("the last state", || (served_version(served, "/edited") == 1).then_some(()));
    let reloads = generation(&daemon, "storm") - before;
    assert!(reloads <= 12, "{reloads} reloads");
}

#[test]
fn where_no_folder_can_be_watched_any_more_it_is_polled_and_the_status_says_so() {
    let Some(daemon) = Daemon::within("echo 2 > /proc/sys/user/max_inotify_watches") else {
        eprintln!("SKIPPED: this system lets no user lower the limit of watched folders in a namespace");
        return;
    };
    let project = two();
    let served = daemon.serve(&project, "polled");
    served_version(served, "/edited");
    let status = daemon.status("polled").to_string();
    assert!(status.contains("max_user_watches"), "{status}");
    for edit in 1..4 {
        project.write("edited/app.py", &version(edit));
        eventually("the edit", || (served_version(served, "/edited") == edit).then_some(()));
    }
}

#[test]
fn a_folder_of_a_hundred_thousand_files_is_served_and_watched() {
    let daemon = Daemon::start();
    let project = two();
    for folder in 0..100 {
        let folder = project.path().join(format!("edited/data/{folder}"));
        std::fs::create_dir_all(&folder).unwrap();
        (0..1_000).for_each(|file| drop(std::fs::File::create(folder.join(file.to_string())).unwrap()));
    }
    let served = daemon.serve(&project, "large");
    assert_eq!(served_version(served, "/edited"), 0);
    project.write("edited/app.py", &version(1));
    eventually("the edit", || (served_version(served, "/edited") == 1).then_some(()));
    assert!(!daemon.status_text("large").contains("instead of being watched"), "{}", daemon.status_text("large"));
}

#[test]
fn replies_say_which_generation_they_are_of_when_that_is_asked_for() {
    let daemon = Daemon::start();
    let project = two();
    let served = daemon.serve(&project, "numbered");
    let told = || served.get("/steady").header("X-Samd-Generation").map(str::to_owned);
    assert_eq!(told(), None);
    assert_eq!(daemon.samctl(&["set", "numbered", "--tell-generation"]).code, 0);
    assert_eq!(told().unwrap(), generation(&daemon, "numbered").to_string());
    project.write("edited/app.py", &version(1));
    eventually("the edit", || (served_version(served, "/edited") == 1).then_some(()));
    assert_eq!(told().unwrap(), generation(&daemon, "numbered").to_string());
    assert_eq!(daemon.samctl(&["set", "numbered", "--no-tell-generation"]).code, 0);
    assert_eq!(told(), None);
}

#[test]
fn each_reload_is_one_event_with_all_that_belongs_to_it() {
    let daemon = Daemon::start();
    let project = two();
    let served = daemon.serve(&project, "told");
    let ran = daemon.samctl(&["reload", "told", "Edited", "--output", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    for field in ["generation", "files", "duration_us", "outcome"] {
        assert!(told.to_string().contains(&format!("\"{field}\"")), "{field} in {told}");
    }
    let mut follower = daemon.follow_events();
    let last = follower.next_line();
    assert!(last.contains("Edited"), "a follower is first told what was last: {last}");
    project.write("edited/app.py", &version(1));
    eventually("the edit", || (served_version(served, "/edited") == 1).then_some(()));
    project.write("template.yaml", &TWO.replace("Path: /steady, Method: get}}", "Path: /other, Method: get}}"));
    eventually("the other route", || (served.get("/other").status == 200).then_some(()));
    let edit = follower.next_line();
    assert!(edit.contains("app.py") && edit.contains("Edited") && !edit.contains("Steady"), "{edit}");
    let routes = follower.next_line();
    assert!(routes.contains("GET /other") && routes.contains("GET /steady") && routes.contains("template.yaml"));
}
