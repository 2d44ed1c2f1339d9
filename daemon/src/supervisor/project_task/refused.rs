//! A project that is to run and cannot: it is watched all the same, so that mending its files brings it back.

use std::collections::BTreeSet;

use crate::supervisor::handle::{Patch, Refused};
use crate::template::{Diagnostic, Severity};
use crate::watch;

use super::ProjectTask;

/// Why nothing runs although it should.
pub(super) struct Waiting {
    why: Refused,
    /// Ports of other projects, when it was last tried.
    owned: BTreeSet<u16>,
}

impl Waiting {
    /// For the status, beside what was found in the files.
    pub(super) fn notes(&self) -> Vec<Diagnostic> {
        let reason = match &self.why {
            Refused::Diagnostics(_) => None,
            other => Some(Diagnostic::error(other.to_string())),
        };
        let note = "it is to run and does not; it is started as soon as its files are mended";
        reason.into_iter().chain([Diagnostic::new(Severity::Note, note)]).collect()
    }
}

impl ProjectTask {
    /// Starts what ran when the daemon ended.
    pub(super) async fn restore(&mut self, owned: BTreeSet<u16>) {
        self.listing.begin();
        let since = watch::now();
        if let Err(why) = self.start(Patch::default(), &owned).await {
            tracing::error!(project = %self.name(), %why, "a project could not be started again; its files are watched");
            self.watch_what_was_looked_at(since).await;
            self.waiting = Some(Waiting { why, owned });
        }
        self.listing.settle();
    }

    /// One of the files has changed.
    pub(super) async fn try_again(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            self.restore(waiting.owned).await;
        }
    }
}
