//! samconfig.toml and samconfig.yaml (pure): what the SAM CLI would read of them for `local start-api` (rule I10).
//!
//! A value of the command's own table goes before the one of `global`. Only settings that samd has are taken; the rest is
//! for commands that samd is not.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

use super::Location;
use crate::template::json::to_json;
use crate::template::{Diagnostic, yaml};

/// The names under which a configuration is searched, the first one counts.
pub const NAMES: [&str; 3] = ["samconfig.toml", "samconfig.yaml", "samconfig.yml"];
/// The environment that is read unless another is named.
pub const DEFAULT_ENVIRONMENT: &str = "default";
/// The command whose table is read.
pub const COMMAND: &str = "local_start_api";

/// The settings that a configuration gives. `Debug` is left out: overrides may be secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SamConfig {
    /// The template, relative to the configuration.
    pub template_file: Option<String>,
    /// The env-vars file, relative to the configuration.
    pub env_vars: Option<String>,
    /// Parameter overrides.
    pub parameter_overrides: Vec<(String, String)>,
    /// The region.
    pub region: Option<String>,
    /// The profile.
    pub profile: Option<String>,
}

/// Reads a configuration for one of its environments.
///
/// # Errors
/// The text is neither TOML nor YAML, whichever its name promises, or an override is not `Name=value`.
pub fn parse(file: &Path, text: &str, environment: &str) -> Result<SamConfig, Diagnostic> {
    let document = match file.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => toml::from_str::<Json>(text).map_err(|error| not_toml(file, text, &error))?,
        _ => to_json(&yaml::parse(&Arc::new(file.to_path_buf()), text)?),
    };
    let table = |command: &str| document.pointer(&format!("/{environment}/{command}/parameters"));
    let value = |name: &str| [COMMAND, "global"].iter().find_map(|command| table(command)?.get(name));
    let text = |name: &str| value(name).and_then(spelt);
    Ok(SamConfig {
        template_file: text("template_file").or_else(|| text("template")),
        env_vars: text("env_vars"),
        parameter_overrides: value("parameter_overrides").map_or(Ok(Vec::new()), |value| overrides(file, value))?,
        region: text("region"),
        profile: text("profile"),
    })
}

fn not_toml(file: &Path, text: &str, error: &toml::de::Error) -> Diagnostic {
    let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let line = narrow(before.matches('\n').count() + 1);
    let column = narrow(before.chars().rev().take_while(|c| *c != '\n').count() + 1);
    let location = Location { file: file.to_path_buf(), line, column };
    Diagnostic::error(format!("this is not valid TOML: {}", error.message())).at(location)
}

fn spelt(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Bool(flag) => Some(flag.to_string()),
        Json::Number(number) => Some(number.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// Overrides as one text, as a list of texts, or as a mapping.
fn overrides(file: &Path, value: &Json) -> Result<Vec<(String, String)>, Diagnostic> {
    let location = || Location { file: file.to_path_buf(), line: 1, column: 1 };
    let words: Vec<String> = match value {
        Json::Object(map) => {
            return Ok(map.iter().filter_map(|(name, value)| Some((name.clone(), spelt(value)?))).collect());
        }
        Json::Array(items) => items.iter().filter_map(spelt).collect(),
        value => shlex::split(&spelt(value).unwrap_or_default())
            .ok_or_else(|| Diagnostic::error("a quote in parameter_overrides is never closed").at(location()))?,
    };
    words.iter().map(|word| pair(word).ok_or_else(|| no_pair(word).at(location()))).collect()
}

fn no_pair(word: &str) -> Diagnostic {
    let name = word.split('=').next().unwrap_or_default();
    Diagnostic::error(format!("the parameter override {name} is not of the form Name=value"))
        .path("parameter_overrides")
        .help("write Name=value, or ParameterKey=Name,ParameterValue=value")
}

/// `Name=value` or `ParameterKey=Name,ParameterValue=value`.
fn pair(word: &str) -> Option<(String, String)> {
    let (name, value) = match word.strip_prefix("ParameterKey=") {
        Some(rest) => rest.split_once(",ParameterValue=")?,
        None => word.split_once('=')?,
    };
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_commands_table_goes_before_the_global_one() {
        let text = "version = 0.1\n[default.global.parameters]\ntemplate_file = 'a.yaml'\nregion = 'eu-west-1'\n\
                    [default.local_start_api.parameters]\ntemplate_file = 'b.yaml'\nport = 4000\n\
                    [other.local_start_api.parameters]\ntemplate_file = 'c.yaml'\n";
        let config = parse(Path::new("samconfig.toml"), text, "default").unwrap_or_default();
        assert_eq!((config.template_file.as_deref(), config.region.as_deref()), (Some("b.yaml"), Some("eu-west-1")));
        let other = parse(Path::new("samconfig.toml"), text, "other").unwrap_or_default();
        assert_eq!(other.template_file.as_deref(), Some("c.yaml"));
    }

    #[test]
    fn overrides_are_a_text_a_list_or_a_mapping() {
        let expected = pairs(&[("A", "1"), ("B", "two words")]);
        for value in [
            "\"A=1 B='two words'\"",
            "\"ParameterKey=A,ParameterValue=1 'ParameterKey=B,ParameterValue=two words'\"",
            "[\"A=1\", \"B=two words\"]",
            "{A = 1, B = 'two words'}",
        ] {
            let text = format!("[default.global.parameters]\nparameter_overrides = {value}\n");
            let config = parse(Path::new("samconfig.toml"), &text, "default").unwrap_or_default();
            assert_eq!(config.parameter_overrides, expected, "{value}");
        }
    }

    #[test]
    fn yaml_is_read_as_well() {
        let text = "version: 0.1\ndefault:\n  local_start_api:\n    parameters:\n      env_vars: env.json\n";
        let config = parse(Path::new("samconfig.yaml"), text, "default").unwrap_or_default();
        assert_eq!(config.env_vars.as_deref(), Some("env.json"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let error = parse(Path::new("samconfig.toml"), "version = 0.1\nregion = \n", "default").err();
        let location = error.and_then(|error| error.location);
        assert_eq!(location.map(|location| location.line), Some(2));
        let text = "[default.global.parameters]\nparameter_overrides = 'secret'\n";
        let error = parse(Path::new("samconfig.toml"), text, "default").err();
        assert!(error.is_some_and(|error| error.message.contains("not of the form Name=value")));
    }
}
