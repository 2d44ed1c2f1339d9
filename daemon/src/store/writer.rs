//! The one thread that writes: takes the commits that wait, makes one of them all, and answers when it is on the disk.
//!
//! Grouping makes a burst (a hundred projects started at once) cost a few syncs instead of hundreds. When a write fails
//! nothing of its group is acknowledged. sled cannot be used again in this process after a failed write, so later commits
//! go to the snapshot and the spool alone, which are whole by themselves; the next daemon finds the database behind its
//! snapshot and makes it again.

use std::path::PathBuf;

use tokio::sync::{mpsc, oneshot};

use super::content::{Content, INVOCATION, Op};
use super::database::Database;
use super::error::StoreError;
use super::opening::Opened;
use super::{snapshot, space, spool};

/// The most commits that are made one.
const GROUP: usize = 256;

/// Changes to save, and where the answer goes.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) ops: Vec<Op>,
    pub(super) answer: oneshot::Sender<Result<(), StoreError>>,
}

/// A message to the writer.
#[derive(Debug)]
pub(super) enum Job {
    /// Save these changes.
    Commit(Commit),
    /// Close the database and end.
    Close(oneshot::Sender<()>),
}

/// The writer's state.
pub(super) struct Writer {
    folder: PathBuf,
    /// `None` after it failed.
    database: Option<Database>,
    /// What is on the disk for certain.
    content: Content,
}

impl Writer {
    pub(super) fn new(folder: PathBuf, opened: Opened) -> Writer {
        Writer { folder, database: Some(opened.database), content: opened.content }
    }

    /// Serves until told to close, or until every handle is gone.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut group = Vec::new();
        let closing = loop {
            match jobs.blocking_recv() {
                None => break None,
                Some(Job::Close(done)) => break Some(done),
                Some(Job::Commit(commit)) => group.push(commit),
            }
            let closing = gather(&mut jobs, &mut group);
            self.serve(&mut group);
            if closing.is_some() {
                break closing;
            }
        };
        jobs.close();
        if let Some(Err(cause)) = self.database.take().map(Database::close) {
            tracing::warn!(cause, "the store did not close cleanly; what was acknowledged is on the disk");
        }
        if let Some(done) = closing {
            // Whoever asked may have given up waiting.
            done.send(()).ok();
        }
    }

    fn serve(&mut self, group: &mut Vec<Commit>) {
        let ops: Vec<Op> = group.iter().flat_map(|commit| commit.ops.iter().cloned()).collect();
        let result = self.commit(&ops);
        for commit in group.drain(..) {
            // A caller that went away still has its change saved.
            commit.answer.send(result.clone()).ok();
        }
    }

    fn commit(&mut self, ops: &[Op]) -> Result<(), StoreError> {
        space::check(&self.folder)?;
        // A revision is never used twice, not even by a commit that failed halfway.
        self.content.revision += 1;
        let next = self.content.after(self.content.revision, ops);
        let core = ops.iter().any(|op| !op.key().starts_with(INVOCATION));
        self.write_database(next.revision, ops)?;
        self.write_files(&next, ops, core || self.database.is_none())?;
        self.content = next;
        Ok(())
    }

    fn write_database(&mut self, revision: u64, ops: &[Op]) -> Result<(), StoreError> {
        let Some(database) = &self.database else { return Ok(()) };
        let written = database.commit(revision, ops);
        if let Err(cause) = &written {
            tracing::error!(
                %cause,
                "the store's database failed and is used no more until samd is started again; changes are saved in its \
                 snapshot alone"
            );
            // Closing it would wait for the same disk, or for ever.
            if let Some(database) = self.database.take() {
                std::mem::forget(database);
            }
        }
        written
    }

    fn write_files(&self, next: &Content, ops: &[Op], snapshot: bool) -> Result<(), StoreError> {
        spool::apply(&self.folder, ops)?;
        if snapshot { snapshot::write(&self.folder, next) } else { Ok(()) }
    }
}

/// Takes what else waits into the group; a request to close ends the group.
fn gather(jobs: &mut mpsc::Receiver<Job>, group: &mut Vec<Commit>) -> Option<oneshot::Sender<()>> {
    while group.len() < GROUP {
        match jobs.try_recv() {
            Ok(Job::Commit(commit)) => group.push(commit),
            Ok(Job::Close(done)) => return Some(done),
            Err(_) => break,
        }
    }
    None
}
