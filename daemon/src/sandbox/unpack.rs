//! Unpacks code and layers that come as archives, once per content, into a cache folder of the daemon.
//!
//! A folder is named by the archive's path, size and time, and appears under its name only when it is whole. Entries
//! that would lie outside it are refused.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use super::StartError;

/// Lambda's limit for a function and its layers, unpacked, in bytes.
pub const MOST_UNPACKED: u64 = 250 * 1024 * 1024;

/// The folder with the archive's files, unpacked now or earlier.
///
/// # Errors
/// The archive cannot be read, is no zip, names files outside itself, or is over [`MOST_UNPACKED`].
pub fn archive(archive: &Path, cache: &Path) -> Result<PathBuf, StartError> {
    let problem = |what: String| StartError {
        error_type: "Sandbox.Failure",
        reason: format!("{} cannot be unpacked: {what}", archive.display()),
    };
    let name = identity(archive).map_err(|error| problem(error.to_string()))?;
    let folder = cache.join(name);
    if folder.is_dir() {
        return Ok(folder);
    }
    let whole = unpack_beside(archive, cache).map_err(problem)?;
    match fs::rename(whole.path(), &folder) {
        Ok(()) => drop(whole.keep()),
        // Another sandbox was quicker; its copy is as good.
        Err(_) if folder.is_dir() => {}
        Err(error) => return Err(problem(error.to_string())),
    }
    Ok(folder)
}

/// Unpacks an archive under a name that the caller chose, whole or not at all.
///
/// # Errors
/// As [`archive`].
pub fn archive_as(archive: &Path, folder: &Path) -> Result<(), StartError> {
    let problem = |what: String| StartError::place(format!("{} cannot be unpacked: {what}", archive.display()));
    let cache = folder.parent().unwrap_or(folder);
    let whole = unpack_beside(archive, cache).map_err(problem)?;
    fs::set_permissions(whole.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .and_then(|()| fs::rename(whole.path(), folder))
        .map_err(|error| problem(error.to_string()))?;
    drop(whole.keep());
    Ok(())
}

/// Writes inline code as a file of a folder of its own and returns the folder.
///
/// # Errors
/// The cache cannot be written.
pub fn inline(text: &str, file: &str, cache: &Path) -> Result<PathBuf, StartError> {
    let folder = cache.join(format!("inline-{}", digest(&[text.as_bytes(), file.as_bytes()])));
    let write = || -> io::Result<()> {
        fs::create_dir_all(&folder)?;
        let mut whole = tempfile::NamedTempFile::new_in(&folder)?;
        io::Write::write_all(&mut whole, text.as_bytes())?;
        whole.persist(folder.join(file)).map_err(|error| error.error)?;
        Ok(())
    };
    match write() {
        Ok(()) => Ok(folder),
        Err(error) => Err(StartError {
            error_type: "Sandbox.Failure",
            reason: format!("inline code cannot be written to {}: {error}", folder.display()),
        }),
    }
}

fn identity(archive: &Path) -> io::Result<String> {
    let metadata = fs::metadata(archive)?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let parts = [archive.as_os_str().as_encoded_bytes(), &metadata.len().to_le_bytes(), &modified.to_le_bytes()];
    Ok(format!("zip-{}", digest(&parts)))
}

fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

fn unpack_beside(archive: &Path, cache: &Path) -> Result<tempfile::TempDir, String> {
    fs::create_dir_all(cache).map_err(|error| error.to_string())?;
    let whole = tempfile::tempdir_in(cache).map_err(|error| error.to_string())?;
    let file = File::open(archive).map_err(|error| error.to_string())?;
    let mut zip = zip::ZipArchive::new(file).map_err(|error| error.to_string())?;
    let size = zip.decompressed_size().unwrap_or(0);
    if size > u128::from(MOST_UNPACKED) {
        return Err(format!("it holds {} MB, and Lambda takes at most {} MB", size >> 20, MOST_UNPACKED >> 20));
    }
    zip.extract(whole.path()).map_err(|error| error.to_string())?;
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn zip_with(name: &str, folder: &Path) -> PathBuf {
        let path = folder.join("code.zip");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
        zip.start_file(name, options).unwrap();
        zip.write_all(b"print('x')").unwrap();
        zip.finish().unwrap();
        path
    }

    #[test]
    fn an_archive_is_unpacked_once_with_its_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = zip_with("bin/run", folder.path());
        let cache = folder.path().join("cache");
        let first = archive(&path, &cache).unwrap();
        assert_eq!(fs::metadata(first.join("bin/run")).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(archive(&path, &cache).unwrap(), first);
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 1, "nothing half done is left");
    }

    #[test]
    fn an_entry_outside_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = zip_with("../escaped", folder.path());
        let problem = archive(&path, &folder.path().join("cache")).unwrap_err();
        assert!(problem.reason.contains("code.zip"), "{problem}");
        assert!(!folder.path().join("escaped").exists());
    }

    #[test]
    fn what_is_no_zip_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("code.zip");
        fs::write(&path, "no zip").unwrap();
        assert!(archive(&path, &folder.path().join("cache")).unwrap_err().reason.contains("cannot be unpacked"));
    }
}
