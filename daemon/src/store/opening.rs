//! Opens what an earlier daemon left: reads both copies, believes one, keeps the other aside when it is bad.

use std::fs::{self, DirBuilder};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::content::{Content, INVOCATION, Op};
use super::database::{Database, OpenError};
use super::error::StoreError;
use super::model::Saved;
use super::record::{self, Unreadable};
use super::recovery::{Decision, Found, Recovery, decide};
use super::{snapshot, space, spool};

/// What opening gave.
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) content: Content,
    pub(super) recoveries: Vec<Recovery>,
}

/// Where the database of a state folder is.
fn database_path(folder: &Path) -> PathBuf {
    folder.join("store")
}

/// Opens the store of a state folder. `now` names the copies that are set aside.
pub(super) fn open(folder: &Path, now: SystemTime) -> Result<Opened, StoreError> {
    probe(folder)?;
    let mut recoveries = Vec::new();
    let snapshot = read_snapshot(folder)?;
    let copy = copy_database(folder)?;
    let (database, found) = read_database(folder)?;
    let (database, mut content) = match decide(&found, &snapshot) {
        Decision::Fresh => (opened(folder, database)?, Content::default()),
        Decision::Database => (opened(folder, database)?, good(found)),
        Decision::Snapshot(why) => {
            close(database);
            let kept = set_aside(folder, copy.as_deref(), "store", now)?;
            recoveries.push(Recovery::FromSnapshot { why, kept });
            let content = good(snapshot.clone());
            (rebuild(folder, &content)?, content)
        }
        Decision::Refuse(database, snapshot) => {
            return Err(StoreError::Unrecoverable { folder: folder.to_owned(), database, snapshot });
        }
    };
    if let Found::Damaged(why) = &snapshot {
        let kept = set_aside(folder, Some(&snapshot::path(folder)), "store.json", now)?.unwrap_or_default();
        recoveries.push(Recovery::SnapshotRenewed { why: why.clone(), kept });
    }
    take_in_spool(folder, &database, &mut content, &mut recoveries, now)?;
    if !matches!(&snapshot, Found::Good(saved) if saved.revision == content.revision) {
        snapshot::write(folder, &content)?;
    }
    spool::sync(folder, &content)?;
    remove(folder, &copy_path(folder))?;
    Ok(Opened { database, content, recoveries })
}

/// A database in an empty folder that holds `content`; whatever stood there is removed.
fn rebuild(folder: &Path, content: &Content) -> Result<Database, StoreError> {
    let path = database_path(folder);
    remove(folder, &path)?;
    create_database_folder(folder)?;
    let (database, _empty) = Database::open(&path).map_err(|error| match error {
        OpenError::Damaged(cause) | OpenError::Refused(cause) => StoreError::Write(cause),
    })?;
    let ops: Vec<Op> = content.records.iter().map(|(key, value)| Op::Put(key.clone(), value.clone())).collect();
    database.commit(content.revision, &ops)?;
    Ok(database)
}

fn remove(folder: &Path, path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(refused(folder, cause)),
        _ => Ok(()),
    }
}

fn copy_path(folder: &Path) -> PathBuf {
    folder.join("store.opening")
}

/// Copies the database before it is opened, since sled writes over what it cannot read, and a bad copy is kept as it was
/// found. `None` where there is no database.
fn copy_database(folder: &Path) -> Result<Option<PathBuf>, StoreError> {
    let (from, to) = (database_path(folder), copy_path(folder));
    remove(folder, &to)?;
    if !from.join("db").exists() {
        return Ok(None);
    }
    let copy = || -> std::io::Result<()> {
        DirBuilder::new().mode(0o700).create(&to)?;
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
        Ok(())
    };
    copy().map_err(|cause| refused(folder, cause))?;
    Ok(Some(to))
}

/// Says in plain words what sled would say in a riddle: whether anything can be written here at all.
fn probe(folder: &Path) -> Result<(), StoreError> {
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::tempfile_in(folder)?;
        file.write_all(&[0; 4096])?;
        file.sync_all()?;
        spool::create(folder)
    };
    write().map_err(|cause| refused(folder, cause))?;
    space::check(folder).map_err(|cause| refused(folder, cause))?;
    create_database_folder(folder)
}

fn create_database_folder(folder: &Path) -> Result<(), StoreError> {
    let builder = DirBuilder::new().recursive(true).mode(0o700).create(database_path(folder));
    builder.map_err(|cause| refused(folder, cause))
}

fn refused(folder: &Path, cause: impl ToString) -> StoreError {
    StoreError::Folder { folder: folder.to_owned(), cause: cause.to_string() }
}

fn read_snapshot(folder: &Path) -> Result<Found, StoreError> {
    let readable = snapshot::read(folder).and_then(|content| {
        let Some(content) = content else { return Ok(Found::Absent) };
        record::decode(&content)?;
        Ok(Found::Good(content))
    });
    found(readable, &snapshot::path(folder), record::VERSION.max(snapshot::VERSION))
}

fn read_database(folder: &Path) -> Result<(Option<Database>, Found), StoreError> {
    let path = database_path(folder);
    let existed = path.join("db").exists();
    match Database::open(&path) {
        Ok((database, _)) if !existed => Ok((Some(database), Found::Absent)),
        Ok((database, content)) => {
            let readable = record::decode(&content).map(|_| Found::Good(content));
            Ok((Some(database), found(readable, &path, record::VERSION)?))
        }
        Err(OpenError::Damaged(why)) => Ok((None, Found::Damaged(why))),
        Err(OpenError::Refused(cause)) => Err(refused(folder, cause)),
    }
}

/// A copy of a later version is refused before anything is touched; it is not damage.
fn found(readable: Result<Found, Unreadable>, path: &Path, known: u32) -> Result<Found, StoreError> {
    match readable {
        Ok(found) => Ok(found),
        Err(Unreadable::Damaged(why)) => Ok(Found::Damaged(why)),
        Err(Unreadable::Newer(version)) => Err(StoreError::Newer { what: path.display().to_string(), version, known }),
    }
}

fn opened(folder: &Path, database: Option<Database>) -> Result<Database, StoreError> {
    database.map_or_else(|| rebuild(folder, &Content::default()), Ok)
}

fn good(found: Found) -> Content {
    match found {
        Found::Good(content) => content,
        Found::Absent | Found::Damaged(_) => Content::default(),
    }
}

/// A database that is not believed is closed as well as it can be; what it says while closing changes nothing.
fn close(database: Option<Database>) {
    if let Some(Err(cause)) = database.map(Database::close) {
        tracing::debug!(cause, "the damaged database did not close cleanly");
    }
}

/// Renames `path` to `<name>.bad-<seconds>`; a second one in the same second gets a number. `None` where nothing is.
fn set_aside(folder: &Path, path: Option<&Path>, name: &str, now: SystemTime) -> Result<Option<PathBuf>, StoreError> {
    let Some(path) = path.filter(|path| path.exists()) else { return Ok(None) };
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).map(|age| age.as_secs()).unwrap_or_default();
    let first = folder.join(format!("{name}.bad-{seconds}"));
    let numbered = (2..).map(|number| folder.join(format!("{name}.bad-{seconds}-{number}")));
    let kept = std::iter::once(first).chain(numbered).find(|kept| !kept.exists()).unwrap_or_default();
    fs::rename(path, &kept).map_err(|cause| refused(folder, cause))?;
    Ok(Some(kept))
}

/// Adds the invocations of the spool that the database lacks; a damaged file is set aside.
fn take_in_spool(
    folder: &Path,
    database: &Database,
    content: &mut Content,
    recoveries: &mut Vec<Recovery>,
    now: SystemTime,
) -> Result<(), StoreError> {
    let mut missing = Vec::new();
    for (key, text) in spool::read(folder).map_err(|cause| refused(folder, cause))? {
        let known = content.records.contains_key(&key);
        match record::decode_into(&mut Saved::default(), &key, &text) {
            Ok(()) if known => {}
            Ok(()) => missing.push(Op::Put(key, text)),
            Err(Unreadable::Newer(version)) => {
                return Err(StoreError::Newer { what: key, version, known: record::VERSION });
            }
            Err(Unreadable::Damaged(why)) => {
                let id = key.trim_start_matches(INVOCATION).to_owned();
                let kept = set_aside(folder, Some(&spool::file(folder, &id)), &id, now)?.unwrap_or_default();
                recoveries.push(Recovery::Invocation { id, why, kept, lost: !known });
            }
        }
    }
    if !missing.is_empty() {
        let next = content.after(content.revision + 1, &missing);
        database.commit(next.revision, &missing)?;
        *content = next;
    }
    Ok(())
}
