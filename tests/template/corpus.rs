//! The corpus of AWS's own translator.

use std::collections::BTreeMap;

use samd_tests::daemon::Daemon;
use samd_tests::shared;
use serde_json::Value as Json;

#[test]
fn every_template_of_the_translators_corpus_gives_the_translators_routes() {
    let Some(folder) = shared("templates") else { return };
    let expected: BTreeMap<String, Vec<Json>> =
        serde_json::from_str(&std::fs::read_to_string(folder.join("routes.json")).unwrap()).unwrap();
    assert_eq!(expected.len(), 91);
    let daemon = Daemon::start();
    let mut wrong = Vec::new();
    for (name, expected) in &expected {
        let template = folder.join(name);
        let ran = daemon.samctl(&["routes", "--template", template.to_str().unwrap(), "--output", "json"]);
        let actual: Vec<Json> = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{name}: {}", ran.err));
        if actual != *expected {
            wrong.push(format!("{name}\n  want {}\n  have {}", list(expected), list(&actual)));
        }
        if ran.err.contains("error") {
            wrong.push(format!("{name}: a template that the translator accepts has an error: {}", ran.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn list(rows: &[Json]) -> String {
    rows.iter().map(|row| format!("\n    {row}")).collect()
}
