//! What stands in a template reaches the function that runs, through the real daemon and real interpreters.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use samd_tests::daemon::{Daemon, Project, Served, eventually};
use serde_json::{Value, json};

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("projects/ratings")
}

/// Runs a function once and gives what it returned.
fn invoke(daemon: &Daemon, project: &str, function: &str) -> Value {
    let ran = daemon.samctl(&["invoke", project, function]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("no JSON: {}", ran.out))
}

#[test]
fn the_sample_answers_on_all_its_routes() {
    let daemon = Daemon::start();
    let ran = daemon.samctl(&["start", sample().to_str().unwrap(), "--sandbox", "process"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for part in ["METHOD", "URL", "FUNCTION", "RUNTIME", "/ratings/{product}", "nodejs20.x", "provided.al2023"] {
        assert!(ran.out.contains(part), "no {part} in {}", ran.out);
    }
    let served = daemon.address("ratings");
    assert_eq!(served.get("/ratings").json(), json!({"chair": 4.3, "lamp": 4.0, "table": 2.0}));
    assert_eq!(served.get("/ratings/chair").json(), json!({"product": "chair", "rating": 4.3, "of": 5}));
    assert_eq!(served.get("/ratings/nothing").status, 404);
    assert_eq!(served.get("/reviews").json()["scale"], 5);
    let review = br#"{"product":"lamp","text":"bright"}"#;
    assert_eq!(served.ask("POST", "/reviews", &[("Content-Type", "application/json")], review).status, 201);
    assert_eq!(served.ask("POST", "/reviews", &[], b"{").status, 400);
    assert_eq!(served.get("/reviews").json()["reviews"][1]["text"], "bright");
    assert_eq!(served.get("/hello/World").text(), "Hello, World!");
}

const VALUES: &str = r#"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Zones: {Type: CommaDelimitedList, Default: "a,b,c"}
Mappings:
  Limits: {dev: {Rate: "10"}, prod: {Rate: "1000"}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
Globals:
  Function:
    Runtime: python3.11
    Handler: index.handler
    MemorySize: 192
    Environment: {Variables: {GLOBAL: everywhere, STAGE: overridden}}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties: {TableName: !Sub "orders-${Stage}"}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: |
        import os
        def handler(event, context):
            names = [name for name in os.environ if name.isupper() and not name.startswith(('AWS', 'LAMBDA', '_'))]
            return {**{name: os.environ[name] for name in names}, 'memory': context.memory_limit_in_mb}
      Environment:
        Variables:
          STAGE: !Ref Stage
          SUB: !Sub ["${Stage}-${What}-${AWS::Region}", {What: sub}]
          TABLE: !Ref Table
          TABLE_ARN: !GetAtt Table.Arn
          JOIN: !Join ["/", !Ref Zones]
          SELECT: !Select [1, !Split ["-", "x-y-z"]]
          IF: !If [IsProd, production, development]
          MAP: !FindInMap [Limits, !Ref Stage, Rate]
          BASE64: {"Fn::Base64": plain}
          NONE: !If [IsProd, here, !Ref "AWS::NoValue"]
  Extra:
    Type: AWS::Serverless::Function
    Condition: IsProd
    Properties: {InlineCode: "def handler(event, context): return 'extra'"}
"#;

#[test]
fn parameters_conditions_and_globals_reach_the_function() {
    let daemon = Daemon::start();
    let project = Project::of(&[("template.yaml", VALUES)]);
    let _served = daemon.serve(&project, "values");
    let dev = invoke(&daemon, "values", "Fn");
    let expected = [
        ("GLOBAL", "everywhere"),
        ("STAGE", "dev"),
        ("SUB", "dev-sub-us-east-1"),
        ("TABLE", "orders-dev"),
        ("TABLE_ARN", "arn:aws:dynamodb:us-east-1:123456789012:table/orders-dev"),
        ("JOIN", "a/b/c"),
        ("SELECT", "y"),
        ("IF", "development"),
        ("MAP", "10"),
        ("BASE64", "cGxhaW4="),
    ];
    for (name, value) in expected {
        assert_eq!(dev[name], value, "{name} in {dev}");
    }
    assert_eq!((dev.get("NONE"), &dev["memory"]), (None, &json!("192")));
    assert_ne!(daemon.samctl(&["invoke", "values", "Extra"]).code, 0, "its condition does not hold");

    let ran = daemon.samctl(&["set", "values", "--parameter-overrides", "Stage=prod", "Zones=x,y"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let prod = invoke(&daemon, "values", "Fn");
    let now = ["STAGE", "JOIN", "IF", "MAP", "NONE"].map(|name| prod[name].as_str().unwrap().to_owned());
    assert_eq!(now, ["prod", "x/y", "production", "1000", "here"]);
    assert_eq!(invoke(&daemon, "values", "Extra"), "extra");
}

#[test]
fn a_template_in_json_is_served() {
    let template = json!({
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"Fn": {"Type": "AWS::Serverless::Function", "Properties": {
            "CodeUri": "src", "Handler": "app.handler", "Runtime": "python3.11",
            "Environment": {"Variables": {"NAME": {"Fn::Sub": "${AWS::StackName}-json"}}},
            "Events": {"Get": {"Type": "HttpApi", "Properties": {"Path": "/", "Method": "GET"}}}}}}
    });
    let daemon = Daemon::start();
    let project = Project::of(&[
        ("template.json", &template.to_string()),
        ("src/app.py", "import os\ndef handler(event, context): return os.environ['NAME']\n"),
    ]);
    assert_eq!(daemon.serve(&project, "json").get("/").text(), "json-json");
}

const LAYERED: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Lower: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: lower/}}
  Upper: {Type: AWS::Lambda::LayerVersion, Properties: {Content: upper/}}
  Python:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src/, Handler: app.handler, Runtime: python3.11, Layers: [!Ref Lower, !Ref Upper]}
  Node:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src/, Handler: index.handler, Runtime: nodejs20.x, Layers: [!Ref Lower, !Ref Upper]}
";

#[test]
fn a_later_layer_lies_over_an_earlier_one_and_both_are_found() {
    let tool = |text: &str| format!("#!/bin/sh\necho {text}\n");
    let daemon = Daemon::start();
    let project = Project::of(&[
        ("template.yaml", LAYERED),
        ("lower/python/both.py", "NAME = 'lower'\n"),
        ("lower/python/low.py", "NAME = 'low'\n"),
        ("lower/nodejs/node_modules/both/index.js", "module.exports = 'lower'\n"),
        ("lower/nodejs/node_modules/low/index.js", "module.exports = 'low'\n"),
        ("lower/bin/both", &tool("lower")),
        ("lower/bin/low", &tool("low")),
        ("lower/lib/marker", ""),
        ("upper/python/lib/python3.11/site-packages/site_wide.py", "NAME = 'site'\n"),
        ("upper/python/both.py", "NAME = 'upper'\n"),
        ("upper/nodejs/node_modules/both/index.js", "module.exports = 'upper'\n"),
        ("upper/bin/both", &tool("upper")),
        (
            "src/app.py",
            "import both, low, site_wide, os, subprocess\ndef run(name): return subprocess.check_output([name], text=True).strip()\ndef handler(event, context):\n    return [both.NAME, low.NAME, site_wide.NAME, run('both'), run('low'), os.environ['LD_LIBRARY_PATH']]\n",
        ),
        ("src/index.js", "exports.handler = async () => [require('both'), require('low')]\n"),
    ]);
    for file in ["lower/bin/both", "lower/bin/low", "upper/bin/both"] {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(project.path().join(file), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let _served = daemon.serve(&project, "layers");
    let python = invoke(&daemon, "layers", "Python");
    assert_eq!(python.as_array().unwrap()[..5], ["upper", "low", "site", "upper", "low"].map(Value::from));
    let folder = project.path().canonicalize().unwrap().join("lower/lib");
    assert!(python[5].as_str().unwrap().contains(folder.to_str().unwrap()), "{python}");
    assert_eq!(invoke(&daemon, "layers", "Node"), json!(["upper", "low"]));
}

const ARCHIVED: &str = "
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, Handler: app.handler}}
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: code.zip, Events: {Get: {Type: HttpApi, Properties: {Path: /, Method: get}}}}
";

fn archive(project: &Project, text: &str) {
    project.write("app.py", text);
    let mut zip = Command::new("python3");
    zip.args(["-m", "zipfile", "-c", "code.new", "app.py"]).current_dir(project.path());
    assert!(zip.status().unwrap().success());
    std::fs::rename(project.path().join("code.new"), project.path().join("code.zip")).unwrap();
}

#[test]
fn code_in_an_archive_runs_and_a_new_archive_takes_its_place() {
    let daemon = Daemon::start();
    let project = Project::of(&[("template.yaml", ARCHIVED)]);
    archive(&project, "def handler(event, context): return 'first'\n");
    let served = daemon.serve(&project, "zip");
    assert_eq!(served.get("/").text(), "first");
    archive(&project, "def handler(event, context): return 'second'\n");
    eventually("the new archive", || (served.get("/").text() == "second").then_some(()));
}

const NODE: &str = "
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: nodejs20.x, CodeUri: src/}}
Resources:
  Common: {Type: AWS::Serverless::Function, Properties: {Handler: common.handler}}
  Module: {Type: AWS::Serverless::Function, Properties: {Handler: lib/module.handler}}
  Typed: {Type: AWS::Serverless::Function, Properties: {Handler: typed/index.handler}}
  Callback: {Type: AWS::Serverless::Function, Properties: {Handler: common.callback}}
  Stream: {Type: AWS::Serverless::Function, Properties: {Handler: common.stream}}
  Inline: {Type: AWS::Serverless::Function, Properties: {Handler: index.handler, InlineCode: \"exports.handler = async () => 'inline'\"}}
";

#[test]
fn node_functions_of_both_module_systems_and_all_styles_answer() {
    let daemon = Daemon::start();
    let project = Project::of(&[
        ("template.yaml", NODE),
        (
            "src/common.js",
            "exports.handler = async () => 'common'\nexports.callback = (event, context, done) => setTimeout(() => done(null, 'callback'), 1)\nexports.stream = awslambda.streamifyResponse(async (event, out) => { out.write('\"str'); out.write('eam\"'); out.end() })\n",
        ),
        (
            "src/lib/module.mjs",
            "const late = await Promise.resolve('module')\nexport const handler = async () => late\n",
        ),
        ("src/typed/package.json", "{\"type\": \"module\"}"),
        (
            "src/typed/index.js",
            "import path from 'node:path'\nexport const handler = async () => path.basename('/x/typed')\n",
        ),
    ]);
    let _served = daemon.serve(&project, "node");
    for function in ["Common", "Module", "Typed", "Callback", "Stream", "Inline"] {
        assert_eq!(invoke(&daemon, "node", function), function.to_lowercase());
    }
}

fn pid(served: Served) -> u64 {
    served.get("/x").json()["pid"].as_u64().unwrap()
}

const PID: &str = "
import json, os
def handler(event, context):
    return {'statusCode': 200, 'body': json.dumps({'pid': os.getpid(), 'name': os.environ['AWS_LAMBDA_LOG_GROUP_NAME']})}
";

fn sandboxes(daemon: &Daemon, project: &str, state: &str) -> Vec<u64> {
    let status = daemon.status(project);
    let all = status["running"]["functions"][0]["sandboxes"].as_array().unwrap().clone();
    all.iter().filter(|sandbox| sandbox["state"] == state).map(|sandbox| sandbox["pid"].as_u64().unwrap()).collect()
}

#[test]
fn two_projects_are_served_side_by_side_and_one_stops_alone() {
    let daemon = Daemon::start();
    let (one, two) = (Project::python(PID), Project::python(PID));
    let (first, second) = (daemon.serve(&one, "one"), daemon.serve(&two, "two"));
    assert_ne!(first.address, second.address);
    let kept = pid(second);
    assert_ne!(pid(first), kept);
    assert_eq!(daemon.samctl(&["stop", "one"]).code, 0);
    assert!(std::net::TcpStream::connect(first.address).is_err());
    assert_eq!(pid(second), kept);
}

#[test]
fn eager_functions_are_initialised_before_the_first_request() {
    let daemon = Daemon::start();
    let project = Project::python(PID);
    let served = daemon.serve_with(&project, "eager", &["--warm", "eager"]);
    let warm = sandboxes(&daemon, "eager", "idle");
    assert_eq!(warm.len(), 1, "start returns when INIT is done");
    assert_eq!(pid(served), warm[0]);
    assert_eq!(daemon.logs("eager").matches("INIT_START").count(), 1);
}

#[test]
fn a_slow_init_keeps_no_other_command_waiting() {
    let daemon = Daemon::start();
    let project = Project::python(
        "import os, time\nwhile not os.path.exists('../go'): time.sleep(0.005)\ndef handler(event, context): return 'ready'\n",
    );
    let path = project.path().to_str().unwrap();
    let start = ["start", path, "--name", "slow", "--sandbox", "process", "--warm", "eager"];
    std::thread::scope(|scope| {
        let started = scope.spawn(|| daemon.samctl(&start));
        eventually("the start of INIT", || daemon.logs("slow").contains("INIT_START").then_some(()));
        assert!(daemon.samctl(&["list"]).out.contains("running"));
        assert_eq!(daemon.status("slow")["running"]["functions"][0]["sandboxes"][0]["state"], "starting");
        assert!(!started.is_finished());
        project.write("go", "");
        assert_eq!(started.join().unwrap().code, 0);
    });
    assert_eq!(sandboxes(&daemon, "slow", "idle").len(), 1);
}

#[test]
fn set_to_eager_initialises_what_has_not_been_used() {
    let daemon = Daemon::start();
    let project = Project::python(PID);
    let served = daemon.serve(&project, "later");
    assert!(sandboxes(&daemon, "later", "idle").is_empty());
    assert_eq!(daemon.samctl(&["set", "later", "--warm", "eager"]).code, 0);
    let warm = sandboxes(&daemon, "later", "idle");
    assert_eq!(warm, [pid(served)]);
}

#[test]
fn an_unused_sandbox_expires_and_the_next_request_gets_another() {
    let daemon = Daemon::start();
    let project = Project::python(PID);
    let served = daemon.serve_with(&project, "idle", &["--idle-expiry", "100ms"]);
    let first = pid(served);
    let gone = || (!Path::new(&format!("/proc/{first}")).exists()).then_some(());
    eventually("the end of the idle sandbox", gone);
    assert_ne!(pid(served), first);
}

#[test]
fn another_idle_expiry_holds_for_the_sandboxes_that_are_there() {
    let daemon = Daemon::start();
    let project = Project::python(PID);
    let served = daemon.serve(&project, "expiry");
    let first = pid(served);
    assert_eq!(daemon.samctl(&["set", "expiry", "--idle-expiry", "100ms"]).code, 0);
    eventually("the end of the idle sandbox", || (!Path::new(&format!("/proc/{first}")).exists()).then_some(()));
}

#[test]
fn another_concurrency_holds_without_a_restart() {
    let daemon = Daemon::start();
    let project = Project::python(
        "import json, os, time\ndef handler(event, context):\n    time.sleep(0.2)\n    return {'statusCode': 200, 'body': json.dumps({'pid': os.getpid()})}\n",
    );
    let served = daemon.serve(&project, "fewer");
    let first = pid(served);
    assert_eq!(daemon.samctl(&["set", "fewer", "--max-concurrency", "1"]).code, 0);
    let pids = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..3).map(|_| scope.spawn(|| pid(served))).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(pids, [first, first, first], "one after the other in the one sandbox there may be");
}

#[test]
fn each_option_of_start_is_set_while_the_project_runs() {
    let daemon = Daemon::start();
    let code = "import json, os\ndef handler(event, context): return {'statusCode': 200, 'body': json.dumps([os.environ['AWS_REGION'], os.environ.get('ASKED')])}\n";
    let declared = samd_tests::daemon::PYTHON
        .replace("Timeout: 10", "Timeout: 10\n      Environment: {Variables: {ASKED: template}}");
    let project = Project::of(&[
        ("template.yaml", &declared),
        ("other.yaml", &declared.replace("{proxy+}", "other/{proxy+}")),
        ("env.json", r#"{"Parameters": {"ASKED": "file"}}"#),
        ("src/app.py", code),
    ]);
    let served = daemon.serve(&project, "all");
    let set = |arguments: &[&str]| {
        let ran = daemon.samctl(&[&["set", "all"], arguments].concat());
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.err);
        daemon.address("all")
    };
    assert_eq!(served.get("/x").json(), json!(["us-east-1", "template"]));
    assert_eq!(set(&["--region", "eu-west-1"]).get("/x").json(), json!(["eu-west-1", "template"]));
    let file = project.path().join("env.json");
    assert_eq!(set(&["--env-vars", file.to_str().unwrap()]).get("/x").json(), json!(["eu-west-1", "file"]));
    let other = project.path().join("other.yaml");
    let served = set(&["--template", other.to_str().unwrap()]);
    assert_eq!((served.get("/other/x").status, served.get("/x").status), (200, 403));
    let moved = set(&["--host", "127.0.0.2"]);
    assert_eq!(moved.address.ip().to_string(), "127.0.0.2");
    assert_eq!(moved.get("/other/x").status, 200);
    assert!(std::net::TcpStream::connect(served.address).is_err(), "the old address is closed");
    let everywhere = set(&["--host", "0.0.0.0"]);
    assert_eq!(everywhere.address.port(), moved.address.port(), "an address more is no reason for another port");
    assert_eq!((served.get("/other/x").status, moved.get("/other/x").status), (200, 200), "all addresses are served");
    assert_eq!(set(&["--host", "127.0.0.2"]).address, moved.address);
    assert!(std::net::TcpStream::connect(served.address).is_err(), "and closed again");
    let free = std::net::TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap().port();
    let moved = set(&["--port", &free.to_string()]);
    assert_eq!((moved.address.port(), moved.get("/other/x").status), (free, 200));

    let daemon = daemon.killed_and_restarted();
    let back = || std::net::TcpStream::connect_timeout(&moved.address, Duration::from_secs(1)).ok();
    eventually("the project", back);
    assert_eq!(moved.get("/other/x").json(), json!(["eu-west-1", "file"]), "{}", daemon.log());

    let set = |arguments: &[&str]| daemon.samctl(&[&["set", "all"], arguments].concat());
    assert_eq!(set(&["--unset", "env-vars,template", "--region", "eu-north-1"]).code, 0);
    assert_eq!(daemon.address("all").get("/x").json(), json!(["eu-north-1", "template"]), "{}", daemon.log());
    assert_eq!(set(&["--unset", "region", "--unset", "host"]).code, 0);
    let served = daemon.address("all");
    assert_eq!(served.address.ip().to_string(), "127.0.0.1");
    assert_eq!(served.get("/x").json(), json!(["us-east-1", "template"]));
    let refused = set(&["--unset", "colour"]);
    assert!(refused.code == 2 && refused.err.contains("env-vars"), "{}", refused.err);
}

#[test]
fn the_daemons_log_is_json_where_asked_for() {
    let daemon = Daemon::with(&[("SAMD_LOG_FORMAT", "json"), ("SAMD_LOG", "samd=debug")]);
    let project = Project::python("def handler(event, context):\n    return {}\n");
    assert_eq!(daemon.serve(&project, "logged").get("/x").status, 200);
    let log = daemon.log();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    assert!(lines.iter().any(|line| line["level"] == "INFO" && line["timestamp"].is_string()), "{log}");
    assert!(lines.iter().any(|line| line.to_string().contains("logged")), "{log}");
}

#[test]
fn a_last_line_without_an_end_is_the_invocations_own() {
    let daemon = Daemon::start();
    let code =
        "import sys\ndef handler(event, context):\n    sys.stdout.write('no end ' + event['number'])\n    return 1\n";
    let project = Project::python(code);
    let _served = daemon.serve(&project, "endless");
    let function = daemon.status("endless")["running"]["functions"][0]["name"].as_str().unwrap_or("Fn").to_owned();
    for number in ["one", "two"] {
        let event = project.path().join("event.json");
        std::fs::write(&event, format!(r#"{{"number": "{number}"}}"#)).unwrap();
        let ran = daemon.samctl(&["invoke", "endless", &function, "--event", event.to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    let log = daemon.logs("endless");
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("no {text} in {log}"));
    let second = at("END") + log[at("END")..].find("START").expect("two invocations");
    assert!(at("no end one") < second && second < at("no end two"), "{log}");
    assert!(log.lines().any(|line| line.ends_with("no end one")), "{log}");
}

#[test]
fn the_log_of_a_function_that_there_is_not_is_refused_with_those_that_there_are() {
    let daemon = Daemon::start();
    let project = Project::python("def handler(event, context):\n    return 1\n");
    let _served = daemon.serve(&project, "known");
    let ran = daemon.samctl(&["logs", "known", "Nope"]);
    assert!(ran.code != 0 && ran.err.contains("has no function Nope; it has:"), "{} {}", ran.code, ran.err);
}
