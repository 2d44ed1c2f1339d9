//! Cookies: files of our own that tell how far the system's events have come.
//!
//! The system tells events in the order in which things happened. When the event of a cookie comes that was written just
//! now, everything that happened to any watched file before has been told already. Where the system gives no events for
//! them there are no cookies, and nobody waits.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The cookies that are on their way, each with what is to be done when it comes.
#[derive(Debug)]
pub(super) struct Cookies<T> {
    folder: Option<PathBuf>,
    /// One has come: here they work.
    work: bool,
    next: u64,
    waiting: BTreeMap<PathBuf, T>,
}

impl<T> Cookies<T> {
    /// Cookies in a folder that only they are in and that is made anew; it is watched already when the first is written.
    pub(super) fn new(folder: Option<PathBuf>) -> Cookies<T> {
        Cookies { folder: folder.filter(|folder| is_made(folder)), work: false, next: 0, waiting: BTreeMap::new() }
    }

    /// The folder to be watched.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Nobody can watch the folder.
    pub(super) fn give_up(&mut self) {
        self.folder = None;
    }

    /// Writes the first cookie: when it comes they work.
    pub(super) fn try_out(&mut self) {
        self.write();
    }

    /// Writes a cookie; gives back what is to be done where there is none to wait for.
    pub(super) fn send(&mut self, then: T) -> Option<T> {
        if !self.work {
            return Some(then);
        }
        match self.write() {
            Some(file) => self.waiting.insert(file, then),
            None => Some(then),
        }
    }

    fn write(&mut self) -> Option<PathBuf> {
        let file = self.folder.as_ref()?.join(self.next.to_string());
        self.next += 1;
        fs::File::create(&file).is_ok().then_some(file)
    }

    /// Whether a path is a cookie.
    pub(super) fn owns(&self, path: &Path) -> bool {
        self.folder().is_some_and(|folder| path.starts_with(folder))
    }

    /// A cookie came: what is to be done now.
    pub(super) fn came(&mut self, path: &Path) -> Option<T> {
        self.work = true;
        if let Err(problem) = fs::remove_file(path) {
            // Its later events come when it is gone already.
            tracing::trace!(%problem, "a cookie was not removed");
        }
        self.waiting.remove(path)
    }
}

fn is_made(folder: &Path) -> bool {
    // What a killed daemon left in it would be taken for ours.
    drop(fs::remove_dir_all(folder));
    fs::create_dir_all(folder).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_a_cookie_until_one_has_come() {
        let folder = tempfile::tempdir().unwrap();
        let mut cookies = Cookies::new(Some(folder.path().join("cookies")));
        assert_eq!(cookies.send('a'), Some('a'));
        cookies.try_out();
        let first = fs::read_dir(cookies.folder().unwrap()).unwrap().next().unwrap().unwrap().path();
        assert_eq!(cookies.came(&first), None);
        assert!(!first.exists());
        assert_eq!(cookies.send('b'), None);
        let second = fs::read_dir(cookies.folder().unwrap()).unwrap().next().unwrap().unwrap().path();
        assert_eq!(cookies.came(&second), Some('b'));
    }

    #[test]
    fn without_a_folder_nobody_waits() {
        assert_eq!(Cookies::new(None).send('a'), Some('a'));
    }
}
