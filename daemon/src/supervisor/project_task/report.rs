//! What a change did, told: in the log, to followers of events, in the status.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::project::diff;
use crate::supervisor::handle::{Changes, ReloadOutcome, ReloadReport};
use crate::template::{Diagnostic, Severity};

use super::ProjectTask;
use super::cause::Cause;

impl ProjectTask {
    pub(super) fn report(&mut self, cause: &Cause, outcome: ReloadOutcome) -> ReloadReport {
        let report = ReloadReport {
            project: self.name().clone(),
            generation: self.generation,
            at: SystemTime::now(),
            duration: cause.began.elapsed(),
            files: cause.touched.clone(),
            outcome,
        };
        log(&report);
        self.last_reload = Some(report.clone());
        self.show();
        // Without a follower there is nobody to miss it.
        drop(self.shared.events.send(report.clone()));
        report
    }
}

fn log(report: &ReloadReport) {
    let duration = report.duration.as_secs_f64() * 1e3;
    let (project, generation) = (&report.project, report.generation);
    match &report.outcome {
        ReloadOutcome::Applied { functions, routes } => {
            let files = Files(&report.files);
            tracing::info!(%project, generation, ms = duration, %files, ?functions, ?routes, "serving");
        }
        ReloadOutcome::Unchanged => tracing::debug!(%project, generation, "nothing differs"),
        ReloadOutcome::Rejected { diagnostics } => {
            for diagnostic in diagnostics {
                tracing::error!(%project, generation, %diagnostic, "rejected; the last good configuration keeps serving");
            }
        }
    }
}

/// So many files are named in the log; the event has them all.
const NAMED: usize = 5;

/// The first files of a change, and how many more there are.
struct Files<'a>(&'a [PathBuf]);

impl fmt::Display for Files<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, file) in self.0.iter().take(NAMED).enumerate() {
            write!(f, "{}{}", if number == 0 { "" } else { ", " }, file.display())?;
        }
        match self.0.len().checked_sub(NAMED) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, " and {more} more"),
        }
    }
}

pub(super) fn errors(diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).cloned().collect()
}

pub(super) fn names<K: Ord + ToString>(changes: &diff::Changes<K>) -> Changes {
    let text = |keys: &BTreeSet<K>| keys.iter().map(ToString::to_string).collect();
    Changes { added: text(&changes.added), changed: text(&changes.changed), removed: text(&changes.removed) }
}
