//! Functions that wait for something which takes its time to come: an image that is pulled or built, a published layer.
//!
//! ```text
//!  apply ──Preparation::Coming──▶ on its way ──arrived──▶ a small change of its own: mount ▶ publish ▶ report
//!            ▲ newer change: given up ┘            └ failed ──▶ the last good version keeps serving
//! ```
//! It comes beside the task, so that no other change waits for it. What runs of the function goes on meanwhile; where
//! nothing does, invocations wait in a room.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use crate::project::{FunctionId, Project};
use crate::supervisor::handle::{Changes, Refused, ReloadOutcome};
use crate::supervisor::reconcile::{Kept, Prepared, Running};
use crate::template::{Diagnostic, Severity};

use super::ProjectTask;
use super::apply::Next;
use super::building::Stopped;
use super::cause::Cause;

/// What functions of one project wait for.
pub(super) struct Coming {
    serial: u64,
    on_their_way: BTreeMap<FunctionId, Errand>,
    /// Why the last good version of a function goes on.
    failed: BTreeMap<FunctionId, Diagnostic>,
    arrived: mpsc::UnboundedSender<Arrived>,
}

/// A function that waits; dropping it gives up what is on its way.
struct Errand {
    serial: u64,
    what: String,
    began: Instant,
    files: Vec<PathBuf>,
    _task: Stopped,
}

/// What has to come for a function.
pub(super) struct Awaited {
    pub(super) what: String,
    pub(super) rest: BoxFuture<'static, Prepared>,
}

/// Everything that a function waited for is there, or is not coming.
pub(super) struct Arrived {
    function: FunctionId,
    serial: u64,
    prepared: Prepared,
}

impl Coming {
    /// What came is sent to `arrived`.
    pub(super) fn new(arrived: mpsc::UnboundedSender<Arrived>) -> Coming {
        Coming { serial: 0, on_their_way: BTreeMap::new(), failed: BTreeMap::new(), arrived }
    }

    /// Gives up everything.
    pub(super) fn clear(&mut self) {
        self.on_their_way.clear();
        self.failed.clear();
    }

    pub(super) fn is_busy(&self) -> bool {
        !self.on_their_way.is_empty()
    }

    /// Why a function's last good version goes on.
    pub(super) fn failure(&self, function: &FunctionId) -> Option<&Diagnostic> {
        self.failed.get(function)
    }

    /// What is waited for.
    pub(super) fn awaited(&self) -> BTreeSet<String> {
        self.on_their_way.values().map(|errand| errand.what.clone()).collect()
    }

    /// For the status.
    pub(super) fn notes(&self) -> impl Iterator<Item = Diagnostic> {
        let waiting = self.on_their_way.iter().map(|(id, errand)| {
            let note = format!("{id} waits for {}", errand.what);
            Diagnostic::new(Severity::Note, note).path(format!("Resources.{id}"))
        });
        self.failed.values().cloned().chain(waiting)
    }

    fn take(&mut self, arrived: &Arrived) -> Option<Errand> {
        let current = self.on_their_way.get(&arrived.function)?.serial == arrived.serial;
        current.then(|| self.on_their_way.remove(&arrived.function)).flatten()
    }
}

impl ProjectTask {
    /// Notes what a change brought about: functions that it prepared wait for nothing older, and some for something new.
    pub(super) fn expect(
        &mut self,
        next: &Project,
        prepared: &BTreeSet<FunctionId>,
        awaited: BTreeMap<FunctionId, Awaited>,
        cause: &Cause,
    ) {
        let stays = |id: &FunctionId| next.functions.contains_key(id) && !prepared.contains(id);
        self.coming.failed.retain(|id, _| stays(id));
        self.coming.on_their_way.retain(|id, _| stays(id));
        for (id, Awaited { what, rest }) in awaited {
            tracing::info!(project = %self.name(), function = %id, what, "waits");
            self.coming.serial += 1;
            let (function, serial, arrived) = (id.clone(), self.coming.serial, self.coming.arrived.clone());
            let task = self.shared.requests.spawn(format!("{what} for {id}"), async move {
                let prepared = rest.await;
                // A project that has gone away does not miss it.
                drop(arrived.send(Arrived { function, serial, prepared }));
            });
            let (began, files) = (cause.began, cause.touched.clone());
            let errand = Errand { serial, what, began, files, _task: Stopped(task.abort_handle()) };
            self.coming.on_their_way.insert(id, errand);
        }
    }

    /// Serves what came, unless a newer change took its place.
    pub(super) async fn arrived(&mut self, arrived: Arrived) {
        let Some(errand) = self.coming.take(&arrived) else { return };
        let cause = Cause::files(errand.began, errand.files);
        if let Err(refused) = self.mount(arrived, &cause).await {
            tracing::error!(project = %self.name(), %refused, "a function could not be replaced");
        }
        self.answer_who_waited().await;
    }

    async fn mount(&mut self, arrived: Arrived, cause: &Cause) -> Result<(), Refused> {
        let Arrived { function: id, prepared, .. } = arrived;
        let Some(live) = &self.running else { return Ok(()) };
        let had = live.functions.get(&id).is_some_and(|old| old.live().is_some());
        let problem = prepared.problem().map(|problem| self.explained(&id, &problem, had || prepared.can_run()));
        // What was not asked for replaces nothing that runs.
        if problem.is_none() || !had {
            self.replace(&id, prepared).await?;
        }
        if let Some(why) = problem {
            self.coming.failed.extend(had.then(|| (id, why.clone())));
            self.report(cause, ReloadOutcome::Rejected { diagnostics: vec![why] });
            return Ok(());
        }
        let (name, mut functions) = (id.to_string(), Changes::default());
        if had { &mut functions.changed } else { &mut functions.added }.push(name);
        self.report(cause, ReloadOutcome::Applied { functions, routes: Changes::default() });
        Ok(())
    }

    fn explained(&self, id: &FunctionId, problem: &str, goes_on: bool) -> Diagnostic {
        let what = if goes_on { format!("{problem}; the last good image goes on") } else { problem.to_owned() };
        let location = self.running.as_ref().and_then(|live| live.project.locations.get(&id.0).cloned());
        let help = "mend it and save, or use samctl reload";
        Diagnostic { location, ..Diagnostic::error(what).path(format!("Resources.{id}")).help(help) }
    }

    /// Publishes what runs with one function in a newer version.
    async fn replace(&mut self, id: &FunctionId, prepared: Prepared) -> Result<(), Refused> {
        let Some(live) = &self.running else { return Ok(()) };
        let kept = Kept { same_account: true, touched: &[] };
        let account = live.account.clone();
        let ground = self.ground(&account.variables);
        let running: Running = ground.replace(prepared, live.functions.get(id), kept).await;
        let mut functions = live.functions.clone();
        functions.insert(id.clone(), running);
        let (project, template, front) = (Arc::clone(&live.project), live.template.clone(), live.front.1.clone());
        self.generation += 1;
        self.publish(Next { project, functions, account, front, template }, None)
    }
}
