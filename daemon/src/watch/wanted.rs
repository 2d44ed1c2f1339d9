//! What one project wants watched: which folders that means now, and whose events are of interest.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use notify::RecursiveMode;

use super::ignored::RULES;

/// Folders to be watched, each with or without all below it.
pub(super) type Folders = BTreeMap<PathBuf, RecursiveMode>;

/// What one project wants watched.
#[derive(Debug)]
pub(super) struct Wanted {
    paths: BTreeSet<PathBuf>,
    files: HashSet<PathBuf>,
    root: PathBuf,
}

impl Wanted {
    pub(super) fn new(paths: Vec<PathBuf>, root: PathBuf) -> Wanted {
        let rules = root.join(RULES);
        Wanted { files: paths.iter().cloned().chain([rules]).collect(), paths: paths.into_iter().collect(), root }
    }

    /// The files and folders that were asked for.
    pub(super) fn paths(&self) -> &BTreeSet<PathBuf> {
        &self.paths
    }

    /// Folders that may have rules of what to ignore.
    pub(super) fn ruled(&self) -> impl Iterator<Item = &PathBuf> {
        self.paths.iter().chain([&self.root])
    }

    /// Whether it was asked for by name.
    pub(super) fn names(&self, path: &Path) -> bool {
        self.files.contains(path)
    }

    /// The folder asked for that a path lies in.
    pub(super) fn around(&self, path: &Path) -> Option<&PathBuf> {
        self.paths.iter().find(|folder| path.starts_with(folder))
    }

    /// Whether events of a path are of interest.
    pub(super) fn concerns(&self, path: &Path) -> bool {
        self.names(path) || self.around(path).is_some()
    }

    /// What was asked for at or below a path that came or went.
    pub(super) fn below<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a PathBuf> {
        self.paths.iter().filter(move |wanted| wanted.starts_with(path))
    }

    /// The folders to watch as the disk is now. A folder is watched whole. Of any path the folders around it are watched
    /// too, as far as the project's, since each of them may be replaced; of what is missing the nearest that is there.
    pub(super) fn folders(&self) -> Folders {
        let mut folders = Folders::new();
        for path in &self.paths {
            for around in self.ancestors(path) {
                folders.entry(around).or_insert(RecursiveMode::NonRecursive);
            }
            if path.is_dir() {
                folders.insert(path.clone(), RecursiveMode::Recursive);
            }
        }
        if self.root.is_dir() {
            folders.entry(self.root.clone()).or_insert(RecursiveMode::NonRecursive);
        }
        folders
    }

    fn ancestors<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
        let there = path.ancestors().skip(1).filter(|folder| folder.is_dir());
        let mut nearest = true;
        there
            .take_while(move |folder| std::mem::take(&mut nearest) || folder.starts_with(&self.root))
            .map(Path::to_path_buf)
    }
}

/// Leaves out what lies in a folder that is watched whole anyway.
pub(super) fn without_covered(folders: Folders) -> Folders {
    let whole: Vec<PathBuf> = whole(&folders).cloned().collect();
    let covered = |path: &Path| path.ancestors().skip(1).any(|above| whole.iter().any(|folder| folder == above));
    folders.into_iter().filter(|(path, _)| !covered(path)).collect()
}

/// Those of the folders that are watched with all below them.
pub(super) fn whole(folders: &Folders) -> impl Iterator<Item = &PathBuf> {
    folders.iter().filter(|(_, mode)| **mode == RecursiveMode::Recursive).map(|(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_missing_folder_the_nearest_one_above_is_watched() {
        let root = tempfile::tempdir().unwrap();
        let missing = root.path().join("build/shop/code");
        let wanted = Wanted::new(vec![missing.clone()], root.path().to_path_buf());
        assert_eq!(wanted.folders().keys().collect::<Vec<_>>(), [root.path()]);
        std::fs::create_dir_all(&missing).unwrap();
        assert_eq!(wanted.folders().len(), 4);
        assert_eq!(wanted.folders()[&missing], RecursiveMode::Recursive);
    }

    #[test]
    fn what_lies_in_a_folder_that_is_watched_whole_is_not_watched_twice() {
        let folders: Folders = [
            ("/p".into(), RecursiveMode::NonRecursive),
            ("/p/src".into(), RecursiveMode::Recursive),
            ("/p/src/api".into(), RecursiveMode::NonRecursive),
        ]
        .into();
        let left = without_covered(folders);
        assert_eq!(left.keys().map(PathBuf::as_path).collect::<Vec<_>>(), [Path::new("/p"), Path::new("/p/src")]);
    }
}
