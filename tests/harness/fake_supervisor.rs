//! Stands in for the supervisor: answers its commands from a small table, and writes down what it was asked.
//!
//! Three functions behave differently: `Echo` returns its event, `Fail` raises an error, `Busy` is throttled. A path that
//! ends in `broken` has a template with errors.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use samd::lambda::{Failure, Invocation, Outcome};
use samd::logs::{LogHub, LogSource, Printed};
use samd::project::api::{ApiKind, Authorization, Integration, LambdaProxy, Method, Payload, Route, RoutePath};
use samd::project::function::{Architecture, Code, Environment, LogFormat, Logging, Package, Runtime};
use samd::project::settings::{ProjectName, Settings};
use samd::project::{Api, ApiId, Function, FunctionId, Project, StandIn};
use samd::sandbox::progress::Board;
use samd::supervisor::handle::{
    CallerEnvironment, Changes, Command, FunctionStatus, LogStream, MAILBOX, Minted, Patch, ProjectStatus, Refused,
    ReloadOutcome, ReloadReport, RunningStatus, SandboxStatus, TokenWanted,
};
use samd::supervisor::{Directory, Handle};
use samd::template::Diagnostic;
use samd::worker;
use tokio::sync::{broadcast, mpsc};

/// A supervisor that runs nothing.
#[derive(Debug, Clone)]
pub struct FakeSupervisor {
    /// The way to it.
    pub handle: Handle,
    /// Where reload events go in.
    pub events: broadcast::Sender<ReloadReport>,
    /// Where progress of images goes in.
    pub board: Board,
    /// Its one log.
    pub logs: LogHub,
    /// What `start` and `set` were given.
    pub asked: Arc<Mutex<Vec<(ProjectName, Patch, CallerEnvironment)>>>,
}

impl FakeSupervisor {
    /// Starts it on the current runtime.
    #[must_use]
    pub fn spawn() -> FakeSupervisor {
        let (mailbox, commands) = mpsc::channel(MAILBOX);
        let events = broadcast::channel(16).0;
        let board = Board::default();
        let fake = FakeSupervisor {
            handle: Handle::new(mailbox, events.clone(), Directory::default(), board.clone()),
            events,
            board,
            logs: LogHub::default(),
            asked: Arc::default(),
        };
        let state = State { projects: BTreeMap::new(), asked: fake.asked.clone(), logs: fake.logs.clone() };
        tokio::spawn(state.run(commands));
        fake
    }

    /// The last change of settings that it was asked for.
    ///
    /// # Panics
    /// When there was none.
    #[must_use]
    pub fn last_asked(&self) -> (ProjectName, Patch, CallerEnvironment) {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.last().expect("a start or set came").clone()
    }

    /// Writes a line to the log.
    pub fn log(&self, function: &str, source: LogSource, line: &str) {
        let function = FunctionId(function.to_owned()).into();
        let time = SystemTime::now();
        self.logs.push(&Printed { time, function: &function, line, source, request_id: None });
    }
}

struct State {
    projects: BTreeMap<ProjectName, ProjectStatus>,
    asked: Arc<Mutex<Vec<(ProjectName, Patch, CallerEnvironment)>>>,
    logs: LogHub,
}

impl State {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(command) = commands.recv().await {
            self.answer(command);
        }
    }

    /// An answer that nobody waits for any more is dropped.
    fn answer(&mut self, command: Command) {
        match command {
            Command::Start { name, patch, caller, answer } => drop(answer.send(self.start(name, patch, caller))),
            Command::Stop { name, answer } => {
                drop(answer.send(self.known(&name).map(|project| project.running = None)));
            }
            Command::Remove { name, answer } => {
                let known = self.known(&name).map(|_| ());
                self.projects.remove(&name);
                drop(answer.send(known));
            }
            Command::Reload { name, functions, answer } => {
                drop(answer.send(self.known(&name).map(|_| report(&name, &functions))));
            }
            Command::Set { name, patch, answer } => drop(answer.send(self.set(&name, patch))),
            Command::List { answer } => drop(answer.send(Ok(self.projects.values().cloned().collect()))),
            Command::Status { name, answer } => drop(answer.send(self.known(&name).map(|project| project.clone()))),
            Command::Invoke { name, function, answer } => {
                let logs = self.logs.clone();
                drop(answer.send(self.known(&name).map(|_| worker(function, logs))));
            }
            Command::Accept { name, function, invocation, answer } => {
                let logs = self.logs.clone();
                drop(answer.send(self.known(&name).map(|_| {
                    let worker = worker(function, logs);
                    tokio::spawn(async move { worker.invoke(invocation).await });
                })));
            }
            Command::Token { name, wanted, answer } => {
                drop(answer.send(self.known(&name).and_then(|_| minted(&wanted))));
            }
            Command::Logs { name, query, answer } => {
                let logs = self.logs.clone();
                drop(answer.send(self.known(&name).map(|_| {
                    let (past, future) = logs.read(&query);
                    LogStream { past, future, requests: None, query }
                })));
            }
        }
    }

    fn known(&mut self, name: &ProjectName) -> Result<&mut ProjectStatus, Refused> {
        self.projects.get_mut(name).ok_or_else(|| Refused::UnknownProject(name.clone()))
    }

    fn start(&mut self, name: ProjectName, patch: Patch, caller: CallerEnvironment) -> Result<ProjectStatus, Refused> {
        self.note(&name, &patch, caller);
        let path = match (&patch.path, self.projects.get(&name)) {
            (Some(path), Some(known)) if *path != known.settings.path => {
                return Err(Refused::NameTaken { name, path: known.settings.path.clone() });
            }
            (Some(path), _) => path.clone(),
            (None, Some(known)) => known.settings.path.clone(),
            (None, None) => return Err(Refused::UnknownProject(name)),
        };
        if path.ends_with("broken") {
            return Err(Refused::Diagnostics(vec![broken(path)]));
        }
        let status = running(Settings::new(name.clone(), path));
        self.projects.insert(name, status.clone());
        Ok(status)
    }

    fn set(&mut self, name: &ProjectName, patch: Patch) -> Result<ProjectStatus, Refused> {
        self.note(name, &patch, CallerEnvironment::default());
        let project = self.known(name)?;
        if let Some(concurrency) = patch.max_concurrency {
            project.settings.max_concurrency = concurrency;
        }
        Ok(project.clone())
    }

    fn note(&self, name: &ProjectName, patch: &Patch, caller: CallerEnvironment) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push((name.clone(), patch.clone(), caller));
    }
}

/// Knows the authorizer `Users`, and writes into its token what was asked for.
fn minted(wanted: &TokenWanted) -> Result<Minted, Refused> {
    match wanted.authorizer.as_deref() {
        None | Some("Users") => Ok(Minted {
            token: format!("{:?} {:?}", wanted.claims, wanted.scopes),
            authorizer: "Api/Users".to_owned(),
            issuer: "https://issuer".to_owned(),
        }),
        Some(other) => {
            Err(Refused::NoToken(format!("no JWT or Cognito authorizer is named {other}; there are: Api/Users")))
        }
    }
}

/// A worker that answers at once.
fn worker(function: FunctionId, logs: LogHub) -> worker::Handle {
    let (mailbox, mut messages) = mpsc::channel(4);
    tokio::spawn(async move {
        while let Some(message) = messages.recv().await {
            if let worker::handle::Message::Invoke { invocation, reply } = message {
                drop(reply.send(worker::handle::Reply::Whole(outcome(&function, &invocation, &logs))));
            }
        }
    });
    worker::Handle::new(mailbox)
}

fn outcome(function: &FunctionId, invocation: &Invocation, logs: &LogHub) -> Outcome {
    let id = &invocation.request_id;
    let (function, request_id) = (Arc::new(function.clone()), id.as_str().into());
    let log = |source, line: String| {
        let time = SystemTime::now();
        logs.push(&Printed { time, function: &function, line: &line, source, request_id: Some(&request_id) });
    };
    log(LogSource::Platform, format!("START RequestId: {id} Version: $LATEST"));
    log(LogSource::Function, format!("invoked as {}", invocation.invoked_arn));
    log(LogSource::Platform, format!("END RequestId: {id}"));
    log(LogSource::Platform, format!("REPORT RequestId: {id}\tDuration: 1.00 ms\t"));
    match function.0.as_str() {
        "Fail" => Outcome::Failed(Failure {
            error_type: "ValueError".to_owned(),
            payload: r#"{"errorMessage":"no","errorType":"ValueError"}"#.into(),
            timed_out: false,
        }),
        "Busy" => Outcome::Throttled { reason: "ReservedFunctionConcurrentInvocationLimitExceeded" },
        _ => Outcome::Returned(invocation.event.clone()),
    }
}

/// The error of a broken template.
#[must_use]
pub fn broken(path: PathBuf) -> Diagnostic {
    let location = samd::project::Location { file: path.join("template.yaml"), line: 3, column: 5 };
    Diagnostic::error("AWS has no runtime pyton3.12")
        .at(location)
        .path("Resources.Echo.Properties.Runtime")
        .help("did you mean python3.12?")
}

fn report(name: &ProjectName, functions: &[FunctionId]) -> ReloadReport {
    let changed = functions.iter().map(|function| function.0.clone()).collect();
    ReloadReport {
        project: name.clone(),
        generation: 2,
        at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        duration: Duration::from_micros(12_345),
        files: Vec::new(),
        outcome: ReloadOutcome::Applied {
            functions: Changes { changed, ..Changes::default() },
            routes: Changes::default(),
        },
    }
}

/// A project that runs, with the settings given.
#[must_use]
pub fn running(settings: Settings) -> ProjectStatus {
    let name = settings.name.clone();
    let template = settings.path.join("template.yaml");
    let running = RunningStatus {
        address: "127.0.0.1:3000".parse().expect("an address"),
        generation: 1,
        since: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        template: (template, "the folder has no other".to_owned()),
        project: Arc::new(project()),
        functions: ["Echo", "Busy"].map(function_status).to_vec(),
        stand_ins: vec![StandIn { expression: "Table.StreamArn".to_owned(), value: "arn:x".to_owned() }],
        last_reload: Some(report(&name, &[])),
    };
    ProjectStatus {
        settings,
        running: Some(running),
        diagnostics: vec![Diagnostic::warning("no interpreter is python3.12; python3.13 is taken")],
    }
}

fn function_status(id: &str) -> FunctionStatus {
    FunctionStatus {
        id: FunctionId(id.to_owned()),
        driver: "process".to_owned(),
        executable: Some("/usr/bin/python3.12".to_owned()),
        sandboxes: vec![SandboxStatus { pid: Some(4711), state: "idle", served: 12 }],
        waiting: 0,
    }
}

/// Three functions, and two APIs that both claim `GET /echo`.
#[must_use]
pub fn project() -> Project {
    let functions = ["Echo", "Fail", "Busy"].map(function).map(|function| (function.id.clone(), function));
    let rest = ApiId("ServerlessRestApi".to_owned());
    let http = ApiId("Web".to_owned());
    let apis = [
        api(&rest, ApiKind::Rest, vec![route("GET", "/echo", Some("Echo")), route("POST", "/gone", None)]),
        api(&http, ApiKind::Http, vec![route("GET", "/echo", Some("Fail"))]),
    ];
    Project {
        functions: functions.into(),
        apis: apis.map(|api| (api.id.clone(), api)).into(),
        precedence: vec![rest, http],
        ..Project::default()
    }
}

fn function(id: &str) -> Function {
    Function {
        id: FunctionId(id.to_owned()),
        name: format!("{}-name", id.to_lowercase()),
        arn: format!("arn:aws:lambda:us-east-1:123456789012:function:{id}"),
        package: Package::Zip {
            code: Code::Folder("/shop".into()),
            runtime: Runtime::Python { minor: 12 },
            handler: "app.handler".to_owned(),
            layers: Vec::new(),
        },
        environment: Environment(BTreeMap::from([("PASSWORD".to_owned(), "hunter2".to_owned())])),
        timeout: Duration::from_secs(3),
        memory_mb: 128,
        ephemeral_storage_mb: 512,
        architecture: Architecture::X86_64,
        reserved_concurrency: None,
        alias: None,
        logging: Logging {
            format: LogFormat::Text,
            application_level: None,
            system_level: None,
            group: format!("/aws/lambda/{id}"),
        },
        tracing_active: false,
        built_from: None,
        url: None,
        region: "us-east-1".to_owned(),
        per_tenant: false,
        metadata: BTreeMap::new(),
        other_events: Vec::new(),
        hosting: Default::default(),
        asynchronous: Default::default(),
        serving: Default::default(),
    }
}

fn api(id: &ApiId, kind: ApiKind, routes: Vec<Route>) -> Api {
    Api {
        id: id.clone(),
        kind,
        stage: "Prod".to_owned(),
        stage_variables: BTreeMap::new(),
        routes,
        authorizers: BTreeMap::new(),
        binary_media_types: Vec::new(),
        cors: None,
        gateway_responses: BTreeMap::new(),
        models: BTreeMap::new(),
        api_key_source: Default::default(),
        usage_plans: Vec::new(),
        policy: None,
        minimum_compression_size: None,
        domains: Vec::new(),
        default_endpoint_disabled: false,
        edge: false,
        slash_default: false,
    }
}

fn route(method: &str, path: &str, function: Option<&str>) -> Route {
    Route {
        method: Method::parse(method),
        path: RoutePath::Template(path.to_owned()),
        integration: Integration::Lambda(LambdaProxy {
            function: function.map(|id| FunctionId(id.to_owned())),
            uri: "Gone.Arn".to_owned(),
            payload: Payload::V1,
            timeout: Duration::from_secs(29),
            streaming: false,
            request_parameters: BTreeMap::new(),
            response_parameters: BTreeMap::new(),
            http_method: "POST".to_owned(),
        }),
        authorization: Authorization::None,
        api_key_required: false,
        operation_name: None,
        validation: Default::default(),
    }
}
