//! Files → text → project: the only room that reads templates (effects).
//!
//! Owns which file is the template, and whether what the model names is there. What a template means is decided in
//! [`crate::project::resolve()`], which reaches files only through the function passed from here.

mod choose;
mod configuration;
mod keys;
mod missing;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use self::choose::choose;
use self::configuration::{Configuration, configuration};
use self::missing::missing_files;
use crate::project::containers;
use crate::project::environment::{self, Overrides};
use crate::project::serving;
use crate::project::settings::Settings;
use crate::project::{Project, tailor};
use crate::template::scope::Surroundings;
use crate::template::{Diagnostic, Findings, Template};

/// The account where the caller's is not known.
pub const DEFAULT_ACCOUNT: &str = "123456789012";
/// The region where nobody names one.
pub const DEFAULT_REGION: &str = "us-east-1";

/// Largest template, OpenAPI document or env-vars file that is read.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// What loading needs beside the settings.
#[derive(Clone, Default)]
pub struct Inputs {
    /// The region in use, after settings, caller and profile were asked.
    pub region: String,
    /// The caller's environment variables.
    pub caller: BTreeMap<String, String>,
}

/// What came of loading.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The project; `None` when there is no template to speak of.
    pub project: Option<Project>,
    /// Everything that was found, errors included.
    pub diagnostics: Vec<Diagnostic>,
    /// The template that was read, or the path that was searched.
    pub template: PathBuf,
    /// Why this file is the template, one sentence.
    pub why: String,
    /// Where it was looked for, and what was read before anything of the project was known: when there is no project,
    /// something in one of these keeps it away.
    pub looked_at: Vec<PathBuf>,
}

/// Reads a project from its files. A samconfig beside the template fills in what the settings leave open.
#[must_use]
pub fn load(settings: &Settings, inputs: &Inputs) -> Loaded {
    let config = if settings.samconfig { configuration(&settings.path) } else { Configuration::default() };
    let settings = &config.fill(settings);
    let mut looked_at = config.looked_at.clone();
    looked_at.extend(settings.env_vars.iter().chain(&settings.debug.env_vars).cloned());
    let choice = match choose(settings) {
        Ok(choice) => choice,
        Err(diagnostic) => {
            let (template, why) = (settings.path.clone(), "no template was found".to_owned());
            let diagnostics = config.problem.into_iter().chain([diagnostic]).collect();
            looked_at.extend(choose::candidates(settings));
            return Loaded { project: None, diagnostics, template, why, looked_at };
        }
    };
    let (mut project, mut found) = load_template(&choice.template, settings, inputs);
    match debug_variables(settings) {
        // A function without the variables that were meant for it is not what was to be debugged.
        Err(diagnostic) => {
            project = None;
            found.push(diagnostic);
        }
        Ok(variables) => {
            if let Some(project) = &mut project {
                project.sources.extend(config.file.iter().chain(&settings.debug.env_vars).cloned());
                found.extend(serving::apply(project, settings, &variables));
                found.extend(containers::apply(project, settings));
            }
        }
    }
    let why = if config.names_the_template(settings) { "samconfig names it".to_owned() } else { choice.why };
    looked_at.push(choice.template.clone());
    let diagnostics = config.problem.into_iter().chain(found).collect();
    Loaded { project, diagnostics, template: choice.template, why, looked_at }
}

fn load_template(file: &Path, settings: &Settings, inputs: &Inputs) -> (Option<Project>, Vec<Diagnostic>) {
    let text = match read(file) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("the template {} cannot be read: {error}", file.display());
            return (None, vec![Diagnostic::error(message)]);
        }
    };
    let template = match Template::parse(file, &text) {
        Ok(template) => template,
        Err(diagnostics) => return (None, diagnostics),
    };
    let overrides = match overrides(settings, inputs) {
        Ok(overrides) => overrides,
        // Functions without the variables that were meant for them would run with the wrong ones, so none does.
        Err(diagnostic) => return (None, vec![diagnostic]),
    };
    let around = Surroundings {
        region: if inputs.region.is_empty() { DEFAULT_REGION.to_owned() } else { inputs.region.clone() },
        account: account(inputs),
        stack_name: settings.name.0.clone(),
        overrides: settings.parameter_overrides.iter().cloned().collect(),
        read: &read,
        findings: Findings::default(),
    };
    let (mut project, found) = crate::project::resolve(template, around, &overrides);
    project.sources.extend(settings.env_vars.clone());
    if let Err(diagnostic) = tailor(&mut project, settings) {
        return (None, found.into_iter().chain([diagnostic]).collect());
    }
    let pinned = match keys::pin(&mut project, &settings.jwks) {
        Ok(findings) => findings,
        // An authorizer without the keys that were meant for it would ask others for some, so nothing is served.
        Err(diagnostic) => return (None, vec![diagnostic]),
    };
    let diagnostics = found.into_iter().chain(pinned).chain(missing_files(&mut project, settings)).collect();
    (Some(project), diagnostics)
}

/// The caller's account, as AWS's tools name it in the environment.
fn account(inputs: &Inputs) -> String {
    let stated = inputs.caller.get("AWS_ACCOUNT_ID");
    let valid = stated.filter(|id| id.len() == DEFAULT_ACCOUNT.len() && id.bytes().all(|byte| byte.is_ascii_digit()));
    valid.map_or_else(|| DEFAULT_ACCOUNT.to_owned(), Clone::clone)
}

/// Reads a text of bounded size.
fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 64 MiB"));
    }
    fs::read_to_string(path)
}

/// What overrides the variables of functions.
fn overrides(settings: &Settings, inputs: &Inputs) -> Result<Overrides, Diagnostic> {
    let overrides = variables(settings.env_vars.as_deref(), "env-vars", environment::parse)?;
    Ok(Overrides { shell: inputs.caller.clone(), ..overrides })
}

/// What the function that is debugged gets beside its own variables.
fn debug_variables(settings: &Settings) -> Result<Overrides, Diagnostic> {
    variables(settings.debug.env_vars.as_deref(), "container-env-vars", environment::parse_for_debugging)
}

/// A file of variables, where one is named.
fn variables(
    file: Option<&Path>,
    option: &str,
    parse: impl Fn(&Path, &str) -> Result<Overrides, Diagnostic>,
) -> Result<Overrides, Diagnostic> {
    let Some(path) = file else { return Ok(Overrides::default()) };
    let unreadable = |error| Diagnostic::error(format!("the {option} file {} cannot be read: {error}", path.display()));
    read(path).map_err(unreadable).and_then(|text| parse(path, &text))
}
