//! Why the store refused; every sentence says what is left untouched or what to do.

use std::path::PathBuf;

/// An error of the store. Cheap to clone, since all changes of one group commit share it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be written: read-only, full, or not ours.
    #[error("the state folder {folder} cannot be written: {cause}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The system's word.
        cause: String,
    },
    /// A later samd wrote it; nothing was changed.
    #[error(
        "{what} was written by a later samd (record version {version}, this one knows up to {known}); use that samd, or set SAMD_STATE_DIR to another folder"
    )]
    Newer {
        /// What was read.
        what: String,
        /// Its version.
        version: u32,
        /// The latest version that we know.
        known: u32,
    },
    /// Both the database and its snapshot are damaged; nothing was changed.
    #[error(
        "the store in {folder} cannot be read and no good copy is left (database: {database}; snapshot: {snapshot}); move `store` and `store.json` away to start afresh"
    )]
    Unrecoverable {
        /// The state folder.
        folder: PathBuf,
        /// What is wrong with the database.
        database: String,
        /// What is wrong with the snapshot.
        snapshot: String,
    },
    /// The change did not reach the disk and must not be acknowledged.
    #[error("the change was not saved: {0}")]
    Write(String),
    /// A value that JSON cannot hold, such as a path that is not UTF-8.
    #[error("{what} cannot be saved: {cause}")]
    Encode {
        /// What.
        what: String,
        /// Why.
        cause: String,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}
