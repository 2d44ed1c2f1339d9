//! A Podman of the test's own: its API on a socket, with images, containers and networks that nobody else has.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::daemon::eventually;
use crate::engine::docker;
use crate::own_engine::{as_root, command_as_root, run_as_root};

/// Says where networks are described, and needs neither systemd nor a journal.
const SETTINGS: &str = "[engine]\ncgroup_manager=\"cgroupfs\"\nevents_logger=\"file\"\n[network]\nnetwork_config_dir=";

/// A Podman that serves. It goes with all that it has when this is dropped.
#[derive(Debug)]
pub struct OwnPodman {
    folder: TempDir,
    serving: Child,
}

impl OwnPodman {
    /// Serves, with an image of the machine's engine.
    ///
    /// # Panics
    /// Podman is not installed, or cannot be started by this user.
    #[must_use]
    pub fn with(image: &str) -> OwnPodman {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let settings = format!("{SETTINGS}\"{}\"\n", path("networks"));
        fs::write(path("containers.conf"), settings).expect("a file can be written");
        let log = File::create(path("log")).expect("a log can be written");
        let mut command = podman(&folder);
        command.args(["system", "service", "--time", "0", &format!("unix://{}", path("engine.sock"))]);
        let serving = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let mut own = OwnPodman { folder, serving: serving.expect("Podman is installed; see tests/install/podman.sh") };
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
            drop(podman(&self.folder).args(remove).output());
        }
        drop(run_as_root("kill", &[&self.serving.id().to_string()]));
        drop(self.serving.wait());
        as_root("rm", &["-rf", &self.folder.path().display().to_string()]);
    }
}

/// Plain copies of files need no right to mount.
fn podman(folder: &TempDir) -> Command {
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut command = command_as_root("env");
    command.arg(format!("CONTAINERS_CONF={}", path("containers.conf"))).args(["podman", "--storage-driver", "vfs"]);
    for (option, name) in [("--root", "root"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
        command.args([option, &path(name)]);
    }
    command
}
