//! The supervisor's actor: who is called what, which ports are whose, and what the store is told.
//!
//! It forwards a project's commands to the project's task and never waits for one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::join_all;
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot};
use tokio_util::sync::DropGuard;

use crate::credentials::Secret;
use crate::gateway::crowd::Crowd;
use crate::layers::Layers;
use crate::project::settings::{ProjectName, SandboxChoice, Settings};
use crate::sandbox::Driver;
use crate::sandbox::progress::Board;
use crate::shutdown::Phase;
use crate::store::{Change, Saved, SavedProject, Store, Wanted};
use crate::watch::Watcher;

use super::directory::Directory;
use super::event_queue::EventQueue;
use super::handle::{CallerEnvironment, Command, Handle, MAILBOX, Patch, ProjectStatus, Refused, ReloadReport};
use super::project_task::{self, Order, ProjectHandle};

/// Reload events that a follower may lag behind.
const EVENTS: usize = 256;

/// What the daemon gives its supervisor.
#[derive(Debug)]
pub struct Parts {
    /// Runs functions as processes.
    pub process: Arc<dyn Driver>,
    /// Runs functions in containers.
    pub docker: Arc<dyn Driver>,
    /// Chooses between the two for each function.
    pub auto: Arc<dyn Driver>,
    /// Where progress of images is told.
    pub board: Board,
    /// Published layers.
    pub layers: Layers,
    /// Keeps what must outlast the daemon.
    pub store: Store,
    /// Where functions reach each other.
    pub lambda_endpoint: SocketAddr,
    /// What the projects' key pairs are made from; the same across restarts.
    pub secret: Secret,
    /// The daemon's bound on concurrent starts.
    pub starts: Arc<Semaphore>,
    /// Where functions are built: a folder a project.
    pub builds: PathBuf,
    /// Watches files, for all projects.
    pub watcher: Watcher,
    /// The phase in which requests are finished; commands end with it.
    pub requests: Phase,
    /// The phase in which sandboxes are stopped.
    pub sandboxes: Phase,
    /// Dropped when all projects that ran are restored, or could not be.
    pub restoring: Restoring,
}

/// Kept while projects are restored.
pub type Restoring = Arc<DropGuard>;

/// What all project tasks share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    process: Arc<dyn Driver>,
    docker: Arc<dyn Driver>,
    auto: Arc<dyn Driver>,
    pub(super) board: Board,
    pub(super) layers: Layers,
    pub(super) store: Store,
    pub(super) lambda_endpoint: SocketAddr,
    pub(super) directory: Directory,
    secret: Secret,
    pub(super) starts: Arc<Semaphore>,
    pub(super) requests: Phase,
    pub(super) crowd: Crowd,
    pub(super) sandboxes: Phase,
    pub(super) events: broadcast::Sender<ReloadReport>,
    pub(super) builds: PathBuf,
    /// One for all projects.
    pub(super) watcher: Watcher,
}

impl Shared {
    /// The seed of a project's key pair: nobody who sees one learns of the secret or of another.
    pub(super) fn seed(&self, project: &ProjectName) -> [u8; 32] {
        let digest = Sha256::new().chain_update("samd key pair\0").chain_update(self.secret.reveal());
        digest.chain_update("\0").chain_update(&project.0).finalize().into()
    }

    /// The driver for a choice.
    pub(super) fn driver(&self, choice: SandboxChoice) -> Arc<dyn Driver> {
        match choice {
            SandboxChoice::Process => self.process.clone(),
            SandboxChoice::Docker => self.docker.clone(),
            SandboxChoice::Auto => self.auto.clone(),
        }
    }
}

/// Starts the supervisor with what was saved: projects that ran are started again, and asynchronous invocations that
/// were acknowledged are run.
#[must_use]
pub fn spawn(parts: Parts, saved: Saved) -> Handle {
    let (mailbox, commands) = mpsc::channel(MAILBOX);
    let events = broadcast::channel(EVENTS).0;
    let directory = Directory::default();
    let handle = Handle::new(mailbox, events.clone(), directory.clone(), parts.board.clone());
    let shared = Shared {
        process: parts.process,
        docker: parts.docker,
        auto: parts.auto,
        board: parts.board,
        layers: parts.layers,
        store: parts.store,
        lambda_endpoint: parts.lambda_endpoint,
        directory: directory.clone(),
        secret: parts.secret,
        starts: parts.starts,
        requests: parts.requests.clone(),
        crowd: Crowd::default(),
        sandboxes: parts.sandboxes,
        events,
        builds: parts.builds,
        watcher: parts.watcher,
    };
    let (refusals, refused) = mpsc::channel(MAILBOX);
    let queue = EventQueue::spawn(shared.store.clone(), directory, &parts.requests, saved.invocations);
    let mut actor = Actor { shared, projects: BTreeMap::new(), queue, refusals };
    actor.restore(saved.projects, &parts.restoring);
    drop(parts.restoring);
    parts.requests.spawn("the supervisor", actor.run(commands, refused));
    handle
}

struct Actor {
    shared: Shared,
    projects: BTreeMap<ProjectName, ProjectHandle>,
    queue: EventQueue,
    /// Names of projects whose very first start was refused.
    refusals: mpsc::Sender<ProjectName>,
}

impl Actor {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut refused: mpsc::Receiver<ProjectName>) {
        let cancel = self.shared.requests.token();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                Some(name) = refused.recv() => drop(self.projects.remove(&name)),
                command = commands.recv() => match command {
                    Some(command) => self.command(command),
                    None => return,
                },
            }
        }
    }

    fn restore(&mut self, saved: BTreeMap<ProjectName, SavedProject>, restoring: &Restoring) {
        for (name, project) in saved {
            let runs = project.wanted == Wanted::Running;
            let handle = project_task::spawn(self.shared.clone(), project);
            if runs {
                handle.send(Order::Restore { owned: self.owned_ports(), restoring: restoring.clone() });
            }
            self.projects.insert(name, handle);
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Start { name, patch, caller, answer } => self.start(name, patch, caller, answer),
            Command::Stop { name, answer } => self.forward(&name, answer, |answer| Order::Stop { answer }),
            Command::Remove { name, answer } => self.remove(name, answer),
            Command::Reload { name, functions, answer } => {
                self.forward(&name, answer, |answer| Order::Reload { functions, answer });
            }
            Command::Set { name, patch, answer } => {
                let owned = self.owned_ports();
                self.forward(&name, answer, |answer| Order::Set { patch: Box::new(patch), owned, answer });
            }
            Command::List { answer } => self.list(answer),
            Command::Status { name, answer } => self.status(&name, answer),
            Command::Invoke { name, function, answer } => {
                self.forward(&name, answer, |answer| Order::Worker { function, answer });
            }
            Command::Accept { name, function, invocation, answer } => {
                let queue = self.queue.clone();
                self.shared.requests.spawn(format!("an event for {function}"), async move {
                    drop(answer.send(queue.accept(name, function, invocation).await));
                });
            }
            Command::Token { name, wanted, answer } => {
                self.forward(&name, answer, |answer| Order::Token { wanted, answer });
            }
            Command::Logs { name, query, answer } => {
                let project = self.projects.get(&name).ok_or(Refused::UnknownProject(name));
                drop(answer.send(project.and_then(|project| project.read_log(query))));
            }
        }
    }

    fn forward<T>(
        &self,
        name: &ProjectName,
        answer: oneshot::Sender<Result<T, Refused>>,
        order: impl FnOnce(oneshot::Sender<Result<T, Refused>>) -> Order,
    ) {
        match self.projects.get(name) {
            Some(project) => project.send(order(answer)),
            None => drop(answer.send(Err(Refused::UnknownProject(name.clone())))),
        }
    }

    fn start(
        &mut self,
        name: ProjectName,
        patch: Patch,
        caller: CallerEnvironment,
        answer: oneshot::Sender<Result<ProjectStatus, Refused>>,
    ) {
        let owned = self.owned_ports();
        if let Some(known) = self.projects.get(&name) {
            if patch.path.as_ref().is_some_and(|path| *path != known.path()) {
                drop(answer.send(Err(Refused::NameTaken { name, path: known.path() })));
                return;
            }
            known.send(Order::Start { patch: Box::new(patch), caller, owned, answer });
            return;
        }
        let Some(path) = patch.path.clone() else {
            drop(answer.send(Err(Refused::UnknownProject(name))));
            return;
        };
        let saved = SavedProject {
            settings: Settings::new(name.clone(), path),
            wanted: Wanted::Stopped,
            generation: 0,
            port: None,
        };
        let project = project_task::spawn(self.shared.clone(), saved);
        let (first, outcome) = oneshot::channel();
        project.send(Order::Start { patch: Box::new(patch), caller, owned, answer: first });
        self.projects.insert(name.clone(), project);
        let refusals = self.refusals.clone();
        self.shared.requests.spawn(format!("the first start of {name}"), async move {
            let outcome = outcome.await.unwrap_or(Err(Refused::Stopping));
            if outcome.is_err() {
                // Nothing of it was saved: it is as if it had never been named.
                drop(refusals.send(name).await);
            }
            drop(answer.send(outcome));
        });
    }

    fn remove(&mut self, name: ProjectName, answer: oneshot::Sender<Result<(), Refused>>) {
        let Some(project) = self.projects.remove(&name) else {
            drop(answer.send(Err(Refused::UnknownProject(name))));
            return;
        };
        let (store, queue, built) = (self.shared.store.clone(), self.queue.clone(), self.shared.builds.join(&name.0));
        self.shared.requests.spawn(format!("the removal of {name}"), async move {
            let (stopped, outcome) = oneshot::channel();
            project.send(Order::Stop { answer: stopped });
            drop(outcome.await);
            queue.forget(name.clone());
            // What cannot be removed now is when the daemon starts.
            drop(tokio::fs::remove_dir_all(built).await);
            let forgotten = store.commit(vec![Change::RemoveProject(name)]).await;
            drop(answer.send(forgotten.map_err(|problem| Refused::Store(problem.to_string()))));
        });
    }

    fn status(&self, name: &ProjectName, answer: oneshot::Sender<Result<ProjectStatus, Refused>>) {
        let Some(project) = self.projects.get(name) else {
            drop(answer.send(Err(Refused::UnknownProject(name.clone()))));
            return;
        };
        let status = project.clone().status(self.shared.board.clone());
        self.shared.requests.spawn(format!("the status of {name}"), async move { drop(answer.send(status.await)) });
    }

    fn list(&self, answer: oneshot::Sender<Result<Vec<ProjectStatus>, Refused>>) {
        let board = &self.shared.board;
        let asked: Vec<_> = self.projects.values().map(|project| project.clone().status(board.clone())).collect();
        self.shared.requests.spawn("a list of projects", async move {
            let all = join_all(asked).await.into_iter().filter_map(Result::ok).collect();
            drop(answer.send(Ok(all)));
        });
    }

    fn owned_ports(&self) -> BTreeSet<u16> {
        self.projects.values().filter_map(ProjectHandle::port).collect()
    }
}
