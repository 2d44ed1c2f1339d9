//! Sandboxes that are frozen between invocations (`--freeze`), as AWS does it.

use std::thread;
use std::time::{Duration, Instant};

use samd_tests::daemon::{Daemon, Project, Served, eventually};

/// Counts by itself, all the time.
const COUNTS: &str = "
import os, threading, time
count = 0
def tick():
    global count
    while True:
        count += 1
        time.sleep(0.001)
threading.Thread(target=tick, daemon=True).start()
def handler(event, context):
    return {'statusCode': 200, 'body': '%d %d' % (os.getpid(), count)}
";

fn start(daemon: &Daemon, project: &Project, name: &str) -> Served {
    let path = project.path().to_str().unwrap();
    let ran = daemon.samctl(&["start", path, "--name", name, "--sandbox", "process", "--freeze"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    daemon.address(name)
}

/// The letter by which the kernel names a process's state: `T` is stopped.
fn state(pid: &str) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

fn counted(served: &Served) -> (String, u64) {
    let text = served.get("/x").text();
    let (pid, count) = text.split_once(' ').unwrap_or_else(|| panic!("{text}"));
    (pid.to_owned(), count.parse().unwrap())
}

#[test]
fn a_frozen_function_does_nothing_between_invocations_and_serves_the_next_at_once() {
    let daemon = Daemon::start();
    let project = Project::python(COUNTS);
    let served = start(&daemon, &project, "cold");
    let (pid, first) = counted(&served);
    eventually("its freezing", || (state(&pid) == Some('T')).then_some(()));
    // A function that goes on counts some 300 in this time; waiting is the point.
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(400) {
        assert_eq!(state(&pid), Some('T'));
        samd_tests::daemon::pause();
    }
    let (again, second) = counted(&served);
    assert_eq!(again, pid, "the same sandbox goes on");
    assert!(second - first < 100, "it counted {} while it was frozen", second - first);

    assert_eq!(daemon.samctl(&["set", "cold", "--no-freeze"]).code, 0);
    let warm = eventually("a sandbox that goes on", || Some(counted(&served).0).filter(|other| *other != pid));
    eventually("the end of the frozen one", || state(&pid).is_none().then_some(()));
    assert_ne!(state(&warm), Some('T'));
}

#[test]
fn requests_at_once_and_a_stop_find_frozen_sandboxes_ready() {
    let daemon = Daemon::start();
    let project = Project::python(COUNTS);
    let served = start(&daemon, &project, "many");
    for _ in 0..3 {
        let all = thread::scope(|scope| {
            let asked: Vec<_> = (0..4).map(|_| scope.spawn(|| served.get("/x").status)).collect();
            asked.into_iter().map(|asked| asked.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(all, [200; 4]);
    }
    let (pid, _) = counted(&served);
    assert_eq!(daemon.samctl(&["stop", "many"]).code, 0);
    eventually("the end of all", || state(&pid).is_none().then_some(()));
}
