//! A copy of a function's sources, brought up to date before each build; what has not changed is not copied again.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

/// What SAM does not copy either.
const LEFT_OUT: [&str; 2] = [".aws-sam", ".git"];

/// Makes `to` the same as `from`. Files that a build left in `to` are removed.
///
/// # Errors
/// A file cannot be read or written.
pub(super) fn mirror(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let mut names = BTreeSet::<OsString>::new();
    for entry in fs::read_dir(from)? {
        let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        copy(&entry, &to.join(&name))?;
        names.insert(name);
    }
    for entry in fs::read_dir(to)?.flatten().filter(|entry| !names.contains(&entry.file_name())) {
        remove(&entry.path())?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    if metadata.is_symlink() {
        remove(to)?;
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    if metadata.is_dir() {
        if !fs::symlink_metadata(to).is_ok_and(|known| known.is_dir()) {
            remove(to)?;
        }
        return mirror(from, to);
    }
    // Sockets and pipes are nobody's sources.
    if metadata.is_file() && !is_same(&metadata, to) {
        remove(to)?;
        fs::copy(from, to)?;
        // The copy is as old as its source, so that make sees what is newer than what.
        let file = fs::File::options().write(true).open(to);
        file.and_then(|file| file.set_modified(metadata.modified()?)).or_else(read_only)?;
    }
    Ok(())
}

/// A file that may not be written keeps the time of its copy.
fn read_only(problem: io::Error) -> io::Result<()> {
    if problem.kind() == io::ErrorKind::PermissionDenied { Ok(()) } else { Err(problem) }
}

fn is_same(source: &Metadata, copy: &Path) -> bool {
    let known = fs::symlink_metadata(copy).ok().filter(Metadata::is_file);
    known.is_some_and(|known| known.len() == source.len() && known.modified().ok() == source.modified().ok())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_brought_up_to_date_and_what_a_build_left_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("pkg")).unwrap();
        fs::create_dir_all(from.join(".git")).unwrap();
        fs::write(from.join("Makefile"), "one").unwrap();
        fs::write(from.join("pkg/a"), "a").unwrap();
        mirror(&from, &to).unwrap();
        assert!(!to.join(".git").exists());
        fs::write(to.join("left"), "x").unwrap();
        fs::write(to.join("pkg/a"), "changed by the build").unwrap();
        fs::write(from.join("Makefile"), "other").unwrap();
        mirror(&from, &to).unwrap();
        let read = |name: &str| fs::read_to_string(to.join(name)).unwrap();
        assert_eq!((read("Makefile"), read("pkg/a")), ("other".into(), "a".into()));
        assert!(!to.join("left").exists());
    }
}
