//! The one path on which what runs changes: read, compare, make the new, swap, let the old go.
//!
//! Whatever fails before the snapshot is published leaves what runs as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::join_all;
use tokio::net::TcpListener;

use crate::gateway::front::Front;
use crate::gateway::issuers::Issuers;
use crate::gateway::outbound::Outbound;
use crate::gateway::{Gateway, Snapshot, Surroundings, findings};
use crate::lambda::environment;
use crate::loader::{self, Loaded};
use crate::project::diff::ProjectDiff;
use crate::project::{FunctionId, Project};
use crate::supervisor::handle::{Refused, ReloadOutcome, ReloadReport};
use crate::supervisor::reconcile::{self, Ground, Kept, Preparation, Running, State};
use crate::template::Diagnostic;

use super::account::Account;
use super::cause::Cause;
use super::coming::Awaited;
use super::report::{errors, names};
use super::{Live, ProjectTask};

/// What is about to run of a project.
pub(super) struct Next {
    pub(super) project: Arc<Project>,
    pub(super) functions: BTreeMap<FunctionId, Running>,
    pub(super) account: Account,
    pub(super) front: Front,
    pub(super) template: (PathBuf, String),
}

/// The functions of the next generation.
struct Made {
    functions: BTreeMap<FunctionId, Running>,
    /// Those that were prepared.
    prepared: BTreeSet<FunctionId>,
    /// Those that wait for something.
    awaited: BTreeMap<FunctionId, Awaited>,
}

impl ProjectTask {
    /// The one path on which what runs changes.
    pub(super) async fn apply(&mut self, cause: Cause, listener: Option<TcpListener>) -> Result<ReloadReport, Refused> {
        let account = self.account(&cause).await;
        let loaded = self.load(&cause, &account).await;
        self.diagnostics.clear();
        for diagnostic in account.diagnostics.iter().chain(&loaded.diagnostics).cloned() {
            self.found(diagnostic);
        }
        self.looked_at = loaded.looked_at;
        let Some(next) = loaded.project else {
            if self.running.is_some() {
                self.watch_what_was_looked_at(cause.since).await;
            }
            return Ok(self.report(&cause, ReloadOutcome::Rejected { diagnostics: errors(&loaded.diagnostics) }));
        };
        let next = Arc::new(self.staged(next, &cause));
        let empty = Arc::new(Project::default());
        let running = self.running.as_ref().map_or(&empty, |live| &live.project);
        let mut diff = ProjectDiff::between(running, &next, &cause.touched);
        if let Some(forced) = &cause.forced {
            diff.force(forced);
        }
        let same_account = self.running.as_ref().is_some_and(|live| live.account.variables == account.variables);
        if !same_account {
            diff.force(&next.functions.keys().cloned().collect::<Vec<_>>());
        }
        let moved = self.moved(&cause).await;
        diff.force(&moved);
        let front = self.front()?;
        let same_front = self.running.as_ref().is_some_and(|live| live.front.0 == self.settings.gateway);
        if diff.is_empty() && same_front && listener.is_none() {
            self.find_again();
            return Ok(self.report(&cause, ReloadOutcome::Unchanged));
        }
        let kept = Kept { same_account, touched: &cause.touched };
        let Some(made) = self.functions(&next, (&diff, &moved), &account.variables, kept).await else {
            return Err(Refused::Stopping);
        };
        // They count when they are there.
        made.awaited.keys().for_each(|id| diff.functions.forget(id));
        let is_unchanged = diff.is_empty() && same_front && listener.is_none();
        self.generation += u64::from(!is_unchanged);
        let template = (loaded.template, loaded.why);
        self.publish(Next { project: next.clone(), functions: made.functions, account, front, template }, listener)?;
        self.watch(next.watched(), cause.since).await;
        self.expect(&next, &made.prepared, made.awaited, &cause);
        if is_unchanged {
            return Ok(self.report(&cause, ReloadOutcome::Unchanged));
        }
        let outcome = ReloadOutcome::Applied { functions: names(&diff.functions), routes: names(&diff.routes) };
        Ok(self.report(&cause, outcome))
    }

    /// Files are read on a thread of their own; a change of code alone asks for no reading at all.
    async fn load(&self, cause: &Cause, account: &Account) -> Loaded {
        if let Some(live) = &self.running
            && !cause.touched.is_empty()
            && !live.project.asks_for_resolve(&cause.touched)
        {
            return Loaded {
                project: Some((*live.project).clone()),
                diagnostics: self.diagnostics.clone(),
                template: live.template.0.clone(),
                why: live.template.1.clone(),
                looked_at: self.looked_at.clone(),
            };
        }
        let settings = self.settings.clone();
        let inputs = loader::Inputs { region: account.region.clone(), caller: self.caller.0.clone() };
        let read = tokio::task::spawn_blocking(move || loader::load(&settings, &inputs)).await;
        read.unwrap_or_else(|_| Loaded {
            project: None,
            diagnostics: vec![Diagnostic::error("the template could not be read to its end: an internal error")],
            template: self.settings.path.clone(),
            why: String::new(),
            looked_at: vec![self.settings.path.clone()],
        })
    }

    /// The functions of the next generation: those that nothing touched are the same as before. What the others need is
    /// brought here at the same time for all, and what takes its time is not waited for; `None` when the daemon stops
    /// meanwhile.
    async fn functions(
        &self,
        next: &Project,
        (diff, moved): (&ProjectDiff, &[FunctionId]),
        account: &Arc<BTreeMap<String, String>>,
        kept: Kept<'_>,
    ) -> Option<Made> {
        let ground = self.ground(account);
        let old = |id: &FunctionId| self.running.as_ref().and_then(|live| live.functions.get(id));
        let touched = next.functions.iter().filter(|(id, _)| old(id).is_none() || diff.functions.touches(id));
        let prepared = touched.map(async |(id, function)| {
            let kept = old(id).filter(|_| !moved.contains(id));
            (id, ground.prepare(function, kept).await)
        });
        let token = self.shared.requests.token();
        let prepared: BTreeMap<_, _> = token.run_until_cancelled(join_all(prepared)).await?.into_iter().collect();
        let functions = next.functions.keys().filter_map(|id| Some((id.clone(), old(id)?.clone()))).collect();
        let mut made =
            Made { functions, prepared: prepared.keys().map(|id| (*id).clone()).collect(), awaited: BTreeMap::new() };
        for (id, prepared) in prepared {
            let running = match prepared {
                Preparation::Here(prepared) => ground.replace(prepared, old(id), kept).await,
                Preparation::Coming { what, rest } => {
                    let running = ground.await_for(&next.functions[id], old(id), &what);
                    made.awaited.insert(id.clone(), Awaited { what, rest });
                    running
                }
            };
            made.functions.insert(id.clone(), running);
        }
        Some(made)
    }

    /// Functions that another kind of sandbox would run now, since an engine or an image came or went. That is decided
    /// anew at each command and when the template is read again, and not when code alone changes.
    async fn moved(&self, cause: &Cause) -> Vec<FunctionId> {
        let Some(live) = &self.running else { return Vec::new() };
        if !cause.touched.is_empty() && !live.project.asks_for_resolve(&cause.touched) {
            return Vec::new();
        }
        let driver = self.shared.driver(self.settings.sandbox);
        let asked = live.functions.iter().map(async |(id, running)| {
            let stands = match &running.state {
                State::Live(live) => driver.stands_by(&running.function, live.launcher.description()).await,
                State::Coming { .. } => true,
                // A command tries again what could not be had.
                State::Broken(_) => !cause.touched.is_empty(),
            };
            (!stands).then(|| id.clone())
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// What all workers of the project get.
    pub(super) fn ground<'a>(&'a self, account: &Arc<BTreeMap<String, String>>) -> Ground<'a> {
        Ground {
            shared: &self.shared,
            settings: &self.settings,
            subject: &self.subject,
            logs: &self.logs,
            account: account.clone(),
            generation: self.generation + 1,
            lambda_endpoint: self.caller.0.get(environment::LAMBDA_ENDPOINT).cloned(),
        }
    }

    /// The snapshot of the generation; what of it cannot be served as written is said beside what the template's reading
    /// found.
    fn snapshot(
        &mut self,
        next: &Project,
        functions: &BTreeMap<FunctionId, Running>,
        account: &Account,
        front: Front,
    ) -> Result<Snapshot, Refused> {
        let around = (self.surroundings()?, front);
        let before = self.running.as_ref().map(|live| live.gateway.snapshot());
        let snapshot = reconcile::snapshot(self.generation, next, functions, &account.variables, around, before);
        for (api, finding) in snapshot.findings() {
            self.found(findings::placed(next, &api, finding));
        }
        Ok(snapshot)
    }

    /// What the gateway found of what runs on, after the template was read again and nothing differs.
    fn find_again(&mut self) {
        let Some(live) = &self.running else { return };
        let (project, snapshot) = (live.project.clone(), live.gateway.snapshot());
        for (api, finding) in snapshot.findings() {
            self.found(findings::placed(&project, &api, finding));
        }
    }

    /// What the gateway keeps for as long as the project is known here.
    pub(super) fn surroundings(&mut self) -> Result<Arc<Surroundings>, Refused> {
        if let Some(kept) = &self.surroundings {
            return Ok(kept.clone());
        }
        let issuers = Issuers::new(&self.shared.seed(self.name()));
        let issuers = issuers.map_err(|problem| Refused::Other(problem.to_string()))?;
        let made = Arc::new(Surroundings { outbound: Outbound::default(), issuers });
        self.surroundings = Some(made.clone());
        Ok(made)
    }

    /// A finding is told once, however often a file changes.
    pub(super) fn found(&mut self, diagnostic: Diagnostic) {
        if !self.diagnostics.contains(&diagnostic) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// How clients are met; made anew when its settings changed.
    fn front(&self) -> Result<Front, Refused> {
        match &self.running {
            Some(live) if live.front.0 == self.settings.gateway => Ok(live.front.1.clone()),
            _ => Front::of(&self.settings.gateway).map_err(|problem| Refused::Other(problem.to_string())),
        }
    }

    /// One swap, which cannot fail once the snapshot is made.
    pub(super) fn publish(&mut self, next: Next, listener: Option<TcpListener>) -> Result<(), Refused> {
        let Next { project, functions, account, front, template } = next;
        let snapshot = Arc::new(self.snapshot(&project, &functions, &account, front.clone())?);
        let gateway = match (listener, self.running.take().map(|live| live.gateway)) {
            (None, Some(gateway)) => {
                gateway.publish(snapshot);
                gateway
            }
            (Some(listener), _) => {
                let shared = (&self.shared.requests, &self.shared.crowd);
                Gateway::serve(listener, snapshot, self.access.clone(), self.subject.unrest(), shared)
                    .map_err(|problem| Refused::Other(problem.to_string()))?
            }
            (None, None) => return Err(Refused::Other("no listener was opened".to_owned())),
        };
        gateway.tell_generation(self.settings.tell_generation);
        self.port = Some(gateway.address.port());
        self.listing.publish(reconcile::roster(&functions, &self.logs, &self.access));
        let front = (self.settings.gateway.clone(), front);
        let since = SystemTime::now();
        self.running = Some(Live { project, functions, account, front, gateway, template, since });
        Ok(())
    }
}
