//! `samctl` in this process, with variables, folder and streams of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use samctl::Surroundings;

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    /// Exit code.
    pub code: u8,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// A terminal without a terminal: nothing of the test's own environment is seen.
#[derive(Debug, Clone)]
pub struct CommandLine {
    /// Environment variables.
    pub variables: BTreeMap<OsString, OsString>,
    /// The working folder.
    pub folder: PathBuf,
    /// Where `samctl` believes to stand.
    pub program: Option<PathBuf>,
    /// Standard input.
    pub input: String,
}

impl CommandLine {
    /// One that finds the daemon of `state_dir` and never starts one.
    #[must_use]
    pub fn new(state_dir: &Path) -> CommandLine {
        let line =
            CommandLine { variables: BTreeMap::new(), folder: PathBuf::from("/"), program: None, input: String::new() };
        line.with("SAMD_STATE_DIR", state_dir.to_str().expect("a path in UTF-8")).with("SAMD_AUTOSTART", "0")
    }

    /// With a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> CommandLine {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// In a folder.
    #[must_use]
    pub fn within(mut self, folder: &Path) -> CommandLine {
        self.folder = folder.to_owned();
        self
    }

    /// Runs `samctl` with these arguments.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let (out, err) = (Shared::default(), Shared::default());
        let mut surroundings = Surroundings {
            variables: self.variables.clone(),
            folder: self.folder.clone(),
            program: self.program.clone(),
            color: false,
            input: Box::new(Cursor::new(self.input.clone())),
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
        };
        let arguments = std::iter::once("samctl").chain(arguments.iter().copied()).map(OsString::from);
        let code = samctl::run(arguments, &mut surroundings);
        Ran { code, out: out.text(), err: err.text() }
    }
}

/// A stream that can be read while the command owns it.
#[derive(Debug, Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
