//! The supervisor's mailbox as its callers see it: one method a command, each answered once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::{broadcast, mpsc, oneshot};

pub use crate::worker::handle::SandboxStatus;

use super::Directory;
pub use super::token::{Minted, TokenWanted};
use crate::gateway::access::Access;
use crate::lambda::{Invocation, Outcome};
use crate::logs::{LogEntry, LogQuery};
use crate::project::containers::ContainersPatch;
use crate::project::gateway::GatewayPatch;
use crate::project::issuers::Pin;
use crate::project::settings::{DebugSettings, ProjectName, SandboxChoice, SettingName, Settings, Warm};
use crate::project::{FunctionId, Project, StandIn};
use crate::sandbox::progress::{Board, Progress};
use crate::template::{Diagnostic, Severity};

/// How many commands may wait; more and the caller waits for its place.
pub const MAILBOX: usize = 64;

/// The caller's AWS variables (`AWS_PROFILE`, `AWS_ACCESS_KEY_ID`, …): kept in memory, never stored, never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CallerEnvironment(pub BTreeMap<String, String>);

impl std::fmt::Debug for CallerEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A change of settings: `None` leaves a setting as it is. `Debug` shows no override value, since these may be secrets.
#[derive(Clone, Default)]
pub struct Patch {
    /// Where the project is; needed the first time.
    pub path: Option<PathBuf>,
    /// Template apart from the folder.
    pub template: Option<PathBuf>,
    /// Port.
    pub port: Option<u16>,
    /// Address.
    pub host: Option<std::net::IpAddr>,
    /// Env-vars file.
    pub env_vars: Option<PathBuf>,
    /// Parameter overrides; replaces all earlier ones.
    pub parameter_overrides: Option<Vec<(String, String)>>,
    /// Driver.
    pub sandbox: Option<SandboxChoice>,
    /// When INIT happens.
    pub warm: Option<Warm>,
    /// Region.
    pub region: Option<String>,
    /// Profile.
    pub profile: Option<String>,
    /// Concurrency of functions that reserve none.
    pub max_concurrency: Option<u32>,
    /// Idle expiry.
    pub idle_expiry: Option<Duration>,
    /// Functions are told the address of the Lambda endpoint.
    pub lambda_endpoint: Option<bool>,
    /// A samconfig fills in what is left open.
    pub samconfig: Option<bool>,
    /// The functions that run; replaces all earlier ones.
    pub only_functions: Option<Vec<String>>,
    /// How the gateway serves.
    pub gateway: GatewayPatch,
    /// What concerns containers alone.
    pub containers: ContainersPatch,
    /// Replies carry `X-Samd-Generation`.
    pub tell_generation: Option<bool>,
    /// Functions are built.
    pub build: Option<bool>,
    /// Commands that build them; replaces all earlier ones.
    pub build_commands: Option<BTreeMap<String, String>>,
    /// Files of keys that issuers are pinned to; replaces all earlier ones.
    pub jwks: Option<Vec<Pin>>,
    /// Debugging.
    pub debug: DebugPatch,
    /// Functions are held to their MemorySize.
    pub memory_limit: Option<bool>,
    /// Sandboxes are frozen between invocations.
    pub freeze: Option<bool>,
    /// Settings that are taken back before the others are applied.
    pub unset: Vec<SettingName>,
}

/// A change of what is debugged; an inner `None` takes a setting back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DebugPatch {
    /// Port.
    pub port: Option<Option<u16>>,
    /// Function.
    pub function: Option<Option<String>>,
    /// Arguments.
    pub args: Option<Option<String>>,
    /// Folder of the debugger.
    pub debugger_path: Option<Option<PathBuf>>,
    /// File of variables.
    pub env_vars: Option<Option<PathBuf>>,
}

impl DebugPatch {
    /// The settings after the change.
    #[must_use]
    pub fn apply(self, now: DebugSettings) -> DebugSettings {
        DebugSettings {
            port: self.port.unwrap_or(now.port),
            function: self.function.unwrap_or(now.function),
            args: self.args.unwrap_or(now.args),
            debugger_path: self.debugger_path.unwrap_or(now.debugger_path),
            env_vars: self.env_vars.unwrap_or(now.env_vars),
        }
    }
}

impl std::fmt::Debug for Patch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names =
            |overrides: &Vec<(String, String)>| overrides.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        f.debug_struct("Patch")
            .field("path", &self.path)
            .field("template", &self.template)
            .field("port", &self.port)
            .field("host", &self.host)
            .field("env_vars", &self.env_vars)
            .field("parameter_overrides", &self.parameter_overrides.as_ref().map(names))
            .field("sandbox", &self.sandbox)
            .field("warm", &self.warm)
            .field("region", &self.region)
            .field("profile", &self.profile)
            .field("max_concurrency", &self.max_concurrency)
            .field("idle_expiry", &self.idle_expiry)
            .field("lambda_endpoint", &self.lambda_endpoint)
            .field("samconfig", &self.samconfig)
            .field("only_functions", &self.only_functions)
            .field("gateway", &self.gateway)
            .field("containers", &self.containers)
            .field("tell_generation", &self.tell_generation)
            .field("build", &self.build)
            .field("build_commands", &self.build_commands.as_ref().map(|commands| commands.keys()))
            .field("jwks", &self.jwks)
            .field("debug", &self.debug)
            .field("memory_limit", &self.memory_limit)
            .field("freeze", &self.freeze)
            .finish()
    }
}

/// Why a command was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// No project of this name.
    #[error("no project is named {0}")]
    UnknownProject(ProjectName),
    /// The project has no such function.
    #[error("project {project} has no function {function}; it has: {known}")]
    UnknownFunction {
        /// The project.
        project: ProjectName,
        /// What was asked for.
        function: FunctionId,
        /// The functions it has, comma separated.
        known: String,
    },
    /// The name is taken by a project at another place.
    #[error("the name {name} belongs to the project at {path}; choose another with --name")]
    NameTaken {
        /// The name.
        name: ProjectName,
        /// Where that project is.
        path: PathBuf,
    },
    /// No token can be made as it was asked for; one sentence.
    #[error("{0}")]
    NoToken(String),
    /// The project is stopped.
    #[error("project {0} is stopped; start it with `samctl start {0}`")]
    Stopped(ProjectName),
    /// The template cannot be served; what serves already keeps serving.
    #[error("{}", headline(.0))]
    Diagnostics(Vec<Diagnostic>),
    /// The address is taken.
    #[error("cannot listen on {address}: {cause}{owner}")]
    Address {
        /// Address that was asked for.
        address: SocketAddr,
        /// The system's word.
        cause: String,
        /// Who has it, when known, as in ` (project shop)`; else empty.
        owner: String,
    },
    /// The store did not take it; nothing was changed.
    #[error("the state could not be saved: {0}; nothing was changed")]
    Store(String),
    /// Something else, in one sentence.
    #[error("{0}")]
    Other(String),
    /// Too many asynchronous invocations wait already.
    #[error("too many asynchronous invocations wait; try again when some have run")]
    QueueFull,
    /// The daemon is stopping.
    #[error("the daemon is stopping")]
    Stopping,
}

/// What is wrong, in a few words: the file that has errors, or the first of them.
fn headline(diagnostics: &[Diagnostic]) -> String {
    let first = diagnostics.iter().find(|diagnostic| diagnostic.severity == Severity::Error);
    match first.map(|first| (first, first.location.as_ref().and_then(|location| location.file.file_name()))) {
        Some((_, Some(file))) => format!("{} has errors", file.display()),
        Some((first, None)) => first.message.clone(),
        None => "the project cannot be served".to_owned(),
    }
}

/// A project as it stands.
#[derive(Debug, Clone)]
pub struct ProjectStatus {
    /// Its settings.
    pub settings: Settings,
    /// What runs; `None` when stopped.
    pub running: Option<RunningStatus>,
    /// Findings of the last resolve, also of a rejected one.
    pub diagnostics: Vec<Diagnostic>,
}

/// A project that runs.
#[derive(Debug, Clone)]
pub struct RunningStatus {
    /// Where it is served.
    pub address: SocketAddr,
    /// Number of the configuration that serves, from 1.
    pub generation: u64,
    /// When it became active.
    pub since: SystemTime,
    /// The template that was used, and why this one (one clause).
    pub template: (PathBuf, String),
    /// The resolved project.
    pub project: std::sync::Arc<Project>,
    /// Functions as they run.
    pub functions: Vec<FunctionStatus>,
    /// Stand-ins in use.
    pub stand_ins: Vec<StandIn>,
    /// The last change of configuration.
    pub last_reload: Option<ReloadReport>,
}

/// A function as it runs.
#[derive(Debug, Clone)]
pub struct FunctionStatus {
    /// Logical id.
    pub id: FunctionId,
    /// Driver in use.
    pub driver: String,
    /// The interpreter or image that runs it, when known.
    pub executable: Option<String>,
    /// Sandboxes that exist.
    pub sandboxes: Vec<SandboxStatus>,
    /// Invocations that wait.
    pub waiting: usize,
}

/// What a change of configuration did.
#[derive(Debug, Clone)]
pub struct ReloadReport {
    /// The project.
    pub project: ProjectName,
    /// The configuration that serves now.
    pub generation: u64,
    /// When it ended.
    pub at: SystemTime,
    /// From the first file event (or the call) to its end.
    pub duration: Duration,
    /// Files that set it off.
    pub files: Vec<PathBuf>,
    /// How it ended.
    pub outcome: ReloadOutcome,
}

/// How a change of configuration ended.
#[derive(Debug, Clone)]
pub enum ReloadOutcome {
    /// What runs is now as asked for.
    Applied {
        /// Functions added, changed, removed.
        functions: Changes,
        /// Routes added, changed, removed, as in `GET /users`.
        routes: Changes,
    },
    /// Nothing differed.
    Unchanged,
    /// The last good configuration keeps serving.
    Rejected {
        /// Why.
        diagnostics: Vec<Diagnostic>,
    },
}

/// Names of what a change touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// New ones.
    pub added: Vec<String>,
    /// Replaced ones.
    pub changed: Vec<String>,
    /// Gone ones.
    pub removed: Vec<String>,
}

type Answer<T> = oneshot::Sender<Result<T, Refused>>;

/// A command to the supervisor's actor. Its fields are what the [`Handle`]'s methods take, and where the answer goes.
#[allow(missing_docs)]
#[derive(Debug)]
pub enum Command {
    /// Start a project, or bring a stopped one back; a running one is reconfigured.
    Start { name: ProjectName, patch: Patch, caller: CallerEnvironment, answer: Answer<ProjectStatus> },
    /// Stop a project; its settings stay.
    Stop { name: ProjectName, answer: Answer<()> },
    /// Stop a project and forget it.
    Remove { name: ProjectName, answer: Answer<()> },
    /// Read again and replace the named functions' sandboxes (all, when none is named), changed or not.
    Reload { name: ProjectName, functions: Vec<FunctionId>, answer: Answer<ReloadReport> },
    /// Change settings of a project, running or not.
    Set { name: ProjectName, patch: Patch, answer: Answer<ProjectStatus> },
    /// All projects.
    List { answer: Answer<Vec<ProjectStatus>> },
    /// One project.
    Status { name: ProjectName, answer: Answer<ProjectStatus> },
    /// The way to a function's worker and its log, for an invocation that does not come through an API.
    Invoke { name: ProjectName, function: FunctionId, answer: Answer<crate::worker::Handle> },
    /// Keep an asynchronous invocation and run it; answered once it is on the disk.
    Accept { name: ProjectName, function: FunctionId, invocation: Invocation, answer: Answer<()> },
    /// A token that the project's authorizers accept.
    Token { name: ProjectName, wanted: TokenWanted, answer: Answer<Minted> },
    /// A project's log.
    Logs { name: ProjectName, query: LogQuery, answer: Answer<LogStream> },
}

/// A log's past, and its future when it is followed.
#[derive(Debug)]
pub struct LogStream {
    /// What the rings still hold, oldest first.
    pub past: Vec<LogEntry>,
    /// What comes; `None` unless followed. A slow reader is told how many entries it lost (`Lagged`).
    pub future: Option<broadcast::Receiver<LogEntry>>,
    /// The requests that come; `None` unless they are followed.
    pub requests: Option<broadcast::Receiver<Access>>,
    /// Which of the future's entries are asked for.
    pub query: LogQuery,
}

/// A handle to the supervisor; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    mailbox: mpsc::Sender<Command>,
    events: broadcast::Sender<ReloadReport>,
    directory: Directory,
    board: Board,
}

impl Handle {
    /// A handle that sends to `mailbox`; reload events come from `events`, what runs is published in `directory`, progress
    /// of images on `board`.
    #[must_use]
    pub fn new(
        mailbox: mpsc::Sender<Command>,
        events: broadcast::Sender<ReloadReport>,
        directory: Directory,
        board: Board,
    ) -> Handle {
        Handle { mailbox, events, directory, board }
    }

    /// What runs now, for those who invoke by name.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Starts a project.
    ///
    /// # Errors
    /// [`Refused`] says why nothing was changed.
    pub async fn start(
        &self,
        name: ProjectName,
        patch: Patch,
        caller: CallerEnvironment,
    ) -> Result<ProjectStatus, Refused> {
        self.ask(|answer| Command::Start { name, patch, caller, answer }).await
    }

    /// Stops a project.
    ///
    /// # Errors
    /// As [`Handle::start`].
    pub async fn stop(&self, name: ProjectName) -> Result<(), Refused> {
        self.ask(|answer| Command::Stop { name, answer }).await
    }

    /// Stops a project and forgets it.
    ///
    /// # Errors
    /// As [`Handle::start`].
    pub async fn remove(&self, name: ProjectName) -> Result<(), Refused> {
        self.ask(|answer| Command::Remove { name, answer }).await
    }

    /// Reloads a project.
    ///
    /// # Errors
    /// As [`Handle::start`].
    pub async fn reload(&self, name: ProjectName, functions: Vec<FunctionId>) -> Result<ReloadReport, Refused> {
        self.ask(|answer| Command::Reload { name, functions, answer }).await
    }

    /// Changes a project's settings.
    ///
    /// # Errors
    /// As [`Handle::start`].
    pub async fn set(&self, name: ProjectName, patch: Patch) -> Result<ProjectStatus, Refused> {
        self.ask(|answer| Command::Set { name, patch, answer }).await
    }

    /// All projects by name.
    ///
    /// # Errors
    /// As [`Handle::start`].
    pub async fn list(&self) -> Result<Vec<ProjectStatus>, Refused> {
        self.ask(|answer| Command::List { answer }).await
    }

    /// One project.
    ///
    /// # Errors
    /// As [`Handle::start`].
    pub async fn status(&self, name: ProjectName) -> Result<ProjectStatus, Refused> {
        self.ask(|answer| Command::Status { name, answer }).await
    }

    /// Invokes a function and waits for its end.
    ///
    /// # Errors
    /// As [`Handle::start`]; a function's own failure is an [`Outcome`].
    pub async fn invoke(
        &self,
        name: ProjectName,
        function: FunctionId,
        invocation: Invocation,
    ) -> Result<Outcome, Refused> {
        let worker = self.ask(|answer| Command::Invoke { name, function, answer }).await?;
        Ok(worker.invoke(invocation).await)
    }

    /// Keeps an asynchronous invocation, to be run as soon as its function can be, with Lambda's retries. When this
    /// returns it outlasts the daemon.
    ///
    /// # Errors
    /// As [`Handle::start`].
    pub async fn accept(&self, name: ProjectName, function: FunctionId, invocation: Invocation) -> Result<(), Refused> {
        self.ask(|answer| Command::Accept { name, function, invocation, answer }).await
    }

    /// A project's log.
    ///
    /// # Errors
    /// As [`Handle::start`].
    pub async fn logs(&self, name: ProjectName, query: LogQuery) -> Result<LogStream, Refused> {
        self.ask(|answer| Command::Logs { name, query, answer }).await
    }

    /// Makes a token that an authorizer of the project accepts.
    ///
    /// # Errors
    /// As [`Handle::start`].
    pub async fn token(&self, name: ProjectName, wanted: TokenWanted) -> Result<Minted, Refused> {
        self.ask(|answer| Command::Token { name, wanted, answer }).await
    }

    /// Reload events from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<ReloadReport> {
        self.events.subscribe()
    }

    /// Steps of pulls and builds from now on.
    #[must_use]
    pub fn progress(&self) -> broadcast::Receiver<Progress> {
        self.board.follow()
    }

    async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, Refused> {
        let (answer, reply) = oneshot::channel();
        self.mailbox.send(command(answer)).await.map_err(|_| Refused::Stopping)?;
        reply.await.map_err(|_| Refused::Stopping)?
    }
}

/// The bytes of an event given by a caller, when they are JSON.
#[must_use]
pub fn valid_event(bytes: &Bytes) -> bool {
    serde_json::from_slice::<&serde_json::value::RawValue>(bytes).is_ok()
}
