//! What must outlast the daemon: projects with their settings, generations and ports, the identities of sandboxes, and
//! acknowledged asynchronous invocations.
//!
//! Owns sled (`database`), the snapshot and the spool beside it, and the forms of the records. It is written and never
//! asked: all of it is read once, when it is opened, and the supervisor keeps the state in memory from then on. Never
//! holds credentials, never knows the control protocol.
//!
//! ```text
//! commit(changes) → writer thread: [changes of all who wait] → sled, flushed → spool → snapshot → answer
//! open(folder)    → believe database or snapshot (recovery) → Saved, what was mended
//! ```
//! An answer of `Ok` means that the change is on the disk twice. Files in the state folder: `store/` (sled), `store.json`
//! (snapshot), `invocations/` (spool), and `….bad-<seconds>` for damaged copies.

mod content;
mod database;
mod error;
mod model;
mod opening;
mod record;
mod recovery;
mod snapshot;
mod space;
mod spool;
mod writer;

use std::path::Path;
use std::time::SystemTime;

use tokio::sync::{mpsc, oneshot};

pub use error::StoreError;
pub use model::{Change, Identity, SandboxId, Saved, SavedInvocation, SavedProject, SavedSandbox, Wanted};
pub use recovery::Recovery;

/// Commits that may wait; one more and its caller waits for its place.
const QUEUE: usize = 1_024;

/// A handle to the open store; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    jobs: mpsc::Sender<writer::Job>,
}

/// The store as it was found.
#[derive(Debug)]
pub struct Opened {
    /// The handle.
    pub store: Store,
    /// All that was saved.
    pub saved: Saved,
    /// What was damaged and how it was mended; to be told to the user.
    pub recoveries: Vec<Recovery>,
}

impl Store {
    /// Opens the store of a state folder that this process holds (see [`crate::state::State`]). Blocks for some
    /// milliseconds. `now` names the copies that are set aside.
    ///
    /// # Errors
    /// [`StoreError`] when the folder cannot be written, a later samd wrote the store, or no good copy is left. Then
    /// nothing was changed.
    pub fn open(folder: &Path, now: SystemTime) -> Result<Opened, StoreError> {
        let opened = opening::open(folder, now)?;
        let recoveries = opened.recoveries.clone();
        let saved = record::decode(&opened.content).map_err(|unreadable| {
            let database = format!("{unreadable:?}");
            StoreError::Unrecoverable { folder: folder.to_owned(), database, snapshot: "not read".to_owned() }
        })?;
        let (jobs, receiver) = mpsc::channel(QUEUE);
        let writer = writer::Writer::new(folder.to_owned(), opened);
        std::thread::Builder::new()
            .name("samd-store".to_owned())
            .spawn(move || writer.run(receiver))
            .map_err(|cause| StoreError::Folder { folder: folder.to_owned(), cause: cause.to_string() })?;
        Ok(Opened { store: Store { jobs }, saved, recoveries })
    }

    /// Saves changes, all or none; when this returns `Ok` they are on the disk. A caller that stops waiting does not
    /// undo them.
    ///
    /// # Errors
    /// [`StoreError::Write`] when the disk refused: nothing may be acknowledged. The next commit tries again by itself.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let ops = changes.iter().map(record::encode).collect::<Result<Vec<_>, _>>()?;
        let (answer, reply) = oneshot::channel();
        self.jobs.send(writer::Job::Commit(writer::Commit { ops, answer })).await.map_err(|_| StoreError::Closed)?;
        reply.await.map_err(|_| StoreError::Closed)?
    }

    /// Closes the store after all commits that wait; later ones are refused. Closing twice is harmless.
    pub async fn close(&self) {
        let (done, reply) = oneshot::channel();
        if self.jobs.send(writer::Job::Close(done)).await.is_ok() {
            // An error means that somebody else closed it first.
            reply.await.ok();
        }
    }
}
