//! sled, and nothing else of it: opens a folder, reads the content, applies a commit, flushes.
//!
//! Where one would expect an error, sled panics on some damaged files, and waits for ever after some failed writes. Each
//! call is therefore fenced: it runs on a thread of its own, a panic becomes a message, and one that does not come back in
//! time is left behind. After either the database is not used again; the writer builds a new one.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::content::{Content, Op};
use super::error::StoreError;

/// Key under which the revision stands; no table begins with it.
const REVISION: &str = "revision";
/// Bytes of sled's page cache. Records are few and small, and are read once, at start.
const CACHE: u64 = 1024 * 1024;
/// Time for one call: far more than a slow disk's sync takes.
const LIMIT: Duration = Duration::from_secs(10);
/// Time for a database that was closed a moment ago to let go of its files: sled's own threads hold them a little longer.
/// Nobody else can: the state folder has one daemon at a time.
const LET_GO: Duration = Duration::from_secs(2);
/// Time between two tries meanwhile.
const AGAIN: Duration = Duration::from_millis(5);

/// Why a folder has no readable database.
#[derive(Debug)]
pub(super) enum OpenError {
    /// Its files are damaged; the sentence says how.
    Damaged(String),
    /// The file system refused; the files may be good.
    Refused(String),
}

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    sled: sled::Db,
}

impl Database {
    /// Opens or creates the database in `folder` and reads all of it.
    pub(super) fn open(folder: &Path) -> Result<(Database, Content), OpenError> {
        let config =
            sled::Config::new().path(folder).cache_capacity(CACHE).mode(sled::Mode::LowSpace).flush_every_ms(None);
        fenced(move || {
            let sled = open_when_free(&config).map_err(classify)?;
            let content = read(&sled)?;
            Ok((Database { sled }, content))
        })
        .unwrap_or_else(|failure| Err(OpenError::Damaged(failure)))
    }

    /// Applies a commit in one piece; when this returns, it is on the disk.
    pub(super) fn commit(&self, revision: u64, ops: &[Op]) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for op in ops {
            match op {
                Op::Put(key, value) => batch.insert(key.as_bytes(), value.as_bytes()),
                Op::Delete(key) => batch.remove(key.as_bytes()),
            }
        }
        batch.insert(REVISION, &revision.to_be_bytes());
        let sled = self.sled.clone();
        match fenced(move || sled.apply_batch(batch).and_then(|()| sled.flush())) {
            Ok(Ok(_bytes)) => Ok(()),
            Ok(Err(cause)) => Err(StoreError::Write(cause.to_string())),
            Err(failure) => Err(StoreError::Write(failure)),
        }
    }

    /// Closes it. sled writes once more on closing, which may fail; what was flushed is not at risk.
    pub(super) fn close(self) -> Result<(), String> {
        fenced(move || drop(self))
    }
}

/// Opens, and waits for an earlier holder in this process to be gone for good.
#[expect(clippy::disallowed_methods, reason = "nothing tells when sled lets go; this thread has nothing else to do")]
fn open_when_free(config: &sled::Config) -> sled::Result<sled::Db> {
    let deadline = Instant::now() + LET_GO;
    loop {
        match config.open() {
            Err(sled::Error::Io(cause)) if is_held(&cause) && Instant::now() < deadline => thread::sleep(AGAIN),
            opened => return opened,
        }
    }
}

/// sled tells a held lock in words alone.
fn is_held(cause: &io::Error) -> bool {
    cause.to_string().contains("could not acquire lock")
}

fn read(sled: &sled::Db) -> Result<Content, OpenError> {
    let mut revision = 0;
    let mut records = BTreeMap::new();
    for entry in sled.iter() {
        let (key, value) = entry.map_err(classify)?;
        if &*key == REVISION.as_bytes() {
            let bytes = <[u8; 8]>::try_from(&*value).map_err(|_| damaged("the revision is not eight bytes"))?;
            revision = u64::from_be_bytes(bytes);
        } else {
            records.insert(text(&key)?.to_owned(), Arc::from(text(&value)?));
        }
    }
    Ok(Content { revision, records })
}

fn text(bytes: &[u8]) -> Result<&str, OpenError> {
    std::str::from_utf8(bytes).map_err(|_| damaged("a record is not UTF-8"))
}

fn damaged(message: &str) -> OpenError {
    OpenError::Damaged(message.to_owned())
}

/// Tells a damaged file from a file system that refuses: only the former may be set aside.
fn classify(error: sled::Error) -> OpenError {
    let damage = match &error {
        sled::Error::Io(cause) => {
            matches!(cause.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput)
        }
        sled::Error::CollectionNotFound(_)
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_)
        | sled::Error::Corruption { .. } => true,
    };
    if damage { OpenError::Damaged(error.to_string()) } else { OpenError::Refused(error.to_string()) }
}

/// Runs `work` on a thread of its own; a panic in it, or no end of it, becomes a message.
fn fenced<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (done, result) = mpsc::sync_channel(1);
    let run = move || {
        // Nobody waits any more when the time was up.
        done.send(catch_unwind(AssertUnwindSafe(work))).ok();
    };
    std::thread::Builder::new()
        .name("samd-sled".to_owned())
        .spawn(run)
        .map_err(|cause| format!("no thread for the database: {cause}"))?;
    match result.recv_timeout(LIMIT) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(payload)) => {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Err(format!("the database failed: {text}"))
        }
        Err(_) => Err(format!("the database did not answer within {} s", LIMIT.as_secs())),
    }
}
