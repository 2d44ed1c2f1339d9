//! The interpreter that runs a function: the exact version where there is one, else the nearest.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::project::function::Runtime;

use super::candidates::candidates;
use super::probe::{Answer, Family, Prober};

/// Oldest versions that AWS has runtimes for and that the clients are made for.
const OLDEST_PYTHON: u32 = 8;
const OLDEST_NODE: u32 = 18;

/// An interpreter's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// Major.
    pub major: u32,
    /// Minor.
    pub minor: u32,
    /// Patch.
    pub patch: u32,
}

impl Version {
    /// Parses `3.11.7`; what follows the third number is left out.
    pub(super) fn parse(text: &str) -> Option<Version> {
        let mut parts = text.trim().splitn(3, '.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        let patch = parts.next()?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
        Some(Version { major, minor, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// An interpreter that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The real executable, never a version manager's shim.
    pub path: PathBuf,
    /// Its version.
    pub version: Version,
    /// What the user should know, as that another version than asked for is used.
    pub note: Option<String>,
}

/// Finds interpreters. The folders are looked through at each call, so that what is installed later is found; what a
/// program says of itself is asked once.
#[derive(Debug)]
pub struct Interpreters {
    path: OsString,
    home: Option<PathBuf>,
    prober: Prober,
}

impl Interpreters {
    /// Looks on `path` (as the variable `PATH`), in the version managers' folders below `home`, and where systems have
    /// their programs. Runs nothing yet.
    #[must_use]
    pub fn discover(path: OsString, home: Option<PathBuf>) -> Interpreters {
        Interpreters { prober: Prober::new(path.clone(), home.clone()), path, home }
    }

    /// Keeps what programs say of themselves in `file`, for the daemon's next start.
    #[must_use]
    pub fn remember_in(self, file: PathBuf) -> Interpreters {
        Interpreters { prober: self.prober.remember_in(file), ..self }
    }

    /// The interpreter for `runtime`. Blocks: it may run programs to ask for their versions.
    ///
    /// # Errors
    /// None was found; the sentence says what to do.
    pub fn find(&self, runtime: &Runtime) -> Result<Interpreter, String> {
        let Some(wanted) = Wanted::of(runtime) else {
            return Err(format!("{runtime} needs no interpreter"));
        };
        let mut others = Vec::new();
        for candidate in candidates(runtime, &self.path, self.home.as_deref()) {
            let Some(answer) = self.prober.ask(wanted.family, &candidate) else { continue };
            match wanted.distance(&answer.version) {
                Some(0) => return Ok(Interpreter { path: answer.path, version: answer.version, note: None }),
                Some(distance) => others.push((distance, answer)),
                None => {}
            }
        }
        wanted.nearest(runtime, others)
    }
}

/// What a runtime asks for.
struct Wanted {
    family: Family,
    /// Python's minor or Node's major version.
    number: u32,
}

impl Wanted {
    fn of(runtime: &Runtime) -> Option<Wanted> {
        match runtime {
            Runtime::Python { minor } => Some(Wanted { family: Family::Python, number: u32::from(*minor) }),
            Runtime::Node { major } => Some(Wanted { family: Family::Node, number: u32::from(*major) }),
            Runtime::Provided(_) | Runtime::Container(_) | Runtime::Unknown(_) => None,
        }
    }

    /// How far a version is from the one asked for; `None` when the client does not run on it.
    fn distance(&self, version: &Version) -> Option<u32> {
        match self.family {
            Family::Python if version.major == 3 && version.minor >= OLDEST_PYTHON => {
                Some(version.minor.abs_diff(self.number))
            }
            Family::Node if version.major >= OLDEST_NODE => Some(version.major.abs_diff(self.number)),
            Family::Python | Family::Node => None,
        }
    }

    /// The nearest one; of two as near, the newer.
    fn nearest(&self, runtime: &Runtime, others: Vec<(u32, Answer)>) -> Result<Interpreter, String> {
        let best = others.into_iter().min_by_key(|(distance, answer)| (*distance, std::cmp::Reverse(answer.version)));
        let Some((_, Answer { path, version })) = best else { return Err(self.missing(runtime)) };
        let name = self.name();
        let note =
            format!("{name} {} is not here; {runtime} runs on {name} {version} ({})", self.text(), path.display());
        Ok(Interpreter { path, version, note: Some(note) })
    }

    fn missing(&self, runtime: &Runtime) -> String {
        let (name, program) = match self.family {
            Family::Python => ("Python", format!("python3.{}", self.number)),
            Family::Node => ("Node.js", "node".to_owned()),
        };
        format!(
            "no interpreter for {runtime}: {name} {} was looked for on PATH and in the version managers' folders; \
             install it so that `{program}` is on PATH, or use --sandbox docker",
            self.text()
        )
    }

    fn name(&self) -> &'static str {
        match self.family {
            Family::Python => "Python",
            Family::Node => "Node.js",
        }
    }

    fn text(&self) -> String {
        match self.family {
            Family::Python => format!("3.{}", self.number),
            Family::Node => self.number.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
