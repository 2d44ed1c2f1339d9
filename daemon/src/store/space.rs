//! Whether the disk has room for a commit, asked before it is begun.
//!
//! sled does not survive a full disk (see `database`), so a commit is refused while it is still nothing. Quotas are not
//! seen from here; for these there is the fence.

use std::path::Path;

use super::error::StoreError;

/// Bytes that must be free: one segment of sled's file, the snapshot, and some for the rest of the daemon.
const RESERVE: u64 = 2 * 1024 * 1024;

/// Checks that the file system of `folder` has room.
pub(super) fn check(folder: &Path) -> Result<(), StoreError> {
    let stat = rustix::fs::statvfs(folder).map_err(|cause| StoreError::Write(cause.to_string()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free < RESERVE {
        let message = format!("no space left on the disk of {}: {free} bytes free, {RESERVE} needed", folder.display());
        return Err(StoreError::Write(message));
    }
    Ok(())
}
