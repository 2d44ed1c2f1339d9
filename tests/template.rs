//! Templates: what a template says becomes the project that AWS would deploy.

use std::collections::BTreeMap;
use std::path::Path;

use samd::project::{RouteRow, environment::Overrides, resolve, routes};
use samd::template::scope::Surroundings;
use samd::template::{Diagnostic, Findings, Severity, Template};
use samd_tests::shared;
use serde_json::{Value as Json, json};

/// Resolves a template with its parameters' defaults.
fn resolve_file(file: &Path) -> (samd::project::Project, Vec<Diagnostic>) {
    let text = std::fs::read_to_string(file).unwrap();
    let template = Template::parse(file, &text).unwrap();
    resolve(template, surroundings(&|path| std::fs::read_to_string(path)), &Overrides::default())
}

fn surroundings<'a>(read: samd::template::scope::Read<'a>) -> Surroundings<'a> {
    Surroundings {
        region: "us-east-1".to_owned(),
        account: "123456789012".to_owned(),
        stack_name: "stack".to_owned(),
        overrides: BTreeMap::new(),
        read,
        findings: Findings::default(),
    }
}

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
        let actual: Vec<Json> = routes(&project).iter().map(as_json).collect();
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
