use super::*;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// The script, with the folder where it is on this machine.
fn script(gate: &Gate, place: Where) -> String {
    place.script().replace(INSIDE, gate.folder().to_str().unwrap())
}

async fn ended(mut child: Child) -> bool {
    tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap().success()
}

async fn until(what: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !what() {
        assert!(Instant::now() < end, "not in time");
        tokio::task::yield_now().await;
    }
}

async fn lines(output: &mut Output) -> Vec<String> {
    let mut lines = Vec::new();
    output.take_rest(&mut |line| lines.push(line.to_owned()));
    // Readiness may need one turn of the reactor.
    if lines.is_empty() {
        output.readable().await;
        output.take_rest(&mut |line| lines.push(line.to_owned()));
    }
    lines
}

#[tokio::test]
async fn a_program_behind_the_gate_runs_when_it_is_opened_and_prints_into_the_pipe() {
    let state = tempfile::tempdir().unwrap();
    let gate = Gate::open(state.path(), Where::Program).unwrap();
    let mut shell = Command::new("/bin/sh");
    let work = "echo out; echo err >&2; echo \"$1\"";
    shell.args(["-c", &script(&gate, Where::Program), "/bin/sh", "-c", work, "sh", "two words"]);
    let mut child = shell.spawn().unwrap();
    let (mut opener, mut output, folder) = gate.into_parts();
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    opener.open();
    assert!(ended(child).await);
    assert_eq!(lines(&mut output).await, ["out", "err", "two words"]);
    drop(folder);
}

#[tokio::test]
async fn a_program_behind_the_gate_of_a_dead_daemon_never_runs() {
    let state = tempfile::tempdir().unwrap();
    let gate = Gate::open(state.path(), Where::Program).unwrap();
    let mark = state.path().join("mark");
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script(&gate, Where::Program), "/usr/bin/touch", mark.to_str().unwrap()]);
    let child = shell.spawn().unwrap();
    let (opener, output, folder) = gate.into_parts();
    // The shell opens the gate for reading before it ends; only then is breaking it seen as its end.
    let fd = format!("/proc/{}/fd/0", child.id());
    until(|| fs::read_link(&fd).is_ok_and(|to| to.ends_with("go"))).await;
    drop((opener, output));
    assert!(!ended(child).await);
    assert!(!mark.exists());
    drop(folder);
}

/// What the interpreter prints that finds the hook, after the gate was opened.
async fn interpreted(place: Where, program: &str, arguments: &[&str], user: &str) -> Vec<String> {
    let state = tempfile::tempdir().unwrap();
    let gate = Gate::open(state.path(), place).unwrap();
    let here = gate.folder().to_str().unwrap().to_owned();
    let (name, value, between) = place.variable().unwrap();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script(&gate, place), program]).args(arguments);
    shell.env(name, format!("{}{between}{user}", value.replace(INSIDE, &here)));
    shell.env("LAMBDA_TASK_ROOT", state.path());
    let mut child = shell.spawn().unwrap();
    let (mut opener, mut output, folder) = gate.into_parts();
    until(|| opener.has_arrived()).await;
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    opener.open();
    assert!(ended(child).await, "{:?}", lines(&mut output).await);
    drop(folder);
    lines(&mut output).await
}

#[tokio::test]
async fn python_waits_before_its_main_program_and_nothing_of_the_gate_is_left() {
    let seen = "import os, sys\nprint(os.environ.get('PYTHONPATH'), [p for p in sys.path if 'containers' in p], 'containers' in (getattr(sys.modules.get('sitecustomize'), '__file__', None) or ''))";
    assert_eq!(interpreted(Where::Python, "python3", &["-c", seen], "/user").await, ["/user [] False"]);
}

#[tokio::test]
async fn node_waits_before_its_main_program_and_nothing_of_the_gate_is_left() {
    let seen = "console.log(process.env.NODE_OPTIONS, process.argv.length)";
    let printed = interpreted(Where::Node, "node", &["-e", seen], "--no-warnings").await;
    assert_eq!(printed, ["--no-warnings 1"]);
}

/// How often it has rested: it does so again and again when it has noticed that its daemon is gone.
fn rests(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.unwrap().trim().parse().unwrap()
}

/// What the interpreter prints whose daemon died while it waited, when the next one has opened the gate.
async fn inherited(place: Where, program: &str, arguments: &[&str]) -> Vec<String> {
    let state = tempfile::tempdir().unwrap();
    let gate = Gate::open(state.path(), place).unwrap();
    let here = gate.folder().to_owned();
    let (name, value, _) = place.variable().unwrap();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script(&gate, place), program]).args(arguments);
    shell.env(name, value.replace(INSIDE, here.to_str().unwrap())).env("LAMBDA_TASK_ROOT", state.path());
    let mut child = shell.spawn().unwrap();
    gate.arrival().await;
    let (opener, output, folder) = gate.into_parts();
    let before = rests(&child);
    drop((opener, output));
    std::mem::forget(folder);
    until(|| rests(&child) > before + 1).await;
    assert!(child.try_wait().unwrap().is_none(), "it waits for the next daemon");
    let gate = Gate::find(here.clone()).unwrap();
    gate.arrival().await;
    let (mut opener, mut output, folder) = gate.into_parts();
    opener.open();
    assert!(ended(child).await);
    assert!(Gate::find(here).is_err(), "nobody waits at a gate that was opened");
    let printed = lines(&mut output).await;
    drop(folder);
    printed
}

#[tokio::test]
async fn python_waits_for_the_next_daemon() {
    assert_eq!(inherited(Where::Python, "python3", &["-c", "print('went on')"]).await, ["went on"]);
}

#[tokio::test]
async fn node_waits_for_the_next_daemon() {
    assert_eq!(inherited(Where::Node, "node", &["-e", "console.log('went on')"]).await, ["went on"]);
}
