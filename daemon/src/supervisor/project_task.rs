//! One project: its settings, its generations, and the one path on which both change.
//!
//! Starting is a reload from the empty project and stopping one to it. Whatever fails before the snapshot is published
//! leaves what runs as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};

use crate::credentials;
use crate::gateway::issuers::Issuers;
use crate::gateway::outbound::Outbound;
use crate::gateway::{Gateway, Snapshot, Surroundings};
use crate::lambda::environment;
use crate::loader::{self, Loaded};
use crate::logs::{LogHub, LogQuery};
use crate::project::diff::ProjectDiff;
use crate::project::settings::{ProjectName, Settings, Warm};
use crate::project::{FunctionId, Project};
use crate::sandbox::progress::Board;
use crate::store::{Change, SavedProject, Wanted};
use crate::template::{Diagnostic, Severity};
use crate::watch::{Asked, Told, Touched, Watch};
use crate::worker;

use super::actor::Shared;
use super::directory::Listing;
use super::handle::{
    CallerEnvironment, Changes, LogStream, Patch, ProjectStatus, Refused, ReloadOutcome, ReloadReport,
};
use super::readiness::Readiness;
use super::reconcile::{self, Ground, Running};
use super::token::{Minted, TokenWanted};
use super::view::{RunningView, View};
use super::{ports, status, token};

/// Orders that may wait at a project.
const ORDERS: usize = 64;

/// What a project is told.
#[derive(Debug)]
pub(super) enum Order {
    Start {
        patch: Patch,
        caller: CallerEnvironment,
        owned: BTreeSet<u16>,
        answer: oneshot::Sender<Result<ProjectStatus, Refused>>,
    },
    Set {
        patch: Patch,
        owned: BTreeSet<u16>,
        answer: oneshot::Sender<Result<ProjectStatus, Refused>>,
    },
    Stop {
        answer: oneshot::Sender<Result<(), Refused>>,
    },
    Reload {
        functions: Vec<FunctionId>,
        answer: oneshot::Sender<Result<ReloadReport, Refused>>,
    },
    Status {
        answer: oneshot::Sender<ProjectStatus>,
    },
    Worker {
        function: FunctionId,
        answer: oneshot::Sender<Result<worker::Handle, Refused>>,
    },
    Token {
        wanted: TokenWanted,
        answer: oneshot::Sender<Result<Minted, Refused>>,
    },
}

/// What the supervisor may know of a project without asking its task.
#[derive(Debug, Clone)]
struct Card {
    path: PathBuf,
    port: Option<u16>,
    view: View,
}

/// The way to a project's task.
#[derive(Debug, Clone)]
pub(super) struct ProjectHandle {
    orders: mpsc::UnboundedSender<Order>,
    card: Arc<Mutex<Card>>,
    logs: LogHub,
}

impl ProjectHandle {
    /// Sends an order. Orders come from the supervisor's bounded mailbox, one for each of its commands.
    pub(super) fn send(&self, order: Order) {
        // A task that has ended drops the order, and its sender learns that the daemon is stopping.
        drop(self.orders.send(order));
    }

    pub(super) fn path(&self) -> PathBuf {
        self.card.lock().unwrap_or_else(PoisonError::into_inner).path.clone()
    }

    /// How it stands when what was ordered before is done; or as it is, where images keep its task from answering.
    pub(super) async fn status(self, board: Board) -> Result<ProjectStatus, Refused> {
        let (answer, turn) = oneshot::channel();
        self.send(Order::Status { answer });
        tokio::select! {
            biased;
            status = turn => status.map_err(|_| Refused::Stopping),
            () = board.busy() => {
                let view = self.card.lock().unwrap_or_else(PoisonError::into_inner).view.clone();
                Ok(view.status(&board.current()).await)
            }
        }
    }

    /// Its log, also while its task is at work.
    pub(super) fn read_log(&self, query: LogQuery) -> LogStream {
        let (past, future) = self.logs.read(&query);
        LogStream { past, future, query }
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.card.lock().unwrap_or_else(PoisonError::into_inner).port
    }
}

/// Starts a project's task; the project itself is started by an order.
pub(super) fn spawn(shared: Shared, saved: SavedProject) -> ProjectHandle {
    let (orders, queue) = mpsc::unbounded_channel();
    let view = View { settings: saved.settings.clone(), running: None, diagnostics: Vec::new() };
    let card = Arc::new(Mutex::new(Card { path: saved.settings.path.clone(), port: saved.port, view }));
    let logs = LogHub::default();
    let (touches, touched) = mpsc::channel(ORDERS);
    let listed = saved.settings.name.clone();
    let task = ProjectTask {
        settings: saved.settings,
        wanted: saved.wanted,
        generation: saved.generation,
        port: saved.port,
        caller: CallerEnvironment::default(),
        logs: logs.clone(),
        running: None,
        diagnostics: Vec::new(),
        last_reload: None,
        listing: Listing::new(shared.directory.clone(), listed),
        card: card.clone(),
        touches,
        surroundings: None,
        unwatched: Vec::new(),
        shared: shared.clone(),
    };
    if task.wanted == Wanted::Running {
        task.listing.begin();
    }
    let name = format!("project {}", task.settings.name);
    shared.requests.spawn(name, task.run(queue, touched));
    ProjectHandle { orders, card, logs }
}

/// What functions get of the caller's AWS account.
#[derive(Clone)]
struct Account {
    variables: Arc<BTreeMap<String, String>>,
    region: String,
    diagnostics: Vec<Diagnostic>,
}

/// What runs of a project.
struct Live {
    project: Arc<Project>,
    functions: BTreeMap<FunctionId, Running>,
    account: Account,
    gateway: Gateway,
    template: (PathBuf, String),
    since: SystemTime,
    watch: Watch,
}

struct ProjectTask {
    settings: Settings,
    wanted: Wanted,
    generation: u64,
    port: Option<u16>,
    caller: CallerEnvironment,
    logs: LogHub,
    running: Option<Live>,
    diagnostics: Vec<Diagnostic>,
    last_reload: Option<ReloadReport>,
    listing: Listing,
    card: Arc<Mutex<Card>>,
    touches: mpsc::Sender<Told>,
    /// What is not watched as it should be.
    unwatched: Vec<Diagnostic>,
    surroundings: Option<Arc<Surroundings>>,
    shared: Shared,
}

/// What sets a change off.
struct Cause {
    began: Instant,
    /// The same moment by the clock that files are dated by.
    since: SystemTime,
    touched: Vec<PathBuf>,
    forced: Option<Vec<FunctionId>>,
}

impl ProjectTask {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>, mut told: mpsc::Receiver<Told>) {
        let cancel = self.shared.requests.token();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                order = orders.recv() => match order {
                    Some(order) => self.order(order).await,
                    None => return,
                },
                Some(first) = told.recv() => {
                    let touched = self.told(first, &mut told);
                    self.touched(touched).await;
                    self.show();
                }
            }
        }
    }

    fn name(&self) -> &ProjectName {
        &self.settings.name
    }

    async fn order(&mut self, order: Order) {
        match order {
            Order::Start { patch, caller, owned, answer } => {
                self.caller = caller;
                self.listing.begin();
                let outcome = self.start(patch, &owned).await;
                self.listing.settle();
                self.answer_when_warm(outcome, answer);
            }
            Order::Set { patch, owned, answer } => {
                let outcome = self.set(patch, &owned).await;
                self.answer_when_warm(outcome, answer);
            }
            Order::Stop { answer } => {
                let outcome = self.stop().await;
                drop(answer.send(outcome));
            }
            Order::Reload { functions, answer } => {
                let outcome = self.reload(functions).await;
                self.answer_when_ready(outcome, answer);
            }
            // Who asked may have looked at the view instead.
            Order::Status { answer } => drop(answer.send(self.status().await)),
            Order::Worker { function, answer } => drop(answer.send(self.worker(&function))),
            Order::Token { wanted, answer } => drop(answer.send(self.token(&wanted))),
        }
    }

    async fn start(&mut self, patch: Patch, owned: &BTreeSet<u16>) -> Result<ProjectStatus, Refused> {
        let before = (self.settings.clone(), self.wanted);
        self.settings = patched(&self.settings, patch);
        self.wanted = Wanted::Running;
        let outcome = self.reconfigure(owned).await;
        if outcome.is_err() {
            (self.settings, self.wanted) = before;
        }
        outcome?;
        self.save().await?;
        Ok(self.status().await)
    }

    async fn set(&mut self, patch: Patch, owned: &BTreeSet<u16>) -> Result<ProjectStatus, Refused> {
        let before = self.settings.clone();
        self.settings = patched(&self.settings, patch);
        if self.running.is_some()
            && let Err(refused) = self.reconfigure(owned).await
        {
            self.settings = before;
            return Err(refused);
        }
        self.save().await?;
        Ok(self.status().await)
    }

    async fn stop(&mut self) -> Result<(), Refused> {
        self.listing.retract();
        if let Some(live) = self.running.take() {
            // Who starts it again at once finds its port free.
            live.gateway.close().await;
        }
        self.wanted = Wanted::Stopped;
        self.save().await
    }

    async fn save(&self) -> Result<(), Refused> {
        let saved = SavedProject {
            settings: self.settings.clone(),
            wanted: self.wanted,
            generation: self.generation,
            port: self.port,
        };
        self.show();
        let kept = self.shared.store.commit(vec![Change::PutProject(saved)]).await;
        kept.map_err(|problem| Refused::Store(problem.to_string()))
    }

    /// Answers at once, or, where the user asked for it, when every function is initialised. The task goes on meanwhile.
    fn answer_when_warm(
        &self,
        outcome: Result<ProjectStatus, Refused>,
        answer: oneshot::Sender<Result<ProjectStatus, Refused>>,
    ) {
        let live = self.running.as_ref().filter(|_| self.settings.warm == Warm::Eager);
        let (Ok(status), Some(live)) = (&outcome, live) else {
            drop(answer.send(outcome));
            return;
        };
        let (readiness, mut status) = (Readiness::of(live.functions.iter()), status.clone());
        let functions = live.functions.clone();
        let name = self.name().clone();
        self.beside(format!("INIT of {name}"), async move {
            for (function, problem) in readiness.wait().await {
                tracing::warn!(project = %name, %function, %problem, "INIT failed");
            }
            if let Some(running) = &mut status.running {
                running.functions = status::of_functions(&functions).await;
            }
            drop(answer.send(Ok(status)));
        });
    }

    /// A forced reload is answered when the new code is ready, or with why it is not.
    fn answer_when_ready(
        &self,
        outcome: Result<(ReloadReport, Vec<FunctionId>), Refused>,
        answer: oneshot::Sender<Result<ReloadReport, Refused>>,
    ) {
        let (report, forced) = match outcome {
            Ok(done) => done,
            Err(refused) => {
                drop(answer.send(Err(refused)));
                return;
            }
        };
        let applied = matches!(report.outcome, ReloadOutcome::Applied { .. });
        let live = self.running.as_ref().filter(|_| applied).into_iter();
        let functions = live.flat_map(|live| &live.functions).filter(|(id, _)| forced.contains(id));
        let readiness = Readiness::of(functions);
        self.beside(format!("the reload of {}", self.name()), async move {
            let problems: Vec<String> = readiness
                .wait()
                .await
                .into_iter()
                .map(|(function, problem)| format!("{function}: {problem}"))
                .collect();
            let answered = if problems.is_empty() { Ok(report) } else { Err(Refused::Other(problems.join("\n"))) };
            drop(answer.send(answered));
        });
    }

    /// Runs what only waits beside the task. Should the daemon stop, whoever asked is told so by the dropped answer.
    fn beside(&self, name: String, waiting: impl Future<Output = ()> + Send + 'static) {
        let token = self.shared.requests.token();
        self.shared.requests.spawn(name, async move { token.run_until_cancelled_owned(waiting).await });
    }

    /// Applies the settings, on a new address where they ask for one.
    async fn reconfigure(&mut self, owned: &BTreeSet<u16>) -> Result<(), Refused> {
        let (began, since) = (Instant::now(), SystemTime::now());
        let listener = self.listener(owned).await?;
        let cause = Cause { began, since, touched: Vec::new(), forced: None };
        let report = self.apply(cause, listener).await?;
        match report.outcome {
            ReloadOutcome::Rejected { diagnostics } => Err(Refused::Diagnostics(diagnostics)),
            ReloadOutcome::Applied { .. } | ReloadOutcome::Unchanged => {
                self.limit_all().await;
                Ok(())
            }
        }
    }

    /// Workers that nothing touched hear of new limits too.
    async fn limit_all(&self) {
        for running in self.running.iter().flat_map(|live| live.functions.values()) {
            if let Ok(live) = &running.state {
                live.worker.limit(reconcile::limits(&running.function, &self.settings)).await;
            }
        }
    }

    /// A listener for the address in the settings; `None` when the one that is open is right.
    async fn listener(&mut self, owned: &BTreeSet<u16>) -> Result<Option<tokio::net::TcpListener>, Refused> {
        let host = self.settings.host;
        let open = self.running.as_ref().map(|live| live.gateway.address);
        let wanted = self.settings.port.or(open.map(|address| address.port()));
        if let (Some(open), Some(wanted)) = (open, wanted)
            && open == SocketAddr::new(host, wanted)
        {
            return Ok(None);
        }
        let bound = match self.settings.port {
            Some(port) => ports::bind(host, port).await,
            None => ports::bind_any(host, self.port, &without(owned, self.port)).await,
        };
        bound.map(Some).map_err(|problem| Refused::Address {
            address: SocketAddr::new(host, self.settings.port.unwrap_or(ports::FIRST)),
            cause: problem.to_string(),
            owner: self.settings.port.filter(|port| owned.contains(port)).map_or_else(String::new, |_| {
                "; another project of this daemon has it (`samctl list` says which)".to_owned()
            }),
        })
    }

    async fn reload(&mut self, functions: Vec<FunctionId>) -> Result<(ReloadReport, Vec<FunctionId>), Refused> {
        let Some(live) = &self.running else { return Err(Refused::Stopped(self.name().clone())) };
        for function in &functions {
            if !live.functions.contains_key(function) {
                return Err(self.unknown(function, live));
            }
        }
        let forced = if functions.is_empty() { live.functions.keys().cloned().collect() } else { functions };
        let (began, since) = (Instant::now(), SystemTime::now());
        let cause = Cause { began, since, touched: Vec::new(), forced: Some(forced.clone()) };
        let report = self.apply(cause, None).await?;
        Ok((report, forced))
    }

    /// Everything that was told while another change was being applied makes one change.
    fn told(&mut self, first: Told, rest: &mut mpsc::Receiver<Told>) -> Option<Touched> {
        let mut all: Option<Touched> = None;
        let mut next = Some(first);
        while let Some(told) = next {
            match told {
                Told::Touched(touched) => match &mut all {
                    Some(all) => all.paths.extend(touched.paths),
                    None => all = Some(touched),
                },
                Told::Degraded(why) => self.unwatched.push(Diagnostic::warning(why)),
            }
            next = rest.try_recv().ok();
        }
        if let Some(all) = &mut all {
            all.paths.sort();
            all.paths.dedup();
        }
        all
    }

    async fn touched(&mut self, touched: Option<Touched>) {
        let Some(touched) = touched else { return };
        if self.running.is_none() {
            return;
        }
        let since = SystemTime::now();
        let cause = Cause { began: touched.noticed, since, touched: touched.paths, forced: None };
        if let Err(refused) = self.apply(cause, None).await {
            tracing::error!(project = %self.name(), %refused, "a change could not be applied");
        }
    }

    /// The one path on which what runs changes.
    async fn apply(
        &mut self,
        cause: Cause,
        listener: Option<tokio::net::TcpListener>,
    ) -> Result<ReloadReport, Refused> {
        let account = self.account(&cause).await;
        let loaded = self.load(&cause, &account).await;
        self.diagnostics.clear();
        for diagnostic in account.diagnostics.iter().chain(&loaded.diagnostics).cloned() {
            self.found(diagnostic);
        }
        let Some(next) = loaded.project.map(Arc::new) else {
            return Ok(self.report(&cause, ReloadOutcome::Rejected { diagnostics: errors(&loaded.diagnostics) }));
        };
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
        if diff.is_empty() && self.running.is_some() && listener.is_none() {
            return Ok(self.report(&cause, ReloadOutcome::Unchanged));
        }
        let Some(functions) = self.functions(&next, &diff, &account.variables, same_account).await else {
            return Err(Refused::Stopping);
        };
        self.generation += 1;
        let template = (loaded.template, loaded.why);
        let watch = self.watch(&next, cause.since).await;
        self.publish(next, functions, account, template, listener, watch)?;
        let outcome = ReloadOutcome::Applied { functions: names(&diff.functions), routes: names(&diff.routes) };
        Ok(self.report(&cause, outcome))
    }

    /// Credentials and region are asked for again at each command, and kept while files change.
    async fn account(&self, cause: &Cause) -> Account {
        if let (Some(live), false) = (&self.running, cause.touched.is_empty()) {
            return live.account.clone();
        }
        let home = std::env::home_dir();
        let request = credentials::Request {
            profile: self.settings.profile.as_deref(),
            region: self.settings.region.as_deref(),
            home: home.as_deref(),
        };
        let resolved = credentials::resolve(request, &self.caller.0).await;
        let mut variables = resolved.variables();
        if self.settings.lambda_endpoint {
            let url = format!("http://{}/{}", self.shared.lambda_endpoint, self.name());
            variables.insert(environment::LAMBDA_ENDPOINT.to_owned(), url);
        }
        Account { variables: Arc::new(variables), region: resolved.region.clone(), diagnostics: resolved.diagnostics }
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
        })
    }

    /// The functions of the next generation: those that nothing touched are the same as before. What the others need is
    /// brought here at the same time for all; `None` when the daemon stops meanwhile.
    async fn functions(
        &self,
        next: &Project,
        diff: &ProjectDiff,
        account: &Arc<BTreeMap<String, String>>,
        same_account: bool,
    ) -> Option<BTreeMap<FunctionId, Running>> {
        let ground = Ground {
            shared: &self.shared,
            settings: &self.settings,
            logs: &self.logs,
            account: account.clone(),
            lambda_endpoint: self.caller.0.get(environment::LAMBDA_ENDPOINT).cloned(),
        };
        let old = |id: &FunctionId| self.running.as_ref().and_then(|live| live.functions.get(id));
        let touched = next.functions.iter().filter(|(id, _)| old(id).is_none() || diff.functions.touches(id));
        let prepared = touched.map(async |(id, function)| (id, ground.prepare(function, old(id)).await));
        let token = self.shared.requests.token();
        let prepared: BTreeMap<_, _> = token.run_until_cancelled(join_all(prepared)).await?.into_iter().collect();
        let mut all: BTreeMap<FunctionId, Running> =
            next.functions.keys().filter_map(|id| Some((id.clone(), old(id)?.clone()))).collect();
        for (id, prepared) in prepared {
            let running = ground.replace(prepared, old(id), same_account).await;
            all.insert(id.clone(), running);
        }
        Some(all)
    }

    /// The snapshot of the generation; what of it cannot be served as written is said beside what the template's reading
    /// found.
    fn snapshot(
        &mut self,
        next: &Project,
        functions: &BTreeMap<FunctionId, Running>,
        account: &Account,
    ) -> Result<Snapshot, Refused> {
        let surroundings = self.surroundings()?;
        let before = self.running.as_ref().map(|live| live.gateway.snapshot());
        let snapshot = reconcile::snapshot(self.generation, next, functions, &account.variables, surroundings, before);
        for (api, finding) in snapshot.findings() {
            let location = next.locations.get(&api.0).cloned();
            self.found(Diagnostic { location, ..Diagnostic::warning(finding) });
        }
        Ok(snapshot)
    }

    /// What the gateway keeps for as long as the project is known here.
    fn surroundings(&mut self) -> Result<Arc<Surroundings>, Refused> {
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
    fn found(&mut self, diagnostic: Diagnostic) {
        if !self.diagnostics.contains(&diagnostic) {
            self.diagnostics.push(diagnostic);
        }
    }

    fn publish(
        &mut self,
        next: Arc<Project>,
        functions: BTreeMap<FunctionId, Running>,
        account: Account,
        template: (PathBuf, String),
        listener: Option<tokio::net::TcpListener>,
        new_watch: Option<Watch>,
    ) -> Result<(), Refused> {
        let snapshot = Arc::new(self.snapshot(&next, &functions, &account)?);
        let (gateway, old_watch) = match self.running.take() {
            Some(Live { gateway, watch, .. }) => (Some(gateway), Some(watch)),
            None => (None, None),
        };
        let gateway = match (listener, gateway) {
            (None, Some(gateway)) => {
                gateway.publish(snapshot);
                gateway
            }
            (Some(listener), _) => Gateway::serve(listener, snapshot, &self.shared.requests)
                .map_err(|problem| Refused::Other(problem.to_string()))?,
            (None, None) => return Err(Refused::Other("no listener was opened".to_owned())),
        };
        self.port = Some(gateway.address.port());
        let Some(watch) = new_watch.or(old_watch) else { return Err(Refused::Other("nothing is watched".to_owned())) };
        self.listing.publish(reconcile::roster(&functions, &self.logs));
        self.running =
            Some(Live { project: next, functions, account, gateway, template, since: SystemTime::now(), watch });
        Ok(())
    }

    /// A watch of what the next project uses; `None` when the one that is there watches just that.
    async fn watch(&mut self, next: &Project, since: SystemTime) -> Option<Watch> {
        let paths = next.watched();
        if self.running.as_ref().is_some_and(|live| live.project.watched() == paths) {
            return None;
        }
        self.unwatched.clear();
        let path = &self.settings.path;
        let root = if path.is_dir() { Some(path.as_path()) } else { path.parent() };
        let root = root.unwrap_or(path).to_path_buf();
        Some(self.shared.watcher.watch(Asked { paths, root, since, told: self.touches.clone() }).await)
    }

    fn report(&mut self, cause: &Cause, outcome: ReloadOutcome) -> ReloadReport {
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

    async fn status(&self) -> ProjectStatus {
        self.view().status(&[]).await
    }

    /// Lets others see how the project stands.
    fn show(&self) {
        let card = Card { path: self.settings.path.clone(), port: self.port, view: self.view() };
        *self.card.lock().unwrap_or_else(PoisonError::into_inner) = card;
    }

    fn view(&self) -> View {
        let running = self.running.as_ref().map(|live| RunningView {
            address: live.gateway.address,
            generation: self.generation,
            since: live.since,
            template: live.template.clone(),
            project: live.project.clone(),
            functions: live.functions.clone(),
            last_reload: self.last_reload.clone(),
        });
        let diagnostics = self.diagnostics.iter().chain(&self.unwatched).cloned().collect();
        View { settings: self.settings.clone(), running, diagnostics }
    }

    fn worker(&self, function: &FunctionId) -> Result<worker::Handle, Refused> {
        let Some(live) = &self.running else { return Err(Refused::Stopped(self.name().clone())) };
        match live.functions.get(function).map(|running| &running.state) {
            Some(Ok(live)) => Ok(live.worker.clone()),
            Some(Err(reason)) => Err(Refused::Other(format!("function {function} cannot run: {reason}"))),
            None => Err(self.unknown(function, live)),
        }
    }

    fn token(&mut self, wanted: &TokenWanted) -> Result<Minted, Refused> {
        let Some(live) = &self.running else { return Err(Refused::Stopped(self.name().clone())) };
        let project = live.project.clone();
        token::minted(self.surroundings()?.issuers.minter(), &project, wanted, SystemTime::now())
    }

    fn unknown(&self, function: &FunctionId, live: &Live) -> Refused {
        let known: Vec<&str> = live.functions.keys().map(|id| id.0.as_str()).collect();
        Refused::UnknownFunction { project: self.name().clone(), function: function.clone(), known: known.join(", ") }
    }
}

fn log(report: &ReloadReport) {
    let duration = report.duration.as_secs_f64() * 1e3;
    let (project, generation) = (&report.project, report.generation);
    match &report.outcome {
        ReloadOutcome::Applied { functions, routes } => {
            tracing::info!(%project, generation, ms = duration, ?functions, ?routes, "serving");
        }
        ReloadOutcome::Unchanged => tracing::debug!(%project, generation, "nothing differs"),
        ReloadOutcome::Rejected { diagnostics } => {
            for diagnostic in diagnostics {
                tracing::error!(%project, generation, %diagnostic, "rejected; the last good configuration keeps serving");
            }
        }
    }
}

fn errors(diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).cloned().collect()
}

fn names<K: Ord + ToString>(changes: &crate::project::diff::Changes<K>) -> Changes {
    let text = |keys: &BTreeSet<K>| keys.iter().map(ToString::to_string).collect();
    Changes { added: text(&changes.added), changed: text(&changes.changed), removed: text(&changes.removed) }
}

fn without(ports: &BTreeSet<u16>, own: Option<u16>) -> BTreeSet<u16> {
    ports.iter().copied().filter(|port| Some(*port) != own).collect()
}

fn patched(settings: &Settings, patch: Patch) -> Settings {
    let now = settings.clone();
    Settings {
        name: now.name,
        path: patch.path.unwrap_or(now.path),
        template: patch.template.or(now.template),
        host: patch.host.unwrap_or(now.host),
        port: patch.port.or(now.port),
        env_vars: patch.env_vars.or(now.env_vars),
        parameter_overrides: patch.parameter_overrides.unwrap_or(now.parameter_overrides),
        sandbox: patch.sandbox.unwrap_or(now.sandbox),
        warm: patch.warm.unwrap_or(now.warm),
        region: patch.region.or(now.region),
        profile: patch.profile.or(now.profile),
        max_concurrency: patch.max_concurrency.unwrap_or(now.max_concurrency),
        idle_expiry: patch.idle_expiry.unwrap_or(now.idle_expiry),
        lambda_endpoint: patch.lambda_endpoint.unwrap_or(now.lambda_endpoint),
        containers: patch.containers.apply(now.containers),
        debug: patch.debug.apply(now.debug),
        freeze: patch.freeze.unwrap_or(now.freeze),
        jwks: patch.jwks.unwrap_or(now.jwks),
    }
}
