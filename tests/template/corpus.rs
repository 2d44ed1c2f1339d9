//! The corpus of AWS's own translator.

use std::collections::BTreeMap;

use samd::project::{RouteRow, routes};
use samd::template::Severity;
use samd_tests::shared;
use serde_json::{Value as Json, json};

use super::resolve_file;

fn as_json(row: &RouteRow) -> Json {
    json!({
        "api": row.api,
        "type": row.kind,
        "method": row.method,
        "path": row.path,
        "integration": row.integration,
        "function": row.function,
        "authorizer": row.authorizer,
        "api_key_required": row.api_key_required,
    })
}

#[test]
fn every_template_of_the_translators_corpus_gives_the_translators_routes() {
    let Some(folder) = shared("templates") else { return };
    let expected: BTreeMap<String, Vec<Json>> =
        serde_json::from_str(&std::fs::read_to_string(folder.join("routes.json")).unwrap()).unwrap();
    assert_eq!(expected.len(), 91);
    let mut wrong = Vec::new();
    for (name, expected) in &expected {
        let (project, diagnostics) = resolve_file(&folder.join(name));
        let actual: Vec<Json> = routes(&project.unwrap()).iter().map(as_json).collect();
        if actual != *expected {
            wrong.push(format!("{name}\n  want {}\n  have {}", list(expected), list(&actual)));
        }
        for error in diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error) {
            wrong.push(format!("{name}: a template that the translator accepts has an error: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn list(rows: &[Json]) -> String {
    rows.iter().map(|row| format!("\n    {row}")).collect()
}
