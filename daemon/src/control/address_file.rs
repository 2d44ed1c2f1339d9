//! The file in the state folder that tells `samctl` where the control port is; it stands there while a daemon runs.
//!
//! With port 0 nobody else knows the address, so the file is written after binding and before readiness is reported.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The file while it stands; dropping this takes it away.
#[derive(Debug)]
pub struct AddressFile {
    path: PathBuf,
}

impl AddressFile {
    /// Writes `address` to the control file in `state_dir`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(state_dir: &Path, address: SocketAddr) -> io::Result<AddressFile> {
        let path = state_dir.join(samd_proto::CONTROL_FILE);
        write_private(&path, &address.to_string())?;
        Ok(AddressFile { path })
    }
}

impl Drop for AddressFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(file = %self.path.display(), %error, "the control file could not be taken away");
        }
    }
}

/// Writes a file of mode 0600 beside its place and moves it there, so that no reader meets half of it.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(file, "{text}")?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_address_stands_in_a_private_file_as_long_as_it_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        let held = AddressFile::write(folder.path(), "127.0.0.1:4711".parse().unwrap()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "127.0.0.1:4711\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(held);
        assert!(!path.exists());
    }
}
