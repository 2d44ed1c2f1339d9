//! Asks a program which interpreter it really is: a version manager's shim stands for another file.
//!
//! An answer is kept in memory and, when a file is given, on the disk, by the program's path, time and size: asking costs
//! tens of milliseconds, a shim even more.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Version;

/// Time that a program may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(10);
/// Variables that version managers' shims need, besides `PATH` and `HOME`.
const SHIM_VARIABLES: &[&str] =
    &["PYENV_ROOT", "PYENV_VERSION", "ASDF_DIR", "ASDF_DATA_DIR", "MISE_DATA_DIR", "VOLTA_HOME", "FNM_DIR", "NVM_DIR"];

/// What a program said it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    /// The real executable.
    pub(super) path: PathBuf,
    /// Its version.
    pub(super) version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    modified_ns: i128,
    size: u64,
    /// `None` when the program did not answer as an interpreter does.
    answer: Option<Answer>,
}

/// Which family of interpreters is asked, since each has its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Python,
    Node,
}

/// Asks, and remembers answers.
#[derive(Debug)]
pub(super) struct Prober {
    path: OsString,
    home: Option<PathBuf>,
    known: Mutex<BTreeMap<PathBuf, Entry>>,
    file: Option<PathBuf>,
}

impl Prober {
    pub(super) fn new(path: OsString, home: Option<PathBuf>) -> Prober {
        Prober { path, home, known: Mutex::default(), file: None }
    }

    /// Keeps answers in `file`; one that cannot be read is as good as none.
    pub(super) fn remember_in(mut self, file: PathBuf) -> Prober {
        let read = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        self.known = Mutex::new(read.unwrap_or_default());
        self.file = Some(file);
        self
    }

    /// What `program` is; `None` when it is no interpreter of the family.
    pub(super) fn ask(&self, family: Family, program: &Path) -> Option<Answer> {
        let metadata = std::fs::metadata(program).ok()?;
        let modified_ns = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        let size = metadata.size();
        if let Some(entry) = self.recall(program, modified_ns, size) {
            return entry.answer;
        }
        let answer = self.run(family, program);
        self.keep(program, Entry { modified_ns, size, answer: answer.clone() });
        answer
    }

    fn recall(&self, program: &Path, modified_ns: i128, size: u64) -> Option<Entry> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known.get(program).filter(|entry| (entry.modified_ns, entry.size) == (modified_ns, size))?;
        // A shim stays as it is while what it stands for goes away.
        entry.answer.as_ref().is_none_or(|answer| answer.path.is_file()).then(|| entry.clone())
    }

    fn keep(&self, program: &Path, entry: Entry) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(program.to_owned(), entry);
        if let Some(file) = &self.file
            && let Err(problem) = write_whole(file, &known)
        {
            tracing::debug!(%problem, file = %file.display(), "the interpreters found were not remembered");
        }
    }

    fn run(&self, family: Family, program: &Path) -> Option<Answer> {
        let mut command = Command::new(program);
        command.args(match family {
            Family::Python => ["-I", "-S", "-c", PYTHON_QUESTION].as_slice(),
            Family::Node => ["-p", NODE_QUESTION].as_slice(),
        });
        command.env_clear().env("PATH", &self.path).current_dir("/");
        command.envs(self.home.iter().map(|home| ("HOME", home)));
        command.envs(SHIM_VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        let text = output(command)?;
        let (path, version) = text.trim().rsplit_once('\n')?;
        Some(Answer { path: PathBuf::from(path), version: Version::parse(version)? })
    }
}

const PYTHON_QUESTION: &str = "import sys; print(sys.executable); print('%d.%d.%d' % sys.version_info[:3])";
const NODE_QUESTION: &str = "process.execPath + '\\n' + process.versions.node";

/// What a command prints when it ends well and in time.
fn output(mut command: Command) -> Option<String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let mut stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text).is_ok();
        // Nobody listens any more once the time is over.
        drop(sender.send(read.then_some(text)));
    });
    let text = receiver.recv_timeout(PATIENCE).ok().flatten();
    if text.is_none() {
        // It may have ended by itself meanwhile.
        drop(child.kill());
    }
    let status = child.wait().ok()?;
    text.filter(|_| status.success())
}

fn write_whole(file: &Path, known: &BTreeMap<PathBuf, Entry>) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let draft = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(draft.as_file(), known)?;
    draft.persist(file).map_err(|error| error.error)?;
    Ok(())
}
