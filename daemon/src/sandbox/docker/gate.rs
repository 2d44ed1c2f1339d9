//! The gate at which a container waits, and the pipe into which it prints: two named pipes in a folder of the host's,
//! mounted into the container.
//!
//! Through them no byte goes by way of the engine: what a function printed is here before its answer, standard output and
//! standard error in their order. When the daemon dies, the gate breaks and a container that waits ends by itself.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;
use tokio::net::unix::pipe;

use super::super::{Output, StartError};

/// Where the folder is in the container.
pub(super) const INSIDE: &str = "/run/samd";
/// What `/bin/sh` does in the container: it waits for a line, then becomes the program that it was given.
pub(super) const WAIT: &str = r#"read -r _ </run/samd/go && exec "$0" "$@" </dev/null >/run/samd/output 2>&1"#;

/// A gate and an output of one container. The folder goes when this is dropped.
#[derive(Debug)]
pub(super) struct Gate {
    folder: TempDir,
    go: File,
    output: Output,
}

impl Gate {
    /// Makes both pipes below the state folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn open(state: &Path) -> Result<Gate, StartError> {
        make(&folder_of(state)).map_err(|problem| {
            StartError::place(format!("no gate could be made in {}: {problem}", folder_of(state).display()))
        })
    }

    /// The folder to be mounted at [`INSIDE`].
    #[must_use]
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The end that opens the gate, what comes out of the container, and the folder that must outlive it.
    #[must_use]
    pub(super) fn into_parts(self) -> (Opener, Output, TempDir) {
        (Opener(self.go), self.output, self.folder)
    }
}

/// Opens the gate.
#[derive(Debug)]
pub(super) struct Opener(File);

impl Opener {
    /// Lets the container go on. An empty pipe takes the line without waiting.
    pub(super) fn open(&mut self) {
        if let Err(problem) = self.0.write_all(b"go\n") {
            tracing::error!(%problem, "a container's gate could not be opened");
        }
    }
}

/// Where the gates are.
#[must_use]
pub(super) fn folder_of(state: &Path) -> PathBuf {
    state.join("containers")
}

fn make(parent: &Path) -> io::Result<Gate> {
    fs::create_dir_all(parent)?;
    let folder = tempfile::tempdir_in(parent)?;
    // The state folder is closed to others; in the container the function's user must come through.
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    let (go, output) = (folder.path().join("go"), folder.path().join("output"));
    make_pipe(&go, 0o644)?;
    make_pipe(&output, 0o666)?;
    // Both ends are held, so that neither side's opening waits for the other and no end of file comes between.
    let go = File::options().read(true).write(true).open(go)?;
    let output = pipe::OpenOptions::new().read_write(true).open_receiver(output)?;
    Ok(Gate { folder, go, output: Output::from_pipe(output) })
}

fn make_pipe(path: &Path, mode: u32) -> io::Result<()> {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(mode), 0)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// The script, with the folder where it is on this machine.
    fn script(gate: &Gate) -> String {
        WAIT.replace(INSIDE, gate.folder().to_str().unwrap())
    }

    #[tokio::test]
    async fn a_program_behind_the_gate_runs_when_it_is_opened_and_prints_into_the_pipe() {
        let state = tempfile::tempdir().unwrap();
        let gate = Gate::open(state.path()).unwrap();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &script(&gate), "/bin/sh", "-c", "echo out; echo err >&2; echo \"$1\"", "sh", "two words"]);
        let mut child = shell.spawn().unwrap();
        let (mut opener, mut output, folder) = gate.into_parts();
        assert!(child.try_wait().unwrap().is_none(), "it waits");
        opener.open();
        assert!(tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap().success());
        let mut lines = Vec::new();
        output.take_rest(&mut |line| lines.push(line.to_owned()));
        // Readiness may need one turn of the reactor.
        if lines.is_empty() {
            output.readable().await;
            output.take_rest(&mut |line| lines.push(line.to_owned()));
        }
        assert_eq!(lines, ["out", "err", "two words"]);
        drop(folder);
    }

    #[tokio::test]
    async fn a_program_behind_the_gate_of_a_dead_daemon_never_runs() {
        let state = tempfile::tempdir().unwrap();
        let gate = Gate::open(state.path()).unwrap();
        let mark = state.path().join("mark");
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &script(&gate), "/usr/bin/touch", mark.to_str().unwrap()]);
        let mut child = shell.spawn().unwrap();
        let (opener, output, folder) = gate.into_parts();
        // The shell opens the gate for reading before it ends; only then is breaking it seen as its end.
        let fd = format!("/proc/{}/fd/0", child.id());
        let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !fs::read_link(&fd).is_ok_and(|to| to.ends_with("go")) && std::time::Instant::now() < until {
            tokio::task::yield_now().await;
        }
        drop((opener, output));
        assert!(!tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap().success());
        assert!(!mark.exists());
        drop(folder);
    }
}
