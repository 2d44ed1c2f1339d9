//! In the process sandbox.

use std::thread;

use samd_tests::daemon::{Daemon, PATIENCE, eventually};
use serde_json::{Value, json};

use super::{RECORDER, executable, project, record, recorded};

#[test]
fn an_external_extension_hears_of_each_invocation_and_of_the_end() {
    let daemon = Daemon::start();
    let project =
        project(&[("recorder", RECORDER)], &[("HEADERS", r#"{"Lambda-Extension-Accept-Feature": "accountId"}"#)], 10);
    let served = daemon.serve(&project, "ext");
    assert_eq!(served.get("/one").status, 200);
    let registered = recorded(&project, "registered", |_| true);
    assert_eq!(
        registered["text"],
        r#"{"accountId":"123456789012","functionName":"Fn","functionVersion":"$LATEST","handler":"app.handler"}"#
    );
    let heard = recorded(&project, "event", |line| line["event"]["eventType"] == "INVOKE");
    let event = &heard["event"];
    assert_eq!(event["invokedFunctionArn"], "arn:aws:lambda:us-east-1:123456789012:function:Fn");
    assert_eq!(event["tracing"]["type"], "X-Amzn-Trace-Id");
    assert!(event["tracing"]["value"].as_str().unwrap().starts_with("Root=1-"), "{event}");
    assert!(event["deadlineMs"].as_u64().unwrap() > 1_600_000_000_000, "{event}");
    assert_eq!(heard["headers"]["Lambda-Extension-Event-Identifier"].as_str().unwrap().len(), 36);
    let log = eventually("the report", || Some(daemon.logs("ext")).filter(|log| log.contains("REPORT")));
    assert!(log.contains(event["requestId"].as_str().unwrap()), "{log}");
    for line in ["EXTENSION\tName: recorder\tState: Ready\tEvents: [INVOKE, SHUTDOWN]", "the extension says hello"] {
        assert!(log.contains(line), "no {line:?} in {log}");
    }
    assert_eq!(daemon.samctl(&["stop", "ext"]).code, 0);
    let end = recorded(&project, "event", |line| line["event"]["eventType"] == "SHUTDOWN");
    assert_eq!(end["event"]["shutdownReason"], "spindown");
    recorded(&project, "leaving", |_| true);
}

#[test]
fn an_extension_has_the_customers_variables_and_not_those_that_aws_keeps_from_it() {
    let daemon = Daemon::start();
    let project = project(&[("recorder", RECORDER)], &[("MINE", "yes")], 10);
    assert_eq!(daemon.serve(&project, "env").get("/x").status, 200);
    let started = recorded(&project, "started", |_| true);
    let names: Vec<&str> = started["env"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((&started["env"]["MINE"], &started["cwd"]), (&json!("yes"), &json!("/")));
    for kept in ["AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION", "AWS_ACCESS_KEY_ID", "PATH", "TZ"]
    {
        assert!(names.contains(&kept), "no {kept} in {names:?}");
    }
    for withheld in ["LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_STREAM_NAME"] {
        assert!(!names.contains(&withheld), "{withheld}");
    }
    assert!(!names.iter().any(|name| name.starts_with('_')), "{names:?}");
}

#[test]
fn init_waits_for_every_extensions_first_next_and_a_reply_for_none() {
    let daemon = Daemon::start();
    let slow_init = project(&[("recorder", RECORDER)], &[("DOES", "slow init")], 10);
    let served = daemon.serve(&slow_init, "slow");
    thread::scope(|scope| {
        let asked = scope.spawn(|| served.get("/x").status);
        recorded(&slow_init, "registered", |_| true);
        assert!(
            !asked.is_finished() && !daemon.logs("slow").contains("START RequestId"),
            "an invocation began before INIT's end"
        );
        slow_init.write("go", "");
        assert_eq!(asked.join().unwrap(), 200);
    });

    let slow = project(&[("recorder", RECORDER)], &[("DOES", "slow")], 10);
    let served = daemon.serve(&slow, "busy");
    let first = served.get("/x");
    recorded(&slow, "event", |_| true);
    assert!(!daemon.logs("busy").contains("REPORT"), "the invocation is not over before the extension is done");
    // The sandbox is not free, so another one serves.
    let second = thread::scope(|scope| {
        let asked = scope.spawn(|| served.get("/y"));
        eventually("another sandbox", || {
            (record(&slow).iter().filter(|line| line["what"] == "started").count() == 2).then_some(())
        });
        asked.join().unwrap()
    });
    assert_ne!(first.text(), second.text());
    slow.write("go", "");
    eventually("both reports", || (daemon.logs("busy").matches("REPORT").count() == 2).then_some(()));
    assert!([first.text(), second.text()].contains(&served.get("/z").text()), "it serves again");
}

#[test]
fn an_extension_that_fails_fails_the_environment_with_its_name() {
    let daemon = Daemon::start();
    for (does, error_type, words) in [
        ("crash", "Extension.Crash", "extension recorder exited with error: exit status 3"),
        ("init error", "Extension.InitError", "extension recorder failed: Extension.NoLuck"),
    ] {
        let project = project(&[("recorder", RECORDER)], &[("DOES", does)], 10);
        let name = does.replace(' ', "-");
        assert_eq!(daemon.serve(&project, &name).get("/x").status, 502);
        let log = daemon.logs(&name);
        assert!(log.contains(error_type) && log.contains(words), "{does}: {log}");
    }
    let project = project(&[("recorder", RECORDER)], &[("DOES", "exit error")], 10);
    let served = daemon.serve(&project, "exit");
    // Whether the function or its extension is first, nobody knows; the next request finds another sandbox.
    assert!([200, 502].contains(&served.get("/x").status));
    eventually("the failure", || {
        daemon.logs("exit").contains("extension recorder failed: Extension.Enough").then_some(())
    });
    assert!([200, 502].contains(&served.get("/y").status));
    eventually("another one", || {
        (record(&project).iter().filter(|line| line["what"] == "started").count() >= 2).then_some(())
    });
}

#[test]
fn a_layers_file_that_cannot_be_started_is_named() {
    let daemon = Daemon::start();
    let project = project(&[("broken", "#!/nowhere/to/be/found\n")], &[], 10);
    assert_eq!(daemon.serve(&project, "launch").get("/x").status, 502);
    let log = daemon.logs("launch");
    assert!(log.contains("Extension.LaunchError") && log.contains("layer/extensions/broken"), "{log}");
}

#[test]
fn a_timeout_is_told_and_the_next_invocation_has_a_sandbox_of_its_own() {
    let daemon = Daemon::start();
    let project = project(&[("recorder", RECORDER)], &[], 1);
    let served = daemon.serve(&project, "late");
    let first = served.get("/x").text();
    assert_eq!(served.get("/slow").status, 502);
    let end = recorded(&project, "event", |line| line["event"]["eventType"] == "SHUTDOWN");
    assert_eq!(end["event"]["shutdownReason"], "timeout");
    let second = served.get("/x");
    assert_eq!(second.status, 200);
    assert_ne!(second.text(), first);
    let gone = end["pid"].as_u64().unwrap();
    eventually("the extension's end", || (!std::path::Path::new(&format!("/proc/{gone}")).exists()).then_some(()));
}

#[test]
fn what_is_wrong_with_a_call_is_told_in_awss_words() {
    let register = "/2020-01-01/extension/register";
    let next = "/2020-01-01/extension/event/next";
    let own = json!({"Lambda-Extension-Identifier": "ID"});
    let unknown = "00000000-0000-4000-8000-000000000000";
    let mistakes = json!([
        ["no name", "POST", register, {}, {"events": []}],
        ["twice", "POST", register, {"Lambda-Extension-Name": "recorder"}, {"events": ["INVOKE"]}],
        ["event", "POST", register, {"Lambda-Extension-Name": "in"}, {"events": ["FOO"]}],
        ["internal", "POST", register, {"Lambda-Extension-Name": "in"}, {"events": ["SHUTDOWN"]}],
        ["keys", "POST", register, {"Lambda-Extension-Name": "in"}, {"events": [], "configurationKeys": []}],
        ["no id", "GET", next, {}, null],
        ["bad id", "GET", next, {"Lambda-Extension-Identifier": "x"}, null],
        ["other id", "GET", next, {"Lambda-Extension-Identifier": unknown}, null],
        ["no type", "POST", "/2020-01-01/extension/init/error", own, {}],
        ["bad subscription", "PUT", "/2022-07-01/telemetry", own, {"types": [], "destination": {"protocol": "HTTP", "URI": "http://sandbox"}}],
    ]);
    let expected = [
        ("no name", 403, "Empty extension name", "Extension.InvalidExtensionName"),
        ("twice", 403, "Extension with this name already registered", "Extension.InvalidExtensionState"),
        ("event", 403, "FOO: ErrorInvalidEventType", "Extension.InvalidEventType"),
        ("internal", 403, "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension", "Extension.InvalidEventType"),
        ("keys", 403, "configurationKeys are deprecated; use environment variables instead", "InvalidRequestFormat"),
        ("no id", 403, "Missing Lambda-Extension-Identifier header", "Extension.MissingExtensionIdentifier"),
        ("bad id", 403, "Invalid Lambda-Extension-Identifier", "Extension.InvalidExtensionIdentifier"),
        ("other id", 403, &format!("Unknown extension {unknown}"), "Extension.UnknownExtensionIdentifier"),
        ("no type", 403, "Lambda-Extension-Function-Error-Type not found", "Extension.MissingHeader"),
        ("bad subscription", 400, "URI port is not provided; types should not be empty", "ValidationError"),
    ];
    let daemon = Daemon::start();
    let variables = [("DOES", "mistakes"), ("MISTAKES", &mistakes.to_string())];
    let project = project(&[("recorder", RECORDER)], &variables, 10);
    assert_eq!(daemon.serve(&project, "wrong").get("/x").status, 200, "{}", daemon.logs("wrong"));
    for (what, status, message, error_type) in expected {
        let told = recorded(&project, "mistake", |line| line["of"] == what);
        let body: Value = serde_json::from_str(told["text"].as_str().unwrap()).unwrap();
        assert_eq!(
            (told["status"].as_u64(), body),
            (Some(status), json!({"errorMessage": message, "errorType": error_type})),
            "{what}"
        );
    }
}

const INTERNAL: &str = "
import http.client, json, os, threading
heard, api = [], os.environ['AWS_LAMBDA_RUNTIME_API']
def call(method, path, headers, body=None):
    connection = http.client.HTTPConnection(api)
    connection.request(method, '/2020-01-01/extension/' + path, body, headers)
    response = connection.getresponse()
    return response, json.loads(response.read())
response, _ = call('POST', 'register', {'Lambda-Extension-Name': 'inside'}, '{\"events\": [\"INVOKE\"]}')
own = {'Lambda-Extension-Identifier': response.getheader('Lambda-Extension-Identifier')}
said = threading.Event()
def listen():
    while True:
        heard.append(call('GET', 'event/next', own)[1])
        said.set()
threading.Thread(target=listen, daemon=True).start()
def handler(event, context):
    said.wait(10)
    late, problem = call('POST', 'register', {'Lambda-Extension-Name': 'late'}, '{\"events\": []}')
    return {'statusCode': 200, 'body': json.dumps({'heard': heard[-1], 'id': context.aws_request_id, 'late': problem})}
";

#[test]
fn an_extension_inside_the_function_hears_of_invocations() {
    let daemon = Daemon::start();
    let project = samd_tests::daemon::Project::python(INTERNAL);
    let reply = daemon.serve(&project, "inside").get("/x").json();
    assert_eq!((&reply["heard"]["eventType"], &reply["heard"]["requestId"]), (&json!("INVOKE"), &reply["id"]));
    assert_eq!(reply["late"]["errorType"], "Extension.RegistrationClosed");
    eventually("its line", || {
        daemon.logs("inside").contains("EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]").then_some(())
    });
}

#[test]
fn extensions_in_shell_and_on_awss_crate_work_beside_each_other() {
    let daemon = Daemon::start();
    let project = project(&[("shell.sh", include_str!("shell.sh"))], &[], 10);
    let built = project.path().join("layer/extensions/built");
    std::fs::copy(samd_tests::daemon::executable("extension"), &built).unwrap();
    executable(&built);
    let served = daemon.serve(&project, "both");
    assert_eq!(served.get("/x").status, 200, "{}", daemon.logs("both"));
    let read = |name: &str| std::fs::read_to_string(project.path().join(name)).unwrap_or_default();
    eventually("the shell's", || read("record.sh").contains(r#""eventType":"INVOKE""#).then_some(()));
    eventually("the built one's", || read("record.built").contains("invoke").then_some(()));
    assert_eq!(daemon.samctl(&["stop", "both"]).code, 0);
    eventually("the shell's end", || read("record.sh").contains(r#""shutdownReason":"spindown""#).then_some(()));
    eventually("the built one's end", || read("record.built").contains("shutdown spindown").then_some(()));
}

#[test]
fn a_custom_runtime_starts_after_its_extensions_and_a_killed_daemon_leaves_none() {
    let daemon = Daemon::start();
    let project = project(&[("recorder", RECORDER)], &[], 10);
    let template = std::fs::read_to_string(project.path().join("template.yaml")).unwrap();
    project.write("template.yaml", &template.replace("Runtime: python3.11", "Runtime: provided.al2023"));
    std::fs::copy(samd_tests::daemon::executable("bootstrap"), project.path().join("src/bootstrap")).unwrap();
    assert_eq!(daemon.serve(&project, "own").get("/x").status, 200);
    let log = daemon.logs("own");
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("no {text} in {log}"));
    assert!(at("the extension says hello") < at("the custom runtime starts"), "{log}");
    let pid = recorded(&project, "started", |_| true)["pid"].as_u64().unwrap();
    let killed = daemon.killed();
    let _daemon = killed.restarted();
    let until = std::time::Instant::now() + PATIENCE;
    while std::path::Path::new(&format!("/proc/{pid}")).exists() {
        assert!(std::time::Instant::now() < until, "the extension is left");
        samd_tests::daemon::pause();
    }
}
