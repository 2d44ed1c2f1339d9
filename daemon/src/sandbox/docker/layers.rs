//! Layers as one folder, as they lie over each other at `/opt` (J1).
//!
//! One layer is mounted as it is. Several are copied into one folder in their order, a later file over an earlier one,
//! with links and permissions kept. Blocks on the file system.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::super::StartError;

/// The folder for `/opt`; `None` without layers.
///
/// # Errors
/// A layer cannot be read, or the cache not be written.
pub(super) fn merged(layers: &[PathBuf], cache: &Path) -> Result<Option<PathBuf>, StartError> {
    match layers {
        [] => Ok(None),
        [one] => one.canonicalize().map(Some).map_err(|problem| unreadable(one, &problem)),
        several => merge(several, cache).map(Some),
    }
}

fn unreadable(layer: &Path, problem: &io::Error) -> StartError {
    StartError::place(format!("the layer {} cannot be read: {problem}", layer.display()))
}

fn merge(layers: &[PathBuf], cache: &Path) -> Result<PathBuf, StartError> {
    let made = || -> io::Result<PathBuf> {
        fs::create_dir_all(cache)?;
        // A container may still stand on an earlier merge, so each has a folder of its own.
        Ok(tempfile::Builder::new().prefix("opt-").tempdir_in(cache)?.keep())
    };
    let target = made()
        .map_err(|problem| StartError::place(format!("layers cannot be merged in {}: {problem}", cache.display())))?;
    for layer in layers {
        lay_over(layer, &target).map_err(|problem| unreadable(layer, &problem))?;
    }
    fs::set_permissions(&target, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .map_err(|problem| unreadable(&target, &problem))?;
    Ok(target)
}

fn lay_over(source: &Path, target: &Path) -> io::Result<()> {
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let (from, to) = (entry.path(), target.join(entry.file_name()));
        let kind = entry.file_type()?;
        let is_folder = |path: &Path| path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        if kind.is_dir() {
            make_room(&to, !is_folder(&to))?;
            fs::create_dir_all(&to)?;
            lay_over(&from, &to)?;
            fs::set_permissions(&to, entry.metadata()?.permissions())?;
        } else {
            make_room(&to, true)?;
            if kind.is_symlink() { symlink(fs::read_link(&from)?, &to)? } else { fs::copy(&from, &to).map(drop)? }
        }
    }
    Ok(())
}

/// Takes away what lies where something else is to be.
fn make_room(path: &Path, clear: bool) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(metadata) if clear && metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) if clear => fs::remove_file(path),
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn later_layers_lie_over_earlier_ones_with_links_and_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        for (file, text) in [(one.join("bin/run"), "1"), (one.join("lib/a"), "1"), (two.join("bin/run"), "2")] {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        fs::set_permissions(two.join("bin/run"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("a", one.join("lib/link")).unwrap();
        fs::create_dir(two.join("data")).unwrap();
        fs::write(one.join("data"), "a file where the later layer has a folder").unwrap();
        let opt = merged(&[one, two], &folder.path().join("cache")).unwrap().unwrap();
        assert_eq!(fs::read_to_string(opt.join("bin/run")).unwrap(), "2");
        assert_eq!(fs::metadata(opt.join("bin/run")).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read_link(opt.join("lib/link")).unwrap(), Path::new("a"));
        assert!(opt.join("data").is_dir());
        assert!(merged(&[], folder.path()).unwrap().is_none());
    }
}
