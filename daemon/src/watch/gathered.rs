//! Events → when it is time to tell, and what (pure).
//!
//! Events are gathered until it is quiet for a moment: a millisecond when every file that was written has been closed,
//! longer while one is still being written, so that nobody is served a half-written file, when a new file may be about to
//! be renamed over another, and when one is gone that may be about to come back. Where very many files change one after the other (an installation, a build)
//! they are told in few large parts.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use notify::EventKind;
use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind};

use super::Touched;

/// So long nothing may happen before what was gathered is told.
const QUIET: Duration = Duration::from_millis(1);
/// So long a new file may wait to be renamed.
const NEW: Duration = Duration::from_millis(15);
/// So long a file that is being written may keep others waiting.
const UNFINISHED: Duration = Duration::from_millis(40);
/// So long a file that is gone may take to be written again.
const GONE: Duration = Duration::from_millis(40);
/// What goes on without a pause is told in parts.
const MOST_WAIT: Duration = Duration::from_millis(500);
/// So many different files, with no pause of [`CALM`] between them, are a group that is best told together.
const GROUP: usize = 4;
/// As [`QUIET`], in a group.
const GROUP_QUIET: Duration = Duration::from_millis(20);
/// So many are a crowd: more may follow.
const CROWD: usize = 16;
/// As [`QUIET`], in a crowd.
const CROWD_QUIET: Duration = Duration::from_millis(100);
/// So many are a storm.
const STORM: usize = 64;
/// As [`QUIET`] and [`MOST_WAIT`], in a storm.
const STORM_QUIET: Duration = Duration::from_millis(200);
const STORM_MOST_WAIT: Duration = Duration::from_secs(4);
/// After so long without events a storm is over.
const CALM: Duration = Duration::from_secs(1);

/// What an event says about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// It is as it shall be.
    Done,
    /// It is new, and someone may be writing it.
    New,
    /// It is new, and someone may be filling it.
    NewFolder,
    /// Someone is writing it.
    Unfinished,
    /// It is there no more, and someone may be about to write it again.
    Gone,
    Nothing,
}

fn says(kind: EventKind) -> Says {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Says::Done,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(notify::event::MetadataKind::Any)) => {
            Says::Nothing
        }
        EventKind::Create(CreateKind::File) => Says::New,
        EventKind::Create(CreateKind::Folder) => Says::NewFolder,
        EventKind::Modify(ModifyKind::Data(_)) => Says::Unfinished,
        EventKind::Remove(_) => Says::Gone,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Other => Says::Done,
    }
}

/// What was gathered, and what its events said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) touched: Touched,
    pub(super) said: Said,
}

/// What events said about paths.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// Their writers were given time to finish.
    pub(super) waited: HashSet<PathBuf>,
    /// They were not there before.
    pub(super) born: HashSet<PathBuf>,
}

/// What has been gathered since it was last told.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    paths: BTreeSet<PathBuf>,
    born: HashSet<PathBuf>,
    unfinished: HashSet<PathBuf>,
    new: HashSet<PathBuf>,
    gone: HashSet<PathBuf>,
    first: Option<Instant>,
    last: Option<Instant>,
    /// Different files of the burst that goes on, also those told already.
    burst: HashSet<PathBuf>,
}

impl Gathered {
    /// Notes that something happened to a path.
    pub(super) fn event(&mut self, kind: EventKind, path: &Path, now: Instant) {
        let says = says(kind);
        if matches!(says, Says::New | Says::NewFolder) && !self.paths.contains(path) {
            self.born.insert(path.to_path_buf());
        }
        match says {
            Says::Nothing => return,
            Says::New => {
                // One that comes back is where it belongs, and nobody renames it.
                if !self.gone.contains(path) {
                    self.new.insert(path.to_path_buf());
                }
                self.unfinished.insert(path.to_path_buf());
            }
            Says::NewFolder => {
                self.new.insert(path.to_path_buf());
            }
            Says::Unfinished => {
                self.unfinished.insert(path.to_path_buf());
            }
            Says::Gone => {
                self.unfinished.remove(path);
                self.new.remove(path);
                self.gone.insert(path.to_path_buf());
            }
            Says::Done => {
                self.unfinished.remove(path);
                self.gone.remove(path);
                if matches!(kind, EventKind::Modify(ModifyKind::Name(_))) {
                    self.new.remove(path);
                }
            }
        }
        self.touch(path.to_path_buf(), now);
    }

    /// Notes that a path may have changed.
    pub(super) fn touch(&mut self, path: PathBuf, now: Instant) {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) > CALM) {
            self.burst.clear();
        }
        if self.burst.len() < STORM {
            self.burst.insert(path.clone());
        }
        self.last = Some(now);
        self.paths.insert(path);
        self.first.get_or_insert(now);
    }

    /// Notes that a path was found without its content, as one whose writer is not done yet.
    pub(super) fn doubt(&mut self, path: PathBuf, now: Instant) {
        self.gone.insert(path.clone());
        self.touch(path, now);
    }

    /// Whether nothing waits to be told.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// What waits to be told.
    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.paths.iter()
    }

    /// How long to wait for the next event before telling.
    pub(super) fn patience(&self, now: Instant) -> Duration {
        let most = if self.burst.len() >= STORM { STORM_MOST_WAIT } else { MOST_WAIT };
        let left = self.first.map_or(most, |first| (first + most).saturating_duration_since(now));
        self.quiet().min(left)
    }

    fn quiet(&self) -> Duration {
        match self.burst.len() {
            STORM.. => STORM_QUIET,
            CROWD.. => CROWD_QUIET,
            _ if !self.unfinished.is_empty() => UNFINISHED,
            _ if !self.gone.is_empty() => GONE,
            GROUP.. => GROUP_QUIET,
            _ if !self.new.is_empty() => NEW,
            _ => QUIET,
        }
    }

    /// What was gathered; the next begins.
    pub(super) fn take(&mut self) -> Option<Taken> {
        let noticed = self.first.take()?;
        let mut waited = std::mem::take(&mut self.unfinished);
        waited.extend(self.gone.drain());
        self.new.clear();
        let paths = std::mem::take(&mut self.paths).into_iter().collect();
        Some(Taken { touched: Touched { paths, noticed }, said: Said { waited, born: std::mem::take(&mut self.born) } })
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, RemoveKind, RenameMode};

    use super::*;

    const WRITE: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    const CLOSE: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));
    const CREATE: EventKind = EventKind::Create(CreateKind::File);

    #[test]
    fn a_file_counts_until_its_writer_has_closed_it() {
        let (mut gathered, now, file) = (Gathered::default(), Instant::now(), Path::new("/p/app.py"));
        gathered.event(WRITE, file, now);
        assert_eq!(gathered.patience(now), UNFINISHED);
        gathered.event(CLOSE, file, now);
        assert_eq!(gathered.patience(now), QUIET);
        assert_eq!(gathered.take().unwrap().touched.paths, [file]);
        assert_eq!(gathered.take(), None);
    }

    #[test]
    fn a_new_file_may_be_about_to_replace_another() {
        let (mut gathered, now) = (Gathered::default(), Instant::now());
        let (beside, file) = (Path::new("/p/app.py.new"), Path::new("/p/app.py"));
        gathered.event(CREATE, beside, now);
        gathered.event(CLOSE, beside, now);
        assert_eq!(gathered.patience(now), NEW);
        gathered.event(EventKind::Modify(ModifyKind::Name(RenameMode::From)), beside, now);
        gathered.event(EventKind::Modify(ModifyKind::Name(RenameMode::To)), file, now);
        assert_eq!(gathered.patience(now), QUIET);
        assert_eq!(gathered.take().unwrap().said.born, HashSet::from([beside.to_path_buf()]));
    }

    #[test]
    fn a_file_that_is_deleted_and_made_again_changed_once() {
        let (mut gathered, now, file) = (Gathered::default(), Instant::now(), Path::new("/p/app.py"));
        gathered.event(EventKind::Remove(RemoveKind::File), file, now);
        assert_eq!(gathered.patience(now), GONE);
        gathered.event(CREATE, file, now);
        assert_eq!(gathered.patience(now), UNFINISHED);
        gathered.event(CLOSE, file, now);
        assert_eq!(gathered.patience(now), QUIET);
        assert_eq!(gathered.take().unwrap().said.born, HashSet::new());
    }

    #[test]
    fn a_storm_is_told_in_few_parts_until_it_is_over() {
        let (mut gathered, mut now, mut parts) = (Gathered::default(), Instant::now(), 0);
        for number in 0..3_000 {
            gathered.event(EventKind::Remove(RemoveKind::File), Path::new(&format!("/p/{number}")), now);
            let step = Duration::from_millis(3);
            if gathered.patience(now) <= step {
                parts += usize::from(gathered.take().is_some());
            }
            now += step;
        }
        // The first files are told one by one, since nobody knows yet; then nine seconds' worth comes in a few parts.
        assert!(parts <= GROUP + 3, "{parts}");
        now += CALM * 2;
        gathered.take();
        gathered.event(CLOSE, Path::new("/p/one"), now);
        assert_eq!(gathered.patience(now), QUIET);
    }
}
