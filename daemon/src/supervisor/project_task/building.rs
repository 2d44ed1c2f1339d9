//! Functions that have a build step: built when their sources change, served from what the last good build made.
//!
//! ```text
//!  sources change ──▶ consider ──begin──▶ Running ──▶ done: good ──▶ the artifacts are what runs; reload
//!                                           ▲  │            └ failed ──▶ the last good ones keep serving
//!                          changed meanwhile└──┘
//! ```
//! A build runs beside the task. One that has begun ends before the next begins, since many tools write beside their
//! sources and would otherwise never come to an end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::builder::{self, Failure, artifacts};
use crate::project::build::{self, Step};
use crate::project::function::{Code, Function, Package};
use crate::project::{FunctionId, Project};
use crate::supervisor::handle::{ProjectStatus, Refused, ReloadOutcome, ReloadReport};
use crate::template::{Diagnostic, Severity};
use crate::worker::journal::Journal;

use super::ProjectTask;
use super::cause::Cause;

/// Builds of one project that run at once.
const AT_ONCE: usize = 2;
/// So often in a row a build may be begun by what changed during the one before; more, and it is the build itself that
/// changes its sources.
const MOST_IN_A_ROW: u32 = 4;

/// What is built of one project.
pub(super) struct Building {
    folder: PathBuf,
    serial: u64,
    builds: BTreeMap<FunctionId, Build>,
    done: mpsc::UnboundedSender<Done>,
    turns: Arc<Semaphore>,
    /// Who waits until no build runs.
    waiting: Vec<Waiting>,
}

/// Who waits.
enum Waiting {
    Status(oneshot::Sender<Result<ProjectStatus, Refused>>),
    Reload(Box<ReloadReport>, Vec<FunctionId>, oneshot::Sender<Result<ReloadReport, Refused>>),
}

struct Build {
    step: Step,
    artifacts: Option<PathBuf>,
    standing: Standing,
    /// Builds in a row that were begun by changes during the one before.
    in_a_row: u32,
}

enum Standing {
    Running { serial: u64, began: Instant, again: Option<PathBuf>, _task: Stopped },
    Good,
    Failed(Diagnostic),
}

/// A task that is stopped when nobody wants its outcome any more.
pub(super) struct Stopped(pub(super) AbortHandle);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A build has ended.
pub(super) struct Done {
    function: FunctionId,
    serial: u64,
    artifacts: PathBuf,
    outcome: Result<(), Failure>,
}

/// For the daemon that comes after this one.
async fn keep(folder: PathBuf, serial: u64, step: Step) {
    let kept = tokio::task::spawn_blocking(move || artifacts::keep(&folder, serial, &step)).await;
    if let Err(problem) = kept.unwrap_or_else(|panicked| Err(panicked.into())) {
        tracing::warn!(%problem, "a good build could not be noted, or an old one not removed");
    }
}

impl Building {
    /// Builds into folders below `folder`; what comes of them is sent to `done`. Folders that an earlier daemon filled, or
    /// did not fill to the end, are left alone.
    pub(super) fn new(folder: PathBuf, done: mpsc::UnboundedSender<Done>) -> Building {
        let (turns, serial) = (Arc::new(Semaphore::new(AT_ONCE)), artifacts::highest(&folder));
        Building { folder, serial, builds: BTreeMap::new(), done, turns, waiting: Vec::new() }
    }

    /// Stops what runs and forgets what was built.
    pub(super) fn clear(&mut self) {
        self.builds.clear();
    }

    fn is_busy(&self) -> bool {
        self.builds.values().any(|build| matches!(build.standing, Standing::Running { .. }))
    }

    /// How builds stand, for the status.
    pub(super) fn notes(&self) -> impl Iterator<Item = Diagnostic> {
        self.builds.iter().filter_map(|(id, build)| match &build.standing {
            Standing::Running { .. } => {
                let note = format!("{id} is being built ({})", build.step.method);
                Some(Diagnostic::new(Severity::Note, note))
            }
            Standing::Failed(diagnostic) => Some(diagnostic.clone()),
            Standing::Good => None,
        })
    }

    /// What runs of a function until its next build is good.
    fn code(&self, id: &FunctionId) -> Code {
        match self.builds.get(id) {
            Some(Build { artifacts: Some(folder), .. }) => Code::Folder(folder.clone()),
            Some(Build { standing: Standing::Failed(diagnostic), .. }) => Code::Unavailable(diagnostic.message.clone()),
            Some(_) | None => Code::Unavailable(format!("{id} is being built for the first time; ask again soon")),
        }
    }

    /// Whether a function has to be built because of a change; one that is being built already is built again.
    fn asks_for_build(&mut self, id: &FunctionId, step: &Step, cause: &Cause) -> bool {
        let Some(build) = self.builds.get_mut(id) else { return true };
        if build.step != *step || cause.forced.as_ref().is_some_and(|forced| forced.contains(id)) {
            return true;
        }
        let Some(changed) = cause.touched.iter().find(|path| path.starts_with(&step.source)) else { return false };
        if let Standing::Running { again, .. } = &mut build.standing {
            *again = Some(changed.clone());
            return false;
        }
        build.in_a_row = 0;
        true
    }
}

impl ProjectTask {
    /// The project with what was built in the place of the sources; begins the builds that a change asks for.
    pub(super) fn staged(&mut self, mut project: Project, cause: &Cause) -> Project {
        if !self.settings.build {
            self.building.clear();
            return project;
        }
        self.building.builds.retain(|id, _| project.functions.contains_key(id));
        for function in project.functions.values_mut() {
            match build::step(function, &self.settings) {
                None => {}
                Some(Ok(step)) => self.stage(function, &step, cause),
                Some(Err(reason)) => {
                    let location = project.locations.get(&function.id.0).cloned();
                    let path = format!("Resources.{}.Metadata", function.id);
                    self.found(Diagnostic { location, ..Diagnostic::warning(reason).path(path) });
                }
            }
        }
        project
    }

    fn stage(&mut self, function: &mut Function, step: &Step, cause: &Cause) {
        if self.building.asks_for_build(&function.id, step, cause) {
            self.begin_build(Arc::new(function.clone()), step.clone());
        }
        function.built_from = Some(step.source.clone());
        if let Package::Zip { code, .. } = &mut function.package {
            *code = self.building.code(&function.id);
        }
    }

    fn begin_build(&mut self, function: Arc<Function>, step: Step) {
        let building = &mut self.building;
        building.serial += 1;
        let (serial, id) = (building.serial, function.id.clone());
        let folder = building.folder.join(id.0.replace('/', "-"));
        let (made, scratch) = (folder.join(serial.to_string()), folder.join("scratch"));
        let (done, turns, project) = (building.done.clone(), building.turns.clone(), self.settings.name.clone());
        let journal = Journal::new(function, self.logs.clone());
        let old = building.builds.remove(&id);
        let (kept, in_a_row) =
            old.map_or_else(|| (artifacts::last_good(&folder, &step), 0), |build| (build.artifacts, build.in_a_row));
        let (built, of, files) = (step.clone(), id.clone(), self.subject.clone());
        let task = self.shared.requests.spawn(format!("the build of {id}"), async move {
            let Ok(_turn) = turns.acquire().await else { return };
            tracing::info!(%project, function = %of, method = built.method, "building");
            journal.note(&format!("BUILD {} begins", built.method));
            let outcome = builder::build(&built, &made, &scratch, |line| journal.note(line)).await;
            if outcome.is_ok() {
                keep(folder, serial, built).await;
            }
            // What the build itself changed is known as such: it was told while the build was running.
            files.settled().await;
            // A project that has gone away does not miss it.
            drop(done.send(Done { function: of, serial, artifacts: made, outcome }));
        });
        let standing =
            Standing::Running { serial, began: Instant::now(), again: None, _task: Stopped(task.abort_handle()) };
        self.building.builds.insert(id, Build { step, artifacts: kept, standing, in_a_row });
    }

    /// A build has ended: what it made is served, or why it failed is told.
    pub(super) async fn built(&mut self, done: Done) {
        let Some((began, again)) = self.take_over(&done) else { return };
        let Done { function, artifacts, outcome, .. } = done;
        match outcome {
            Ok(()) => {
                let ms = began.elapsed().as_secs_f64() * 1e3;
                tracing::info!(project = %self.name(), %function, ms, "built");
                self.change(Cause::files(began, vec![artifacts])).await;
            }
            Err(_) => self.build_failed(&function, began).await,
        }
        if let Some(changed) = again {
            self.build_again(&function, changed).await;
        }
        self.answer_who_waited().await;
    }

    /// Notes how a build ended. Returns when it began, and what changed meanwhile; `None` for one that nobody waits for.
    fn take_over(&mut self, done: &Done) -> Option<(Instant, Option<PathBuf>)> {
        let build = self.building.builds.get_mut(&done.function)?;
        let Standing::Running { serial, began, again, .. } = &mut build.standing else { return None };
        if *serial != done.serial {
            return None;
        }
        let (began, again) = (*began, again.take());
        build.standing = match &done.outcome {
            Ok(()) => {
                build.artifacts = Some(done.artifacts.clone());
                Standing::Good
            }
            Err(failure) => {
                let what = format!("the build of {} failed ({}): {failure}", done.function, build.step.method);
                let path = format!("Resources.{}.Metadata", done.function);
                let help = "what it built before, if anything, is what runs; save a source to build again";
                Standing::Failed(Diagnostic::error(what).path(path).help(help))
            }
        };
        Some((began, again))
    }

    async fn build_failed(&mut self, function: &FunctionId, began: Instant) {
        let Some(Build { standing: Standing::Failed(why), artifacts, .. }) = self.building.builds.get(function) else {
            return;
        };
        let (diagnostics, is_first) = (vec![why.clone()], artifacts.is_none());
        let cause = Cause::files(began, Vec::new());
        self.report(&cause, ReloadOutcome::Rejected { diagnostics });
        if is_first {
            // Requests are answered with the reason instead of being asked to wait.
            self.change(Cause::files(began, vec![self.building.folder.clone()])).await;
        }
    }

    async fn build_again(&mut self, function: &FunctionId, changed: PathBuf) {
        let Some(build) = self.building.builds.get_mut(function) else { return };
        build.in_a_row += 1;
        if build.in_a_row < MOST_IN_A_ROW {
            build.standing = Standing::Good;
            self.rebuild(function);
            return;
        }
        let what = format!("the build of {function} changes its own sources ({})", changed.display());
        let help = "name what it writes in .samdignore, or have it write to $ARTIFACTS_DIR alone";
        build.standing = Standing::Failed(Diagnostic::warning(what).help(help));
    }

    fn rebuild(&mut self, function: &FunctionId) {
        let Some(step) = self.building.builds.get(function).map(|build| build.step.clone()) else { return };
        let known = self.running.as_ref().and_then(|live| live.project.functions.get(function));
        if let Some(known) = known.cloned() {
            self.begin_build(Arc::new(known), step);
        }
    }

    /// Answers when no build runs any more; at once when none does.
    pub(super) fn answer_when_built(
        &mut self,
        outcome: Result<ProjectStatus, Refused>,
        answer: oneshot::Sender<Result<ProjectStatus, Refused>>,
    ) {
        if outcome.is_ok() && self.is_busy() {
            self.building.waiting.push(Waiting::Status(answer));
        } else {
            self.answer_when_warm(outcome, answer);
        }
    }

    /// As [`ProjectTask::answer_when_built`], for a forced reload.
    pub(super) fn answer_when_built_anew(
        &mut self,
        outcome: Result<(ReloadReport, Vec<FunctionId>), Refused>,
        answer: oneshot::Sender<Result<ReloadReport, Refused>>,
    ) {
        match outcome {
            Ok((report, forced)) if self.is_busy() => {
                self.building.waiting.push(Waiting::Reload(Box::new(report), forced, answer));
            }
            outcome => self.answer_when_ready(outcome, answer),
        }
    }

    /// Whether something of it is being built or on its way.
    fn is_busy(&self) -> bool {
        self.building.is_busy() || self.coming.is_busy()
    }

    /// Answers those who waited, once nothing is under way any more.
    pub(super) async fn answer_who_waited(&mut self) {
        if self.is_busy() {
            return;
        }
        for waiting in std::mem::take(&mut self.building.waiting) {
            match waiting {
                Waiting::Status(answer) => {
                    let status = self.status().await;
                    self.answer_when_warm(Ok(status), answer);
                }
                Waiting::Reload(report, forced, answer) => match self.failed_build(&forced) {
                    Some(why) => drop(answer.send(Err(Refused::Other(why)))),
                    None => self.answer_when_ready(Ok((self.caught_up(*report, &forced), forced)), answer),
                },
            }
        }
    }

    /// The report of a forced reload, now that everything that it asked for is there.
    fn caught_up(&self, mut report: ReloadReport, forced: &[FunctionId]) -> ReloadReport {
        let (mut functions, routes) = match report.outcome {
            ReloadOutcome::Applied { functions, routes } => (functions, routes),
            ReloadOutcome::Unchanged => Default::default(),
            ReloadOutcome::Rejected { .. } => return report,
        };
        let known: BTreeSet<&String> = functions.added.iter().chain(&functions.changed).collect();
        let more: Vec<String> =
            forced.iter().map(ToString::to_string).filter(|function| !known.contains(function)).collect();
        functions.changed.extend(more);
        report.outcome = ReloadOutcome::Applied { functions, routes };
        report.duration += report.at.elapsed().unwrap_or_default();
        ReloadReport { generation: self.generation, at: SystemTime::now(), ..report }
    }

    /// Nobody waits for what a project that is stopped was building.
    pub(super) fn answer_stopped(&mut self) {
        for waiting in std::mem::take(&mut self.building.waiting) {
            let refused = Refused::Stopped(self.name().clone());
            match waiting {
                Waiting::Status(answer) => drop(answer.send(Err(refused))),
                Waiting::Reload(_, _, answer) => drop(answer.send(Err(refused))),
            }
        }
    }

    fn failed_build(&self, of: &[FunctionId]) -> Option<String> {
        let failed = of.iter().find_map(|id| self.coming.failure(id)).map(|diagnostic| diagnostic.message.clone());
        failed.or_else(|| {
            of.iter().find_map(|id| match &self.building.builds.get(id)?.standing {
                Standing::Failed(diagnostic) if diagnostic.severity == Severity::Error => {
                    Some(diagnostic.message.clone())
                }
                Standing::Failed(_) | Standing::Running { .. } | Standing::Good => None,
            })
        })
    }
}
