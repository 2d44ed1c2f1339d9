//! The samconfig beside a template (effects): found, read, and laid under the project's own settings.

use std::path::{Path, PathBuf};

use super::read;
use crate::project::samconfig::{self, DEFAULT_ENVIRONMENT, NAMES, SamConfig};
use crate::project::settings::Settings;
use crate::template::Diagnostic;

/// A samconfig, or what is wrong with it.
#[derive(Default)]
pub(super) struct Configuration {
    /// The file, when there is one.
    pub(super) file: Option<PathBuf>,
    values: SamConfig,
    pub(super) problem: Option<Diagnostic>,
    /// Where it is or may come.
    pub(super) looked_at: Vec<PathBuf>,
}

/// The configuration of a project that was started with this path.
pub(super) fn configuration(path: &Path) -> Configuration {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let looked_at: Vec<PathBuf> = NAMES.iter().map(|name| folder.join(name)).collect();
    let Some(file) = looked_at.iter().find(|file| file.is_file()).cloned() else {
        return Configuration { looked_at, ..Configuration::default() };
    };
    let unreadable = |error| Diagnostic::error(format!("{} cannot be read: {error}", file.display()));
    let values = read(&file).map_err(unreadable).and_then(|text| samconfig::parse(&file, &text, DEFAULT_ENVIRONMENT));
    match values {
        Ok(values) => Configuration { file: Some(file), values, problem: None, looked_at },
        Err(problem) => {
            Configuration { file: Some(file), values: SamConfig::default(), problem: Some(problem), looked_at }
        }
    }
}

impl Configuration {
    /// The settings, with what they leave open taken from the configuration.
    pub(super) fn fill(&self, settings: &Settings) -> Settings {
        let beside = |name: &String| self.file.as_deref().and_then(Path::parent).map(|folder| folder.join(name));
        let mut filled = settings.clone();
        if settings.template.is_none() && settings.path.is_dir() {
            filled.template = self.values.template_file.as_ref().and_then(beside);
        }
        filled.env_vars = settings.env_vars.clone().or_else(|| self.values.env_vars.as_ref().and_then(beside));
        // The settings' own overrides stand behind, so that they win.
        let own = settings.parameter_overrides.iter().cloned();
        filled.parameter_overrides = self.values.parameter_overrides.iter().cloned().chain(own).collect();
        filled
    }

    /// Whether the template of filled settings is the one that the configuration names.
    pub(super) fn names_the_template(&self, filled: &Settings) -> bool {
        let named = self.values.template_file.as_ref().filter(|_| filled.path.is_dir());
        let folder = self.file.as_deref().and_then(Path::parent);
        named.zip(folder).is_some_and(|(name, folder)| filled.template == Some(folder.join(name)))
    }
}
