//! Ends processes that nobody is the parent of any more, found by what stands in their environment.

use std::collections::BTreeSet;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use crate::lambda::environment::SandboxIdentity;
use crate::project::build::ARTIFACTS_DIR;

/// How often what a sandbox left behind is looked for: each look may find what forked during the one before.
const SWEEPS: usize = 100;

/// Names the sandbox of an extension in its environment, which has no other mark of ours (G1.10).
pub(super) const EXTENSION_OF: &str = "SAMD_EXTENSION_OF";

/// What a sandbox shares with no other, and what everything that it starts inherits: of its runtime, and of its
/// extensions.
#[must_use]
pub(super) fn marks(runtime_dir: &str, identity: &SandboxIdentity) -> Vec<String> {
    let log_stream = &identity.log_stream;
    vec![format!("AWS_LAMBDA_LOG_STREAM_NAME={log_stream}"), format!("{EXTENSION_OF}={runtime_dir}/{log_stream}")]
}

/// Ends what a killed daemon left behind: sandboxes whose runtime folder is one of this state folder's, and builds that
/// fill one of its folders, which nobody but the holder of the state may start. Returns how many processes there were.
#[must_use]
pub fn reap(runtimes: &Path, builds: &Path) -> usize {
    let mark = |name: &str, folder: &Path| format!("{name}={}/", folder.display()).into_bytes();
    let marks = [mark("LAMBDA_RUNTIME_DIR", runtimes), mark(EXTENSION_OF, runtimes), mark(ARTIFACTS_DIR, builds)];
    end_all(|variable| marks.iter().any(|mark| variable.starts_with(mark)))
}

/// Ends the processes of which a variable is as asked for, and looks again until there are no more, since one may fork
/// while it is looked at. Returns how many there were.
pub(super) fn end_all(is_marked: impl Fn(&[u8]) -> bool) -> usize {
    let mut all = BTreeSet::new();
    for _ in 0..SWEEPS {
        // One that ended in the meantime needs no killing.
        let ended: Vec<Pid> = marked(&is_marked).filter(|pid| kill_process(*pid, Signal::KILL).is_ok()).collect();
        if ended.is_empty() {
            break;
        }
        all.extend(ended.into_iter().map(Pid::as_raw_pid));
    }
    all.len()
}

/// Processes of which a variable is as asked for; one that has ended and waits to be collected has none.
fn marked(is_marked: impl Fn(&[u8]) -> bool) -> impl Iterator<Item = Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let ours = pids.filter(move |pid| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(&is_marked)
    });
    ours.filter_map(Pid::from_raw)
}
