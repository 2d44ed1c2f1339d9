//! Many projects in one daemon: what they share, and what each keeps.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use samd_tests::daemon::{Daemon, Project, Served, eventually, read_reply};

/// More are measured by `shared/bench`; these are enough to see what grows with their number.
const PROJECTS: usize = 12;

fn project(number: usize) -> Project {
    Project::python(&format!("def handler(event, context):\n    return {{'statusCode': 200, 'body': '{number}'}}\n"))
}

fn started(daemon: &Daemon, projects: &[Project]) -> Vec<Served> {
    // Ports of their own: while its daemon is dead, another test's may take the next free one.
    let port = |number: usize| (12_000 + std::process::id() as usize % 500 * PROJECTS + number).to_string();
    let started = projects.iter().enumerate();
    started
        .map(|(number, project)| daemon.serve_with(project, &format!("p{number}"), &["--port", &port(number)]))
        .collect()
}

/// The names of the daemon's threads that begin so.
fn threads(daemon: &Daemon, name: &str) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
    let names = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|found| found.starts_with(name)).count()
}

#[test]
fn many_projects_keep_their_ports_across_a_restart_and_share_one_watcher() {
    let daemon = Daemon::start();
    let projects: Vec<Project> = (0..PROJECTS).map(project).collect();
    let served = started(&daemon, &projects);
    assert_eq!(threads(&daemon, "notify-rs"), 1);
    assert_eq!(threads(&daemon, "watcher"), 1);
    let daemon = daemon.killed_and_restarted();
    for (number, served) in served.into_iter().enumerate() {
        eventually("the project's port", || std::net::TcpStream::connect(served.address).ok().map(drop));
        assert_eq!(served.get("/x").text(), number.to_string());
    }
    assert_eq!(threads(&daemon, "notify-rs"), 1);
}

/// How nice the daemon's threads of this name are.
fn niceness(daemon: &Daemon, name: &str) -> Vec<i32> {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap().flatten();
    let stats = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
    let named = stats.filter(|stat| stat.contains(&format!("({name})")));
    // The 19th field (proc(5)); the second one ends with a parenthesis.
    let field = |stat: String| stat.rsplit(')').next().unwrap().split_whitespace().nth(16).unwrap().parse().unwrap();
    named.map(field).collect()
}

#[test]
fn an_edit_of_one_project_is_no_reload_of_another() {
    let daemon = Daemon::start();
    let projects: Vec<Project> = (0..2).map(project).collect();
    let served = started(&daemon, &projects);
    assert_eq!(served[1].get("/x").text(), "1");
    let before = daemon.status("p1");
    projects[0].write("src/app.py", "def handler(event, context):\n    return {'statusCode': 200, 'body': 'new'}\n");
    eventually("the edit", || (served[0].get("/x").text() == "new").then_some(()));
    assert_eq!(served[1].get("/x").text(), "1");
    let pids = |status: &serde_json::Value| {
        status.to_string().split("\"pid\":").skip(1).map(|rest| rest[..6].to_owned()).collect::<Vec<_>>()
    };
    // One that waits at the gate may have come beside it.
    let after = pids(&daemon.status("p1"));
    assert!(pids(&before).iter().all(|pid| after.contains(pid)), "{before} {after:?}");
}

/// Tells how nice it is and which policy it is scheduled by, after as long as a file says so; crashes where it is asked to.
const NICE: &str = "
import os, time
def handler(event, context):
    if 'crash' in event['path']: os._exit(1)
    if 'hold' in event['path']:
        open(os.environ['LAMBDA_TASK_ROOT'] + f'/held-{os.getpid()}', 'w').close()
        while os.path.exists(os.environ['LAMBDA_TASK_ROOT'] + '/hold'): time.sleep(0.005)
    return {'statusCode': 200, 'body': f'{os.nice(0)} {os.sched_getscheduler(0)}'}
";

#[test]
fn what_crashes_again_and_again_leaves_the_processors_to_its_neighbours_until_it_is_mended_or_crashes_no_more() {
    let daemon = Daemon::start();
    let (project, neighbour) = (Project::python(NICE), Project::python(NICE));
    let (served, beside) = (daemon.serve(&project, "crashes"), daemon.serve(&neighbour, "neighbour"));
    let usual = beside.get("/x").text();
    assert_eq!(served.get("/x").text(), usual);
    for _ in 0..2 {
        assert_eq!(served.get("/crash").status, 502);
    }
    let (idle, behind) = (usual.replace(" 0", " 5"), "10 0");
    // Where others leave so little that its start takes a second, it only lets them go first.
    let mut is_busy = false;
    let mut last = || {
        let asked = Instant::now();
        let crashed = served.get("/crash").status == 502;
        let text = served.get("/x").text();
        is_busy |= asked.elapsed() >= Duration::from_secs(1);
        (crashed && (text == idle || is_busy && text == behind)).then_some(())
    };
    eventually("one that comes last", &mut last);
    assert_eq!(beside.get("/x").text(), usual);
    eventually("one among equals, when nothing has crashed for a while", || {
        (served.get("/x").text() == usual).then_some(())
    });
    assert_eq!(served.get("/crash").status, 502);
    eventually("one that comes last again", &mut last);
    project.write("src/app.py", &format!("{NICE}\n# mended\n"));
    eventually("the mended one", || (served.get("/x").text() == usual).then_some(()));
}

#[test]
fn many_connections_to_one_project_are_served_by_a_thread_that_lets_others_go_first_and_end_as_others_do() {
    let mut daemon = Daemon::start();
    let project = Project::python(NICE);
    project.write(".samdignore", "held-*\nhold\n");
    let served = daemon.serve(&project, "crowd");
    let ask = |stream: &mut TcpStream, path: &str| {
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
    };
    let mut few: Vec<_> = (0..6).map(|_| served.connect()).collect();
    for stream in &mut few {
        ask(stream, "/x");
        assert_eq!(read_reply(stream).status, 200);
    }
    assert_eq!(threads(&daemon, "crowd"), 0);
    let mut more: Vec<_> = (0..6).map(|_| served.connect()).collect();
    for stream in &mut more {
        ask(stream, "/x");
        assert_eq!(read_reply(stream).status, 200);
    }
    assert_eq!(niceness(&daemon, "crowd"), [5]);
    project.write("src/hold", "");
    more.iter_mut().for_each(|stream| ask(stream, "/hold"));
    eventually("all of them under way", || {
        let files = fs::read_dir(project.path().join("src")).unwrap().flatten();
        (files.filter(|file| file.file_name().to_string_lossy().starts_with("held-")).count() == 6).then_some(())
    });
    daemon.signal(Signal::TERM);
    eventually("nobody else is let in", || TcpStream::connect(served.address).is_err().then_some(()));
    fs::remove_file(project.path().join("src/hold")).unwrap();
    for stream in &mut more {
        assert_eq!(read_reply(stream).status, 200);
    }
    assert!(daemon.wait().success());
}

#[test]
fn where_a_daemon_has_several_threads_many_connections_have_them_all() {
    let daemon = Daemon::with(&[("SAMD_THREADS", "2")]);
    let project = Project::python(NICE);
    let served = daemon.serve(&project, "crowd");
    let mut all: Vec<_> = (0..12).map(|_| served.connect()).collect();
    for stream in &mut all {
        stream.write_all(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        assert_eq!(read_reply(stream).status, 200);
    }
    assert_eq!(threads(&daemon, "crowd"), 0);
}

#[test]
fn the_sandboxes_that_only_a_load_needs_leave_the_processors_to_others() {
    let daemon = Daemon::start();
    let project = Project::python(NICE);
    project.write(".samdignore", "held-*\nhold\n");
    project.write("src/hold", "");
    let served = daemon.serve(&project, "load");
    let mut nice = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..3).map(|_| scope.spawn(|| served.get("/hold").text())).collect();
        eventually("all three", || {
            let files = fs::read_dir(project.path().join("src")).unwrap().flatten();
            (files.filter(|file| file.file_name().to_string_lossy().starts_with("held-")).count() == 3).then_some(())
        });
        fs::remove_file(project.path().join("src/hold")).unwrap();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect::<Vec<_>>()
    });
    nice.sort();
    let usual = served.get("/x").text();
    assert_eq!(nice, [usual.as_str(), "10 0", "10 0"], "who comes alone is served by the first");
}
