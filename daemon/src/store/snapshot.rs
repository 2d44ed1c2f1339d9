//! The last good state as one small JSON file, written whole beside the database at each change of it.
//!
//! It is the witness against silent loss: a database whose tail is gone opens without complaint, and only a second copy
//! with a revision can tell. Holds projects and sandboxes; asynchronous invocations have a file each (see `spool`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::content::{Content, Records};
use super::error::StoreError;
use super::record::Unreadable;

/// The version of the file's own form; its records have versions of their own.
pub(super) const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct SnapshotV1<'a> {
    version: u32,
    revision: u64,
    /// SHA-256 over revision, keys and records: a snapshot that was tampered with or half restored is no witness.
    digest: String,
    #[serde(borrow)]
    records: BTreeMap<String, &'a RawValue>,
}

/// Where the snapshot of a state folder is.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join("store.json")
}

/// Writes the snapshot; when this returns, it is on the disk, and at no time was there half of one.
pub(super) fn write(folder: &Path, content: &Content) -> Result<(), StoreError> {
    let text = render(content).map_err(|cause| StoreError::Write(cause.to_string()))?;
    write_atomically(folder, &path(folder), text.as_bytes())
        .map_err(|cause| StoreError::Write(format!("{}: {cause}", path(folder).display())))
}

/// Reads the snapshot; `None` where there is none.
pub(super) fn read(folder: &Path) -> Result<Option<Content>, Unreadable> {
    match fs::read_to_string(path(folder)) {
        Ok(text) => parse(&text).map(Some),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Unreadable::Damaged(cause.to_string())),
    }
}

/// A file that is there whole or not at all, and stays: the file and its folder are synced.
pub(super) fn write_atomically(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}

fn render(content: &Content) -> Result<String, serde_json::Error> {
    let mut records = BTreeMap::new();
    for (key, text) in content.core() {
        records.insert(key.clone(), serde_json::from_str(text)?);
    }
    let digest = digest(content.revision, content.core());
    let mut text =
        serde_json::to_string_pretty(&SnapshotV1 { version: VERSION, revision: content.revision, digest, records })?;
    text.push('\n');
    Ok(text)
}

fn parse(text: &str) -> Result<Content, Unreadable> {
    #[derive(Deserialize)]
    struct Header {
        version: u32,
    }
    let damaged = |cause: serde_json::Error| Unreadable::Damaged(cause.to_string());
    let header: Header = serde_json::from_str(text).map_err(damaged)?;
    if header.version > VERSION {
        return Err(Unreadable::Newer(header.version));
    }
    let snapshot: SnapshotV1<'_> = serde_json::from_str(text).map_err(damaged)?;
    let records: Records = snapshot.records.into_iter().map(|(key, value)| (key, Arc::from(value.get()))).collect();
    if digest(snapshot.revision, records.iter()) != snapshot.digest {
        return Err(Unreadable::Damaged("its digest does not fit its records".to_owned()));
    }
    Ok(Content { revision: snapshot.revision, records })
}

fn digest<'a>(revision: u64, records: impl Iterator<Item = (&'a String, &'a Arc<str>)>) -> String {
    let mut hash = Sha256::new();
    hash.update(revision.to_be_bytes());
    for (key, value) in records {
        for part in [key.as_bytes(), value.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        write!(hex, "{byte:02x}").ok();
        hex
    })
}
