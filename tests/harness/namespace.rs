//! Runs one test of this binary alone in a mount namespace of its own, where it may have a full or read-only disk without
//! harm to anybody. Skips, saying so, where the system allows no namespaces.

use std::path::PathBuf;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

/// Names the folder to the test inside.
const VARIABLE: &str = "SAMD_TEST_NAMESPACE_FOLDER";

/// Runs the test of that name, which is marked as ignored, after `mount`: a shell command with the folder in `$FOLDER`.
/// Returns the folder as it is outside the namespace; `None` when it skipped.
///
/// # Panics
/// When the test inside fails, or did not run.
pub fn run(test: &str, mount: &str) -> Option<TempDir> {
    let folder = tempfile::tempdir().expect("a folder");
    let inside = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c", script, "sh"]);
        command.env("FOLDER", folder.path()).env(VARIABLE, folder.path());
        command
    };
    if !inside(mount).output().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED {test}: this system lets no user make a mount namespace (unshare --mount --map-root-user)");
        return None;
    }
    // A write past a limit is to be an error, not a signal; and a hang is a failure, not a wait.
    let output = inside(&format!("{mount} && trap '' XFSZ && exec timeout 120 \"$@\""))
        .arg(std::env::current_exe().expect("this binary"))
        .args(["--exact", test, "--ignored", "--nocapture"])
        .output()
        .expect("unshare ran a moment ago");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{test}: {}\n{text}", output.status);
    Some(folder)
}

/// The folder, in the test inside.
///
/// # Panics
/// When the test was not started by [`run`].
#[must_use]
pub fn folder() -> PathBuf {
    PathBuf::from(std::env::var_os(VARIABLE).expect("started by the test that makes its file system"))
}

/// A limit on the size of files that this process writes, until dropped.
#[derive(Debug)]
pub struct FileSizeLimit(Rlimit);

impl FileSizeLimit {
    /// Sets the limit.
    ///
    /// # Panics
    /// When the system refuses.
    #[must_use]
    pub fn set(bytes: u64) -> FileSizeLimit {
        let before = getrlimit(Resource::Fsize);
        setrlimit(Resource::Fsize, Rlimit { current: Some(bytes), ..before }).expect("a lower limit is allowed");
        FileSizeLimit(before)
    }
}

impl Drop for FileSizeLimit {
    fn drop(&mut self) {
        setrlimit(Resource::Fsize, self.0).expect("the limit that was there is allowed");
    }
}
