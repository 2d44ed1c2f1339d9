//! What a command finds around it: variables, the working folder, where to write.
//!
//! A value, so that tests give their own and nothing else in the crate reads the process's environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;

/// Variables, working folder, streams.
pub struct Surroundings {
    /// Environment variables.
    pub variables: BTreeMap<OsString, OsString>,
    /// The working folder.
    pub folder: PathBuf,
    /// This program's own file; `samd` is looked for beside it.
    pub program: Option<PathBuf>,
    /// Whether to use colours.
    pub color: bool,
    /// Standard input.
    pub input: Box<dyn Read>,
    /// Standard output.
    pub out: Box<dyn Write>,
    /// Standard error.
    pub err: Box<dyn Write>,
}

impl Surroundings {
    /// Those of this process.
    #[must_use]
    pub fn of_this_process() -> Surroundings {
        let variables: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        // The second one is the SAM CLI's.
        let no_color = ["NO_COLOR", "SAM_CLI_NO_COLOR"]
            .iter()
            .any(|name| variables.get(&OsString::from(name)).is_some_and(|value| !value.is_empty()));
        Surroundings {
            // Without a working folder (it was deleted) relative paths cannot work, and the root says so plainly.
            folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            program: std::env::current_exe().ok().and_then(|path| path.canonicalize().ok()),
            color: std::io::stdout().is_terminal() && !no_color,
            variables,
            input: Box::new(std::io::stdin()),
            out: Box::new(std::io::stdout()),
            err: Box::new(std::io::stderr()),
        }
    }

    /// A variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(&OsString::from(name)).cloned()
    }

    /// The whole environment, as the daemon needs it for the variables that a template declares. What is not text
    /// cannot be a function's variable either and stays here.
    #[must_use]
    pub fn environment(&self) -> samd_proto::secret::Environment {
        let text =
            |(name, value): (&OsString, &OsString)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned()));
        samd_proto::secret::Environment(self.variables.iter().filter_map(text).collect())
    }

    /// A path as seen from the working folder, made absolute; what exists has its links resolved.
    #[must_use]
    pub fn absolute(&self, path: &std::path::Path) -> PathBuf {
        let path = self.folder.join(path);
        path.canonicalize().unwrap_or(path)
    }
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("folder", &self.folder).finish_non_exhaustive()
    }
}
