//! Where a function's variables come from, and where secrets must not go.

use std::fs;
use std::path::Path;

use samd_tests::command_line::CommandLine;
use samd_tests::daemon::{Daemon, Project, eventually};
use serde_json::{Value, json};

const TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, Handler: index.handler}}
Resources:
  One:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src/, Environment: {Variables: {A: template, B: template, C: template, D: template}}}
  Two:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src/, Environment: {Variables: {A: template, B: template}}}
";

const CODE: &str = "
import os
def handler(event, context):
    return {name: os.environ[name] for name in ('A', 'B', 'C', 'D', 'E') if name in os.environ}
";

fn project() -> Project {
    Project::of(&[("template.yaml", TEMPLATE), ("src/index.py", CODE)])
}

fn start(project: &Project, more: &[&str]) -> Vec<String> {
    let path = project.path().to_str().unwrap();
    let arguments = ["start", path, "--name", "vars", "--sandbox", "process"];
    arguments.iter().chain(more).map(|argument| (*argument).to_owned()).collect()
}

fn run(line: &CommandLine, arguments: &[String]) -> samd_tests::command_line::Ran {
    line.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn variables(daemon: &Daemon, function: &str) -> Value {
    let ran = daemon.samctl(&["invoke", "vars", function]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn the_file_goes_before_the_callers_shell_before_the_template_and_undeclared_names_go_nowhere() {
    let daemon = Daemon::start();
    let project = project();
    project
        .write("env.json", r#"{"Parameters": {"A": "all", "B": "all", "E": "all"}, "One": {"A": "own", "E": "own"}}"#);
    let file = project.path().join("env.json");
    let line = CommandLine::new(daemon.state()).with("C", "shell").with("B", "shell").with("E", "shell");
    let ran = run(&line, &start(&project, &["--env-vars", file.to_str().unwrap()]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(variables(&daemon, "One"), json!({"A": "own", "B": "all", "C": "shell", "D": "template"}));
    assert_eq!(variables(&daemon, "Two"), json!({"A": "all", "B": "all"}));
}

#[test]
fn a_dotenv_file_counts_for_all_functions_and_an_edit_of_it_is_taken_up() {
    let daemon = Daemon::start();
    let project = project();
    project.write(".env", "# of all\nexport A='one two'\nB=\"a\\nb\"\nE=undeclared\n");
    let file = project.path().join(".env");
    let ran = run(&CommandLine::new(daemon.state()), &start(&project, &["--env-vars", file.to_str().unwrap()]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(variables(&daemon, "Two"), json!({"A": "one two", "B": "a\nb"}));
    project.write(".env", "A=edited\n");
    eventually("the edit", || (variables(&daemon, "Two") == json!({"A": "edited", "B": "template"})).then_some(()));
}

#[test]
fn a_bad_file_is_refused_with_its_place_and_spoils_nothing_that_runs() {
    let daemon = Daemon::start();
    let project = project();
    project.write("env.json", "{\n  \"One\": {\"A\": }\n}");
    let file = project.path().join("env.json");
    let arguments = start(&project, &["--env-vars", file.to_str().unwrap()]);
    let line = CommandLine::new(daemon.state());
    let ran = run(&line, &arguments);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("env.json:2:16"), "{}", ran.err);

    project.write("env.json", r#"{"Parameters": {"A": "good"}}"#);
    assert_eq!(run(&line, &arguments).code, 0);
    project.write("env.json", "{\"Parameters\": {\"A\": ");
    eventually("the finding", || daemon.status("vars")["diagnostics"].to_string().contains("env.json").then_some(()));
    assert_eq!(variables(&daemon, "One")["A"], "good", "the last good file counts");
    let missing = run(&line, &start(&project, &["--env-vars", "/nowhere/env.json"]));
    assert!(missing.code == 2 && missing.err.contains("/nowhere/env.json"), "{}", missing.err);
}

const KEYS: &str = "
Transform: AWS::Serverless-2016-10-31
Parameters:
  Password: {Type: String, NoEcho: true, Default: none}
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      Environment: {Variables: {PASSWORD: !Ref Password}}
      InlineCode: |
        import os
        def handler(event, context):
            names = ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_REGION', 'PASSWORD')
            return [os.environ.get(name) for name in names]
";

/// Every file under a folder that holds one of the texts.
fn holding(folder: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(holding(&entry.path(), texts));
        } else {
            let bytes = fs::read(entry.path()).unwrap_or_default();
            let holds = |text: &&&str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
            found.extend(texts.iter().find(holds).map(|text| format!("{text} in {}", entry.path().display())));
        }
    }
    found
}

fn keys(daemon: &Daemon) -> Value {
    variables(daemon, "Fn")
}

#[test]
fn the_callers_credentials_reach_the_function_and_no_file_and_no_log() {
    let secrets = ["AKIACALLERKEY", "caller/secret+of", "callertoken"];
    let daemon = Daemon::with(&[("SAMD_LOG", "trace"), ("HOME", "/nonexistent")]);
    let project = Project::of(&[("template.yaml", KEYS)]);
    let line = CommandLine::new(daemon.state())
        .with("AWS_ACCESS_KEY_ID", secrets[0])
        .with("AWS_SECRET_ACCESS_KEY", secrets[1])
        .with("AWS_SESSION_TOKEN", secrets[2])
        .with("AWS_REGION", "eu-north-1");
    assert_eq!(run(&line, &start(&project, &[])).code, 0);
    assert_eq!(keys(&daemon), json!([secrets[0], secrets[1], secrets[2], "eu-north-1", "none"]));
    let told: Vec<String> = [["status", "vars"], ["logs", "vars"], ["events", "vars"]]
        .iter()
        .map(|command| daemon.samctl(&[command.as_slice(), &["--output", "json"]].concat()).out)
        .chain([daemon.log()])
        .collect();
    assert_eq!(told.iter().find(|text| secrets.iter().any(|secret| text.contains(secret))), None);
    assert_eq!(holding(daemon.state(), &secrets), Vec::<String>::new());

    let daemon = daemon.killed_and_restarted();
    let after = eventually("the project", || {
        let ran = daemon.samctl(&["invoke", "vars", "Fn"]);
        (ran.code == 0).then(|| serde_json::from_str::<Value>(&ran.out).unwrap())
    });
    assert_eq!(after, json!(["defaultkey", "defaultsecret", null, "us-east-1", "none"]), "they were in memory alone");
}

#[test]
fn a_profiles_credentials_are_read_again_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    let write = |secret: &str| {
        let text = format!("[work]\naws_access_key_id = WORKKEY\naws_secret_access_key = {secret}\n");
        fs::write(home.path().join(".aws/credentials"), text).unwrap();
    };
    fs::write(home.path().join(".aws/config"), "[profile work]\nregion = ap-south-1\n").unwrap();
    write("firstsecret");
    let daemon = Daemon::with(&[("HOME", home.path().to_str().unwrap())]);
    let project = Project::of(&[("template.yaml", KEYS)]);
    assert_eq!(run(&CommandLine::new(daemon.state()), &start(&project, &["--profile", "work"])).code, 0);
    assert_eq!(keys(&daemon), json!(["WORKKEY", "firstsecret", null, "ap-south-1", "none"]));
    assert_eq!(holding(daemon.state(), &["WORKKEY", "firstsecret"]), Vec::<String>::new());
    write("secondsecret");
    let daemon = daemon.killed_and_restarted();
    let after = eventually("the project", || {
        let ran = daemon.samctl(&["invoke", "vars", "Fn"]);
        (ran.code == 0).then(|| serde_json::from_str::<Value>(&ran.out).unwrap())
    });
    assert_eq!(after, json!(["WORKKEY", "secondsecret", null, "ap-south-1", "none"]));
}

#[test]
fn without_credentials_there_are_stand_ins() {
    let daemon = Daemon::with(&[("HOME", "/nonexistent")]);
    let project = Project::of(&[("template.yaml", KEYS)]);
    assert_eq!(run(&CommandLine::new(daemon.state()), &start(&project, &[])).code, 0);
    assert_eq!(keys(&daemon), json!(["defaultkey", "defaultsecret", null, "us-east-1", "none"]));
}

#[test]
fn a_no_echo_value_reaches_the_function_and_nobody_else() {
    let secret = "correct-horse-battery";
    let daemon = Daemon::with(&[("SAMD_LOG", "trace")]);
    let project = Project::of(&[("template.yaml", KEYS)]);
    let overridden = format!("Password={secret}");
    let ran = run(&CommandLine::new(daemon.state()), &start(&project, &["--parameter-overrides", &overridden]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(keys(&daemon)[4], secret);
    let mut told = vec![ran.out, ran.err, daemon.log(), daemon.logs("vars")];
    for command in [&["status", "vars"][..], &["list"], &["events"], &["routes", "vars"]] {
        told.push(daemon.samctl(command).out);
        told.push(daemon.samctl(&[command, &["--output", "json"]].concat()).out);
    }
    assert_eq!(told.iter().find(|text| text.contains(secret)), None);
}
