//! A Podman of the test's own: its API on a socket, with images, containers and networks that nobody else has.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::daemon::{Daemon, eventually, executable};
use crate::engine::docker;
use crate::own_engine::{as_root, command_as_root, run_as_root};

/// Says where networks are described, and needs neither systemd nor a journal.
const SETTINGS: &str = "[engine]\ncgroup_manager=\"cgroupfs\"\nevents_logger=\"file\"\n[network]\nnetwork_config_dir=";

/// With one user alone in a container, whoever else owns a file of an image cannot be kept.
const STORAGE: &str = "[storage]\ndriver=\"vfs\"\n[storage.options.vfs]\nignore_chown_errors=\"true\"\n";
/// A user that every system has and nobody logs in as.
const SOMEBODY: u32 = 1;

/// Who runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Root,
    /// This user, who is not root.
    Oneself,
    /// Another one, since this one is root.
    Somebody,
}

/// A Podman that serves. It goes with all that it has when this is dropped.
#[derive(Debug)]
pub struct OwnPodman {
    folder: TempDir,
    who: Who,
    serving: Child,
}

impl OwnPodman {
    /// Serves, with an image of the machine's engine.
    ///
    /// # Panics
    /// Podman is not installed, or cannot be started by this user.
    #[must_use]
    pub fn with(image: &str) -> OwnPodman {
        OwnPodman::by(Who::Root, image)
    }

    /// Serves so without root's rights.
    ///
    /// # Panics
    /// As [`OwnPodman::with`] does.
    #[must_use]
    pub fn rootless(image: &str) -> OwnPodman {
        let is_root = rustix::process::geteuid().is_root();
        OwnPodman::by(if is_root { Who::Somebody } else { Who::Oneself }, image)
    }

    fn by(who: Who, image: &str) -> OwnPodman {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let settings = format!("{SETTINGS}\"{}\"\n", path("networks"));
        fs::write(path("containers.conf"), settings).expect("a file can be written");
        fs::write(path("storage.conf"), STORAGE).expect("a file can be written");
        for own in ["home", "session"] {
            fs::create_dir(path(own)).expect("a folder can be made");
        }
        fs::set_permissions(path("session"), Permissions::from_mode(0o700)).expect("it is this test's");
        let log = File::create(path("log")).expect("a log can be written");
        who.owns(folder.path());
        let mut command = podman(&folder, who);
        command.args(["system", "service", "--time", "0", &format!("unix://{}", path("engine.sock"))]);
        command.process_group(0);
        let serving = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let mut own =
            OwnPodman { folder, who, serving: serving.expect("Podman is installed; see tests/install/podman.sh") };
        eventually("a Podman of the test's own", || {
            let ended = own.serving.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "podman ended with {ended:?}: {}", own.log());
            own.answers().then_some(())
        });
        let archive = own.path("image.tar");
        let _saved = docker(&["save", "--output", &archive, image]);
        let _loaded = own.docker(&["load", "--input", &archive]);
        fs::remove_file(archive).expect("a file can be removed");
        own
    }

    /// A daemon of the same user's that serves by it.
    ///
    /// # Panics
    /// The daemon's executable cannot be given to him.
    #[must_use]
    pub fn daemon(&self) -> Daemon {
        // Whose folder this checkout is in need not let him in.
        let program = self.path("samd");
        fs::copy(executable("samd"), &program).expect("a file can be copied");
        let state = self.folder.path().join("state");
        fs::create_dir(&state).expect("a folder can be made");
        self.who.owns(&state);
        let mut command = self.who.command(self.folder.path());
        command.arg(program).env("DOCKER_HOST", self.host());
        Daemon::by(command, state)
    }

    /// Gives a folder to who runs it.
    pub fn give(&self, folder: &Path) {
        self.who.owns(folder);
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn answers(&self) -> bool {
        let asked = Command::new("docker").args(["--host", &self.host(), "version"]).output();
        asked.is_ok_and(|ran| ran.status.success())
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
}

impl Drop for OwnPodman {
    fn drop(&mut self) {
        for remove in [["rm", "--all", "--force"], ["network", "prune", "--force"]] {
            drop(podman(&self.folder, self.who).args(remove).output());
        }
        // Without root it runs as a child of itself, which may not have been told.
        let group = format!("-{}", self.serving.id());
        drop(run_as_root("kill", &["--", &group]));
        drop(self.serving.wait());
        drop(run_as_root("kill", &["-9", "--", &group]));
        // It keeps the user's namespace.
        if let Ok(pause) = fs::read_to_string(self.path("tmp/pause.pid")) {
            drop(run_as_root("kill", &["-9", pause.trim()]));
        }
        as_root("rm", &["-rf", &self.folder.path().display().to_string()]);
    }
}

impl Who {
    /// A command of his that runs another one, with nothing of this user's.
    fn command(self, folder: &Path) -> Command {
        let path = |name: &str| folder.join(name).display().to_string();
        let mut command = match self {
            Who::Root => command_as_root("env"),
            Who::Oneself => Command::new("env"),
            Who::Somebody => {
                let mut command = Command::new("setpriv");
                command.args([&format!("--reuid={SOMEBODY}"), &format!("--regid={SOMEBODY}"), "--clear-groups", "env"]);
                command
            }
        };
        command.current_dir(folder).arg(format!("CONTAINERS_CONF={}", path("containers.conf")));
        if self != Who::Root {
            command.arg(format!("CONTAINERS_STORAGE_CONF={}", path("storage.conf")));
            command.args([format!("HOME={}", path("home")), format!("XDG_RUNTIME_DIR={}", path("session"))]);
        }
        command
    }

    fn owns(self, folder: &Path) {
        if self == Who::Somebody {
            as_root("chown", &["-R", &format!("{SOMEBODY}:{SOMEBODY}"), &folder.display().to_string()]);
        }
    }
}

/// Plain copies of files need no right to mount.
fn podman(folder: &TempDir, who: Who) -> Command {
    let mut command = who.command(folder.path());
    command.args(["podman", "--storage-driver", "vfs"]);
    for (option, name) in [("--root", "root"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
        command.arg(option).arg(folder.path().join(name));
    }
    command
}
