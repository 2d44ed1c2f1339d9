//! The store's content as it stands on disk: a revision and records, each a key and a JSON text.
//!
//! Keys begin with the table's name (`project/…`). Knows nothing of what a record means; see `record`.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Key prefix of asynchronous invocations, which are too large and too many for the snapshot.
pub(super) const INVOCATION: &str = "invocation/";

/// Records by key.
pub(super) type Records = BTreeMap<String, Arc<str>>;

/// A consistent state of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// Grows with every commit.
    pub(super) revision: u64,
    /// The records.
    pub(super) records: Records,
}

/// A change of one record.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// Write it.
    Put(String, Arc<str>),
    /// Delete it.
    Delete(String),
}

impl Op {
    pub(super) fn key(&self) -> &str {
        match self {
            Op::Put(key, _) | Op::Delete(key) => key,
        }
    }
}

impl Content {
    /// The content after a commit.
    pub(super) fn after(&self, revision: u64, ops: &[Op]) -> Content {
        let mut records = self.records.clone();
        for op in ops {
            match op {
                Op::Put(key, value) => records.insert(key.clone(), value.clone()),
                Op::Delete(key) => records.remove(key),
            };
        }
        Content { revision, records }
    }

    /// The part that a snapshot holds.
    pub(super) fn core(&self) -> impl Iterator<Item = (&String, &Arc<str>)> {
        self.records.iter().filter(|(key, _)| !key.starts_with(INVOCATION))
    }
}
