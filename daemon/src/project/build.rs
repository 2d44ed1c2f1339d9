//! How a function is built from its sources (pure): SAM's build methods as commands, and the user's own.
//!
//! The names follow SAM: `BuildMethod` and `BuildProperties` of a function's `Metadata`, the target
//! `build-<LogicalId>` of a Makefile, and `ARTIFACTS_DIR` for the folder that a build fills.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::function::{Architecture, Code, Function, Package};
use super::settings::Settings;

/// The variable that names the folder to fill.
pub const ARTIFACTS_DIR: &str = "ARTIFACTS_DIR";

/// A function's way from its sources to what runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// As people call it: `makefile`, `esbuild`, …, or `command`.
    pub method: &'static str,
    /// The folder of the sources: what changes in it asks for a build.
    pub source: PathBuf,
    recipe: Recipe,
}

/// What a method needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Recipe {
    Makefile { target: String },
    Esbuild { arguments: Vec<String> },
    Go { architecture: &'static str },
    CargoLambda { arguments: Vec<String> },
    Command { folder: PathBuf, command: String },
}

/// A program to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Where it runs.
    pub folder: PathBuf,
    /// Variables besides those of the daemon.
    pub variables: BTreeMap<String, String>,
    /// Folders that are searched for programs before those of `PATH`.
    pub search: Vec<PathBuf>,
}

/// Folders that a build may use.
#[derive(Debug, Clone, Copy)]
pub struct Folders<'a> {
    /// To be filled.
    pub artifacts: &'a Path,
    /// The build's own, the same from one build to the next.
    pub scratch: &'a Path,
}

/// How a function is built; `None` when it is not.
///
/// # Errors
/// Its build step is none of those that are known: one sentence says which are.
pub fn step(function: &Function, settings: &Settings) -> Option<Result<Step, String>> {
    let Package::Zip { code, .. } = &function.package else { return None };
    let id = function.id.0.as_str();
    let command = settings.build_commands.get(id);
    let method = function.metadata.get("BuildMethod").and_then(Value::as_str);
    if command.is_none() && method.is_none() {
        return None;
    }
    let source = match (&function.built_from, code) {
        (Some(source), _) => source.clone(),
        (None, Code::Folder(folder)) => folder.clone(),
        (None, _) => return Some(Err(format!("{id} is not built: its CodeUri is no folder"))),
    };
    let recipe = match command {
        Some(command) => Ok(("command", Recipe::Command { folder: folder(settings), command: command.clone() })),
        None => recipe(function, method.unwrap_or_default()),
    };
    Some(recipe.map(|(method, recipe)| Step { method, source, recipe }))
}

/// The folder that the project was started with.
fn folder(settings: &Settings) -> PathBuf {
    let ending = settings.path.extension().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    let is_file = ["yaml", "yml", "json", "template"].contains(&ending);
    let folder = if is_file { settings.path.parent() } else { None };
    folder.unwrap_or(&settings.path).to_path_buf()
}

fn recipe(function: &Function, method: &str) -> Result<(&'static str, Recipe), String> {
    let properties = function.metadata.get("BuildProperties").cloned().unwrap_or_default();
    let own_id = function.id.0.rsplit('/').next().unwrap_or_default();
    match method {
        "makefile" => Ok(("makefile", Recipe::Makefile { target: format!("build-{own_id}") })),
        "esbuild" => Ok(("esbuild", Recipe::Esbuild { arguments: esbuild(&properties)? })),
        "go" | "go1.x" => {
            let architecture = if function.architecture == Architecture::Arm64 { "arm64" } else { "amd64" };
            Ok(("go", Recipe::Go { architecture }))
        }
        "rust-cargolambda" => {
            Ok(("rust-cargolambda", Recipe::CargoLambda { arguments: cargo_lambda(function, &properties) }))
        }
        other => Err(format!(
            "{own_id} is not built: BuildMethod {other} is unknown here; esbuild, makefile, go and rust-cargolambda are \
             built, and --build-command '{own_id}=COMMAND' builds anything"
        )),
    }
}

/// esbuild's arguments as SAM gives them, with SAM's defaults.
fn esbuild(properties: &Value) -> Result<Vec<String>, String> {
    let entries = texts(properties.get("EntryPoints"));
    if entries.is_empty() {
        return Err("esbuild needs Metadata.BuildProperties.EntryPoints, a list of files below CodeUri".to_owned());
    }
    let entries = entries.into_iter().map(|entry| if entry.starts_with("./") { entry } else { format!("./{entry}") });
    let mut all: Vec<String> = entries.collect();
    all.extend(["--bundle", "--platform=node"].map(str::to_owned));
    for (name, flag, default) in [("Minify", "--minify", true), ("Sourcemap", "--sourcemap", false)] {
        if flag_of(properties.get(name)).unwrap_or(default) {
            all.push(flag.to_owned());
        }
    }
    for (name, flag, default) in
        [("Target", "target", "es2020"), ("Format", "format", "cjs"), ("MainFields", "main-fields", "")]
    {
        let value = texts(properties.get(name)).join(",");
        let value = if value.is_empty() { default } else { &value };
        if !value.is_empty() {
            all.push(format!("--{flag}={value}"));
        }
    }
    for (name, flag) in
        [("External", "external"), ("Loader", "loader"), ("OutExtension", "out-extension"), ("Banner", "banner")]
    {
        all.extend(texts(properties.get(name)).into_iter().map(|value| format!("--{flag}:{value}")));
    }
    Ok(all)
}

fn cargo_lambda(function: &Function, properties: &Value) -> Vec<String> {
    let mut all: Vec<String> = ["lambda", "build", "--release"].map(str::to_owned).to_vec();
    if function.architecture == Architecture::Arm64 {
        all.push("--arm64".to_owned());
    }
    for binary in texts(properties.get("Binary")) {
        all.extend(["--bin".to_owned(), binary]);
    }
    all
}

/// A text, or a list of them.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().flat_map(|item| texts(Some(item))).collect(),
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Number(number)) => vec![number.to_string()],
        Some(Value::Object(entries)) => {
            entries.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect()
        }
        Some(Value::Null | Value::Bool(_)) | None => Vec::new(),
    }
}

/// A switch, also as text.
fn flag_of(value: Option<&Value>) -> Option<bool> {
    match value? {
        Value::Bool(on) => Some(*on),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Step {
    /// Whether it works on a copy of the sources, as SAM has Makefiles do, since these may write beside them.
    #[must_use]
    pub fn wants_copy(&self) -> bool {
        matches!(self.recipe, Recipe::Makefile { .. })
    }

    /// Where it leaves a folder with the `bootstrap` in it, unless it fills the artifacts' folder itself.
    #[must_use]
    pub fn leaves_bootstrap_below(&self, folders: Folders<'_>) -> Option<PathBuf> {
        matches!(self.recipe, Recipe::CargoLambda { .. }).then(|| folders.scratch.join("lambda"))
    }

    /// The program to run. `source` is the folder of the sources, or of their copy.
    #[must_use]
    pub fn command(&self, source: &Path, folders: Folders<'_>) -> Command {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let of = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let mut variables = BTreeMap::from([(ARTIFACTS_DIR.to_owned(), text(folders.artifacts))]);
        let (mut folder, mut search) = (source.to_path_buf(), Vec::new());
        let argv = match &self.recipe {
            Recipe::Makefile { target } => of(&["make", "--makefile", &text(&source.join("Makefile")), target]),
            Recipe::Esbuild { arguments } => {
                search = source.ancestors().map(|folder| folder.join("node_modules/.bin")).collect();
                let mut argv = of(&["esbuild"]);
                argv.extend(arguments.iter().cloned());
                argv.push(format!("--outdir={}", text(folders.artifacts)));
                argv
            }
            Recipe::Go { architecture } => {
                variables.insert("GOOS".to_owned(), "linux".to_owned());
                variables.insert("GOARCH".to_owned(), (*architecture).to_owned());
                of(&["go", "build", "-o", &text(&folders.artifacts.join("bootstrap")), "."])
            }
            Recipe::CargoLambda { arguments } => {
                variables.insert("CARGO_TARGET_DIR".to_owned(), text(&folders.scratch.join("target")));
                let mut argv = of(&["cargo"]);
                argv.extend(arguments.iter().cloned());
                argv.extend(of(&["--lambda-dir", &text(&folders.scratch.join("lambda"))]));
                argv
            }
            Recipe::Command { folder: of_project, command } => {
                folder.clone_from(of_project);
                of(&["sh", "-c", command])
            }
        };
        Command { argv, folder, variables, search }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A step of `make`.
    pub(crate) fn makefile(source: &Path) -> Step {
        let recipe = Recipe::Makefile { target: "build-Orders".to_owned() };
        Step { method: "makefile", source: source.to_path_buf(), recipe }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments(properties: &Value) -> String {
        esbuild(properties).unwrap().join(" ")
    }

    #[test]
    fn esbuild_gets_what_sam_gives_it() {
        assert_eq!(
            arguments(&json!({"EntryPoints": ["app.ts"]})),
            "./app.ts --bundle --platform=node --minify --target=es2020 --format=cjs"
        );
        let properties = json!({
            "EntryPoints": ["a.ts"], "Minify": false, "Sourcemap": "true", "Target": "node20", "Format": "esm",
            "MainFields": "module,main", "External": ["aws-sdk"], "OutExtension": [".js=.mjs"],
        });
        assert_eq!(
            arguments(&properties),
            "./a.ts --bundle --platform=node --sourcemap --target=node20 --format=esm --main-fields=module,main \
             --external:aws-sdk --out-extension:.js=.mjs"
        );
    }

    #[test]
    fn esbuild_without_an_entry_point_says_what_is_missing() {
        assert!(esbuild(&json!({})).unwrap_err().contains("EntryPoints"));
    }

    #[test]
    fn a_makefile_is_asked_for_the_functions_own_target() {
        let step = Step {
            method: "makefile",
            source: "/p/src".into(),
            recipe: Recipe::Makefile { target: "build-Orders".into() },
        };
        let folders = Folders { artifacts: Path::new("/a"), scratch: Path::new("/s") };
        let command = step.command(Path::new("/s/copy"), folders);
        assert_eq!(command.argv, ["make", "--makefile", "/s/copy/Makefile", "build-Orders"]);
        assert_eq!((command.folder.as_path(), command.variables[ARTIFACTS_DIR].as_str()), (Path::new("/s/copy"), "/a"));
    }
}
