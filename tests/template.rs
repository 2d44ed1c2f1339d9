//! Templates: what a template says becomes the project that AWS would deploy.

mod accepted;
mod corpus;
mod differences;
mod golden;
mod hostile;
mod loading;
mod refused;
mod refused_apis;
mod refused_events;
mod refused_functions;
mod warned;

use std::collections::BTreeMap;
use std::path::Path;

use samd::project::environment::Overrides;
use samd::project::{Project, resolve};
use samd::template::scope::{Read, Surroundings};
use samd::template::{Diagnostic, Findings, Template};

/// Resolves a template of a file with its parameters' defaults.
fn resolve_file(file: &Path) -> (Option<Project>, Vec<Diagnostic>) {
    let text = std::fs::read_to_string(file).unwrap();
    match Template::parse(file, &text) {
        Ok(template) => {
            let around = surroundings(&|path| std::fs::read_to_string(path));
            let (project, diagnostics) = resolve(template, around, &Overrides::default());
            (Some(project), diagnostics)
        }
        Err(diagnostics) => (None, diagnostics),
    }
}

/// Resolves a template's text that reads no file.
fn resolve_text(text: &str) -> (Project, Vec<Diagnostic>) {
    let template = Template::parse(Path::new("/project/template.yaml"), text).unwrap();
    let nothing = |_: &Path| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
    resolve(template, surroundings(&nothing), &Overrides::default())
}

fn surroundings(read: Read<'_>) -> Surroundings<'_> {
    Surroundings {
        region: "us-east-1".to_owned(),
        account: "123456789012".to_owned(),
        stack_name: "stack".to_owned(),
        overrides: BTreeMap::new(),
        read,
        findings: Findings::default(),
    }
}
