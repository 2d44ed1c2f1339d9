//! Looks at folders now and then, where the system has no events to give.
//!
//! A file that was saved differs in its times, to the nanosecond, its size or its inode, also when it is saved twice
//! within one second; contents are not read. The first look is taken before the watch is said to be there, so that no
//! save after it goes unseen.

use std::collections::{BTreeMap, HashMap};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ignore::WalkBuilder;
use notify::event::{CreateKind, DataChange, MetadataKind, ModifyKind, RemoveKind};
use notify::{Event, EventKind, RecursiveMode};

/// Takes events.
pub(super) type Tell = Box<dyn Fn(notify::Result<Event>) + Send>;

/// Looks until it is dropped.
#[derive(Debug)]
pub(super) struct Poller {
    folders: Folders,
    /// Its end ends the thread.
    _running: mpsc::Sender<()>,
}

/// What stood in each folder at the last look.
#[derive(Debug, Clone, Default)]
struct Folders(Arc<Mutex<BTreeMap<PathBuf, (RecursiveMode, Seen)>>>);

type Seen = HashMap<PathBuf, State>;

/// What tells a file from what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    is_folder: bool,
    size: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Poller {
    /// Looks each `interval`, on a thread of its own.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn start(interval: Duration, tell: Tell) -> std::io::Result<Poller> {
        let (running, ended) = mpsc::channel();
        let folders = Folders::default();
        let looked_at = folders.clone();
        std::thread::Builder::new().name("poller".to_owned()).spawn(move || {
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                looked_at.look().into_iter().for_each(|event| tell(Ok(event)));
            }
        })?;
        Ok(Poller { folders, _running: running })
    }

    /// Looks at a folder too, now and from now on.
    pub(super) fn watch(&self, folder: &Path, mode: RecursiveMode) {
        let seen = seen(folder, mode);
        self.folders.lock().insert(folder.to_path_buf(), (mode, seen));
    }

    /// Looks at it no more.
    pub(super) fn unwatch(&self, folder: &Path) {
        self.folders.lock().remove(folder);
    }
}

impl Folders {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, (RecursiveMode, Seen)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What differs from the last look.
    fn look(&self) -> Vec<Event> {
        let mut events = Vec::new();
        for (folder, (mode, before)) in self.lock().iter_mut() {
            let now = seen(folder, *mode);
            events.extend(differences(before, &now));
            *before = now;
        }
        events
    }
}

/// What stands in a folder; what cannot be read is as if it were not there.
fn seen(folder: &Path, mode: RecursiveMode) -> Seen {
    let mut walk = WalkBuilder::new(folder);
    walk.standard_filters(false).follow_links(true);
    if mode == RecursiveMode::NonRecursive {
        walk.max_depth(Some(1));
    }
    let entries = walk.build().filter_map(Result::ok);
    entries.filter_map(|entry| Some((entry.path().to_path_buf(), State::of(&entry.metadata().ok()?)))).collect()
}

impl State {
    fn of(file: &Metadata) -> State {
        State {
            is_folder: file.is_dir(),
            size: file.size(),
            inode: file.ino(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }

    /// A folder's own times change with what comes and goes in it.
    fn changed(self) -> EventKind {
        EventKind::Modify(match self.is_folder {
            true => ModifyKind::Metadata(MetadataKind::WriteTime),
            false => ModifyKind::Data(DataChange::Any),
        })
    }
}

fn differences(before: &Seen, now: &Seen) -> Vec<Event> {
    let gone = before.keys().filter(|path| !now.contains_key(*path));
    let gone = gone.map(|path| Event::new(EventKind::Remove(RemoveKind::Any)).add_path(path.clone()));
    let there = now.iter().filter_map(|(path, state)| match before.get(path) {
        None => Some(Event::new(EventKind::Create(CreateKind::Any)).add_path(path.clone())),
        Some(known) if known != state => Some(Event::new(state.changed()).add_path(path.clone())),
        Some(_) => None,
    });
    gone.chain(there).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_save_is_seen_also_the_second_one_of_a_second_and_of_equal_length() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/app.py");
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(&file, "1").unwrap();
        let before = seen(folder.path(), RecursiveMode::Recursive);
        assert_eq!(differences(&before, &seen(folder.path(), RecursiveMode::Recursive)), []);
        // An older time than it had, as archives and `cp -p` leave it.
        std::fs::write(&file, "2").unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
        let now = seen(folder.path(), RecursiveMode::Recursive);
        let events = differences(&before, &now);
        assert_eq!(events.iter().map(|event| &event.paths[0]).collect::<Vec<_>>(), [&file]);
        std::fs::write(folder.path().join("next"), "3").unwrap();
        std::fs::rename(folder.path().join("next"), &file).unwrap();
        let events = differences(&now, &seen(folder.path(), RecursiveMode::Recursive));
        assert!(events.iter().any(|event| event.paths[0] == file), "{events:?}");
        std::fs::remove_file(&file).unwrap();
        let events = differences(&now, &seen(folder.path(), RecursiveMode::Recursive));
        assert!(events.iter().any(|event| event.kind.is_remove() && event.paths[0] == file), "{events:?}");
    }

    #[test]
    fn a_folder_that_is_watched_alone_is_not_looked_into() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(folder.path().join("deep/app.py"), "1").unwrap();
        assert_eq!(seen(folder.path(), RecursiveMode::NonRecursive).len(), 2);
    }
}
