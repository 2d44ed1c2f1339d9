//! Files → text → project: the only room that reads templates (effects).
//!
//! Owns which file is the template, and whether what the model names is there. What a template means is decided in
//! [`crate::project::resolve`], which reaches files only through the function passed from here.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::project::environment::{self, Overrides};
use crate::project::function::{Code, Package, Runtime};
use crate::project::layer::LayerContent;
use crate::project::settings::Settings;
use crate::project::{Function, Project};
use crate::template::scope::{Surroundings, clean};
use crate::template::{Diagnostic, Findings, Template};

/// The account where the caller's is not known.
pub const DEFAULT_ACCOUNT: &str = "123456789012";
/// The region where neither settings nor caller name one.
pub const DEFAULT_REGION: &str = "us-east-1";

/// Largest template, OpenAPI document or env-vars file that is read.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// What loading needs beside the settings.
#[derive(Clone, Default)]
pub struct LoadInputs {
    /// The caller's region; the settings' goes before it.
    pub region: Option<String>,
    /// The caller's account.
    pub account: Option<String>,
    /// The caller's environment variables.
    pub environment: BTreeMap<String, String>,
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
}

/// Reads a project from its files.
#[must_use]
pub fn load(settings: &Settings, inputs: &LoadInputs) -> Loaded {
    let choice = match choose(settings) {
        Ok(choice) => choice,
        Err(diagnostic) => {
            let (template, why) = (settings.path.clone(), "no template was found".to_owned());
            return Loaded { project: None, diagnostics: vec![diagnostic], template, why };
        }
    };
    let (project, diagnostics) = load_template(&choice.template, settings, inputs);
    Loaded { project, diagnostics, template: choice.template, why: choice.why }
}

fn load_template(file: &Path, settings: &Settings, inputs: &LoadInputs) -> (Option<Project>, Vec<Diagnostic>) {
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
    let (overrides, mut diagnostics) = overrides(settings, inputs);
    let around = Surroundings {
        region: first([&settings.region, &inputs.region], DEFAULT_REGION),
        account: first([&inputs.account, &None], DEFAULT_ACCOUNT),
        stack_name: settings.name.0.clone(),
        overrides: settings.parameter_overrides.iter().cloned().collect(),
        read: &read,
        findings: Findings::default(),
    };
    let (mut project, found) = crate::project::resolve(template, around, &overrides);
    project.sources.extend(settings.env_vars.clone());
    diagnostics.extend(found);
    diagnostics.extend(missing_files(&mut project));
    (Some(project), diagnostics)
}

fn first(choices: [&Option<String>; 2], default: &str) -> String {
    choices.into_iter().flatten().next().cloned().unwrap_or_else(|| default.to_owned())
}

/// Reads a text of bounded size.
fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 64 MiB"));
    }
    fs::read_to_string(path)
}

/// What overrides the variables of functions.
fn overrides(settings: &Settings, inputs: &LoadInputs) -> (Overrides, Vec<Diagnostic>) {
    let file = settings.env_vars.as_deref().map(|path| {
        let unreadable =
            |error| Diagnostic::error(format!("the env-vars file {} cannot be read: {error}", path.display()));
        read(path).map_err(unreadable).and_then(|text| environment::parse(path, &text))
    });
    let (overrides, diagnostics) = match file {
        None => (Overrides::default(), Vec::new()),
        Some(Ok(overrides)) => (overrides, Vec::new()),
        Some(Err(diagnostic)) => (Overrides::default(), vec![diagnostic]),
    };
    (Overrides { shell: inputs.environment.clone(), ..overrides }, diagnostics)
}

/// Code that is not there: the function answers with the reason, and everything else is served.
fn missing_files(project: &mut Project) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let locations = &project.locations;
    for function in project.functions.values_mut() {
        for (property, problem) in problems(function) {
            let path =
                format!("Resources.{}.Properties.{property}", function.id.0.rsplit('/').next().unwrap_or_default());
            let mut diagnostic = Diagnostic::error(problem).path(path);
            diagnostic.location = locations.get(&function.id.0).cloned();
            diagnostics.push(diagnostic);
        }
    }
    diagnostics
}

/// What of a function is not there: the property and a sentence. Missing code makes the function unavailable.
fn problems(function: &mut Function) -> Vec<(&'static str, String)> {
    let Package::Zip { code, runtime, handler, layers } = &mut function.package else { return Vec::new() };
    let mut problems = Vec::new();
    if let Some(problem) = missing_code(code) {
        *code = Code::Unavailable(format!("{problem}."));
        problems.push(("CodeUri", problem));
    } else if let Some(problem) = missing_handler(code, runtime, handler) {
        problems.push(("Handler", problem));
    }
    for layer in layers {
        if let LayerContent::Folder(path) | LayerContent::Archive(path) = &layer.content
            && let Err(error) = fs::metadata(path)
        {
            problems.push(("Layers", format!("the layer {} at {} cannot be read: {error}", layer.id, path.display())));
        }
    }
    problems
}

fn missing_code(code: &Code) -> Option<String> {
    match code {
        Code::Folder(path) => match fs::read_dir(path) {
            Ok(_) => None,
            Err(error) => Some(format!("the code folder {} cannot be read: {error}", path.display())),
        },
        Code::Archive(path) => match fs::File::open(path) {
            Ok(_) => None,
            Err(error) => Some(format!("the code archive {} cannot be read: {error}", path.display())),
        },
        Code::Inline(_) | Code::Unavailable(_) => None,
    }
}

/// The handler's file, where the runtime tells which one that is.
fn missing_handler(code: &Code, runtime: &Runtime, handler: &str) -> Option<String> {
    let Code::Folder(folder) = code else { return None };
    let candidates: Vec<String> = match runtime {
        Runtime::Python { .. } => {
            let module = handler.rsplit_once('.')?.0.replace('.', "/");
            vec![format!("{module}.py"), format!("{module}/__init__.py"), format!("{module}.so")]
        }
        Runtime::Node { .. } => {
            let module = handler.rsplit_once('.')?.0;
            ["", ".js", ".mjs", ".cjs"].iter().map(|extension| format!("{module}{extension}")).collect()
        }
        Runtime::Provided(_) => vec!["bootstrap".to_owned()],
        Runtime::Container(_) | Runtime::Unknown(_) => return None,
    };
    if candidates.iter().any(|candidate| folder.join(candidate).is_file()) || is_elsewhere(runtime, handler) {
        return None;
    }
    Some(format!(
        "the handler's file {} is not in {}",
        candidates.iter().find(|name| name.contains('.')).or(candidates.first())?,
        folder.display()
    ))
}

/// A handler that a layer brings, as observability tools do.
fn is_elsewhere(runtime: &Runtime, handler: &str) -> bool {
    matches!(runtime, Runtime::Node { .. } | Runtime::Python { .. }) && handler.starts_with('/')
}

/// Which file is the template, and why.
struct Choice {
    template: PathBuf,
    why: String,
}

fn choose(settings: &Settings) -> Result<Choice, Diagnostic> {
    if let Some(template) = &settings.template {
        let why = "it was named".to_owned();
        return Ok(Choice { template: clean(&settings.path.join(template)), why });
    }
    let path = clean(&settings.path);
    if !path.is_dir() {
        return Ok(Choice { template: path, why: "it was named".to_owned() });
    }
    search(&path).ok_or_else(|| {
        let message = format!("there is no template in {}", path.display());
        let help = "a template is template.yaml, template.yml, template.json or cdk.out; --template names another";
        Diagnostic::error(message).help(help)
    })
}

fn search(folder: &Path) -> Option<Choice> {
    const NAMES: [&str; 3] = ["template.yaml", "template.yml", "template.json"];
    let source = NAMES.iter().map(|name| folder.join(name)).find(|file| file.is_file());
    let built = folder.join(".aws-sam/build/template.yaml");
    if let Some(age) = modified(&built) {
        let newer = source.as_deref().and_then(modified).is_none_or(|source| age >= source);
        if newer {
            let why = "sam build wrote it after the source template was last changed".to_owned();
            return Some(Choice { template: built, why });
        }
    }
    let stale = built.is_file();
    if let Some(template) = source {
        let why = if stale { "it is newer than what sam build wrote" } else { "it is the folder's template" };
        return Some(Choice { template, why: why.to_owned() });
    }
    cdk(&folder.join("cdk.out")).or_else(|| cdk(folder))
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).ok().filter(fs::Metadata::is_file)?.modified().ok()
}

/// The first stack of a cloud assembly.
fn cdk(folder: &Path) -> Option<Choice> {
    let manifest: serde_json::Value = serde_json::from_str(&read(&folder.join("manifest.json")).ok()?).ok()?;
    let artifacts = manifest.get("artifacts")?.as_object()?.values();
    let stacks = artifacts.filter(|artifact| artifact["type"] == "aws:cloudformation:stack");
    let file = stacks.filter_map(|stack| stack.get("properties")?.get("templateFile")?.as_str()).next()?;
    Some(Choice { template: folder.join(file), why: "it is the first stack of the CDK's cloud assembly".to_owned() })
}
