//! The process driver: a function's own runtime as a child of the daemon, no image, no engine.
//!
//! Each sandbox is a process group of its own with AWS's environment and nothing of the daemon's. Its standard input is
//! the gate at which it waits for its release; its standard output and error are one pipe. The folders are the real
//! ones, since nothing is mounted: `LAMBDA_TASK_ROOT` is the code folder itself. Who may talk to its Runtime API is decided
//! by `peer`, which asks the kernel (`diag`); what is expected to crash is started by a thread of its own (`last`).

mod child;
mod diag;
mod extensions;
mod last;
mod peer;
mod sweep;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::PipeWriter;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::net::unix::pipe;
use tokio::process::Command;

use crate::lambda::environment::{self, Places, SandboxIdentity};
use crate::project::function::{Code, Function, Package, Runtime};
use crate::project::settings::ProjectName;

use self::child::Process;
use self::extensions::{Extensions, Launch};
use self::last::Last;
use super::runtimes::{Clients, Interpreter, Interpreters};
use super::{Delay, Description, Driver, Launcher, Output, Precedence, StartError, Started, debug, files};

pub use self::sweep::reap;

/// The driver's name.
const NAME: &str = "process";
/// Names the variable with a program that is run in front of the runtime (F5.5).
const EXEC_WRAPPER: &str = "AWS_LAMBDA_EXEC_WRAPPER";
/// Makes a program that knows no gate wait at one.
const WAIT: [&str; 3] = ["/bin/sh", "-c", r#"read -r _ && exec "$0" "$@" </dev/null"#];

/// The driver.
#[derive(Debug, Clone)]
pub struct ProcessDriver {
    interpreters: Arc<Interpreters>,
    clients: Arc<Clients>,
    cache: PathBuf,
    last: Last,
}

impl ProcessDriver {
    /// A driver that unpacks into `cache`.
    #[must_use]
    pub fn new(interpreters: Interpreters, clients: Clients, cache: PathBuf) -> ProcessDriver {
        ProcessDriver { interpreters: Arc::new(interpreters), clients: Arc::new(clients), cache, last: Last::default() }
    }

    /// Blocks: it probes interpreters and unpacks archives.
    fn prepare_now(&self, function: Arc<Function>) -> Result<Prepared, StartError> {
        let Package::Zip { code, runtime, layers, .. } = &function.package else {
            return Err(cannot(
                "an image function runs in a container alone; start an engine and use --sandbox docker",
            ));
        };
        let task_root = files::code(code, runtime, &self.cache)?;
        let layers = files::layers(layers, &self.cache)?;
        let entry = self.entry(&function, runtime, &task_root, &layers)?;
        let places = Places {
            task_root: text(&task_root),
            layers: layers.iter().map(|layer| text(layer)).collect(),
            runtime_dir: text(&self.clients.folder(runtime)),
            interpreter_path: entry.interpreter_folder.iter().map(|folder| text(folder)).collect(),
            interpreter_libraries: Vec::new(),
        };
        let in_place = matches!(code, Code::Folder(_));
        Ok(Prepared { function, entry, places, task_root, in_place, last: self.last.clone() })
    }

    fn entry(
        &self,
        function: &Function,
        runtime: &Runtime,
        task_root: &Path,
        layers: &[PathBuf],
    ) -> Result<Entry, StartError> {
        match runtime {
            Runtime::Python { .. } | Runtime::Node { .. } => self.interpreted(function, runtime),
            Runtime::Provided(name) => Ok(bootstrap(name, task_root, layers)),
            Runtime::Container(name) => Err(cannot(&format!(
                "runtime {name} runs in a container alone; start an engine and use --sandbox docker"
            ))),
            Runtime::Unknown(name) => Err(cannot(&format!("Lambda has no runtime {name}"))),
        }
    }

    fn interpreted(&self, function: &Function, runtime: &Runtime) -> Result<Entry, StartError> {
        let interpreter = self
            .interpreters
            .find(runtime)
            .map_err(|reason| StartError { error_type: "Runtime.InvalidEntrypoint", reason })?;
        if debug::needs_debugpy(function) && !has_debugpy(&interpreter, function) {
            return Err(debug::without_debugpy(&text(&interpreter.path)));
        }
        let debugger = debug::arguments(function, &Ipv4Addr::LOCALHOST.to_string());
        let family = if matches!(runtime, Runtime::Python { .. }) { "python" } else { "nodejs" };
        Ok(Entry {
            program: Program::Client(self.clients.command(runtime, &interpreter, &debugger)),
            interpreter_folder: interpreter.path.parent().map(Path::to_path_buf),
            description: Description {
                executable: text(&interpreter.path),
                runtime_version: format!("{family}:{}", version_text(&interpreter)),
                notes: interpreter.note.clone().into_iter().chain(debug::note(function)).collect(),
                behind: None,
                driver: NAME,
            },
        })
    }
}

/// Whether the interpreter finds debugpy: of its own, or where the user says.
fn has_debugpy(interpreter: &Interpreter, function: &Function) -> bool {
    let path = function.serving.debug.as_ref().and_then(|debug| debug.debugger_path.clone());
    let mut probe = std::process::Command::new(&interpreter.path);
    let program =
        format!("import importlib.util, sys; sys.exit(importlib.util.find_spec('{}') is None)", debug::DEBUGPY);
    probe.args(["-c", &program]).env_clear().envs(path.map(|path| ("PYTHONPATH", path)));
    probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn version_text(interpreter: &Interpreter) -> String {
    interpreter.version.to_string()
}

fn cannot(reason: &str) -> StartError {
    StartError { error_type: "Runtime.InvalidEntrypoint", reason: reason.to_owned() }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// `bootstrap` of the code, else of the layer that lies uppermost (F5.4). Which one it is, is seen at each start, since
/// a build may bring it at any time.
fn bootstrap(runtime: &str, task_root: &Path, layers: &[PathBuf]) -> Entry {
    let places = std::iter::once(task_root).chain(layers.iter().rev().map(PathBuf::as_path));
    let candidates: Vec<PathBuf> = places.map(|place| place.join("bootstrap")).collect();
    let executable = candidates.first().map(|first| text(first)).unwrap_or_default();
    Entry {
        program: Program::Bootstrap(candidates),
        interpreter_folder: None,
        description: Description {
            executable,
            runtime_version: runtime.to_owned(),
            notes: Vec::new(),
            behind: None,
            driver: NAME,
        },
    }
}

/// What is started.
#[derive(Debug)]
struct Entry {
    program: Program,
    interpreter_folder: Option<PathBuf>,
    description: Description,
}

#[derive(Debug)]
enum Program {
    /// An interpreter with our client, which waits at the gate.
    Client(Vec<OsString>),
    /// The first of these that is there.
    Bootstrap(Vec<PathBuf>),
}

impl Program {
    fn argv(&self) -> Result<Vec<OsString>, StartError> {
        match self {
            Program::Client(argv) => Ok(argv.clone()),
            Program::Bootstrap(candidates) => match candidates.iter().find(|candidate| candidate.is_file()) {
                Some(found) => Ok(vec![found.clone().into_os_string()]),
                None => {
                    let looked: Vec<String> = candidates.iter().map(|candidate| text(candidate)).collect();
                    Err(cannot(&format!("Couldn't find valid bootstrap(s): [{}]", looked.join(" "))))
                }
            },
        }
    }
}

impl Driver for ProcessDriver {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(
        &self,
        _project: &ProjectName,
        function: Arc<Function>,
        _delay: Delay,
    ) -> BoxFuture<'_, Result<Arc<dyn Launcher>, StartError>> {
        let driver = self.clone();
        async move {
            let prepared = tokio::task::spawn_blocking(move || driver.prepare_now(function)).await;
            let prepared = prepared.map_err(|_| cannot("the preparation was interrupted"))??;
            Ok(Arc::new(ProcessLauncher(Arc::new(prepared))) as Arc<dyn Launcher>)
        }
        .boxed()
    }
}

/// Starts processes of one function.
#[derive(Debug)]
struct ProcessLauncher(Arc<Prepared>);

/// All that a process of one function is started with.
#[derive(Debug)]
struct Prepared {
    function: Arc<Function>,
    entry: Entry,
    places: Places,
    task_root: PathBuf,
    in_place: bool,
    last: Last,
}

impl Prepared {
    fn command(
        &self,
        program: Vec<OsString>,
        identity: &SandboxIdentity,
        account: &BTreeMap<String, String>,
    ) -> Command {
        let variables = self.variables(identity, account);
        let wrapper = variables.get(EXEC_WRAPPER).map(OsString::from);
        let mut argv = wrapper.into_iter().chain(program);
        let mut command = Command::new(argv.next().unwrap_or_default());
        command.args(argv).env_clear().envs(&variables).current_dir(&self.task_root);
        command.process_group(0).kill_on_drop(true);
        command
    }

    fn variables(&self, identity: &SandboxIdentity, account: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut all = environment::variables(&self.function, &self.places, account, identity);
        let debugger = self.function.serving.debug.as_ref().and_then(|debug| debug.debugger_path.as_deref());
        if let (Some(debugger), Some(path)) = (debugger, all.get_mut("PYTHONPATH")) {
            path.push(':');
            path.push_str(&text(debugger));
        }
        all
    }

    /// The extensions of the layers as they are now, and what they print.
    fn extensions(
        &self,
        programs: BTreeMap<String, PathBuf>,
        identity: &SandboxIdentity,
        account: &BTreeMap<String, String>,
    ) -> std::io::Result<(Extensions, Output)> {
        if programs.is_empty() {
            return Ok((Extensions::default(), Output::none()));
        }
        let (reader, output) = std::io::pipe()?;
        let mut variables = environment::of_extension(self.variables(identity, account));
        let mark = format!("{}/{}", self.places.runtime_dir, identity.log_stream);
        variables.insert(sweep::EXTENSION_OF.to_owned(), mark);
        let printed = Output::from_pipe(pipe::Receiver::from_owned_fd(reader.into())?);
        Ok((Extensions::waiting(Launch { programs, variables, output }), printed))
    }

    /// Whether the program waits at the gate by itself.
    fn can_hold(&self) -> bool {
        matches!(self.entry.program, Program::Client(_))
    }

    /// Blocks until the program runs.
    fn start(&self, identity: &SandboxIdentity, account: &BTreeMap<String, String>) -> Result<Started, StartError> {
        let wrapped = self.function.environment.0.contains_key(EXEC_WRAPPER);
        let program = self.entry.program.argv()?;
        self.spawn(program, identity, account).map_err(|problem| self.not_spawned(&problem, wrapped))
    }

    fn spawn(
        &self,
        program: Vec<OsString>,
        identity: &SandboxIdentity,
        account: &BTreeMap<String, String>,
    ) -> std::io::Result<Started> {
        let programs = extensions::find(&self.places.layers);
        // The runtime follows its extensions, so where there are any it waits, whether it knows a gate or not.
        let (program, gated) = match (self.can_hold(), programs.is_empty()) {
            (true, _) => (program, true),
            (false, true) => (program, false),
            (false, false) => (WAIT.iter().map(OsString::from).chain(program).collect(), true),
        };
        let mut command = self.command(program, identity, account);
        let (extensions, extension_output) = self.extensions(programs, identity, account)?;
        let (reader, writer) = std::io::pipe()?;
        command.stdout(Stdio::from(writer.try_clone()?)).stderr(Stdio::from(writer));
        let gate = gate(&mut command, gated)?;
        let child = command.spawn()?;
        // The command holds the pipe's writing end; only when it is gone does the reader see the child's end.
        drop(command);
        let output = Output::from_pipe(pipe::Receiver::from_owned_fd(reader.into())?);
        let process = Process {
            pid: child.id(),
            child,
            gate,
            gate_room: child::GATE_ROOM,
            extensions,
            marks: sweep::marks(&self.places.runtime_dir, identity),
            memory_limit: u64::from(self.function.memory_mb) << 20,
            debug_port: self.function.serving.debug.as_ref().map(|debug| debug.port),
            exit: None,
            told: false,
        };
        Ok(Started {
            sandbox: Box::new(process),
            output,
            extension_output,
            place: IpAddr::V4(Ipv4Addr::LOCALHOST),
            admit: Arc::new(peer::is_own_peer),
        })
    }

    /// A program that is not there is worded as the platform words it (F5.5).
    fn not_spawned(&self, problem: &std::io::Error, wrapped: bool) -> StartError {
        if wrapped {
            return StartError {
                error_type: "Runtime.ExitError",
                reason: "Runtime exited with error: exit status 127".to_owned(),
            };
        }
        let program = &self.entry.description.executable;
        StartError {
            error_type: "Runtime.InvalidEntrypoint",
            reason: format!("{program} could not be started: {problem}; is it executable and made for this machine?"),
        }
    }
}

impl Launcher for ProcessLauncher {
    fn description(&self) -> &Description {
        &self.0.entry.description
    }

    fn runtime_api_host(&self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    }

    fn can_hold(&self) -> bool {
        self.0.can_hold()
    }

    fn heeds_precedence(&self) -> bool {
        true
    }

    fn serves_in_place(&self) -> bool {
        self.0.in_place
    }

    fn start(
        &self,
        identity: SandboxIdentity,
        account: Arc<BTreeMap<String, String>>,
        precedence: Precedence,
    ) -> BoxFuture<'_, Result<Started, StartError>> {
        let prepared = self.0.clone();
        async move {
            debug::port_is_free(&prepared.function, self.runtime_api_host()).await?;
            // The caller of a spawn waits until the program has replaced the child: on a busy machine for milliseconds.
            let started = tokio::task::spawn_blocking(move || {
                let last = prepared.last.clone();
                let start = move || prepared.start(&identity, &account);
                if precedence == Precedence::Last { last.run(start) } else { Some(start()) }
            });
            started.await.ok().flatten().unwrap_or_else(|| Err(cannot("its start was interrupted")))
        }
        .boxed()
    }
}

/// The gate, where the program waits at one; another finds an empty standard input.
fn gate(command: &mut Command, gated: bool) -> std::io::Result<Option<PipeWriter>> {
    if !gated {
        command.stdin(Stdio::null());
        return Ok(None);
    }
    let (reader, writer) = std::io::pipe()?;
    command.stdin(Stdio::from(reader));
    Ok(Some(writer))
}
