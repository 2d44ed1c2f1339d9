//! A file per asynchronous invocation, beside the database: the second copy that the snapshot is for everything else.
//!
//! A crash between the two writes leaves one of them; such an invocation is run (Lambda promises at least once), never
//! lost.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::content::{Content, INVOCATION, Op, Records};
use super::error::StoreError;
use super::snapshot::write_atomically;

/// Where the files are.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join("invocations")
}

/// Creates the folder.
pub(super) fn create(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path(folder))
}

/// Writes or removes the files of the invocations among `ops`; when this returns, it is on the disk.
pub(super) fn apply(folder: &Path, ops: &[Op]) -> Result<(), StoreError> {
    let spool = path(folder);
    for op in ops {
        let Some(id) = op.key().strip_prefix(INVOCATION) else { continue };
        let file = file(folder, id);
        let done = match op {
            Op::Put(_, text) => write_atomically(&spool, &file, text.as_bytes()),
            Op::Delete(_) => remove(&file),
        };
        done.map_err(|cause| StoreError::Write(format!("{}: {cause}", file.display())))?;
    }
    Ok(())
}

/// Makes the files fit `content`: writes those that lack, removes those that are too many.
pub(super) fn sync(folder: &Path, content: &Content) -> Result<(), StoreError> {
    let there = read(folder).map_err(|cause| StoreError::Write(cause.to_string()))?;
    let surplus = there.keys().filter(|key| !content.records.contains_key(*key)).map(|key| Op::Delete(key.clone()));
    let wanted =
        content.records.iter().filter(|(key, text)| key.starts_with(INVOCATION) && there.get(*key) != Some(*text));
    let lacking = wanted.map(|(key, text)| Op::Put(key.clone(), text.clone()));
    apply(folder, &surplus.chain(lacking).collect::<Vec<_>>())
}

/// Reads all files: records by key. A file that is no text is left out and told by the caller's check of the record.
pub(super) fn read(folder: &Path) -> io::Result<Records> {
    let mut records = Records::new();
    for entry in fs::read_dir(path(folder))? {
        let path = entry?.path();
        let Some(id) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"))
        else {
            continue;
        };
        let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        records.insert(format!("{INVOCATION}{id}"), Arc::from(text));
    }
    Ok(records)
}

/// Where an invocation's file is; its id has been checked when its record was made.
pub(super) fn file(folder: &Path, id: &str) -> PathBuf {
    path(folder).join(format!("{id}.json"))
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(cause),
        // A removal that a power loss takes back runs the invocation once more, which is allowed; no sync is needed.
        _ => Ok(()),
    }
}
