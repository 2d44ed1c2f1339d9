//! Golden folders: a template, and the functions, APIs, routes, stand-ins and diagnostics that it gives.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};

use samd::project::{Project, routes};
use samd::template::Diagnostic;
use samd_tests::golden;

use super::resolve_file;

#[test]
fn every_golden_template_gives_its_project() {
    golden::check("template", |case| {
        let names = ["template.yaml", "template.json"];
        let file = names.iter().map(|name| case.join(name)).find(|file| file.exists()).expect("a case has a template");
        let (project, diagnostics) = resolve_file(&file);
        let mut texts = project.map(|project| of_project(&project)).unwrap_or_default();
        texts.insert("diagnostics.txt", lines(diagnostics.iter().map(Diagnostic::to_string)));
        texts.values_mut().for_each(|text| *text = text.replace(&case.display().to_string(), "<case>"));
        texts
    });
}

fn of_project(project: &Project) -> BTreeMap<&'static str, String> {
    let environment = project.functions.values().flat_map(|function| {
        function.environment.0.iter().map(|(name, value)| format!("{}.{name}={value}", function.id))
    });
    let stand_ins = project.stand_ins.iter().map(|entry| format!("{} → {}", entry.expression, entry.value));
    BTreeMap::from([
        ("functions.txt", debug(project.functions.values())),
        ("apis.txt", debug(project.precedence.iter().map(|id| &project.apis[id]))),
        (
            "routes.txt",
            lines(routes(project).iter().map(|row| {
                let kind = row.kind;
                let function = row.function.as_deref().unwrap_or("-");
                let authorizer = row.authorizer.as_deref().unwrap_or("-");
                let key = if row.api_key_required { " key" } else { "" };
                format!(
                    "{} {kind} {} {} → {} {function} ({authorizer}){key}",
                    row.api, row.method, row.path, row.integration
                )
            })),
        ),
        ("environment.txt", lines(environment)),
        ("stand_ins.txt", lines(stand_ins)),
    ])
}

fn debug<T: Debug>(values: impl Iterator<Item = T>) -> String {
    let mut text = String::new();
    for value in values {
        writeln!(text, "{value:#?}").unwrap();
    }
    text
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| format!("{line}\n")).collect()
}
