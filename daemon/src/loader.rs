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
use crate::project::{Function, Layer, Project};
use crate::template::scope::{Surroundings, clean};
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
}

/// Reads a project from its files.
#[must_use]
pub fn load(settings: &Settings, inputs: &Inputs) -> Loaded {
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
    let (overrides, mut diagnostics) = overrides(settings, inputs);
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
    diagnostics.extend(found);
    diagnostics.extend(missing_files(&mut project));
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
fn overrides(settings: &Settings, inputs: &Inputs) -> (Overrides, Vec<Diagnostic>) {
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
    (Overrides { shell: inputs.caller.clone(), ..overrides }, diagnostics)
}

/// Code that is not there: the function answers with the reason, and everything else is served. Where something was
/// missed becomes a source, so that it is noticed when it appears.
fn missing_files(project: &mut Project) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for function in project.functions.values_mut() {
        let id = &function.id.0;
        let base = format!("Resources.{}.Properties", id.rsplit('/').next().unwrap_or_default());
        let location = project.locations.get(id).cloned();
        for Missing { property, path, problem } in missing(function) {
            let diagnostic = Diagnostic::error(problem).path(format!("{base}.{property}"));
            diagnostics.push(Diagnostic { location: location.clone(), ..diagnostic });
            project.sources.push(path);
        }
    }
    diagnostics
}

/// Something of a function that is not there.
struct Missing {
    property: &'static str,
    path: PathBuf,
    problem: String,
}

/// What of a function is not there. Missing code makes the function unavailable.
fn missing(function: &mut Function) -> Vec<Missing> {
    let Package::Zip { code, runtime, handler, layers } = &mut function.package else { return Vec::new() };
    let mut all: Vec<Missing> = layers.iter().filter_map(missing_layer).collect();
    if let Some(missing) = missing_code(code) {
        *code = Code::Unavailable(format!("{}.", missing.problem));
        all.push(missing);
    } else {
        all.extend(missing_handler(code, runtime, handler));
    }
    all
}

fn missing_layer(layer: &Layer) -> Option<Missing> {
    let path = match &layer.content {
        LayerContent::Folder(path) | LayerContent::Archive(path) => path,
        LayerContent::Remote { .. } => return None,
    };
    let error = fs::metadata(path).err()?;
    let problem = format!("the layer {} at {} cannot be read: {error}", layer.id, path.display());
    Some(Missing { property: "Layers", path: path.clone(), problem })
}

fn missing_code(code: &Code) -> Option<Missing> {
    let (path, what, error) = match code {
        Code::Folder(path) => (path, "folder", fs::read_dir(path).err()?),
        Code::Archive(path) => (path, "archive", fs::File::open(path).err()?),
        Code::Inline(_) | Code::Unavailable(_) => return None,
    };
    let problem = format!("the code {what} {} cannot be read: {error}", path.display());
    Some(Missing { property: "CodeUri", path: path.clone(), problem })
}

/// The handler's file, where the runtime tells which one that is.
fn missing_handler(code: &Code, runtime: &Runtime, handler: &str) -> Option<Missing> {
    let Code::Folder(folder) = code else { return None };
    let candidates = handler_files(runtime, handler);
    let file = candidates.first().filter(|_| !handler.starts_with('/'))?;
    if candidates.iter().any(|candidate| folder.join(candidate).is_file()) {
        return None;
    }
    let problem = format!("the handler {handler} is in {file}, and {} has no such file", folder.display());
    Some(Missing { property: "Handler", path: folder.join(file), problem })
}

/// The files that may have a handler, the usual one first; none where only the runtime knows.
fn handler_files(runtime: &Runtime, handler: &str) -> Vec<String> {
    let module = handler.rsplit_once('.').map(|(module, _)| module);
    let named = |module: &str, endings: &[&str]| endings.iter().map(|ending| format!("{module}{ending}")).collect();
    match (runtime, module) {
        (Runtime::Python { .. }, Some(module)) => named(&module.replace('.', "/"), &[".py", "/__init__.py", ".so"]),
        (Runtime::Node { .. }, Some(module)) => named(module, &[".js", ".mjs", ".cjs", ""]),
        (Runtime::Provided(_), _) => vec!["bootstrap".to_owned()],
        (Runtime::Python { .. } | Runtime::Node { .. } | Runtime::Container(_) | Runtime::Unknown(_), _) => Vec::new(),
    }
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

/// Deepest nesting of cloud assemblies, one a stage of the CDK's.
const MAX_ASSEMBLIES: usize = 5;

fn cdk(folder: &Path) -> Option<Choice> {
    let template = first_stack(folder, MAX_ASSEMBLIES)?;
    Some(Choice { template, why: "it is the first stack of the CDK's cloud assembly".to_owned() })
}

/// The first stack of a cloud assembly; one that has none of its own may hold assemblies that do.
fn first_stack(folder: &Path, levels: usize) -> Option<PathBuf> {
    let manifest: serde_json::Value = serde_json::from_str(&read(&folder.join("manifest.json")).ok()?).ok()?;
    let artifacts: Vec<&serde_json::Value> = manifest.get("artifacts")?.as_object()?.values().collect();
    let of_type = |kind: &'static str, property: &'static str| {
        let artifacts = artifacts.iter().filter(move |artifact| artifact["type"] == kind);
        artifacts.filter_map(move |artifact| artifact.get("properties")?.get(property)?.as_str())
    };
    let stack = of_type("aws:cloudformation:stack", "templateFile").next().map(|file| folder.join(file));
    stack.or_else(|| {
        let levels = levels.checked_sub(1)?;
        of_type("cdk:cloud-assembly", "directoryName").find_map(|nested| first_stack(&folder.join(nested), levels))
    })
}
