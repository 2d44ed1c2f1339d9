//! An engine of the test's own, to be stopped, killed and started again: a dockerd beside the machine's, with a containerd,
//! a network, images and folders that nobody else has.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

use tempfile::TempDir;

use crate::daemon::eventually;
use crate::engine::docker;

/// Engines that this process has started.
static STARTED: AtomicU8 = AtomicU8::new(0);

/// A dockerd. It goes with all that it has when this is dropped.
#[derive(Debug)]
pub struct OwnEngine {
    folder: TempDir,
    bridge: String,
    arguments: Vec<String>,
    running: Option<Child>,
}

impl OwnEngine {
    /// Starts one that has an image of the machine's engine, with more arguments.
    ///
    /// # Panics
    /// dockerd is not installed, or cannot be started by this user.
    #[must_use]
    pub fn with(image: &str, arguments: &[&str]) -> OwnEngine {
        let (number, process) = (STARTED.fetch_add(1, Ordering::Relaxed), std::process::id());
        let mut engine = OwnEngine {
            folder: tempfile::tempdir().expect("a folder can be made"),
            bridge: format!("samd{process}n{number}"),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            running: None,
        };
        fs::write(engine.path("config.json"), "{}").expect("a file can be written");
        let address = format!("10.{}.{}.1/24", 200 + number % 50, process % 256);
        for command in [
            vec!["link", "add", &engine.bridge, "type", "bridge"],
            vec!["address", "add", &address, "dev", &engine.bridge],
            vec!["link", "set", &engine.bridge, "up"],
        ] {
            as_root("ip", &command);
        }
        engine.start();
        let archive = engine.path("image.tar");
        let _saved = docker(&["save", "--output", &archive, image]);
        let _loaded = engine.docker(&["load", "--input", &archive]);
        engine
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// As `DOCKER_HOST` names it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}", self.path("engine.sock"))
    }

    /// Runs the docker command on it.
    ///
    /// # Panics
    /// It fails.
    #[must_use]
    pub fn docker(&self, arguments: &[&str]) -> String {
        docker(&[&["--host", &self.host()], arguments].concat())
    }

    /// The containers that it has, whatever their state.
    #[must_use]
    pub fn containers(&self) -> Vec<String> {
        self.docker(&["ps", "--all", "--no-trunc", "--quiet"]).lines().map(str::to_owned).collect()
    }

    /// Starts it, also again; returns when it answers.
    ///
    /// # Panics
    /// It does not.
    pub fn start(&mut self) {
        // Where nobody has waited for them yet, those that were killed pass for running.
        for name in ["pid", "exec/containerd/containerd.pid"] {
            drop(run_as_root("rm", &["-f", &self.path(name)]));
        }
        let log = File::options().create(true).append(true).open(self.path("log")).expect("a log can be written");
        let mut command = command_as_root("dockerd");
        command.args(["--config-file", &self.path("config.json"), "--host", &self.host(), "--bridge", &self.bridge]);
        for (option, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
            command.args([option, &self.path(name)]);
        }
        command.args(["--iptables=false", "--ip-masq=false", "--ip-forward=false"]).args(&self.arguments);
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.running = Some(started.expect("dockerd is installed; see tests/install/docker.sh"));
        eventually("an engine of the test's own", || {
            let ended = self.running.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "dockerd ended with {ended:?}: {}", self.log());
            self.answers().then_some(())
        });
    }

    fn answers(&self) -> bool {
        let asked = Command::new("docker").args(["--host", &self.host(), "version"]).output();
        asked.is_ok_and(|ran| ran.status.success())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Stops it as the system's service manager does.
    pub fn stop(&mut self) {
        self.end("TERM");
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.end("KILL");
    }

    /// Has it do nothing until what this returns is dropped.
    #[must_use]
    pub fn put_to_sleep(&self) -> Asleep {
        let pid = self.pid();
        drop(run_as_root("kill", &["-s", "STOP", &pid]));
        Asleep { pid }
    }

    /// Kills a process of one of its containers.
    pub fn kill_process(pid: &str) {
        as_root("kill", &["-s", "KILL", pid]);
    }

    fn pid(&self) -> String {
        fs::read_to_string(self.path("pid")).unwrap_or_default().trim().to_owned()
    }

    fn end(&mut self, signal: &str) {
        let Some(mut child) = self.running.take() else { return };
        drop(run_as_root("kill", &["-s", signal, &self.pid()]));
        drop(child.wait());
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        if self.running.is_none() && !std::thread::panicking() {
            // One that was killed left containers.
            self.start();
        }
        let host = self.host();
        let every = format!("docker --host {host} ps -aq | xargs -r docker --host {host} rm -f");
        drop(Command::new("sh").args(["-c", &every]).output());
        self.stop();
        drop(run_as_root("ip", &["link", "delete", &self.bridge]));
        for place in mounts_below(self.folder.path()) {
            drop(run_as_root("umount", &["--lazy", &place]));
        }
        drop(run_as_root("rm", &["-rf", &self.folder.path().display().to_string()]));
    }
}

/// An engine that does nothing.
#[derive(Debug)]
pub struct Asleep {
    pid: String,
}

impl Drop for Asleep {
    fn drop(&mut self) {
        drop(run_as_root("kill", &["-s", "CONT", &self.pid]));
    }
}

fn mounts_below(folder: &Path) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    places.filter(|place| Path::new(place).starts_with(folder)).map(str::to_owned).collect()
}

pub(crate) fn as_root(program: &str, arguments: &[&str]) {
    let ran = run_as_root(program, arguments).expect("a program can be started; see tests/install/docker.sh");
    assert!(ran.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

pub(crate) fn run_as_root(program: &str, arguments: &[&str]) -> std::io::Result<Output> {
    command_as_root(program).args(arguments).output()
}

/// As tests/install has it: who is not root may have a sudo that asks nothing.
pub(crate) fn command_as_root(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}
