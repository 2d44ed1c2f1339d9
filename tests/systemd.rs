//! The service manager's side: the units are in order, and what the daemon tells arrives.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use samd::systemd;
use tokio_util::sync::CancellationToken;

fn units() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd")
}

/// A command that runs one ignored test of this binary, for what depends on a process's environment.
fn child(test: &str) -> Command {
    let mut command = Command::new("timeout");
    command.arg("60").arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    command
}

fn passed(output: &Output) {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Runs a test with a notify socket of our own; returns the messages that came, in order.
fn notified(test: &str, prepare: impl FnOnce(&mut Command)) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut command = child(test);
    prepare(command.env("NOTIFY_SOCKET", &path));
    passed(&command.output().unwrap());
    socket.set_nonblocking(true).unwrap();
    let mut buffer = [0; 4096];
    std::iter::from_fn(|| {
        let length = socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
    })
    .collect()
}

#[test]
fn readiness_reloads_and_the_end_are_told_in_order() {
    let messages = notified("systemd::child_tells", |_| {});
    let [ready, status, reloading, stopping] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(ready.trim_end(), "READY=1\nSTATUS=serving 2 projects");
    assert_eq!(status.trim_end(), "STATUS=two lines");
    let mut lines = reloading.trim_end().lines();
    assert_eq!((lines.next(), lines.next()), (Some("RELOADING=1"), Some("STATUS=reading shop")));
    assert!(lines.next().unwrap().strip_prefix("MONOTONIC_USEC=").unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(stopping.trim_end(), "STOPPING=1\nSTATUS=waiting for one request");
}

#[test]
#[ignore = "run by a test above, with a notify socket"]
fn child_tells() {
    systemd::ready("serving 2 projects");
    systemd::status("two\nlines");
    systemd::reloading("reading shop");
    systemd::stopping("waiting for one request");
    assert_eq!(systemd::watchdog_interval(), None);
}

#[test]
fn outside_systemd_nothing_is_told_and_nothing_fails() {
    passed(&child("systemd::child_tells").env_remove("NOTIFY_SOCKET").output().unwrap());
}

#[test]
fn the_watchdog_is_fed_while_the_daemon_answers_itself_and_no_longer() {
    let messages = notified("systemd::child_feeds", |command| {
        // WATCHDOG_PID must be the daemon's own; a shell knows it before it becomes the daemon.
        let daemon: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let environment: Vec<_> =
            command.get_envs().map(|(key, value)| (key.to_owned(), value.map(ToOwned::to_owned))).collect();
        *command = Command::new("sh");
        command.args(["-c", "export WATCHDOG_PID=$$; shift; exec \"$@\"", "sh"]).args(&daemon);
        command.env("WATCHDOG_USEC", "40000");
        for (key, value) in environment {
            command.env(key, value.unwrap());
        }
    });
    assert_eq!(messages, ["WATCHDOG=1\n"; 3], "fed three times, then silent");
}

#[test]
#[ignore = "run by a test above, with a watchdog"]
fn child_feeds() {
    let interval = systemd::watchdog_interval().unwrap();
    assert_eq!(interval, Duration::from_millis(40));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let stop = CancellationToken::new();
    let mut asked = 0;
    runtime.block_on(systemd::feed_watchdog(interval, stop.clone(), || {
        asked += 1;
        if asked == 6 {
            stop.cancel();
        }
        std::future::ready(asked <= 3)
    }));
    assert_eq!(asked, 6, "it goes on asking, so that a daemon that comes back is fed again");
}

/// A command whose file descriptor 3 is `listener`, as a service manager hands it over.
fn activated(listener: OwnedFd, sockets: u32, test: &str) -> Command {
    let mut command = Command::new("sh");
    let script = format!("exec 3<&0; export LISTEN_PID=$$ LISTEN_FDS={sockets}; exec 0</dev/null; exec \"$@\"");
    command.args(["-c", &script, "sh"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).stdin(Stdio::from(listener));
    command
}

#[test]
fn the_control_port_comes_from_the_socket_unit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // A call that comes before the daemon is up waits in the socket.
    let early = TcpStream::connect(address).unwrap();
    let mut command = activated(listener.into(), 1, "systemd::child_listens");
    passed(&command.env("EXPECTED", early.local_addr().unwrap().to_string()).output().unwrap());
}

#[test]
#[ignore = "run by a test above, with a socket"]
fn child_listens() {
    let listener = systemd::control_listener().unwrap().unwrap();
    let (_, peer) = listener.accept().unwrap();
    assert_eq!(peer.to_string(), std::env::var("EXPECTED").unwrap());
    let error = listener.accept().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "ready for an asynchronous runtime");
}

#[test]
fn without_a_socket_unit_there_is_no_listener() {
    assert!(systemd::control_listener().unwrap().is_none());
}

#[test]
fn a_socket_of_another_kind_is_refused() {
    let socket = std::os::unix::net::UnixListener::bind(tempfile::tempdir().unwrap().path().join("socket")).unwrap();
    passed(&activated(socket.into(), 1, "systemd::child_refuses").output().unwrap());
}

#[test]
fn more_sockets_than_one_are_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    passed(&activated(listener.into(), 2, "systemd::child_refuses").output().unwrap());
}

#[test]
#[ignore = "run by tests above, with a wrong socket"]
fn child_refuses() {
    systemd::control_listener().unwrap_err();
}

/// A copy of the units whose commands exist, since `systemd-analyze` looks for them.
fn verifiable(from: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["samd.service", "samd.socket"] {
        let text = fs::read_to_string(from.join(name)).unwrap();
        let text = text.replace("/usr/local/bin/samd ", "/bin/true ").replace("/usr/local/bin/samctl ", "/bin/true ");
        let text = text.replace("%h/.local/bin/samd\n", "/bin/true\n").replace("%h/.local/bin/samctl ", "/bin/true ");
        // This machine may have no such user.
        let text = text.replace("User=samd", "User=root").replace("Group=samd", "Group=root");
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// What `systemd-analyze verify` says of the units in a folder; `None`, said aloud, where it is absent.
fn verify(folder: &Path) -> Option<Output> {
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no", "--recursive-errors=no"]);
    match command.args(["samd.service", "samd.socket"].map(|name| folder.join(name))).output() {
        Ok(output) => Some(output),
        Err(cause) => {
            eprintln!("SKIPPED the check of the units: systemd-analyze: {cause}");
            None
        }
    }
}

#[test]
fn the_units_are_in_order() {
    for folder in [units(), units().join("user")] {
        let copy = verifiable(&folder);
        let Some(output) = verify(copy.path()) else { return };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "{}: {said}", folder.display());
    }
}

#[test]
fn a_unit_out_of_order_is_noticed() {
    let copy = verifiable(&units());
    let path = copy.path().join("samd.service");
    let text = fs::read_to_string(&path).unwrap().replace("WatchdogSec=30s", "WatchdogSecs=30s");
    fs::write(path, text).unwrap();
    let Some(output) = verify(copy.path()) else { return };
    assert!(String::from_utf8_lossy(&output.stderr).contains("WatchdogSecs"), "the check checks nothing");
}

#[test]
fn the_units_and_the_daemon_agree() {
    for unit in ["samd.service", "user/samd.service"] {
        let text = fs::read_to_string(units().join(unit)).unwrap();
        for line in ["Type=notify\n", "WatchdogSec=", "KillMode=mixed\n", "Requires=samd.socket\n"] {
            assert!(text.contains(line), "{unit}: {line}");
        }
        assert!(text.contains("kill -HUP $MAINPID\n"), "{unit}: ExecReload");
    }
    for unit in ["samd.socket", "user/samd.socket"] {
        assert!(fs::read_to_string(units().join(unit)).unwrap().contains("ListenStream=127.0.0.1:7263\n"), "{unit}");
    }
}
