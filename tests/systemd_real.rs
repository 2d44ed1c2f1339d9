//! The real `samd` under a service manager's eyes: what it tells, and a control port that it is given.

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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
        command.env("SAMD_STATE_DIR", folder.path().join("state")).env("SAMD_CONTROL", "127.0.0.1:0");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
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
    let waiting = eventually("the socket", || std::net::TcpStream::connect_timeout(&free, Duration::from_secs(1)).ok());
    let control = service.state().join("control");
    let told = eventually("the daemon", || std::fs::read_to_string(&control).ok().filter(|text| !text.is_empty()));
    assert_eq!(told.trim(), free.to_string(), "the socket's address counts, not SAMD_CONTROL's");
    drop(waiting);
    let ran = CommandLine::new(&service.state()).run(&["daemon", "status"]);
    assert!(ran.code == 0 && ran.out.contains(&free.to_string()), "{}{}", ran.out, ran.err);
}
