//! AWS's own clients, pointed at a daemon's Lambda endpoint; `tests/install/aws_clients.sh` installs them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::daemon::{Daemon, Served, eventually};

fn installed(path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests have a parent folder");
    let found = root.join("target/test-tools/aws-clients").join(path);
    assert!(found.exists(), "{} is missing: run tests/install/aws_clients.sh", found.display());
    found
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("lambda_api/clients").join(name)
}

/// Where a function finds boto3: a folder for its `sys.path`.
///
/// # Panics
/// boto3 is not installed.
#[must_use]
pub fn boto3_folder() -> PathBuf {
    let library = installed("boto3/lib");
    let versions = std::fs::read_dir(library).expect("the library can be read");
    let mut versions = versions.map(|entry| entry.expect("an entry").path().join("site-packages"));
    versions.find(|folder| folder.join("boto3").exists()).expect("boto3 is installed")
}

/// The Lambda endpoint of a daemon.
///
/// # Panics
/// There is none.
#[must_use]
pub fn endpoint(daemon: &Daemon) -> Served {
    let file = daemon.state().join("lambda");
    let address = eventually("the Lambda endpoint", || std::fs::read_to_string(&file).ok()?.trim().parse().ok());
    Served { address }
}

fn of_project(daemon: &Daemon, project: &str) -> String {
    format!("http://{}{}{project}", endpoint(daemon).address, if project.is_empty() { "" } else { "/" })
}

fn pointed(program: PathBuf, url: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("AWS_ENDPOINT_URL_LAMBDA", url)
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command
}

fn calls(mut command: Command, calls: &Value) -> Vec<Value> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the client starts");
    let mut input = child.stdin.take().expect("its input is ours");
    input.write_all(calls.to_string().as_bytes()).expect("it takes its input");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

/// Calls through boto3: pairs of an operation, as in `invoke`, and its parameters. `project` is whose address is used;
/// an empty one uses nobody's.
///
/// # Panics
/// It cannot be run.
#[must_use]
pub fn boto3(daemon: &Daemon, project: &str, asked: &Value) -> Vec<Value> {
    boto3_at(&of_project(daemon, project), asked)
}

/// Calls through boto3 at a URL.
///
/// # Panics
/// It cannot be run.
#[must_use]
pub fn boto3_at(url: &str, asked: &Value) -> Vec<Value> {
    let mut command = pointed(installed("boto3/bin/python"), url);
    command.arg(script("call.py"));
    calls(command, asked)
}

/// Calls through the AWS SDK for JavaScript: pairs of a command, as in `InvokeCommand`, and its parameters.
///
/// # Panics
/// It cannot be run.
#[must_use]
pub fn javascript(daemon: &Daemon, project: &str, asked: &Value) -> Vec<Value> {
    javascript_at(&of_project(daemon, project), asked)
}

/// Calls through the AWS SDK for JavaScript at a URL.
///
/// # Panics
/// It cannot be run.
#[must_use]
pub fn javascript_at(url: &str, asked: &Value) -> Vec<Value> {
    let mut command = pointed("node".into(), url);
    command.env("CLIENT_FOLDER", installed("js")).arg(script("call.mjs"));
    calls(command, asked)
}

/// Runs `aws lambda …`.
///
/// # Panics
/// It cannot be run.
#[must_use]
pub fn aws(daemon: &Daemon, project: &str, arguments: &[&str]) -> Output {
    aws_at(&of_project(daemon, project), arguments)
}

/// Runs `aws lambda …` at a URL.
///
/// # Panics
/// It cannot be run.
#[must_use]
pub fn aws_at(url: &str, arguments: &[&str]) -> Output {
    let mut command = pointed(installed("cli/bin/aws"), url);
    command.arg("lambda").args(arguments).output().expect("the AWS CLI starts")
}
