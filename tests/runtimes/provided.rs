//! A custom runtime made with AWS's crate against the Runtime API of the tests: what a sandbox of `provided*` speaks.

use std::path::Path;

use serde_json::{Value, json};

use samd_tests::recording_api::Event;
use samd_tests::runtime_client::{Client, Function, Run, run};

fn bootstrap(events: &[&str]) -> Run {
    let program = Path::new(env!("CARGO_BIN_EXE_bootstrap"));
    let folder = program.parent().unwrap().to_owned();
    let client = Client { argv: vec![program.into()], gate: false, folder: folder.clone() };
    let events = events.iter().map(|body| Event::new(body)).collect();
    run(&client, &Function { folder, handler: String::new(), variables: Vec::new(), events }).unwrap()
}

#[test]
fn a_custom_runtime_serves_answers_and_errors() {
    let run = bootstrap(&["{\"a\":1}", "{\"do\":\"fail\"}", "{}"]);
    let posts: Vec<_> = run.arrived.iter().filter(|request| !request.is_next()).collect();
    let ends: Vec<&str> = posts.iter().filter_map(|post| post.path.rsplit('/').next()).collect();
    assert_eq!((ends.as_slice(), run.exit), (["response", "error", "response"].as_slice(), None));
    let first: Value = serde_json::from_slice(&posts[0].body).unwrap();
    let told: Value = serde_json::from_str(first["body"].as_str().unwrap()).unwrap();
    assert_eq!((&told["calls"], &told["event"]), (&json!(1), &json!({"a": 1})));
    let error: Value = serde_json::from_slice(&posts[1].body).unwrap();
    assert_eq!(error["errorMessage"], "failed as asked");
    assert!(run.output.contains("call 3"), "{}", run.output);
}

#[test]
fn a_custom_runtime_that_exits_answers_nothing() {
    let run = bootstrap(&["{\"do\":\"exit\"}"]);
    assert_eq!((run.exit, run.arrived.len()), (Some(7), 1));
}
