//! What subscribers of the Telemetry API and of the Logs API are told.

use samd_tests::daemon::{Daemon, Project, eventually};
use serde_json::{Value, json};

use super::{RECORDER, project, record, recorded};

/// Everything that was delivered so far, in its order.
fn delivered(project: &Project) -> Vec<Value> {
    let batches = record(project).into_iter().filter(|line| line["what"] == "batch");
    batches.flat_map(|batch| batch["events"].as_array().cloned().unwrap_or_default()).collect()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// Everything up to the first event of a type.
fn up_to(project: &Project, last: &str) -> Vec<Value> {
    eventually(&format!("{last} in {:?}", types(&delivered(project))), || {
        Some(delivered(project)).filter(|all| types(all).contains(&last))
    })
}

#[test]
fn telemetry_tells_of_init_and_of_an_invocation_in_its_order() {
    let daemon = Daemon::start();
    let project = project(&[("recorder", RECORDER)], &[("DOES", "telemetry")], 10);
    let served = daemon.serve(&project, "told");
    assert_eq!(served.get("/one").status, 200);
    let subscribed = recorded(&project, "subscribed", |_| true);
    assert_eq!((subscribed["status"].as_u64(), &subscribed["text"]), (Some(200), &json!("\"OK\"")));
    let all = up_to(&project, "platform.report");
    let kinds = types(&all);
    let place =
        |kind: &str| kinds.iter().position(|one| *one == kind).unwrap_or_else(|| panic!("no {kind} in {kinds:?}"));
    let order = [
        "platform.initStart",
        "platform.initRuntimeDone",
        "platform.extension",
        "platform.initReport",
        "platform.start",
        "function",
        "platform.runtimeDone",
        "platform.report",
    ];
    assert!(order.map(place).is_sorted(), "{kinds:?}");
    assert!(!kinds.contains(&"platform.end"), "the Logs API's alone");
    let of = |kind: &str| &all[place(kind)];
    assert_eq!(
        of("platform.telemetrySubscription")["record"],
        json!({"name": "recorder", "state": "Subscribed", "types": ["platform", "function", "extension"]})
    );
    assert_eq!(of("function")["record"], "the function says /one");
    assert_eq!(of("extension")["record"], "the extension says hello");
    let (start, done, report) = (of("platform.start"), of("platform.runtimeDone"), of("platform.report"));
    let id = &start["record"]["requestId"];
    assert_eq!((&done["record"]["requestId"], &done["record"]["status"]), (id, &json!("success")));
    assert_eq!((&report["record"]["requestId"], &report["record"]["metrics"]["memorySizeMB"]), (id, &json!(128)));
    assert!(done["record"]["metrics"]["producedBytes"].as_u64().unwrap() > 0);
    assert!(start["time"].as_str().unwrap().ends_with('Z'), "{start}");
    let batch = recorded(&project, "batch", |_| true);
    assert_eq!(batch["path"], "/in");
    assert!(batch["host"].as_str().unwrap().starts_with("sandbox.localdomain:"), "{batch}");
}

#[test]
fn the_logs_api_tells_in_its_older_schema() {
    let daemon = Daemon::start();
    let project = project(&[("recorder", RECORDER)], &[("DOES", "logs")], 10);
    let served = daemon.serve(&project, "older");
    assert_eq!(served.get("/one").status, 200);
    let all = up_to(&project, "platform.report");
    let kinds = types(&all);
    for kind in ["platform.logsSubscription", "platform.start", "function", "platform.runtimeDone", "platform.end"] {
        assert!(kinds.contains(&kind), "no {kind} in {kinds:?}");
    }
    assert!(!kinds.iter().any(|kind| kind.starts_with("platform.init") || *kind == "extension"), "{kinds:?}");
}

#[test]
fn a_timeout_is_told_to_subscribers_before_they_end() {
    let daemon = Daemon::start();
    let project = project(&[("recorder", RECORDER)], &[("DOES", "telemetry")], 1);
    assert_eq!(daemon.serve(&project, "late").get("/slow").status, 502);
    let all = up_to(&project, "platform.report");
    let done = all.iter().find(|event| event["type"] == "platform.runtimeDone").unwrap();
    assert_eq!(done["record"]["status"], "timeout");
}
