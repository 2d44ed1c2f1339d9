//! `samctl local generate-event`, compared with the SAM CLI's own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use samd_tests::command_line::CommandLine;
use samd_tests::foreground::samctl;
use serde_json::Value;

use super::project;

/// The real SAM CLI, which `tests/install/sam_cli.sh` installs; without it nothing can be compared, and that is said.
pub(super) fn sam() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let sam = root.join("target/test-tools/sam-cli/bin/sam");
    if !sam.exists() {
        eprintln!(
            "SKIPPED: the SAM CLI is not installed, so nothing is compared with it; run tests/install/sam_cli.sh"
        );
        return None;
    }
    Some(sam)
}

fn generated(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let line = CommandLine::new(folder.path()).within(folder.path());
    let ran = line.run(&[&["local", "generate-event"], arguments].concat());
    assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.err);
    ran.out
}

/// What the SAM CLI makes of each event: with defaults, and with each option set to a value that shows how it is encoded.
const ASK: &str = r#"
import json, sys
from samcli.lib.generated_sample_events.events import Events
library = Events()
cases = []
for service, events in library.event_mapping.items():
    for event, described in events.items():
        lines = [[]] + [["--" + tag, "a b/%s+x" % chr(228)] for tag in described["tags"]]
        for line in lines:
            given = {tag.replace("-", "_").lower(): tags["default"] for tag, tags in described["tags"].items()}
            for option, value in zip(line[::2], line[1::2]):
                given[option[2:].replace("-", "_").lower()] = value
            cases.append([[service, event] + line, library.generate_event(service, event, given)])
json.dump(cases, sys.stdout)
"#;

#[test]
fn every_event_is_the_sam_clis_with_and_without_options() {
    let Some(sam) = sam() else { return };
    let python = sam.with_file_name("python");
    let asked = Command::new(python).args(["-c", ASK]).stderr(Stdio::inherit()).output().unwrap();
    let cases: Vec<(Vec<String>, String)> = serde_json::from_slice(&asked.stdout).unwrap();
    let mut services: BTreeMap<String, usize> = BTreeMap::new();
    for (arguments, expected) in &cases {
        *services.entry(arguments[0].clone()).or_default() += usize::from(arguments.len() == 2);
        // The SAM CLI takes this option and makes nothing of it; here it does what its name says.
        if arguments.iter().any(|argument| argument == "--restApiId") {
            continue;
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assert_eq!(generated(&arguments).trim_end(), expected, "{arguments:?}");
    }
    assert_eq!((services.len(), services.values().sum::<usize>()), (26, 68));
}

#[test]
fn an_event_goes_into_a_function_and_its_options_may_stand_in_samconfig() {
    let (project, state) = (project(), tempfile::tempdir().unwrap());
    project.write(
        "samconfig.toml",
        "version = 0.1\n[default.local_generate_event_s3_put.parameters]\nbucket = 'photos'\n",
    );
    let event =
        samctl(project.path(), &state, &["local", "generate-event", "s3", "put", "--key", "a b"]).output().unwrap();
    project.write("event.json", std::str::from_utf8(&event.stdout).unwrap());
    let ran = samctl(project.path(), &state, &["local", "invoke", "Hello", "-e", "event.json"]).output().unwrap();
    let reply: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let told: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
    let object = &told["event"]["Records"][0]["s3"];
    assert_eq!((&object["bucket"]["name"], &object["object"]["key"]), (&Value::from("photos"), &Value::from("a%20b")));
}

#[test]
fn services_events_and_options_are_listed_and_mistakes_refused() {
    assert!(generated(&[]).contains("stepfunctions"));
    assert!(generated(&["s3"]).contains("batch-invocation"));
    assert!(generated(&["s3", "put", "--help"]).contains("--bucket <TEXT>"));
    let folder = tempfile::tempdir().unwrap();
    for wrong in [&["nobody"][..], &["s3", "nothing"], &["s3", "put", "--nowhere", "x"]] {
        let ran = CommandLine::new(folder.path()).run(&[&["local", "generate-event"], wrong].concat());
        assert_eq!(ran.code, 2, "{wrong:?}");
        assert!(ran.err.contains(wrong.last().unwrap()) || ran.err.contains("--nowhere"), "{}", ran.err);
    }
}
