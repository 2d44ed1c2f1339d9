//! The names that a function goes by, and what it gets of options that only a run shows.

use std::path::Path;
use std::process::Output;

use rustix::process::Signal;
use samd_tests::daemon::Project;
use samd_tests::foreground::{Foreground, samctl};
use serde_json::Value;

/// A root stack with a function that Lambda knows by another name, and a nested one in which both names are again.
fn nested() -> Project {
    let function = |name: &str| {
        format!(
            "{name}:\n    Type: AWS::Serverless::Function\n    Properties: {{Handler: app.who, Runtime: python3.11, CodeUri: src/, Timeout: 10}}\n"
        )
    };
    let with_name =
        |id: &str, name: &str| function(id).replace("Timeout: 10", &format!("Timeout: 10, FunctionName: {name}"));
    let head = "Transform: AWS::Serverless-2016-10-31\nResources:\n  ";
    let child = format!("{head}{}  {}", function("Inner"), with_name("Hello", "child-hello"));
    let application = "Child:\n    Type: AWS::Serverless::Application\n    Properties: {Location: child.yaml}\n";
    let root = format!("{head}{}  {application}", with_name("Hello", "shop-hello"));
    let code = "import os\ndef who(event, context):\n    return os.environ['AWS_LAMBDA_FUNCTION_NAME']\n";
    Project::of(&[("template.yaml", &root), ("child.yaml", &child), ("src/app.py", code)])
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let state = tempfile::tempdir().unwrap();
    samctl(folder, &state, arguments).output().unwrap()
}

/// What a function said of itself, and what was said besides.
fn who(folder: &Path, arguments: &[&str]) -> (Value, String) {
    let out = run(folder, &[&["local", "invoke"], arguments].concat());
    let err = String::from_utf8_lossy(&out.stderr).into_owned();
    (serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {err}")), err)
}

#[test]
fn a_function_is_found_by_id_by_path_and_by_its_name_in_lambda() {
    let project = nested();
    for (name, expected) in [
        ("Hello", "shop-hello"),
        ("shop-hello", "shop-hello"),
        ("Child/Hello", "child-hello"),
        ("child-hello", "child-hello"),
        ("arn:aws:lambda:us-east-1:123456789012:function:child-hello", "child-hello"),
    ] {
        assert_eq!(who(project.path(), &[name]).0, expected, "{name}");
    }
    let (inner, err) = who(project.path(), &["Inner"]);
    assert!(inner.as_str().unwrap().contains("Inner"), "{inner}: {err}");
    for arguments in [&["local", "invoke"][..], &["local", "invoke", "Nobody"]] {
        let ran = run(project.path(), arguments);
        let err = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(2), "{err}");
        assert!(err.contains("Possible options in your template: Child/Hello, Child/Inner, Hello"), "{err}");
    }
}

#[test]
fn of_several_functions_with_one_name_the_first_is_invoked_and_the_others_are_named() {
    let project = nested();
    let template = std::fs::read_to_string(project.path().join("template.yaml")).unwrap();
    let second = "  Other:\n    Type: AWS::Serverless::Application\n    Properties: {Location: child.yaml}\n";
    project.write("template.yaml", &(template + second));
    let (_, err) = who(project.path(), &["Inner"]);
    assert!(err.contains("Child/Inner is invoked, and not Other/Inner"), "{err}");
}

#[test]
fn the_lambda_service_knows_a_function_by_each_of_its_names_and_each_request_is_a_line() {
    let (project, state) = (nested(), tempfile::tempdir().unwrap());
    let mut command = Foreground::start(samctl(project.path(), &state, &["local", "start-lambda", "--port", "0"]));
    let served = command.ready();
    let invoke = |name: &str| {
        let reply = served.ask("POST", &format!("/2015-03-31/functions/{name}/invocations"), &[], b"{}");
        (reply.status, reply.text())
    };
    for (name, expected) in [
        ("Hello", "\"shop-hello\""),
        ("shop-hello", "\"shop-hello\""),
        ("Child%2FHello", "\"child-hello\""),
        ("child-hello", "\"child-hello\""),
    ] {
        assert_eq!(invoke(name), (200, expected.to_owned()), "{name}");
    }
    assert_eq!(invoke("Inner").0, 200);
    assert_eq!(invoke("Nobody").0, 404);
    command.says("\"POST /2015-03-31/functions/shop-hello/invocations HTTP/1.1\" 200 -");
    command.says("\"POST /2015-03-31/functions/Nobody/invocations HTTP/1.1\" 404 -");
    command.signal(Signal::TERM);
    assert_eq!(command.wait().code(), Some(0), "{}", command.said());
}

#[test]
fn only_a_function_that_is_debugged_gets_the_variables_for_debugging_over_its_own() {
    let template = "Transform: AWS::Serverless-2016-10-31\nResources:\n  Hello:\n    Type: AWS::Serverless::Function\n    \
                    Properties:\n      Handler: app.handler\n      Runtime: nodejs22.x\n      CodeUri: src/\n      Timeout: 10\n      \
                    Environment: {Variables: {MODE: template}}\n";
    let code = "exports.handler = async () => [process.env.MODE, process.env.EXTRA, process.env.OWN].join();\n";
    let project = Project::of(&[("template.yaml", template), ("src/app.js", code)]);
    project.write("vars.json", r#"{"MODE": "debugged", "EXTRA": 1, "Hello": {"OWN": "own"}}"#);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let variables = ["--container-env-vars", "vars.json"];
    let (told, err) = who(project.path(), &[&variables[..], &["-d", &port]].concat());
    assert_eq!(told, "debugged,1,own", "{err}");
    let (told, err) = who(project.path(), &variables);
    assert_eq!(told, "template,,", "{err}");
    assert!(err.contains("--container-env-vars is for a function that is debugged"), "{err}");
    project.write("vars.json", "{\"MODE\": \n");
    let ran = run(project.path(), &[&["local", "invoke", "-d", &port], &variables[..]].concat());
    let err = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(!ran.status.success() && err.contains("vars.json:1:9"), "{err}");
}
