//! Functions in the process sandbox, through the real daemon and the real interpreters.

use std::thread;

use rustix::process::Signal;
use samd_tests::daemon::{Daemon, Project, eventually};
use serde_json::json;

fn alive(pid: u64) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
        && !std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default().contains(") Z ")
}

const ENVIRONMENT: &str = "
import os, json
def handler(event, context):
    return {'statusCode': 200, 'body': json.dumps({'env': dict(os.environ), 'cwd': os.getcwd(), 'pid': os.getpid(), 'pgid': os.getpgid(0)})}
";

#[test]
fn a_function_finds_awss_environment_and_nothing_of_the_daemons() {
    let daemon = Daemon::with(&[("DAEMON_SECRET", "s3cret"), ("PYTHONSTARTUP", "/nonsense")]);
    let project = Project::python(ENVIRONMENT);
    let reply = daemon.serve(&project, "env").get("/x").json();
    let env = reply["env"].as_object().unwrap();
    let mut names: Vec<&str> = env.keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut expected = vec![
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL_LAMBDA",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SAM_LOCAL",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "LANG",
        "LC_CTYPE",
        "LD_LIBRARY_PATH",
        "PATH",
        "PYTHONPATH",
        "TZ",
        "_AWS_XRAY_DAEMON_ADDRESS",
        "_AWS_XRAY_DAEMON_PORT",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(env["AWS_EXECUTION_ENV"], "AWS_Lambda_python3.11");
    assert_eq!(env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "256");
    assert_eq!(env["_HANDLER"], "app.handler");
    let endpoint = samd_tests::lambda_client::endpoint(&daemon).address;
    assert_eq!(env["AWS_ENDPOINT_URL_LAMBDA"], format!("http://{endpoint}/env"));
    assert_eq!(reply["cwd"], env["LAMBDA_TASK_ROOT"]);
    assert_eq!(reply["pid"], reply["pgid"], "a sandbox is a process group of its own");
}

#[test]
fn output_stands_between_start_and_report_in_order() {
    let daemon = Daemon::start();
    let project = Project::python(
        "import sys\nprint('loading')\ndef handler(event, context):\n    print('one'); print('two', file=sys.stderr); print('thr', end=''); print('ee')\n    return {'statusCode': 200}\n",
    );
    assert_eq!(daemon.serve(&project, "log").get("/x").status, 200);
    let log = eventually("the report", || Some(daemon.logs("log")).filter(|log| log.contains("REPORT")));
    let places: Vec<usize> =
        ["INIT_START", "loading", "START RequestId", "one", "two", "three", "END RequestId", "REPORT"]
            .iter()
            .map(|part| log.find(part).unwrap_or_else(|| panic!("no {part} in {log}")))
            .collect();
    assert!(places.is_sorted(), "{log}");
    let report = log.lines().find(|line| line.contains("REPORT")).unwrap();
    for part in ["Duration: ", "Billed Duration: ", "Memory Size: 256 MB", "Max Memory Used: ", "Init Duration: "] {
        assert!(report.contains(part), "{report}");
    }
    assert!(!report.contains("Max Memory Used: 0 MB"), "memory is really measured: {report}");
}

const TIMEOUT: &str = "
import os, time
def handler(event, context):
    if 'slow' in event['path']:
        while True: time.sleep(60)
    return {'statusCode': 200, 'body': str(os.getpid())}
";

#[test]
fn a_sandbox_that_timed_out_is_replaced_and_never_reused() {
    let daemon = Daemon::start();
    let project = Project::python(TIMEOUT);
    project.write("template.yaml", &samd_tests::daemon::PYTHON.replace("Timeout: 10", "Timeout: 1"));
    let served = daemon.serve(&project, "slow");
    let first: u64 = served.get("/x").text().parse().unwrap();
    let reply = served.get("/slow");
    assert_eq!((reply.status, reply.text().as_str()), (502, r#"{"message": "Internal server error"}"#));
    let second: u64 = served.get("/x").text().parse().unwrap();
    assert_ne!(first, second);
    eventually("the end of the one that timed out", || (!alive(first)).then_some(()));
    let log = daemon.logs("slow");
    assert!(log.contains("Task timed out after 1.00 seconds"), "{log}");
    assert!(log.contains("Status: timeout"), "{log}");
}

#[test]
fn memory_over_the_limit_ends_the_sandbox_and_only_it() {
    let daemon = Daemon::start();
    let project = Project::python(
        "import time\ndef handler(event, context):\n    if 'big' in event['path']:\n        b = bytearray(400 * 1024 * 1024)\n        for i in range(0, len(b), 4096): b[i] = 1\n        time.sleep(9)\n    return {'statusCode': 200, 'body': 'fine'}\n",
    );
    let served = daemon.serve(&project, "memory");
    assert_eq!(served.get("/big").status, 502);
    assert_eq!(served.get("/x").text(), "fine");
    let log = daemon.logs("memory");
    assert!(log.contains("Error Type: Runtime.OutOfMemory"), "{log}");
}

#[test]
fn without_a_memory_limit_a_function_takes_what_it_needs() {
    let daemon = Daemon::start();
    let project = Project::python(
        "import time\nheld = []\ndef handler(event, context):\n    b = bytearray(400 * 1024 * 1024)\n    for i in range(0, len(b), 4096): b[i] = 1\n    time.sleep(.4)\n    return {'statusCode': 200, 'body': context.memory_limit_in_mb}\n",
    );
    let served = daemon.serve_with(&project, "unlimited", &["--no-memory-limit"]);
    let reply = served.get("/x");
    assert_eq!((reply.status, reply.text().as_str()), (200, "256"), "{}", daemon.logs("unlimited"));
    assert_eq!(daemon.status("unlimited")["settings"]["memory_limit"], false);
    assert_eq!(daemon.samctl(&["set", "unlimited", "--memory-limit"]).code, 0);
    assert_eq!(served.get("/x").status, 502);
}

#[test]
fn a_crash_is_answered_and_the_next_request_is_served() {
    let daemon = Daemon::start();
    let project = Project::python(
        "import os, signal, sys\ndef handler(event, context):\n    if 'segv' in event['path']: os.kill(os.getpid(), signal.SIGSEGV)\n    if 'exit' in event['path']: sys.exit(3)\n    return {'statusCode': 200, 'body': 'fine'}\n",
    );
    let served = daemon.serve(&project, "crash");
    for path in ["/segv", "/x", "/exit", "/x"] {
        let reply = served.get(path);
        assert_eq!(reply.status, if path == "/x" { 200 } else { 502 }, "{path}: {}", reply.text());
    }
    let log = daemon.logs("crash");
    assert!(log.contains("signal: segmentation fault") || log.contains("Runtime.ExitError"), "{log}");
}

const STUBBORN: &str = "
import os, signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(['sleep', '1000'])
def handler(event, context):
    return {'statusCode': 200, 'body': '%d %d' % (os.getpid(), child.pid)}
";

#[test]
fn stopping_ends_a_function_that_ignores_sigterm_and_what_it_forked() {
    let daemon = Daemon::start();
    let project = Project::python(STUBBORN);
    let text = daemon.serve(&project, "stubborn").get("/x").text();
    let pids: Vec<u64> = text.split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.iter().all(|pid| alive(*pid)));
    assert_eq!(daemon.samctl(&["stop", "stubborn"]).code, 0);
    eventually("the end of both", || pids.iter().all(|pid| !alive(*pid)).then_some(()));
}

#[test]
fn sigterm_ends_the_daemon_and_every_sandbox() {
    let mut daemon = Daemon::start();
    let project = Project::python(STUBBORN);
    let text = daemon.serve(&project, "end").get("/x").text();
    let pids: Vec<u64> = text.split(' ').map(|pid| pid.parse().unwrap()).collect();
    daemon.signal(Signal::TERM);
    assert!(daemon.wait().success(), "{}", daemon.log());
    eventually("the end of both", || pids.iter().all(|pid| !alive(*pid)).then_some(()));
}

#[test]
fn a_function_that_prints_megabytes_is_served_and_its_log_stays_bounded() {
    let daemon = Daemon::start();
    let project = Project::python(
        "import sys\ndef handler(event, context):\n    for i in range(40000): print('x' * 100)\n    sys.stdout.write('y' * 3000000)\n    return {'statusCode': 200, 'body': 'done'}\n",
    );
    let served = daemon.serve(&project, "chatty");
    assert_eq!(served.get("/x").text(), "done");
    assert_eq!(served.get("/x").text(), "done");
    assert!(daemon.logs("chatty").lines().count() <= 10_000);
}

#[test]
fn as_many_sandboxes_as_concurrent_requests_and_reserved_concurrency_throttles() {
    let daemon = Daemon::start();
    let project = Project::python(
        // Each waits until all four are there, so that none can serve twice.
        "import glob, os, time\ndef handler(event, context):\n    open(f'../at-{os.getpid()}', 'w').close()\n    while len(glob.glob('../at-*')) < 4: time.sleep(0.005)\n    return {'statusCode': 200, 'body': str(os.getpid())}\n",
    );
    let served = daemon.serve(&project, "many");
    let pids = thread::scope(|scope| {
        let asked: Vec<_> = (0..4).map(|_| scope.spawn(|| served.get("/x").text())).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect::<std::collections::BTreeSet<_>>()
    });
    assert_eq!(pids.len(), 4, "{pids:?}");

    project.write(
        "template.yaml",
        &samd_tests::daemon::PYTHON.replace("Timeout: 10", "Timeout: 10\n      ReservedConcurrentExecutions: 0"),
    );
    let ran = daemon.samctl(&["reload", "many"]);
    assert!(ran.code == 1 && ran.err.contains("reserves no concurrency"), "{}{}", ran.out, ran.err);
    let refused = eventually("the throttle", || Some(served.get("/x")).filter(|reply| reply.status != 200));
    assert!(matches!(refused.status, 429 | 500 | 502), "{refused:?}");
}

#[test]
fn a_client_that_hangs_up_does_not_cancel_the_invocation() {
    use std::io::Write;
    let daemon = Daemon::start();
    let project = Project::python("");
    let mark = project.path().join("mark");
    project.write(
        "src/app.py",
        &format!("import time\ndef handler(event, context):\n    time.sleep(0.3)\n    open({:?}, 'a').write('x')\n    return {{'statusCode': 200}}\n", mark.to_str().unwrap()),
    );
    let served = daemon.serve(&project, "hangup");
    let mut stream = served.connect();
    stream.write_all(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    drop(stream);
    eventually("the mark of the invocation", || mark.exists().then_some(()));
}

#[test]
fn an_init_failure_is_told_to_the_one_who_waits_and_stands_in_the_log() {
    let daemon = Daemon::start();
    let project = Project::python("import nowhere_to_be_found\n");
    let served = daemon.serve(&project, "broken");
    assert_eq!(served.get("/x").status, 502);
    let log = daemon.logs("broken");
    assert!(log.contains("Runtime.ImportModuleError") && log.contains("nowhere_to_be_found"), "{log}");
    let ran = daemon.samctl(&["invoke", "broken", "Fn", "--output", "json"]);
    assert!(ran.out.contains("ImportModuleError"), "{}{}", ran.out, ran.err);
}

#[test]
fn a_custom_runtime_runs_its_bootstrap() {
    let daemon = Daemon::start();
    let project = Project::of(&[(
        "template.yaml",
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Fn:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: src/, Handler: some.thing, Runtime: provided.al2023, Events: {Any: {Type: HttpApi, Properties: {Path: /x, Method: get}}}}\n",
    )]);
    project.write("src/readme", "no bootstrap yet");
    let served = daemon.serve(&project, "custom");
    assert_eq!(served.get("/x").status, 500);
    assert!(daemon.logs("custom").contains("Couldn't find valid bootstrap(s)"), "{}", daemon.logs("custom"));
    let bootstrap = samd_tests::daemon::executable("bootstrap");
    std::fs::copy(bootstrap, project.path().join("src/bootstrap")).unwrap();
    let reply = eventually("the bootstrap", || Some(served.get("/x")).filter(|reply| reply.status == 200));
    assert_eq!(reply.json()["calls"], json!(1));
}

/// Hides every Node.js from the daemon: files that an interpreter could be are covered.
const WITHOUT_NODE: &str = r#"
for node in $(which -a node nodejs 2>/dev/null) /opt/*/bin/node /usr/local/bin/node; do
    if [ -f "$node" ]; then mount --bind /dev/null "$(readlink -f "$node")" || exit 1; fi
done
export HOME=/nonexistent"#;

#[test]
fn without_an_interpreter_a_function_says_so_and_everything_else_is_served() {
    let Some(daemon) = Daemon::within(WITHOUT_NODE) else {
        eprintln!("SKIPPED: this system lets no user make a mount namespace (unshare --user --mount)");
        return;
    };
    let project = Project::of(&[
        (
            "template.yaml",
            "
Transform: AWS::Serverless-2016-10-31
Resources:
  Python:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.11, Handler: app.handler, CodeUri: ., Events: {E: {Type: Api, Properties: {Path: /python, Method: get}}}}
  Node:
    Type: AWS::Serverless::Function
    Properties: {Runtime: nodejs20.x, Handler: app.handler, CodeUri: ., Events: {E: {Type: Api, Properties: {Path: /node, Method: get}}}}
",
        ),
        ("app.py", "def handler(event, context):\n    return {'statusCode': 200, 'body': 'served'}\n"),
        ("app.js", "exports.handler = async () => ({ statusCode: 200 });\n"),
    ]);
    let served = daemon.serve(&project, "half");
    assert_eq!(served.get("/python").text(), "served");
    let reply = served.get("/node");
    assert_eq!(reply.status, 501);
    assert!(reply.text().contains("no interpreter for nodejs20.x"), "{}", reply.text());
    let status = daemon.status_text("half");
    assert!(status.contains("Node.js"), "{status}");
    assert_eq!(served.get("/python").status, 200, "and goes on being served");
}
