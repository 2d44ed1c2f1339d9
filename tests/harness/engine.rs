//! The container engine as a bystander sees it, and projects that are served in containers.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::daemon::{Daemon, Project, Served};

/// Runs the docker command and returns what it printed.
///
/// # Panics
/// It fails: tests that need an engine do not pass without one.
#[must_use]
pub fn docker(arguments: &[&str]) -> String {
    let ran =
        Command::new("docker").args(arguments).output().expect("docker is installed; see tests/install/docker.sh");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "docker {arguments:?}: {out}{err}");
    out.trim().to_owned()
}

/// The ids of a daemon's containers, running or not.
#[must_use]
pub fn containers(daemon: &Daemon) -> Vec<String> {
    let label = format!("label=samd.state={}", daemon.state().display());
    docker(&["ps", "--all", "--no-trunc", "--quiet", "--filter", &label]).lines().map(str::to_owned).collect()
}

/// Starts a project with a driver on any free port.
///
/// # Panics
/// It does not start.
#[must_use]
pub fn serve_in(daemon: &Daemon, driver: &str, project: &Project, name: &str) -> Served {
    let path = project.path().to_str().expect("a path in UTF-8").to_owned();
    let ran = daemon.samctl(&["start", &path, "--name", name, "--sandbox", driver, "--output", "json"]);
    assert_eq!(ran.code, 0, "samctl start: {}{}\n{}", ran.out, ran.err, daemon.log());
    daemon.address(name)
}

/// Another way to the engine of this machine, for a test that takes it away: to a daemon that knows no other, the engine
/// comes when this is opened and goes when it is dropped.
#[derive(Debug)]
pub struct Relay {
    socket: PathBuf,
    open: Arc<Mutex<Option<Vec<UnixStream>>>>,
}

impl Relay {
    /// Listens on `socket`.
    ///
    /// # Panics
    /// It cannot.
    #[must_use]
    pub fn open(socket: &Path) -> Relay {
        let listener = UnixListener::bind(socket).expect("a socket can be made");
        let open = Arc::new(Mutex::new(Some(Vec::new())));
        let connections = open.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if pass_on(stream, &connections).is_none() {
                    return;
                }
            }
        });
        Relay { socket: socket.to_owned(), open }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let connections = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        for connection in connections.into_iter().flatten() {
            drop(connection.shutdown(Shutdown::Both));
        }
        // The listener wakes once more and ends.
        drop(UnixStream::connect(&self.socket));
        drop(std::fs::remove_file(&self.socket));
    }
}

/// Passes on what comes from both sides; `None` when the way is closed.
fn pass_on(client: UnixStream, open: &Mutex<Option<Vec<UnixStream>>>) -> Option<()> {
    let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
    let connections = open.as_mut()?;
    let Ok(engine) = UnixStream::connect("/var/run/docker.sock") else { return Some(()) };
    for (from, to) in [(&client, &engine), (&engine, &client)] {
        let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return Some(()) };
        thread::spawn(move || {
            drop(io::copy(&mut from, &mut to));
            drop(to.shutdown(Shutdown::Write));
        });
    }
    connections.extend([client, engine]);
    Some(())
}
