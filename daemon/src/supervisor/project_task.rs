//! One project: its settings, its generations, and the one path on which both change.
//!
//! Starting is a reload from the empty project and stopping one to it. This file has the task and what it is ordered; the
//! path itself is in [`apply`], and which files are watched for it in [`watching`]. What takes its time is made beside the
//! task: builds ([`building`]) and images ([`coming`]).

mod account;
mod answer;
mod apply;
mod building;
mod cause;
mod coming;
mod order;
mod patch;
mod refused;
mod report;
mod standing;
mod watching;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::gateway::access::AccessLog;
use crate::gateway::front::Front;
use crate::gateway::{Gateway, Surroundings};
use crate::logs::LogHub;
use crate::project::gateway::GatewaySettings;
use crate::project::settings::{ProjectName, Settings};
use crate::project::{FunctionId, Project};
use crate::store::{Change, SavedProject, Wanted};
use crate::template::Diagnostic;
use crate::watch::{Subject, Told};

pub(super) use self::order::{Order, ProjectHandle};

use self::account::Account;
use self::building::{Building, Done};
use self::cause::{Cause, Heard};
use self::coming::{Arrived, Coming};
use self::order::Card;
use self::patch::patched;
use self::refused::Waiting;
use self::watching::Watched;
use super::actor::Shared;
use super::directory::Listing;
use super::handle::{CallerEnvironment, Patch, ProjectStatus, Refused, ReloadOutcome, ReloadReport};
use super::ports;
use super::reconcile::{self, Running};
use super::view::View;

/// Orders that may wait at a project.
const ORDERS: usize = 64;

/// Starts a project's task; the project itself is started by an order.
pub(super) fn spawn(shared: Shared, saved: SavedProject) -> ProjectHandle {
    let (orders, queue) = mpsc::unbounded_channel();
    let view =
        View { settings: saved.settings.clone(), running: None, diagnostics: Vec::new(), awaited: BTreeSet::new() };
    let card = Arc::new(Mutex::new(Card { path: saved.settings.path.clone(), port: saved.port, view }));
    let (logs, access) = (LogHub::default(), AccessLog::default());
    let (touches, touched) = mpsc::channel(ORDERS);
    let listed = saved.settings.name.clone();
    let (built, builds) = mpsc::unbounded_channel();
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let task = ProjectTask {
        settings: saved.settings,
        wanted: saved.wanted,
        generation: saved.generation,
        port: saved.port,
        caller: CallerEnvironment::default(),
        logs: logs.clone(),
        access: access.clone(),
        running: None,
        waiting: None,
        building: Building::new(shared.builds.join(&listed.0), built),
        coming: Coming::new(arrived),
        looked_at: Vec::new(),
        diagnostics: Vec::new(),
        last_reload: None,
        listing: Listing::new(shared.directory.clone(), listed.clone()),
        card: card.clone(),
        subject: shared.watcher.subject(),
        touches,
        surroundings: None,
        watched: None,
        unwatched: Vec::new(),
        shared: shared.clone(),
    };
    if task.wanted == Wanted::Running {
        task.listing.begin();
    }
    let name = format!("project {}", task.settings.name);
    shared.requests.spawn(name, task.run(queue, touched, builds, arrivals));
    ProjectHandle { orders, card, logs, access }
}

/// What runs of a project.
struct Live {
    project: Arc<Project>,
    functions: BTreeMap<FunctionId, Running>,
    account: Account,
    /// How clients are met, and the settings that it was made from.
    front: (GatewaySettings, Front),
    gateway: Gateway,
    template: (PathBuf, String),
    since: SystemTime,
}

struct ProjectTask {
    settings: Settings,
    wanted: Wanted,
    generation: u64,
    port: Option<u16>,
    caller: CallerEnvironment,
    logs: LogHub,
    access: AccessLog,
    running: Option<Live>,
    /// Why nothing runs although it should.
    waiting: Option<Waiting>,
    building: Building,
    coming: Coming,
    diagnostics: Vec<Diagnostic>,
    last_reload: Option<ReloadReport>,
    listing: Listing,
    card: Arc<Mutex<Card>>,
    subject: Subject,
    touches: mpsc::Sender<Told>,
    /// Files that the last reading of the template looked at.
    looked_at: Vec<PathBuf>,
    watched: Option<Watched>,
    /// What is not watched as it should be.
    unwatched: Vec<Diagnostic>,
    surroundings: Option<Arc<Surroundings>>,
    shared: Shared,
}

impl ProjectTask {
    async fn run(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        mut told: mpsc::Receiver<Told>,
        mut builds: mpsc::UnboundedReceiver<Done>,
        mut arrivals: mpsc::UnboundedReceiver<Arrived>,
    ) {
        let cancel = self.shared.requests.token();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                order = orders.recv() => match order {
                    Some(order) => self.order(order).await,
                    None => return,
                },
                Some(first) = told.recv() => {
                    let all = std::iter::once(first).chain(std::iter::from_fn(|| told.try_recv().ok()));
                    self.heard(Heard::of(all)).await;
                    self.show();
                }
                Some(done) = builds.recv() => self.built(done).await,
                Some(arrived) = arrivals.recv() => self.arrived(arrived).await,
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
                let outcome = self.start(*patch, &owned).await;
                self.listing.settle();
                self.answer_when_built(outcome, answer);
            }
            Order::Restore { owned, restoring } => {
                self.restore(owned).await;
                drop(restoring);
            }
            Order::Set { patch, owned, answer } => {
                let outcome = self.set(*patch, &owned).await;
                self.answer_when_built(outcome, answer);
            }
            Order::Stop { answer } => {
                let outcome = self.stop().await;
                drop(answer.send(outcome));
            }
            Order::Reload { functions, answer } => {
                let outcome = self.reload(functions).await;
                self.answer_when_built_anew(outcome, answer);
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
        self.waiting = None;
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
        self.waiting = None;
        self.watched = None;
        self.building.clear();
        self.coming.clear();
        self.answer_stopped();
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

    /// Applies the settings, on a new address where they ask for one.
    async fn reconfigure(&mut self, owned: &BTreeSet<u16>) -> Result<(), Refused> {
        let cause = Cause::command(None);
        let listener = self.listener(owned).await?;
        let report = self.apply(cause, listener).await?;
        match report.outcome {
            ReloadOutcome::Rejected { diagnostics } => Err(Refused::Diagnostics(diagnostics)),
            ReloadOutcome::Applied { .. } | ReloadOutcome::Unchanged => {
                self.limit_all().await;
                if let Some(live) = &self.running {
                    live.gateway.tell_generation(self.settings.tell_generation);
                }
                Ok(())
            }
        }
    }

    /// Workers that nothing touched hear of new limits too.
    async fn limit_all(&self) {
        for running in self.running.iter().flat_map(|live| live.functions.values()) {
            if let Some(live) = running.live() {
                live.worker.limit(reconcile::limits(&running.function, &self.settings)).await;
            }
        }
    }

    /// A listener for the address in the settings; `None` when the one that is open is right.
    async fn listener(&mut self, owned: &BTreeSet<u16>) -> Result<Option<TcpListener>, Refused> {
        let host = self.settings.host;
        let open = self.running.as_ref().map(|live| live.gateway.address);
        let wanted = self.settings.port.or(open.map(|address| address.port()));
        if let (Some(open), Some(wanted)) = (open, wanted)
            && open == SocketAddr::new(host, wanted)
        {
            return Ok(None);
        }
        let own = self.running.as_ref().map(|live| &live.gateway).filter(|own| Some(own.address.port()) == wanted);
        let beside = own.map(|own| own.beside(SocketAddr::new(host, own.address.port())));
        let bound = match (beside, self.settings.port) {
            (Some(Ok(listener)), _) => Ok(listener),
            (Some(Err(problem)), Some(_)) => Err(problem),
            (None, Some(port)) => ports::bind(host, port).await,
            (_, None) => ports::bind_any(host, self.port, &without(owned, self.port)).await,
        };
        bound.map(Some).map_err(|problem| Refused::Address {
            address: SocketAddr::new(host, self.settings.port.unwrap_or(ports::FIRST)),
            cause: problem.to_string(),
            owner: self
                .settings
                .port
                .filter(|port| without(owned, self.port).contains(port))
                .map_or_else(String::new, |_| {
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
        let report = self.apply(Cause::command(Some(forced.clone())), None).await?;
        Ok((report, forced))
    }

    async fn heard(&mut self, heard: Heard) {
        self.unwatched.extend(heard.degraded.into_iter().map(Diagnostic::warning));
        if let Some(touched) = heard.touched {
            self.change(Cause::files(touched.noticed, touched.paths)).await;
        }
        drop(heard.noticed);
        // Whoever has given up waiting does not miss it.
        heard.settling.into_iter().for_each(|reply| reply.send(()).unwrap_or_default());
    }

    /// Takes over what changed; where nothing runs although it should, it may run now.
    async fn change(&mut self, cause: Cause) {
        if self.running.is_none() {
            self.try_again().await;
            return;
        }
        if let Err(refused) = self.apply(cause, None).await {
            tracing::error!(project = %self.name(), %refused, "a change could not be applied");
        }
    }
}

fn without(ports: &BTreeSet<u16>, own: Option<u16>) -> BTreeSet<u16> {
    ports.iter().copied().filter(|port| Some(*port) != own).collect()
}
