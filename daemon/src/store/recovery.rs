//! Which copy of the state to believe when a daemon starts: a pure decision over what was found.
//!
//! ```text
//!              snapshot absent       snapshot good                                    snapshot damaged
//! db absent    fresh                 snapshot                                         refuse
//! db good      database              database, unless its revision is behind the      database, unless
//!                                    snapshot's or it differs at the same revision    it is empty: refuse
//! db damaged   refuse                snapshot                                         refuse
//! ```
//! The database may be ahead of the snapshot: that is a commit cut off between the two writes, or one of asynchronous
//! invocations alone. It is behind only when it lost something.

use std::fmt;
use std::path::PathBuf;

use super::content::Content;

/// What was found of one copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Absent,
    /// A state that can be read.
    Good(Content),
    /// Something that cannot; the sentence says why.
    Damaged(String),
}

/// Which copy is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// There is nothing yet.
    Fresh,
    /// The database.
    Database,
    /// The snapshot; the database is set aside for this reason, where there is one.
    Snapshot(String),
    /// Neither; the reasons, of the database and of the snapshot.
    Refuse(String, String),
}

/// Decides which copy to believe.
pub(super) fn decide(database: &Found, snapshot: &Found) -> Decision {
    match (database, snapshot) {
        (Found::Absent, Found::Absent) => Decision::Fresh,
        (Found::Absent, Found::Good(_)) => Decision::Snapshot("it is not there".to_owned()),
        (Found::Absent, Found::Damaged(why)) => Decision::Refuse("it is not there".to_owned(), why.clone()),
        // sled takes garbage for a new database: where there was a snapshot, an empty one is no good copy.
        (Found::Good(database), Found::Damaged(why)) if database.revision == 0 => {
            Decision::Refuse("it holds nothing".to_owned(), why.clone())
        }
        (Found::Good(_), Found::Absent | Found::Damaged(_)) => Decision::Database,
        (Found::Good(database), Found::Good(snapshot)) => compare(database, snapshot),
        (Found::Damaged(why), Found::Absent) => Decision::Refuse(why.clone(), "it is not there".to_owned()),
        (Found::Damaged(why), Found::Good(_)) => Decision::Snapshot(why.clone()),
        (Found::Damaged(database), Found::Damaged(snapshot)) => Decision::Refuse(database.clone(), snapshot.clone()),
    }
}

fn compare(database: &Content, snapshot: &Content) -> Decision {
    if database.revision < snapshot.revision {
        return Decision::Snapshot(format!(
            "it ends at revision {} while the last saved one is {}",
            database.revision, snapshot.revision
        ));
    }
    if database.revision == snapshot.revision && !database.core().eq(snapshot.core()) {
        return Decision::Snapshot(format!("its records differ from those saved with revision {}", snapshot.revision));
    }
    Decision::Database
}

/// Something that went wrong with the files and how it was mended, for the log and `samctl daemon status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// The state was restored from the snapshot.
    FromSnapshot {
        /// What was wrong with the database.
        why: String,
        /// Where the bad copy is kept, when there was one.
        kept: Option<PathBuf>,
    },
    /// The snapshot was damaged and made again from the database.
    SnapshotRenewed {
        /// What was wrong with it.
        why: String,
        /// Where the bad copy is kept.
        kept: PathBuf,
    },
    /// An asynchronous invocation's file was damaged; where the database still had it, it is not lost.
    Invocation {
        /// Its request id.
        id: String,
        /// What was wrong.
        why: String,
        /// Where the bad copy is kept.
        kept: PathBuf,
        /// The database had no copy: this invocation will not be run.
        lost: bool,
    },
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Recovery::FromSnapshot { why, kept } => {
                write!(f, "the store's database was damaged ({why}); restored from the last good snapshot")?;
                match kept {
                    Some(kept) => write!(f, ", the bad copy is {}", kept.display()),
                    None => Ok(()),
                }
            }
            Recovery::SnapshotRenewed { why, kept } => write!(
                f,
                "the store's snapshot was damaged ({why}); made again from the database, which alone cannot tell \
                 whether its last changes are missing: compare `samctl list` with the bad copy, {}",
                kept.display()
            ),
            Recovery::Invocation { id, why, kept, lost } => {
                let fate = if *lost { "is lost" } else { "was read from the database" };
                write!(
                    f,
                    "the saved invocation {id} was damaged ({why}) and {fate}; the bad copy is {}",
                    kept.display()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(revision: u64, value: &str) -> Content {
        Content { revision, records: [("project/a".to_owned(), value.into())].into() }
    }

    #[test]
    fn a_database_behind_its_snapshot_has_lost_something_and_is_not_believed() {
        let decision = decide(&Found::Good(content(6, "{}")), &Found::Good(content(7, "{}")));
        assert_eq!(decision, Decision::Snapshot("it ends at revision 6 while the last saved one is 7".to_owned()));
    }

    #[test]
    fn a_database_ahead_of_its_snapshot_is_believed() {
        let decision = decide(&Found::Good(content(8, "{\"new\":1}")), &Found::Good(content(7, "{}")));
        assert_eq!(decision, Decision::Database);
    }

    #[test]
    fn two_copies_of_one_revision_that_differ_are_told_apart_in_favour_of_the_digest() {
        let decision = decide(&Found::Good(content(7, "{\"x\":1}")), &Found::Good(content(7, "{}")));
        assert!(matches!(decision, Decision::Snapshot(_)), "{decision:?}");
    }

    #[test]
    fn nothing_is_guessed_when_no_copy_is_good() {
        let empty = Found::Good(Content::default());
        for database in [Found::Absent, Found::Damaged("torn".to_owned()), empty] {
            let decision = decide(&database, &Found::Damaged("cut".to_owned()));
            assert!(matches!(decision, Decision::Refuse(_, _)), "{decision:?}");
        }
    }
}
