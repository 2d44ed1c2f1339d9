//! The one thread that writes: takes the commits that wait, makes one of them all, and answers when it is on the disk.
//!
//! Grouping makes a burst (a hundred projects started at once) cost a few syncs instead of hundreds. When a write fails
//! nothing is acknowledged, the database's state is unknown, and the next commit builds it anew from memory: after a full
//! disk has space again the store works on, without a restart.

use std::path::PathBuf;

use tokio::sync::{mpsc, oneshot};

use super::content::{Content, INVOCATION, Op};
use super::database::Database;
use super::error::StoreError;
use super::opening::{Opened, rebuild};
use super::{snapshot, spool};

/// The most commits that are made one.
const GROUP: usize = 256;

/// A message to the writer.
#[derive(Debug)]
pub(super) enum Job {
    /// Save these changes.
    Commit(Vec<Op>, oneshot::Sender<Result<(), StoreError>>),
    /// Close the database and end.
    Close(oneshot::Sender<()>),
}

/// The writer's state.
pub(super) struct Writer {
    folder: PathBuf,
    /// `None` after a failed write.
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
                Some(Job::Commit(ops, answer)) => group.push((ops, answer)),
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

    fn serve(&mut self, group: &mut Vec<(Vec<Op>, oneshot::Sender<Result<(), StoreError>>)>) {
        let ops: Vec<Op> = group.iter().flat_map(|(ops, _)| ops.iter().cloned()).collect();
        let result = self.commit(&ops);
        for (_, answer) in group.drain(..) {
            // A caller that went away still has its change saved.
            answer.send(result.clone()).ok();
        }
    }

    fn commit(&mut self, ops: &[Op]) -> Result<(), StoreError> {
        // A revision is never used twice, not even by a commit that failed halfway.
        self.content.revision += 1;
        let next = self.content.after(self.content.revision, ops);
        let written = self.write(&next, ops);
        match &written {
            Ok(()) => self.content = next,
            Err(_) => drop(self.database.take().map(Database::close)),
        }
        written
    }

    fn write(&mut self, next: &Content, ops: &[Op]) -> Result<(), StoreError> {
        match &self.database {
            Some(database) => {
                database.commit(next.revision, ops)?;
                spool::apply(&self.folder, ops)?;
            }
            None => {
                self.database = Some(rebuild(&self.folder, next)?);
                spool::sync(&self.folder, next)?;
                return snapshot::write(&self.folder, next);
            }
        }
        if ops.iter().any(|op| !op.key().starts_with(INVOCATION)) {
            snapshot::write(&self.folder, next)?;
        }
        Ok(())
    }
}

/// Takes what else waits into the group; a request to close ends the group.
fn gather(
    jobs: &mut mpsc::Receiver<Job>,
    group: &mut Vec<(Vec<Op>, oneshot::Sender<Result<(), StoreError>>)>,
) -> Option<oneshot::Sender<()>> {
    while group.len() < GROUP {
        match jobs.try_recv() {
            Ok(Job::Commit(ops, answer)) => group.push((ops, answer)),
            Ok(Job::Close(done)) => return Some(done),
            Err(_) => break,
        }
    }
    None
}
