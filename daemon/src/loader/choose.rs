//! Which file is the template (effects): the one that was named, what `sam build` wrote, the folder's, the CDK's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::read;
use crate::project::settings::Settings;
use crate::template::Diagnostic;
use crate::template::scope::clean;

/// A template, and why it is the one.
pub(super) struct Choice {
    pub(super) template: PathBuf,
    pub(super) why: String,
}

pub(super) fn choose(settings: &Settings) -> Result<Choice, Diagnostic> {
    if let Some(template) = &settings.template {
        let why = "it was named".to_owned();
        return Ok(Choice { template: clean(&settings.path.join(template)), why });
    }
    let path = clean(&settings.path);
    if !path.is_dir() {
        return Ok(Choice { template: path, why: "it was named".to_owned() });
    }
    search(&path, settings.build).ok_or_else(|| {
        let message = format!("there is no template in {}", path.display());
        let help = "a template is template.yaml, template.yml, template.json or cdk.out; --template names another";
        Diagnostic::error(message).help(help)
    })
}

/// Where a template was looked for.
pub(super) fn candidates(settings: &Settings) -> Vec<PathBuf> {
    let named = settings.template.as_ref().map(|template| clean(&settings.path.join(template)));
    let path = clean(&settings.path);
    let places = NAMES.iter().chain(&[BUILT, "cdk.out"]).map(|name| path.join(name));
    places.chain([path.clone()]).chain(named).collect()
}

const NAMES: [&str; 3] = ["template.yaml", "template.yml", "template.json"];
const BUILT: &str = ".aws-sam/build/template.yaml";

/// Where functions are built here, what `sam build` wrote is of no use.
fn search(folder: &Path, builds: bool) -> Option<Choice> {
    let source = NAMES.iter().map(|name| folder.join(name)).find(|file| file.is_file());
    let built = folder.join(BUILT);
    if let Some(age) = modified(&built).filter(|_| !(builds && source.is_some())) {
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
