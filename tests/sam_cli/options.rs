//! Options: the SAM CLI's names, where they are looked up, and those that are refused.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use samd_tests::foreground::samctl;
use serde_json::Value;

use super::project;

/// Runs `local invoke Hello` and gives what the function told of itself.
fn told(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Value {
    let out = run(folder, &[&["local", "invoke", "Hello"], arguments].concat(), variables);
    let err = String::from_utf8_lossy(&out.stderr);
    let reply: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{err}"));
    serde_json::from_str(reply["body"].as_str().unwrap()).unwrap()
}

fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let state = tempfile::tempdir().unwrap();
    let mut command = samctl(folder, &state, arguments);
    command.envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn parameters_and_variables_come_from_the_line_the_environment_and_samconfig_in_this_order() {
    let project = project();
    let folder = project.path();
    project.write("env.json", r#"{"Hello": {"WHO": "file"}}"#);
    project.write(
        "samconfig.toml",
        "version = 0.1\n[default.local_invoke.parameters]\nenv_vars = 'env.json'\nparameter_overrides = ['Stage=config']\n\
         [ci.local_invoke.parameters]\nparameter_overrides = 'Stage=ci'\n",
    );
    let of = |arguments: &[&str]| {
        let told = told(folder, arguments, &[("WHO", "shell")]);
        (told["stage"].as_str().unwrap().to_owned(), told["who"].as_str().unwrap().to_owned())
    };
    let pair = |stage: &str, who: &str| (stage.to_owned(), who.to_owned());
    assert_eq!(of(&[]), pair("config", "file"));
    assert_eq!(of(&["--config-env", "ci"]), pair("ci", "shell"));
    let typed = ["--parameter-overrides", "ParameterKey=Stage,ParameterValue=typed"];
    assert_eq!(of(&typed), pair("typed", "file"));
    let template = std::fs::read_to_string(folder.join("template.yaml")).unwrap();
    project.write("other/app.yaml", &template.replace("src/", "../src/").replace("WHO: template", "WHO: other"));
    let other = told(folder, &[], &[("SAM_TEMPLATE_FILE", "other/app.yaml")]);
    assert_eq!(other["who"], "other", "a template elsewhere has a samconfig elsewhere");
    let missing = run(folder, &["local", "invoke", "--config-file", "mine.toml"], &[]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn what_samd_has_not_is_refused_with_a_sentence() {
    let project = project();
    for typed in [&["--hook-name", "terraform"][..], &["--tenant-id", "t"], &["--save-params"]] {
        let ran = run(project.path(), &[&["local", "invoke", "Hello"], typed].concat(), &[]);
        let err = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(2), "{typed:?}: {err}");
        assert!(err.contains(&format!("{} is not supported: ", typed[0])), "{err}");
    }
}

#[test]
fn a_missing_template_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["local", "start-api"], &[]);
    assert_eq!(ran.status.code(), Some(2));
    let err = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(err.contains("Template file not found at ") && err.contains("template.yml"), "{err}");
}

/// The long and short options that a help text names.
fn options(help: &str) -> BTreeSet<String> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let words = help.split(|letter: char| !is_letter(letter)).filter(|word| word.starts_with('-'));
    words.filter(|word| word.len() > 1 && !word.ends_with('-')).map(str::to_owned).collect()
}

#[test]
fn each_option_of_the_sam_clis_help_is_one_of_ours() {
    let Some(sam) = super::events::sam() else { return };
    for command in ["start-api", "start-lambda", "invoke"] {
        let theirs = Command::new(&sam)
            .args(["local", command, "--help"])
            .env("SAM_CLI_TELEMETRY", "0")
            .env("COLUMNS", "200")
            .output()
            .unwrap();
        let theirs = String::from_utf8(theirs.stdout).unwrap();
        // Options stand at the beginning of a line; what follows on it explains them, or shows examples.
        let lines = theirs.lines().filter(|line| line.starts_with("    -") || line.starts_with("  -"));
        let listed = lines.map(|line| line.trim().split("  ").next().unwrap().to_owned());
        let theirs: BTreeSet<String> = listed.flat_map(|line| options(&line)).collect();
        assert!(theirs.len() > 30, "{command}: {theirs:?}");
        for option in theirs {
            let line = ["local", command, &option];
            let taken = samctl::local::arguments::with_long_names(["samctl"].iter().chain(&line).map(Into::into));
            let error = <samctl::cli::Cli as clap::Parser>::try_parse_from(taken).err();
            let unknown = error.is_some_and(|error| error.kind() == clap::error::ErrorKind::UnknownArgument);
            assert!(!unknown, "samctl local {command} does not know {option}");
        }
    }
}
