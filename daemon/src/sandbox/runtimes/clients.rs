//! The clients' sources, in the binary and on the disk.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use sha2::{Digest, Sha256};

use crate::project::function::Runtime;

use super::Interpreter;

macro_rules! sources {
    ($folder:literal: $($name:literal)*) => {
        &[$((concat!($folder, "/", $name), include_str!(concat!($folder, "/", $name)))),*]
    };
}

const PYTHON: &[(&str, &str)] = sources!("python":
    "bootstrap.py" "samd_context.py" "samd_errors.py" "samd_http.py" "samd_imports.py" "samd_json.py"
    "samd_json_careful.py" "samd_logging.py" "samd_preload.py" "samd_runtime.py"
);
const NODE: &[(&str, &str)] = sources!("node":
    "api.js" "bootstrap.js" "buffered.js" "console.js" "context.js" "errors.js" "invoke_store.js" "loader.js"
    "modern.js" "preload.js" "response_stream.js" "runtime.js" "streaming.js"
);

/// All sources: path below the clients' folder and text.
pub fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
    PYTHON.iter().chain(NODE).copied()
}

/// Names this set of sources: another set has another digest.
fn digest() -> String {
    let mut hash = Sha256::new();
    for (name, text) in files() {
        hash.update(format!("{name}\0{}\0{text}", text.len()));
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The clients as they stand on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clients {
    sources: PathBuf,
    bytecode: PathBuf,
}

impl Clients {
    /// Puts the sources into a folder of their own below `parent`, named by their digest, unless they are there; once at
    /// the daemon's start. Another daemon may do the same at the same time.
    ///
    /// # Errors
    /// The folder cannot be made or written.
    pub fn materialise(parent: &Path) -> io::Result<Clients> {
        let sources = parent.join(format!("clients-{}", digest()));
        let bytecode = parent.join("bytecode");
        fs::create_dir_all(&bytecode)?;
        if !is_whole(&sources) {
            put_in_place(parent, &sources)?;
        }
        Ok(Clients { sources, bytecode })
    }

    /// `LAMBDA_RUNTIME_DIR`: the folder of the client that serves `runtime`.
    #[must_use]
    pub fn folder(&self, runtime: &Runtime) -> PathBuf {
        match runtime {
            Runtime::Python { .. } => self.sources.join("python"),
            Runtime::Node { .. } => self.sources.join("node"),
            Runtime::Provided(_) | Runtime::Container(_) | Runtime::Unknown(_) => self.sources.clone(),
        }
    }

    /// The command that starts the client of `runtime`; to be run in the code folder, with the gate on standard input.
    /// `before` stands between the interpreter and the client: a debugger's arguments.
    #[must_use]
    pub fn command(&self, runtime: &Runtime, interpreter: &Interpreter, before: &[String]) -> Vec<OsString> {
        let folder = self.folder(runtime);
        let (flags, client): (&[&str], Vec<OsString>) = match runtime {
            // Unbuffered, as AWS's client makes its streams: what was printed is there even when the process is killed.
            Runtime::Python { .. } => (&["-u"], vec![folder.join("bootstrap.py").into(), self.bytecode.clone().into()]),
            Runtime::Node { .. } => (&[], vec![folder.join("bootstrap.js").into()]),
            Runtime::Provided(_) | Runtime::Container(_) | Runtime::Unknown(_) => (&[], Vec::new()),
        };
        let program = interpreter.path.clone().into_os_string();
        let flags = flags.iter().map(OsString::from).chain(before.iter().map(OsString::from));
        std::iter::once(program).chain(flags).chain(client).collect()
    }
}

/// Whether all sources are there, as they should be; something may have cleaned a cache folder up by halves.
fn is_whole(folder: &Path) -> bool {
    files().all(|(name, text)| fs::read(folder.join(name)).is_ok_and(|found| found == text.as_bytes()))
}

/// Writes beside the place and renames, so that nobody ever sees half of it.
fn put_in_place(parent: &Path, place: &Path) -> io::Result<()> {
    let draft = tempfile::Builder::new().prefix("clients-draft-").tempdir_in(parent)?;
    for (name, text) in files() {
        let file = draft.path().join(name);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, text)?;
    }
    if place.exists() {
        fs::remove_dir_all(place)?;
    }
    match fs::rename(draft.path(), place) {
        // Another daemon was first; its sources are the same.
        Err(_) if is_whole(place) => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn materialised_sources_are_whole_and_stay_where_they_are() {
        let parent = tempfile::tempdir().unwrap();
        let first = Clients::materialise(parent.path()).unwrap();
        assert!(is_whole(&first.sources));
        let written = fs::metadata(first.sources.join("python/bootstrap.py")).unwrap().modified().unwrap();
        let second = Clients::materialise(parent.path()).unwrap();
        assert_eq!(first, second);
        assert_eq!(fs::metadata(second.sources.join("python/bootstrap.py")).unwrap().modified().unwrap(), written);
    }

    #[test]
    fn sources_that_were_lost_by_halves_are_put_back() {
        let parent = tempfile::tempdir().unwrap();
        let clients = Clients::materialise(parent.path()).unwrap();
        fs::remove_file(clients.sources.join("node/api.js")).unwrap();
        Clients::materialise(parent.path()).unwrap();
        assert!(is_whole(&clients.sources));
    }

    #[test]
    fn every_source_file_is_embedded() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sandbox/runtimes");
        for family in ["python", "node"] {
            for entry in fs::read_dir(here.join(family)).unwrap().map(Result::unwrap) {
                let name = format!("{family}/{}", entry.file_name().to_string_lossy());
                if entry.file_type().unwrap().is_file() {
                    assert!(files().any(|(embedded, _)| embedded == name), "{name} is not embedded");
                }
            }
        }
    }
}
