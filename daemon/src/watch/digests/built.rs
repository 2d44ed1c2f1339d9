//! The index made anew: everything that is watched, read once, beside what was told of it before.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::ignored::Ignored;
use super::super::wanted::Wanted;
use super::{Digests, MOST_BYTES, MOST_FILE, MOST_FILES};

/// What an index begins with.
#[derive(Debug)]
pub(in crate::watch) struct Before {
    /// What is known already.
    pub(in crate::watch) known: Digests,
    /// What changed from here on is told.
    pub(in crate::watch) since: SystemTime,
    /// Events of what changed from here on may be on their way.
    pub(in crate::watch) quiet: SystemTime,
}

impl Before {
    /// Nothing is known, and nothing was watched.
    pub(super) fn nothing(since: SystemTime) -> Before {
        Before { known: Digests::default(), since, quiet: since }
    }
}

/// An index of everything, and what changed while nobody watched.
#[derive(Debug)]
pub(in crate::watch) struct Built {
    pub(super) digests: Digests,
    since: SystemTime,
    quiet: SystemTime,
    pub(super) late: Vec<PathBuf>,
    pub(super) seen: usize,
    bytes: u64,
}

impl Built {
    /// Reads everything that is wanted; blocks. Of what is `known` already that stays known which was told of it; a file
    /// that holds something else now is told apart. So are files that are new here and changed after `since`, which are
    /// not known: nobody can say whether what was read of them is what runs.
    pub(in crate::watch) fn read(wanted: &Wanted, ignored: &Ignored, before: Before) -> Built {
        let Before { known, since, quiet } = before;
        let digests = Digests { complete: true, ..known };
        let mut built = Built { digests, since, quiet, late: Vec::new(), seen: 0, bytes: 0 };
        let mut stack: Vec<_> = wanted.paths().iter().map(|path| (path.clone(), path.as_path())).collect();
        while let Some((path, whole)) = stack.pop() {
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if built.seen >= MOST_FILES || built.bytes >= MOST_BYTES {
                built.digests.complete = false;
                break;
            }
            built.add(&path, &metadata);
            if metadata.is_dir() {
                let below = fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path());
                stack.extend(below.filter(|below| !ignored.ignores(whole, below)).map(|below| (below, whole)));
            }
        }
        built
    }

    fn add(&mut self, path: &Path, metadata: &Metadata) {
        self.seen += 1;
        self.bytes += if metadata.is_file() { metadata.len().min(MOST_FILE) } else { 0 };
        let key = self.digests.key(path);
        if let Some(told) = self.digests.known.get(&key).copied() {
            match self.digests.learn(path, metadata) {
                Ok(content) if content == told => {}
                _ => self.late.push(path.to_path_buf()),
            }
            self.digests.known.insert(key, told);
            return;
        }
        // Of two moments in one step of the clock nobody knows which was first.
        if !metadata.is_dir() && changed(metadata) >= self.since {
            self.late.push(path.to_path_buf());
            return;
        }
        if !metadata.is_dir() && changed(metadata) >= self.quiet {
            return;
        }
        // One that cannot be read is not known, and neither is what has come and gone.
        self.digests.complete &= self.digests.learn(path, metadata).is_ok();
    }
}

/// When content, name or rights last changed; nobody can set this time.
fn changed(metadata: &Metadata) -> SystemTime {
    let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
    let nanoseconds = u32::try_from(metadata.ctime_nsec()).unwrap_or_default();
    UNIX_EPOCH + Duration::new(seconds, nanoseconds)
}
