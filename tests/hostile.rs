//! Functions that misbehave: what they leave behind, what they say to the Runtime API, how much they ask for.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use samd_tests::daemon::{Daemon, Project, eventually};
use serde_json::{Value, json};

fn alive(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    Path::new(&format!("/proc/{pid}")).exists() && !stat.contains(") Z ")
}

/// A child that forks twice and makes a session of its own: neither a descendant nor of the sandbox's group.
const STRAY: &str = "
import os
def stray():
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(write, str(os.getpid()).encode())
            os.close(1); os.close(2)
            os.execvp('sleep', ['sleep', '1000'])
        os._exit(0)
    os.wait()
    return os.read(read, 20).decode()
PID = stray()
def handler(event, context):
    if 'exit' in event['path']: os._exit(1)
    return {'statusCode': 200, 'body': PID}
";

fn stray() -> (Daemon, Project, u64) {
    let daemon = Daemon::start();
    let project = Project::python(STRAY);
    let pid = daemon.serve(&project, "stray").get("/x").text().parse().unwrap();
    assert!(alive(pid));
    (daemon, project, pid)
}

#[test]
fn stopping_ends_what_made_a_session_of_its_own() {
    let (daemon, _project, pid) = stray();
    assert_eq!(daemon.samctl(&["stop", "stray"]).code, 0);
    eventually("the stray's end", || (!alive(pid)).then_some(()));
}

#[test]
fn a_crash_ends_what_the_function_left_behind() {
    let (daemon, _project, pid) = stray();
    assert_eq!(daemon.address("stray").get("/exit").status, 502);
    eventually("the stray's end", || (!alive(pid)).then_some(()));
}

#[test]
fn the_daemons_end_is_the_strays_end_and_so_is_the_start_after_a_kill() {
    let (mut daemon, _project, pid) = stray();
    daemon.signal(Signal::TERM);
    assert!(daemon.wait().success(), "{}", daemon.log());
    eventually("the end of what it left", || (!alive(pid)).then_some(()));
    let (daemon, _project, pid) = stray();
    let _daemon = daemon.killed_and_restarted();
    eventually("the end of what the killed one left", || (!alive(pid)).then_some(()));
}

/// 128 processes, of which only the first one answers, once it may.
const STORM: &str = "
import os, time
def handler(event, context):
    if 'storm' not in event['path']: return {'statusCode': 200, 'body': str(os.getpid())}
    first = os.getpid()
    for _ in range(7): os.fork()
    if os.getpid() != first: time.sleep(60)
    while not os.path.exists('../go'): time.sleep(0.005)
    os._exit(1)
";

#[test]
fn a_storm_of_forks_ends_with_its_sandbox_and_neighbours_are_served() {
    let daemon = Daemon::start();
    let project = Project::python(STORM);
    let neighbour = Project::python("def handler(event, context): return {'statusCode': 200, 'body': 'fine'}\n");
    let (storm, fine) = (daemon.serve(&project, "storm"), daemon.serve(&neighbour, "neighbour"));
    assert_eq!(fine.get("/x").text(), "fine");
    let task_root = project.path().canonicalize().unwrap().join("src");
    thread::scope(|scope| {
        let asked = scope.spawn(|| storm.get("/storm"));
        eventually("the storm", || (in_folder(&task_root) >= 128).then_some(()));
        assert_eq!(fine.get("/x").text(), "fine");
        project.write("go", "");
        assert_eq!(asked.join().unwrap().status, 502);
    });
    eventually("the calm", || (in_folder(&task_root) <= 1).then_some(()));
    assert!(!daemon.logs("storm").contains("OutOfMemory"), "pages that processes share count once");
    assert_eq!((fine.get("/x").text().as_str(), storm.get("/x").status), ("fine", 200));
}

/// Processes whose working folder is this one.
fn in_folder(folder: &Path) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let folders = processes.filter_map(|process| std::fs::read_link(process.path().join("cwd")).ok());
    folders.filter(|found| found == folder).count()
}

/// A runtime of its own that, asked for anything, first misuses the Runtime API, then answers with what it was told.
const RUDE: &str = r#"
import http.client, json, os
host = os.environ['AWS_LAMBDA_RUNTIME_API']
base = '/2018-06-01/runtime/'
def call(method, path, body=None, headers={}):
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request(method, base + path, body, headers)
    reply = connection.getresponse()
    return reply.status, reply.read().decode(errors='replace'), reply.getheader('Lambda-Runtime-Aws-Request-Id')
def tried(*arguments):
    try: return call(*arguments)[0]
    except Exception as error: return type(error).__name__
early = tried('POST', 'invocation/none/response', '{}')
while True:
    status, event, request = call('GET', 'invocation/next')
    path = json.loads(event)['path']
    told = {'early': early}
    if path == '/ids':
        told['unknown'] = tried('POST', 'invocation/00000000-0000-0000-0000-000000000000/response', '{}')
        told['garbage'] = tried('POST', 'invocation/%00%2f..%2f/response', '{}')
        told['unknown error'] = tried('POST', 'invocation/none/error', '{}')
        told['next'] = tried('GET', 'invocation/next')
        told['init'] = tried('POST', 'init/error', '{}')
        told['method'] = tried('DELETE', 'invocation/' + request + '/response')
        told['path'] = tried('GET', '../../etc/passwd')
    if path == '/large':
        print('large', tried('POST', f'invocation/{request}/response', b'"' + b'x' * 7_000_000 + b'"'))
        continue
    if path == '/twice':
        call('POST', f'invocation/{request}/response', json.dumps({'statusCode': 200, 'body': 'first'}))
        print('second', tried('POST', f'invocation/{request}/response', json.dumps({'statusCode': 200, 'body': 'second'})))
        continue
    call('POST', f'invocation/{request}/response', json.dumps({'statusCode': 200, 'body': json.dumps(told)}))
"#;

#[test]
fn misuse_of_the_runtime_api_is_refused_call_by_call_and_the_invocation_goes_on() {
    let daemon = Daemon::start();
    let project = Project::python(RUDE);
    let served = daemon.serve(&project, "rude");
    let told = served.get("/ids").json();
    let expected = json!({
        "early": 403, "unknown": 400, "garbage": 400, "unknown error": 400, "next": 403, "init": 403, "method": 404, "path": 404
    });
    assert_eq!(told, expected);
    assert_eq!(served.get("/twice").text(), "first");
    eventually("the refusal", || daemon.logs("rude").contains("second 400").then_some(()));
    assert_eq!(served.get("/x").status, 200);
}

#[test]
fn an_answer_of_seven_megabytes_is_refused_and_is_the_functions_error() {
    let daemon = Daemon::start();
    let project = Project::python(RUDE);
    let served = daemon.serve(&project, "large");
    assert_eq!(served.get("/large").status, 502);
    eventually("the refusal", || daemon.logs("large").contains("large 413").then_some(()));
    project.write("large.json", r#"{"path": "/large"}"#);
    let event = project.path().join("large.json");
    let ran = daemon.samctl(&["invoke", "large", "Fn", "--event", event.to_str().unwrap()]);
    assert_eq!(ran.code, 5, "{}", ran.err);
    let error: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge", "{error}");
    assert_eq!(served.get("/x").status, 200, "the sandbox goes on");
}

/// Two threads wait for invocations at once, which no runtime may do.
const TWO_NEXTS: &str = r#"
import http.client, json, os, threading
host = os.environ['AWS_LAMBDA_RUNTIME_API']
def serve():
    while True:
        try:
            connection = http.client.HTTPConnection(host)
            connection.request('GET', '/2018-06-01/runtime/invocation/next')
            reply = connection.getresponse()
            reply.read()
            request = reply.getheader('Lambda-Runtime-Aws-Request-Id')
            if request is None: continue
            connection.request('POST', f'/2018-06-01/runtime/invocation/{request}/response', json.dumps({'statusCode': 200, 'body': str(os.getpid())}))
            connection.getresponse().read()
        except OSError:
            pass
threading.Thread(target=serve, daemon=True).start()
serve()
"#;

#[test]
fn a_runtime_that_waits_twice_is_given_each_invocation_once() {
    let daemon = Daemon::start();
    let project = Project::python(TWO_NEXTS);
    let served = daemon.serve_with(&project, "twice", &["--max-concurrency", "1"]);
    let replies: Vec<_> = (0..20).map(|_| served.get("/x")).collect();
    assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(served.get("/x").status, 200));
        }
    });
}

#[test]
fn reserved_concurrency_of_one_serves_one_and_throttles_the_others() {
    let daemon = Daemon::start();
    let project = Project::of(&[
        (
            "template.yaml",
            &samd_tests::daemon::PYTHON.replace("Timeout: 10", "Timeout: 10\n      ReservedConcurrentExecutions: 1"),
        ),
        (
            "src/app.py",
            "import os, time\ndef handler(event, context):\n    if 'slow' in event['path']:\n        open(os.environ['LAMBDA_TASK_ROOT'] + '/../begun', 'w').close()\n        while not os.path.exists(os.environ['LAMBDA_TASK_ROOT'] + '/../go'): time.sleep(0.01)\n    return {'statusCode': 200, 'body': str(os.getpid())}\n",
        ),
    ]);
    let served = daemon.serve(&project, "reserved");
    thread::scope(|scope| {
        let slow = scope.spawn(|| served.get("/slow"));
        eventually("the slow one", || project.path().join("begun").exists().then_some(()));
        let refused = served.get("/x");
        assert_eq!((refused.status, refused.text().as_str()), (502, r#"{"message": "Internal server error"}"#));
        project.write("go", "");
        assert_eq!(slow.join().unwrap().status, 200);
    });
    eventually("its turn", || (served.get("/x").status == 200).then_some(()));
}

#[test]
fn the_control_port_answers_at_once_while_the_data_plane_is_saturated() {
    let daemon = Daemon::start();
    let project = Project::python("def handler(event, context): return {'statusCode': 200, 'body': 'fine'}\n");
    let served = daemon.serve_with(&project, "busy", &["--max-concurrency", "2"]);
    let (stop, served_so_far) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut times: Vec<Duration> = thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    assert_eq!(served.get("/x").status, 200);
                    served_so_far.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        eventually("the load", || (served_so_far.load(Ordering::SeqCst) >= 200).then_some(()));
        let times = (0..9)
            .map(|_| {
                let began = Instant::now();
                assert_eq!(daemon.samctl(&["status", "busy"]).code, 0);
                began.elapsed()
            })
            .collect();
        stop.store(true, Ordering::SeqCst);
        times
    });
    times.sort_unstable();
    assert!(times[4] < Duration::from_millis(500), "{times:?}");
}
