//! `samctl local invoke`.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use samd_tests::foreground::{Foreground, samctl};
use serde_json::{Value, json};

use super::project;

/// Exit code, standard output, standard error.
fn invoke(folder: &Path, arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let state = tempfile::tempdir().unwrap();
    let mut command = samctl(folder, &state, &[&["local", "invoke"], arguments].concat());
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (out.status.code(), text(out.stdout), text(out.stderr))
}

fn event_of(out: &str) -> Value {
    let reply: Value = serde_json::from_str(out).unwrap();
    let body: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
    body["event"].clone()
}

#[test]
fn the_reply_is_on_standard_output_and_the_log_on_standard_error() {
    let project = project();
    project.write("event.json", r#"{"from": "file"}"#);
    let (code, out, err) = invoke(project.path(), &["Hello", "--event", "event.json"], "");
    assert_eq!((code, event_of(&out)), (Some(0), json!({ "from": "file" })), "{err}");
    assert_eq!(out.lines().count(), 1);
    for line in ["Invoking app.hello (python3.11)", "START RequestId: ", "hello was called", "REPORT RequestId: "] {
        assert!(err.contains(line), "{line} is not in: {err}");
    }
    let (code, out, err) = invoke(project.path(), &["Hello", "-e", "-"], r#"{"from": "input"}"#);
    assert_eq!((code, event_of(&out)), (Some(0), json!({ "from": "input" })), "{err}");
    let (code, out, err) = invoke(project.path(), &["Hello", "--no-event"], "");
    assert_eq!((code, event_of(&out)), (Some(0), json!({})), "{err}");
}

#[test]
fn a_function_that_failed_is_a_reply_and_no_failure_of_the_command() {
    let project = project();
    let (code, out, err) = invoke(project.path(), &["Hello", "-e", "-"], r#"{"fail": "as asked"}"#);
    let error: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &error["errorType"], &error["errorMessage"]),
        (Some(0), &json!("ValueError"), &json!("as asked"))
    );
    assert!(err.contains("[ERROR] ValueError: as asked"), "{err}");
}

#[test]
fn without_a_name_the_only_function_is_meant_and_of_several_none() {
    let project = project();
    let (code, _, err) = invoke(project.path(), &[], "");
    assert_eq!(code, Some(2));
    assert!(err.contains("Hello, Rest"), "{err}");
    let only = super::TEMPLATE.split("  Rest:\n").next().unwrap();
    project.write("template.yaml", only);
    let (code, out, err) = invoke(project.path(), &[], "");
    assert_eq!((code, event_of(&out)), (Some(0), json!({})), "{err}");
    let (code, _, err) = invoke(project.path(), &["Nobody"], "");
    assert_eq!(code, Some(2));
    assert!(err.contains("Function Nobody not found in template"), "{err}");
}

#[test]
fn the_log_may_go_to_a_file_and_an_event_that_is_none_is_refused() {
    let project = project();
    let (code, _, err) = invoke(project.path(), &["Hello", "--log-file", "out.log"], "");
    assert_eq!(code, Some(0), "{err}");
    assert!(!err.contains("hello was called"), "{err}");
    assert!(std::fs::read_to_string(project.path().join("out.log")).unwrap().contains("hello was called\n"));
    let (code, out, err) = invoke(project.path(), &["Hello", "-e", "-"], "no JSON");
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
}

#[test]
fn an_interrupted_invocation_ends_the_command() {
    let project = project();
    project.write(
        "src/app.py",
        "import time\ndef hello(event, context):\n    print('waiting', flush=True)\n    time.sleep(9)\n",
    );
    let state = tempfile::tempdir().unwrap();
    let mut command = Foreground::start(samctl(project.path(), &state, &["local", "invoke", "Hello"]));
    command.says("waiting");
    command.signal(rustix::process::Signal::INT);
    assert_eq!(command.wait().code(), Some(0));
    assert_eq!(command.out(), "");
}
