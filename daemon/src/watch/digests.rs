//! What the watched files hold, as digests: a file that was saved as it was is no change.
//!
//! A file that is not known counts as changed. The index is bounded; beyond it nothing is lost but the knowledge that
//! nothing changed. Paths are kept as hashes, so that a project of ten thousand files takes half a megabyte.

mod built;

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use super::gathered::Said;
use super::ignored::Ignored;
use super::wanted::Wanted;

pub(super) use self::built::{Before, Built};

/// The most files and folders of one project that are indexed.
const MOST_FILES: usize = 20_000;
/// The most bytes of one project that are read for it.
const MOST_BYTES: u64 = 128 << 20;
/// A larger file is known by its size and times alone.
const MOST_FILE: u64 = 8 << 20;
/// More paths at once are not compared.
const MOST_COMPARED: usize = 512;
/// Stands for a folder, whose content is its files'.
const FOLDER: u128 = 0;

/// The index of one project.
#[derive(Debug, Default, Clone)]
pub(super) struct Digests {
    known: HashMap<u64, u128>,
    hasher: RandomState,
    /// Everything that is watched is known: what is not has come and gone.
    complete: bool,
    /// How often everything was forgotten.
    forgotten: u64,
}

/// What paths turned out to be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    /// They are not as they were.
    pub(super) changed: Vec<PathBuf>,
    /// They may be in the middle of a save, and are worth a second look.
    pub(super) doubted: Vec<PathBuf>,
}

impl Digests {
    /// Whether all is known that can be.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Changes whenever everything was forgotten: an index begun before that is worth nothing.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Takes an index over; what happened to a path while it was made is not known by it. Returns what changed while
    /// nobody watched.
    pub(super) fn take_over(&mut self, built: Built, meanwhile: &HashSet<PathBuf>) -> Vec<PathBuf> {
        let Built { mut digests, mut late, .. } = built;
        for path in meanwhile {
            let key = digests.key(path);
            match self.known.get(&self.key(path)) {
                Some(content) => digests.known.insert(key, *content),
                None => digests.known.remove(&key),
            };
        }
        digests.forgotten = self.forgotten;
        *self = digests;
        late.retain(|path| !meanwhile.contains(path));
        late
    }

    /// Leaves out what is as it was, and learns the rest; blocks. What is gone or empty may be in the middle of the next
    /// save: unless it was waited for, it is told apart and not learnt.
    pub(super) fn compare(&mut self, paths: Vec<PathBuf>, said: &Said) -> Compared {
        if paths.len() > MOST_COMPARED {
            self.forget();
            return Compared { changed: paths, doubted: Vec::new() };
        }
        let mut compared = Compared::default();
        for path in paths {
            if !said.waited.contains(&path) && self.may_be_half_saved(&path) {
                compared.doubted.push(path);
            } else if said.born.contains(&path) && !path.exists() {
                self.known.remove(&self.key(&path));
            } else if self.differs(&path) {
                compared.changed.push(path);
            }
        }
        compared
    }

    /// Whether a file that had content has none.
    fn may_be_half_saved(&self, path: &Path) -> bool {
        let had_content =
            self.known.get(&self.key(path)).is_some_and(|content| ![FOLDER, digest(b"")].contains(content));
        had_content && fs::metadata(path).map_or(true, |metadata| metadata.is_file() && metadata.len() == 0)
    }

    /// What changed, after events were lost; blocks. Where that is not known it is everything.
    pub(super) fn after_loss(&mut self, wanted: &Wanted, ignored: &Ignored) -> Vec<PathBuf> {
        let now = Built::read(wanted, ignored, Before::nothing(UNIX_EPOCH));
        let told = self.complete && now.digests.complete;
        let mut changed = now.late;
        changed.retain(|path| self.differs(path));
        if told && self.known.len() == now.seen {
            return changed;
        }
        self.forget();
        wanted.paths().iter().cloned().collect()
    }

    fn differs(&mut self, path: &Path) -> bool {
        let key = self.key(path);
        let before = self.known.get(&key).copied();
        match fs::metadata(path) {
            // A folder that came may have brought anything, also in the place of another.
            Ok(metadata) if metadata.is_dir() => self.forget(),
            Ok(metadata) => return self.learn(path, &metadata).map_or(true, |content| Some(content) != before),
            Err(_) if before == Some(FOLDER) => self.forget(),
            Err(problem) => {
                self.known.remove(&key);
                // What was not there before and is not now has come and gone.
                return before.is_some() || !self.complete || problem.kind() != io::ErrorKind::NotFound;
            }
        }
        true
    }

    fn learn(&mut self, path: &Path, metadata: &Metadata) -> io::Result<u128> {
        let content = if metadata.is_dir() {
            FOLDER
        } else if metadata.len() > MOST_FILE || !metadata.is_file() {
            let times = (metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec());
            digest(format!("{} {times:?}", metadata.len()).as_bytes())
        } else {
            digest(&fs::read(path)?)
        };
        let key = self.key(path);
        if self.known.len() < MOST_FILES || self.known.contains_key(&key) {
            self.known.insert(key, content);
        }
        Ok(content)
    }

    fn forget(&mut self) {
        self.known.clear();
        self.complete = false;
        self.forgotten += 1;
    }

    fn key(&self, path: &Path) -> u64 {
        self.hasher.hash_one(path)
    }
}

fn digest(bytes: &[u8]) -> u128 {
    let hash = Sha256::digest(bytes);
    hash.iter().take(16).fold(0, |all, byte| (all << 8) | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    struct Case {
        folder: tempfile::TempDir,
        digests: Digests,
    }

    impl Case {
        fn new() -> Case {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("app.py"), "one").unwrap();
            fs::create_dir(folder.path().join("pkg")).unwrap();
            fs::write(folder.path().join("pkg/a.py"), "a").unwrap();
            let mut case = Case { folder, digests: Digests::default() };
            let built = case.read(SystemTime::now() + Duration::from_secs(1));
            assert!(case.digests.take_over(built, &HashSet::new()).is_empty());
            case
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn read(&self, since: SystemTime) -> Built {
            self.read_after(Before { known: self.digests.clone(), since, quiet: since })
        }

        fn read_after(&self, before: Before) -> Built {
            let root = self.folder.path().to_path_buf();
            let wanted = Wanted::new(vec![root.clone()], root.clone());
            Built::read(&wanted, &Ignored::read(std::iter::once(&root)), before)
        }

        /// What is told of a path that was waited for.
        fn changed(&mut self, path: PathBuf) -> Vec<PathBuf> {
            let said = Said { waited: HashSet::from([path.clone()]), ..Said::default() };
            self.digests.compare(vec![path], &said).changed
        }

        fn save(&mut self, name: &str, text: &str) -> bool {
            fs::write(self.path(name), text).unwrap();
            let path = self.path(name);
            !self.changed(path).is_empty()
        }
    }

    #[test]
    fn a_file_that_was_saved_as_it_was_is_no_change() {
        let mut case = Case::new();
        assert!(!case.save("app.py", "one"));
        assert!(case.save("app.py", "two"));
        assert!(!case.save("app.py", "two"));
        assert!(case.save("new.py", ""), "an empty file that is new is a change");
    }

    #[test]
    fn what_came_and_went_is_no_change_and_what_was_there_and_went_is() {
        let mut case = Case::new();
        let (draft, app) = (case.path("app.py.new"), case.path("app.py"));
        assert!(case.changed(draft.clone()).is_empty());
        let said = Said { born: HashSet::from([draft.clone()]), ..Said::default() };
        assert_eq!(
            Digests::default().compare(vec![draft], &said),
            Compared::default(),
            "also before the index is made"
        );
        fs::remove_file(&app).unwrap();
        assert_eq!(case.changed(app.clone()), [app]);
    }

    #[test]
    fn a_file_found_without_its_content_is_looked_at_again_before_it_counts() {
        let mut case = Case::new();
        let (app, nobody) = (case.path("app.py"), Said::default());
        let doubted = Compared { changed: vec![], doubted: vec![app.clone()] };
        fs::remove_file(&app).unwrap();
        assert_eq!(case.digests.compare(vec![app.clone()], &nobody), doubted);
        fs::write(&app, "").unwrap();
        assert_eq!(case.digests.compare(vec![app.clone()], &nobody), doubted);
        assert!(!case.save("app.py", "one"), "the save in the middle of which it was found changed nothing");
        fs::write(&app, "").unwrap();
        assert_eq!(case.changed(app.clone()), std::slice::from_ref(&app), "it stayed empty");
        assert_eq!(case.digests.compare(vec![app], &nobody), Compared::default());
    }

    #[test]
    fn of_a_folder_that_was_replaced_nothing_is_known_any_more() {
        let mut case = Case::new();
        fs::rename(case.path("pkg"), case.path("old")).unwrap();
        fs::create_dir(case.path("pkg")).unwrap();
        fs::write(case.path("pkg/a.py"), "b").unwrap();
        let folder = case.path("pkg");
        assert_eq!(case.changed(folder.clone()), [folder]);
        assert!(case.save("pkg/a.py", "a"), "what was `a` before the folder was replaced is a change now");
    }

    #[test]
    fn what_changed_while_the_index_was_made_is_not_known_by_it() {
        let mut case = Case::new();
        let built = case.read(SystemTime::now() + Duration::from_secs(1));
        case.digests.forget();
        let meanwhile = HashSet::from([case.path("app.py")]);
        case.digests.take_over(built, &meanwhile);
        assert!(case.save("app.py", "one"));
        assert!(!case.save("pkg/a.py", "a"));
    }

    #[test]
    fn what_was_saved_before_the_watch_began_is_told() {
        let case = Case::new();
        // An engine that came, too.
        let _engine = std::os::unix::net::UnixListener::bind(case.path("engine.sock")).unwrap();
        let built = case.read_after(Before::nothing(UNIX_EPOCH));
        let mut late = Digests::default().take_over(built, &HashSet::new());
        late.sort();
        assert_eq!(late, [case.path("app.py"), case.path("engine.sock"), case.path("pkg/a.py")]);
    }

    #[test]
    fn what_was_told_of_a_file_stays_known_and_what_differs_from_it_is_told() {
        let mut case = Case::new();
        fs::write(case.path("app.py"), "two").unwrap();
        // By its times it changed long ago: only who knows what it held can say that it did.
        let built = case.read(SystemTime::now() + Duration::from_secs(1));
        assert_eq!(case.digests.take_over(built, &HashSet::new()), [case.path("app.py")]);
        let app = case.path("app.py");
        assert_eq!(
            case.changed(app.clone()),
            std::slice::from_ref(&app),
            "when it is told, and not before, it is known"
        );
        assert!(case.changed(app).is_empty());
    }

    #[test]
    fn after_events_were_lost_what_changed_is_found() {
        let mut case = Case::new();
        let root = case.folder.path().to_path_buf();
        let wanted = Wanted::new(vec![root.clone()], root.clone());
        let ignored = Ignored::read(std::iter::once(&root));
        assert!(case.digests.after_loss(&wanted, &ignored).is_empty());
        fs::write(case.path("pkg/a.py"), "b").unwrap();
        assert_eq!(case.digests.after_loss(&wanted, &ignored), [case.path("pkg/a.py")]);
        fs::remove_file(case.path("app.py")).unwrap();
        assert_eq!(case.digests.after_loss(&wanted, &ignored), [root]);
    }
}
