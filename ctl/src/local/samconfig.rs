//! The SAM CLI's configuration file: found beside the template, read as TOML or YAML, one command's options of one
//! environment, those of `global` beneath them.

use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};

use crate::exit::Failure;

/// Names under which it is looked for, in this order.
const NAMES: [&str; 3] = ["samconfig.toml", "samconfig.yaml", "samconfig.yml"];
/// The name that stands for any of them.
const DEFAULT_NAME: &str = "samconfig.toml";
/// The environment unless another is named.
const DEFAULT_ENVIRONMENT: &str = "default";

/// The options of `command`, as in `local_start_api`, by their names in snake case.
pub(super) fn options(
    command: &str,
    named: Option<&Path>,
    environment: Option<&str>,
    folder: &Path,
) -> Result<Map<String, Value>, Failure> {
    let Some(file) = find(named, folder)? else { return Ok(Map::new()) };
    let document = read(&file)?;
    let environment = document.get(environment.unwrap_or(DEFAULT_ENVIRONMENT));
    let parameters = |command: &str| environment?.get(command)?.get("parameters")?.as_object();
    let mut all = parameters("global").cloned().unwrap_or_default();
    all.extend(parameters(command).cloned().unwrap_or_default());
    Ok(all)
}

/// The file that was named has to be there; the default one may be missing.
fn find(named: Option<&Path>, folder: &Path) -> Result<Option<PathBuf>, Failure> {
    match named.filter(|named| *named != Path::new(DEFAULT_NAME)) {
        None => Ok(NAMES.iter().map(|name| folder.join(name)).find(|file| file.is_file())),
        Some(named) if folder.join(named).is_file() => Ok(Some(folder.join(named))),
        Some(named) => {
            Err(Failure::Usage(format!("Config file {} does not exist or could not be read!", named.display())))
        }
    }
}

/// A file's content, by the format that its name promises.
pub(super) fn read(file: &Path) -> Result<Value, Failure> {
    let wrong = |problem: String| Failure::Usage(format!("{} cannot be read: {problem}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    match file.extension().and_then(std::ffi::OsStr::to_str) {
        Some("toml") => toml::from_str(&text).map_err(|error| wrong(error.to_string())),
        Some("json") => serde_json::from_str(&text).map_err(|error| wrong(error.to_string())),
        Some("yaml" | "yml") => yaml(&text).map_err(wrong),
        _ => Err(wrong("its name ends neither in .toml nor in .yaml, .yml or .json".to_owned())),
    }
}

fn yaml(text: &str) -> Result<Value, String> {
    let documents = Yaml::load_from_str(text).map_err(|error| error.to_string())?;
    Ok(documents.first().map_or(Value::Null, json))
}

fn json(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Boolean(flag)) => Value::Bool(*flag),
        Yaml::Value(Scalar::Integer(number)) => Value::from(*number),
        Yaml::Value(Scalar::FloatingPoint(number)) => Value::from(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => Value::from(text.as_ref()),
        Yaml::Representation(text, _, _) => Value::from(text.as_ref()),
        Yaml::Sequence(items) => Value::Array(items.iter().map(json).collect()),
        Yaml::Mapping(entries) => Value::Object(entries.iter().map(|(key, value)| (name(key), json(value))).collect()),
        Yaml::Tagged(_, inner) => json(inner),
        Yaml::Value(Scalar::Null) | Yaml::Alias(_) | Yaml::BadValue => Value::Null,
    }
}

/// A mapping's key as text: `1: x` is the name `1`.
fn name(key: &Yaml<'_>) -> String {
    match json(key) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        folder
    }

    #[test]
    fn the_commands_options_go_before_global_ones_in_both_formats() {
        let toml = "version = 0.1\n[default.global.parameters]\nregion = 'eu-west-1'\nport = 1\n\
                    [default.local_start_api.parameters]\nport = 4000\nwarm_containers = 'EAGER'\n\
                    [prod.local_start_api.parameters]\nport = 5000\n";
        let yaml = "version: 0.1\ndefault:\n  global: {parameters: {region: eu-west-1, port: 1}}\n  local_start_api:\n    \
                    parameters: {port: 4000, warm_containers: EAGER}\nprod: {local_start_api: {parameters: {port: 5000}}}\n";
        for (name, text) in [("samconfig.toml", toml), ("samconfig.yaml", yaml), ("samconfig.yml", yaml)] {
            let folder = folder(name, text);
            let found = options("local_start_api", None, None, folder.path()).unwrap();
            let expected = serde_json::json!({ "region": "eu-west-1", "port": 4000, "warm_containers": "EAGER" });
            assert_eq!(Value::Object(found), expected, "{name}");
            let prod = options("local_start_api", None, Some("prod"), folder.path()).unwrap();
            assert_eq!(Value::Object(prod), serde_json::json!({ "port": 5000 }));
        }
    }

    #[test]
    fn a_named_file_has_to_be_there_and_the_default_one_may_be_missing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(options("x", None, None, folder.path()).unwrap().is_empty());
        assert!(options("x", Some(Path::new("samconfig.toml")), None, folder.path()).unwrap().is_empty());
        let failure = options("x", Some(Path::new("mine.toml")), None, folder.path()).unwrap_err();
        assert!(failure.to_string().contains("mine.toml"), "{failure}");
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_place() {
        let folder = folder("samconfig.toml", "version = 0.1\nregion = \n");
        let failure = options("x", None, None, folder.path()).unwrap_err();
        assert!(failure.to_string().contains("line 2"), "{failure}");
    }
}
