//! How the user's settings want a function served: under a debugger, held to its memory, frozen between invocations.
//!
//! It stands in the model, so that a function whose serving changes is replaced like one whose code does, and the others
//! are not.

use std::path::PathBuf;
use std::time::Duration;

use super::environment::{Overrides, Variables};
use super::function::Environment;
use super::settings::Settings;
use super::{Function, FunctionId, Project};
use crate::template::Diagnostic;

/// How long an invocation may take while a debugger is attached, as with the SAM CLI.
pub const DEBUGGED: Duration = Duration::from_secs(36_000);

/// How a function is served.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Serving {
    /// A debugger may attach.
    pub debug: Option<Debug>,
    /// Its sandboxes are frozen between invocations.
    pub freeze: bool,
    /// It may take more memory than its MemorySize.
    pub unlimited_memory: bool,
}

/// How a debugger comes to a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debug {
    /// The port on which it may attach.
    pub port: u16,
    /// Arguments for the debugger or the interpreter; none means the usual ones.
    pub args: Vec<String>,
    /// The folder that holds the debugger, where the interpreter does not have it.
    pub debugger_path: Option<PathBuf>,
    /// Variables that it gets over all others.
    pub variables: Environment,
}

/// Puts the settings into the functions of a project, and says what of them means nothing. `variables` are those of the
/// file that [`Settings`] names for the function that is debugged.
pub fn apply(project: &mut Project, settings: &Settings, variables: &Overrides) -> Vec<Diagnostic> {
    for function in project.functions.values_mut() {
        function.serving.freeze = settings.freeze;
        function.serving.unlimited_memory = !settings.memory_limit;
    }
    let (Some(debug), findings) = debug(settings) else { return debug_without_port(settings) };
    match debugged(project, settings.debug.function.as_deref()) {
        Ok(id) => {
            if let Some(function) = project.functions.get_mut(&id) {
                let variables = Environment(variables_of(function, variables));
                function.serving.debug = Some(Debug { variables, ..debug });
            }
            findings
        }
        Err(problem) => findings.into_iter().chain([problem]).collect(),
    }
}

/// Those for all functions, and over them those for this one.
fn variables_of(function: &Function, given: &Overrides) -> Variables {
    let own = function.names().find_map(|name| given.functions.get(name));
    given.all.iter().chain(own.into_iter().flatten()).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn debug(settings: &Settings) -> (Option<Debug>, Vec<Diagnostic>) {
    let Some(port) = settings.debug.port else { return (None, Vec::new()) };
    let text = settings.debug.args.as_deref().unwrap_or_default();
    let (args, findings) = match shlex::split(text) {
        Some(args) => (args, Vec::new()),
        None => (Vec::new(), vec![Diagnostic::warning("--debug-args has a quote without its end; it is left out")]),
    };
    let debugger_path = settings.debug.debugger_path.clone();
    (Some(Debug { port, args, debugger_path, variables: Environment::default() }), findings)
}

fn debug_without_port(settings: &Settings) -> Vec<Diagnostic> {
    let help = "give --debug-port, on which the debugger attaches";
    let function = settings.debug.function.as_ref();
    let named = function.map(|name| format!("{name} is to be debugged, and no port is named"));
    let file = settings.debug.env_vars.as_ref().map(|_| {
        "--container-env-vars is for a function that is debugged, and none is, so nothing of it counts".to_owned()
    });
    named.into_iter().chain(file).map(|message| Diagnostic::warning(message).help(help)).collect()
}

/// The function that is meant: the named one, or the only one there is.
fn debugged(project: &Project, named: Option<&str>) -> Result<FunctionId, Diagnostic> {
    let known = || project.functions.keys().map(|id| id.0.as_str()).collect::<Vec<_>>().join(", ");
    let Some(named) = named else {
        let mut ids = project.functions.keys();
        return match (ids.next(), ids.next()) {
            (Some(only), None) => Ok(only.clone()),
            (Some(_), Some(_)) => Err(Diagnostic::warning(
                "--debug-port is given and the template has several functions, so none is debugged",
            )
            .help(format!("name one with --debug-function: {}", known()))),
            (None, _) => Err(Diagnostic::warning("--debug-port is given and the template has no function")),
        };
    };
    let found = project.function(named).map(|function| function.id.clone());
    found.ok_or_else(|| {
        Diagnostic::warning(format!("there is no function {named}, so none is debugged"))
            .help(format!("--debug-function names one of these: {}", known()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::settings::{DebugSettings, ProjectName};

    fn project(names: &[&str]) -> Project {
        let function = |name: &&str| {
            let id = FunctionId((*name).to_owned());
            (id.clone(), Function { id, name: format!("my-{name}"), ..crate::project::testing::function() })
        };
        Project { functions: names.iter().map(function).collect(), ..Project::default() }
    }

    fn settings(port: Option<u16>, function: Option<&str>) -> Settings {
        let debug = DebugSettings { port, function: function.map(str::to_owned), ..DebugSettings::default() };
        Settings { debug, ..Settings::new(ProjectName("p".into()), "/p".into()) }
    }

    fn debugged(names: &[&str], settings: &Settings) -> (Vec<String>, usize) {
        let mut project = project(names);
        let findings = apply(&mut project, settings, &Overrides::default());
        let all = project.functions.values().filter(|function| function.serving.debug.is_some());
        (all.map(|function| function.id.0.clone()).collect(), findings.len())
    }

    #[test]
    fn the_only_function_needs_no_name_and_one_of_several_does() {
        assert_eq!(debugged(&["A"], &settings(Some(1), None)), (vec!["A".to_owned()], 0));
        assert_eq!(debugged(&["A", "B"], &settings(Some(1), None)), (vec![], 1));
        assert_eq!(debugged(&["A", "B"], &settings(Some(1), Some("B"))), (vec!["B".to_owned()], 0));
        assert_eq!(debugged(&["A", "B"], &settings(Some(1), Some("my-A"))), (vec!["A".to_owned()], 0));
        assert_eq!(debugged(&["A"], &settings(Some(1), Some("C"))), (vec![], 1));
    }

    #[test]
    fn without_a_port_nothing_is_debugged() {
        assert_eq!(debugged(&["A"], &settings(None, None)), (vec![], 0));
        assert_eq!(debugged(&["A"], &settings(None, Some("A"))), (vec![], 1));
    }
}
