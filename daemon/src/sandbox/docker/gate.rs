//! The gate at which a container waits, and the pipe into which it prints: named pipes in a folder of the host's, mounted
//! into the container.
//!
//! ```text
//!  before the program:  /bin/sh reads `go` ─▶ the image's entry point ─▶ its runtime ─▶ the function
//!  in the interpreter:  the image's entry point ─▶ its runtime, `arrived`, reads `go` ─▶ the function
//! ```
//! Through them no byte goes by way of the engine: what a function printed is here before its answer, standard output and
//! standard error in their order. When the daemon dies, the gate breaks and a container that waits before its program ends
//! by itself. One that waits in its interpreter stays for a minute: the next daemon may open the same gate again, hears once
//! more that it waits, and takes it over. A mark in the folder says that the gate was opened before; then nobody waits at it.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::net::unix::pipe;

use super::super::{Output, StartError};
use super::attached;
use super::companions::{self, Companions};

/// Where the folder is in the container.
pub(super) const INSIDE: &str = "/run/samd";
/// What `/bin/sh` does in the container: it waits for a line, then becomes the program that it was given.
pub(super) const WAIT: &str = r#"read -r _ </run/samd/go && exec "$0" "$@" </dev/null >/run/samd/output 2>&1"#;
/// The same where the interpreter waits.
pub(super) const PASS: &str = r#"exec "$0" "$@" </dev/null >/run/samd/output 2>&1"#;

/// The pipes' names.
const GO: &str = "go";
const ARRIVED: &str = "arrived";
const OUTPUT: &str = "output";
/// Marks a gate that was opened.
const OPENED: &str = "opened";

/// Where a container waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// Before the image's entry point.
    Program,
    /// In the Python that the entry point starts.
    Python,
    /// In the Node.js that the entry point starts.
    Node,
    /// Before the extensions, and again before the image's entry point.
    Extensions,
    /// The same, where no folder can be mounted: see `attached`.
    Attached,
}

impl Where {
    /// What `/bin/sh` does.
    #[must_use]
    pub(super) fn script(self) -> &'static str {
        match self {
            Where::Program => WAIT,
            Where::Python | Where::Node => PASS,
            Where::Extensions => companions::SCRIPT,
            Where::Attached => attached::SCRIPT,
        }
    }

    /// Whether it waits in its interpreter.
    #[must_use]
    pub(super) fn is_in_interpreter(self) -> bool {
        self.hook().is_some()
    }

    /// The file that holds the interpreter, below the gate's folder.
    fn hook(self) -> Option<(&'static str, &'static str)> {
        match self {
            Where::Program | Where::Extensions | Where::Attached => None,
            Where::Python => Some(("python/sitecustomize.py", include_str!("hooks/sitecustomize.py"))),
            Where::Node => Some(("node/gate.js", include_str!("hooks/gate.js"))),
        }
    }

    /// The variable through which the interpreter finds it, what it is set to, and what stands between that and what
    /// the user set.
    #[must_use]
    pub(super) fn variable(self) -> Option<(&'static str, &'static str, char)> {
        match self {
            Where::Program | Where::Extensions | Where::Attached => None,
            Where::Python => Some(("PYTHONPATH", "/run/samd/python", ':')),
            Where::Node => Some(("NODE_OPTIONS", "--require /run/samd/node/gate.js", ' ')),
        }
    }
}

/// A gate and an output of one container. The folder goes when this is dropped.
#[derive(Debug)]
pub(super) struct Gate {
    folder: Folder,
    go: File,
    arrived: Option<pipe::Receiver>,
    output: Output,
    /// What is told of extensions, and what they print.
    companions: Option<(Companions, Output)>,
}

impl Gate {
    /// Makes the pipes below the state folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn open(state: &Path, place: Where) -> Result<Gate, StartError> {
        make(&folder_of(state), place).map_err(|problem| {
            StartError::place(format!("no gate could be made in {}: {problem}", folder_of(state).display()))
        })
    }

    /// Opens the gate of a container that a killed daemon left in its interpreter.
    ///
    /// # Errors
    /// It is not there any more, or was opened before.
    pub(super) fn find(folder: PathBuf) -> io::Result<Gate> {
        if folder.join(OPENED).try_exists()? {
            return Err(io::Error::other("it was opened before"));
        }
        hold(folder, true, false)
    }

    /// The folder to be mounted at [`INSIDE`].
    #[must_use]
    pub(super) fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Waits until an interpreter says that it waits; for ever, where none is to.
    pub(super) async fn arrival(&self) {
        arrival(self.arrived.as_ref()).await;
    }

    /// What is told of extensions, and what they print, where the gate stands before them; once.
    pub(super) fn take_companions(&mut self) -> Option<(Companions, Output)> {
        self.companions.take()
    }

    /// The end that opens the gate, what comes out of the container, and the folder that must outlive it.
    #[must_use]
    pub(super) fn into_parts(self) -> (Opener, Output, Folder) {
        let opened = self.folder.0.join(OPENED);
        (Opener { go: self.go, arrived: self.arrived, opened }, self.output, self.folder)
    }
}

/// A gate's folder; it goes when this is dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(problem) = fs::remove_dir_all(&self.0) {
            tracing::debug!(folder = %self.0.display(), %problem, "an old gate could not be removed");
        }
    }
}

/// Opens the gate.
#[derive(Debug)]
pub(super) struct Opener {
    go: File,
    arrived: Option<pipe::Receiver>,
    /// Where the mark is made.
    opened: PathBuf,
}

impl Opener {
    /// Lets the container go on. An empty pipe takes the line without waiting.
    pub(super) fn open(&mut self) {
        // The mark comes first, so that no daemon after this one takes it for one that waits.
        if self.is_in_interpreter()
            && let Err(problem) = File::create(&self.opened)
        {
            tracing::error!(%problem, "an opened gate could not be marked");
        }
        if let Err(problem) = self.go.write_all(b"go\n") {
            tracing::error!(%problem, "a container's gate could not be opened");
        }
    }

    /// Whether an interpreter is to say that it waits.
    #[must_use]
    pub(super) fn is_in_interpreter(&self) -> bool {
        self.arrived.is_some()
    }

    /// Waits until an interpreter says that it waits; for ever, where none is to.
    pub(super) async fn arrival(&self) {
        arrival(self.arrived.as_ref()).await;
    }

    /// Whether an interpreter has said so since this was last asked.
    #[must_use]
    pub(super) fn has_arrived(&self) -> bool {
        let mut word = [0; 1];
        self.arrived.as_ref().is_some_and(|pipe| rustix::io::read(pipe, &mut word).is_ok_and(|read| read > 0))
    }
}

async fn arrival(arrived: Option<&pipe::Receiver>) {
    while let Some(pipe) = arrived {
        let mut word = [0; 1];
        if pipe.readable().await.is_ok() && pipe.try_read(&mut word).is_ok_and(|read| read > 0) {
            return;
        }
    }
    std::future::pending().await
}

/// Where the gates are.
#[must_use]
pub(super) fn folder_of(state: &Path) -> PathBuf {
    state.join("containers")
}

fn make(parent: &Path, place: Where) -> io::Result<Gate> {
    fs::create_dir_all(parent)?;
    let folder = tempfile::tempdir_in(parent)?.keep();
    // The state folder is closed to others; in the container the function's user must come through.
    fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
    make_pipe(&folder.join(GO), 0o666)?;
    make_pipe(&folder.join(OUTPUT), 0o666)?;
    if let Some((name, text)) = place.hook() {
        put(&folder.join(name), text)?;
        make_pipe(&folder.join(ARRIVED), 0o666)?;
    }
    if place == Where::Extensions {
        for name in [companions::NOTICES, companions::OUTPUT] {
            make_pipe(&folder.join(name), 0o666)?;
        }
    }
    hold(folder, place.is_in_interpreter(), place == Where::Extensions)
}

/// Both ends are held, so that neither side's opening waits for the other and no end of file comes between. Who finds the
/// gate held can say that it has arrived.
fn hold(folder: PathBuf, is_in_interpreter: bool, has_companions: bool) -> io::Result<Gate> {
    let folder = Folder(folder);
    let receive = |name: &str| pipe::OpenOptions::new().read_write(true).open_receiver(folder.0.join(name));
    let output = Output::from_pipe(receive(OUTPUT)?);
    let companions = has_companions.then(|| Companions::open(&folder.0)).transpose()?;
    let arrived = is_in_interpreter.then(|| receive(ARRIVED)).transpose()?;
    let go = File::options().read(true).write(true).open(folder.0.join(GO))?;
    Ok(Gate { folder, go, arrived, output, companions })
}

fn put(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    }
    fs::write(file, text)?;
    fs::set_permissions(file, Permissions::from_mode(0o644))
}

fn make_pipe(path: &Path, mode: u32) -> io::Result<()> {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(mode), 0)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests;
