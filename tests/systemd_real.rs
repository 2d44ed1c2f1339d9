//! The real `samd` under a service manager's eyes: what it tells, and a control port that it is given.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use samd_tests::command_line::CommandLine;
use samd_tests::daemon::{PATIENCE, eventually, executable};

/// A daemon started as a service manager starts it; killed when this is dropped.
struct Service {
    child: Child,
    folder: tempfile::TempDir,
}

impl Service {
    fn start(mut command: Command, folder: tempfile::TempDir) -> Service {
        let child = spawn(command.stdin(Stdio::null()), folder.path());
        Service { child, folder }
    }

    /// With a socket unit: the socket is the manager's, and stays open whatever becomes of the daemon.
    fn with_socket(socket: &TcpListener, folder: tempfile::TempDir) -> Service {
        let child = socket_activated(socket, folder.path());
        Service { child, folder }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    fn wait(&mut self) -> std::process::ExitStatus {
        eventually("the daemon's end", || self.child.try_wait().unwrap())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.signal(rustix::process::Signal::TERM);
            self.wait();
        }
    }
}

fn spawn(command: &mut Command, folder: &Path) -> Child {
    command.env("SAMD_STATE_DIR", folder.join("state")).env("SAMD_CONTROL", "127.0.0.1:0");
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// LISTEN_PID must be the daemon's own; a shell knows it before it becomes the daemon.
fn socket_activated(socket: &TcpListener, folder: &Path) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$1\" 3<&0 </dev/null", "sh"]);
    command.arg(executable("samd")).stdin(OwnedFd::from(socket.try_clone().unwrap()));
    spawn(&mut command, folder)
}

/// Ends the callers also when the test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Reads what was told until a message holds `field`.
fn until(socket: &UnixDatagram, field: &str) -> String {
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("no {field}: {error}"));
        let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
        if message.contains(field) {
            return message;
        }
    }
}

fn notify_socket(folder: &Path) -> (UnixDatagram, PathBuf) {
    let path = folder.join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    (socket, path)
}

#[test]
fn readiness_the_watchdog_reloads_and_the_end_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, path) = notify_socket(folder.path());
    // WATCHDOG_PID must be the daemon's own; a shell knows it before it becomes the daemon.
    let mut command = Command::new("sh");
    command.args(["-c", "export WATCHDOG_PID=$$; exec \"$1\"", "sh"]).arg(executable("samd"));
    command.env("NOTIFY_SOCKET", path).env("WATCHDOG_USEC", "200000");
    let mut service = Service::start(command, folder);
    let ready = until(&socket, "READY=1");
    let address = std::fs::read_to_string(service.state().join("control")).unwrap();
    assert!(ready.contains("STATUS=") && ready.contains(address.trim()), "the address is known by then: {ready}");
    until(&socket, "WATCHDOG=1");
    service.signal(rustix::process::Signal::HUP);
    assert!(until(&socket, "RELOADING=1").contains("MONOTONIC_USEC="));
    until(&socket, "READY=1");
    service.signal(rustix::process::Signal::TERM);
    until(&socket, "STOPPING=1");
    assert!(service.wait().success());
    assert!(!service.state().join("control").exists(), "its address is taken back");
}

#[test]
fn the_control_port_of_a_socket_unit_is_served_from_the_first_connection_on() {
    let Ok(found) = Command::new("systemd-socket-activate").arg("--version").output() else {
        eprintln!("SKIPPED: there is no systemd-socket-activate");
        return;
    };
    assert!(found.status.success());
    let folder = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new("systemd-socket-activate");
    command.arg("--listen").arg(free.to_string());
    for variable in ["SAMD_STATE_DIR", "SAMD_CONTROL", "PATH", "HOME"] {
        command.args(["-E", variable]);
    }
    command.arg(executable("samd"));
    let service = Service::start(command, folder);
    // The daemon is started by the first connection; it waits in the socket until the daemon takes it.
    let waiting = eventually("the socket", || TcpStream::connect_timeout(&free, Duration::from_secs(1)).ok());
    let control = service.state().join("control");
    let told = eventually("the daemon", || std::fs::read_to_string(&control).ok().filter(|text| !text.is_empty()));
    assert_eq!(told.trim(), free.to_string(), "the socket's address counts, not SAMD_CONTROL's");
    drop(waiting);
    let ran = CommandLine::new(&service.state()).run(&["daemon", "status"]);
    assert!(ran.code == 0 && ran.out.contains(&free.to_string()), "{}{}", ran.out, ran.err);
}

#[test]
fn a_restart_with_the_socket_unit_loses_no_connection_and_samctl_notices_nothing() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let mut service = Service::with_socket(&socket, tempfile::tempdir().unwrap());
    let line = CommandLine::new(&service.state());
    eventually("the daemon", || (line.run(&["list"]).code == 0).then_some(()));
    let token = std::fs::read_to_string(service.state().join("token")).unwrap();
    let (over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let steering = || {
            while !over.load(Ordering::Relaxed) {
                let ran = line.run(&["list"]);
                assert_eq!(ran.code, 0, "{}", ran.err);
                asked.fetch_add(1, Ordering::Relaxed);
            }
        };
        let callers = [scope.spawn(steering), scope.spawn(steering)];
        let stop = Over(&over);
        for _ in 0..5 {
            service.signal(rustix::process::Signal::TERM);
            assert!(service.wait().success());
            let mut waiting = TcpStream::connect(address).unwrap();
            let request = format!(
                "POST /v1/list HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}",
                token.trim()
            );
            waiting.write_all(request.as_bytes()).unwrap();
            service.child = socket_activated(&socket, service.folder.path());
            let mut reply = String::new();
            waiting.set_read_timeout(Some(PATIENCE)).unwrap();
            waiting.read_to_string(&mut reply).unwrap();
            assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
            let before = asked.load(Ordering::Relaxed);
            eventually("samctl", || (asked.load(Ordering::Relaxed) > before).then_some(()));
        }
        drop(stop);
        for caller in callers {
            caller.join().unwrap();
        }
    });
}
