//! Extensions, through the real daemon: scripts in a layer, an extension built on AWS's crate, and one in the function.

mod docker;
mod process;
mod telemetry;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use samd_tests::daemon::{Project, eventually};
use serde_json::Value;

const TEMPLATE: &str = "\
Transform: AWS::Serverless-2016-10-31
Resources:
  Tools:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layer/}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: python3.11
      Timeout: TIMEOUT
      Layers: [!Ref Tools]
      Environment: {Variables: VARIABLES}
      Events:
        Any: {Type: Api, Properties: {Path: '/{proxy+}', Method: any}}
";

/// Answers with its process id; `/slow` never does.
const CODE: &str = "
import os, time
def handler(event, context):
    print('the function says', event['path'])
    while 'slow' in event['path']: time.sleep(60)
    return {'statusCode': 200, 'body': str(os.getpid())}
";

/// A project whose layer has these extensions, with these variables for the function and them.
fn project(extensions: &[(&str, &str)], variables: &[(&str, &str)], timeout: u32) -> Project {
    let project = Project::of(&[("src/app.py", CODE)]);
    for (name, text) in extensions {
        project.write(&format!("layer/extensions/{name}"), text);
        executable(&project.path().join(format!("layer/extensions/{name}")));
    }
    let record = ("RECORD", project.path().join("record").to_str().unwrap().to_owned());
    let all = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).chain([record]);
    let variables: Value =
        all.map(|(name, value)| (name.to_owned(), Value::from(value))).collect::<serde_json::Map<_, _>>().into();
    let template = TEMPLATE.replace("VARIABLES", &variables.to_string()).replace("TIMEOUT", &timeout.to_string());
    project.write("template.yaml", &template);
    project
}

fn executable(file: &Path) {
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

const RECORDER: &str = include_str!("extensions/recorder.py");

/// What a recorder has written so far.
fn record(project: &Project) -> Vec<Value> {
    let text = std::fs::read_to_string(project.path().join("record")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The first that a recorder wrote of `what` and that `fits`, once there is one.
fn recorded(project: &Project, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("{what} in {:?}", record(project)), || {
        record(project).into_iter().find(|line| line["what"] == what && fits(line))
    })
}
