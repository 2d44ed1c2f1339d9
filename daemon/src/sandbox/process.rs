//! The process driver: a function's own runtime as a child of the daemon, no image, no engine.
//!
//! Each sandbox is a process group of its own with AWS's environment and nothing of the daemon's. Its standard input is
//! the gate at which it waits for its release; its standard output and error are one pipe. The folders are the real
//! ones, since nothing is mounted: `LAMBDA_TASK_ROOT` is the code folder itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{PipeWriter, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use crate::lambda::environment::{self, Places, SandboxIdentity};
use crate::lambda::error::Exit;
use crate::project::build::ARTIFACTS_DIR;
use crate::project::function::{Code, Function, Package, Runtime};
use crate::project::settings::ProjectName;

use super::runtimes::{Clients, Interpreter, Interpreters};
use super::{Description, Driver, Launcher, Output, Sandbox, StartError, Started, files, memory};

/// The driver's name.
const NAME: &str = "process";
/// Names the variable with a program that is run in front of the runtime (F5.5).
const EXEC_WRAPPER: &str = "AWS_LAMBDA_EXEC_WRAPPER";
/// How often what a sandbox left behind is looked for: each look may find what forked during the one before.
const SWEEPS: usize = 100;

/// The driver.
#[derive(Debug, Clone)]
pub struct ProcessDriver {
    interpreters: Arc<Interpreters>,
    clients: Arc<Clients>,
    cache: PathBuf,
}

impl ProcessDriver {
    /// A driver that unpacks into `cache`.
    #[must_use]
    pub fn new(interpreters: Interpreters, clients: Clients, cache: PathBuf) -> ProcessDriver {
        ProcessDriver { interpreters: Arc::new(interpreters), clients: Arc::new(clients), cache }
    }

    /// Blocks: it probes interpreters and unpacks archives.
    fn prepare_now(&self, function: Arc<Function>) -> Result<ProcessLauncher, StartError> {
        let Package::Zip { code, runtime, layers, .. } = &function.package else {
            return Err(cannot(
                "an image function runs in a container alone; start an engine and use --sandbox docker",
            ));
        };
        let task_root = files::code(code, runtime, &self.cache)?;
        let layers = files::layers(layers, &self.cache)?;
        let entry = self.entry(runtime, &task_root, &layers)?;
        let places = Places {
            task_root: text(&task_root),
            layers: layers.iter().map(|layer| text(layer)).collect(),
            runtime_dir: text(&self.clients.folder(runtime)),
            interpreter_path: entry.interpreter_folder.iter().map(|folder| text(folder)).collect(),
            interpreter_libraries: Vec::new(),
        };
        let in_place = matches!(code, Code::Folder(_));
        Ok(ProcessLauncher { function, entry, places, task_root, in_place })
    }

    fn entry(&self, runtime: &Runtime, task_root: &Path, layers: &[PathBuf]) -> Result<Entry, StartError> {
        match runtime {
            Runtime::Python { .. } | Runtime::Node { .. } => self.interpreted(runtime),
            Runtime::Provided(name) => Ok(bootstrap(name, task_root, layers)),
            Runtime::Container(name) => Err(cannot(&format!(
                "runtime {name} runs in a container alone; start an engine and use --sandbox docker"
            ))),
            Runtime::Unknown(name) => Err(cannot(&format!("Lambda has no runtime {name}"))),
        }
    }

    fn interpreted(&self, runtime: &Runtime) -> Result<Entry, StartError> {
        let interpreter = self
            .interpreters
            .find(runtime)
            .map_err(|reason| StartError { error_type: "Runtime.InvalidEntrypoint", reason })?;
        let family = if matches!(runtime, Runtime::Python { .. }) { "python" } else { "nodejs" };
        Ok(Entry {
            program: Program::Client(self.clients.command(runtime, &interpreter)),
            interpreter_folder: interpreter.path.parent().map(Path::to_path_buf),
            description: Description {
                executable: text(&interpreter.path),
                runtime_version: format!("{family}:{}", version_text(&interpreter)),
                notes: interpreter.note.clone().into_iter().collect(),
                driver: NAME,
            },
        })
    }
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
        description: Description { executable, runtime_version: runtime.to_owned(), notes: Vec::new(), driver: NAME },
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
    ) -> BoxFuture<'_, Result<Arc<dyn Launcher>, StartError>> {
        let driver = self.clone();
        async move {
            let prepared = tokio::task::spawn_blocking(move || driver.prepare_now(function)).await;
            let launcher = prepared.map_err(|_| cannot("the preparation was interrupted"))??;
            Ok(Arc::new(launcher) as Arc<dyn Launcher>)
        }
        .boxed()
    }
}

/// Starts processes of one function.
#[derive(Debug)]
struct ProcessLauncher {
    function: Arc<Function>,
    entry: Entry,
    places: Places,
    task_root: PathBuf,
    in_place: bool,
}

impl ProcessLauncher {
    fn command(
        &self,
        program: Vec<OsString>,
        identity: &SandboxIdentity,
        account: &BTreeMap<String, String>,
    ) -> Command {
        let variables = environment::variables(&self.function, &self.places, account, identity);
        let wrapper = variables.get(EXEC_WRAPPER).map(OsString::from);
        let mut argv = wrapper.into_iter().chain(program);
        let mut command = Command::new(argv.next().unwrap_or_default());
        command.args(argv).env_clear().envs(&variables).current_dir(&self.task_root);
        command.process_group(0).kill_on_drop(true);
        command
    }

    fn spawn(&self, mut command: Command, mark: String) -> std::io::Result<Started> {
        let (reader, writer) = std::io::pipe()?;
        command.stdout(Stdio::from(writer.try_clone()?)).stderr(Stdio::from(writer));
        let gate = self.gate(&mut command)?;
        let child = command.spawn()?;
        // The command holds the pipe's writing end; only when it is gone does the reader see the child's end.
        drop(command);
        let output = Output::from_pipe(pipe::Receiver::from_owned_fd(reader.into())?);
        let memory_limit = u64::from(self.function.memory_mb) << 20;
        let process = Process { gate, gate_room: GATE_ROOM, pid: child.id(), child, exit: None, mark, memory_limit };
        Ok(Started { sandbox: Box::new(process), output, admit: Arc::new(is_own_peer) })
    }

    /// A runtime that brings its own `bootstrap` knows no gate and finds an empty standard input.
    fn gate(&self, command: &mut Command) -> std::io::Result<Option<PipeWriter>> {
        if !self.can_hold() {
            command.stdin(Stdio::null());
            return Ok(None);
        }
        let (reader, writer) = std::io::pipe()?;
        command.stdin(Stdio::from(reader));
        Ok(Some(writer))
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
        &self.entry.description
    }

    fn runtime_api_host(&self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    }

    fn can_hold(&self) -> bool {
        matches!(self.entry.program, Program::Client(_))
    }

    fn serves_in_place(&self) -> bool {
        self.in_place
    }

    fn start(
        &self,
        identity: SandboxIdentity,
        account: Arc<BTreeMap<String, String>>,
    ) -> BoxFuture<'_, Result<Started, StartError>> {
        let wrapped = self.function.environment.0.contains_key(EXEC_WRAPPER);
        let started = self.entry.program.argv().and_then(|program| {
            let command = self.command(program, &identity, &account);
            self.spawn(command, mark(&identity)).map_err(|problem| self.not_spawned(&problem, wrapped))
        });
        std::future::ready(started).boxed()
    }
}

/// The variable that a sandbox shares with no other, and that everything it starts inherits.
fn mark(identity: &SandboxIdentity) -> String {
    format!("AWS_LAMBDA_LOG_STREAM_NAME={}", identity.log_stream)
}

/// What the gate's pipe takes without anyone reading it is 64 KiB; the rest is for opening it.
const GATE_ROOM: usize = 60 * 1024;

/// A child and its process group.
struct Process {
    child: Child,
    /// What is found in the environment of all its processes.
    mark: String,
    /// In bytes.
    memory_limit: u64,
    gate: Option<PipeWriter>,
    /// Bytes that may still be written to it.
    gate_room: usize,
    pid: Option<u32>,
    exit: Option<Exit>,
}

impl Process {
    fn kill_group(&self) {
        let group = self.pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(group) = group
            && let Err(problem) = kill_process_group(group, Signal::KILL)
        {
            // It has ended by itself, mostly.
            tracing::debug!(?group, %problem, "a process group was not killed");
        }
    }
}

impl Sandbox for Process {
    fn pid(&self) -> Option<u32> {
        self.pid
    }

    fn preload(&mut self, modules: &[String]) {
        let line = format!("preload {}\n", modules.join(","));
        if let (Some(gate), Some(left)) = (&mut self.gate, self.gate_room.checked_sub(line.len())) {
            self.gate_room = left;
            // Should the process be gone, its exit tells.
            drop(gate.write_all(line.as_bytes()));
        }
    }

    fn release(&mut self) {
        if let Some(mut gate) = self.gate.take() {
            // The pipe takes these few bytes without waiting; should the process be gone, its exit tells.
            drop(gate.write_all(b"learn\ngo\n"));
        }
    }

    fn wait(&mut self) -> BoxFuture<'_, Exit> {
        async move {
            if let Some(exit) = self.exit {
                return exit;
            }
            let exit = self.child.wait().await.map_or(Exit::Status(0), exit_of);
            // Whatever the runtime left behind in its group goes with it.
            self.kill_group();
            self.exit = Some(exit);
            exit
        }
        .boxed()
    }

    fn kill(&mut self) {
        if self.exit.is_none() {
            self.kill_group();
        }
    }

    /// A process that made a session of its own is in no group of ours and nobody's child: its environment tells.
    fn sweep(&mut self) -> BoxFuture<'_, ()> {
        let mark = self.mark.clone().into_bytes();
        async move {
            let swept = tokio::task::spawn_blocking(move || end_all(|variable| variable == mark)).await;
            match swept {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, "ended processes that had left their sandbox"),
                Err(problem) => tracing::warn!(%problem, "what a sandbox left behind could not be looked for"),
            }
        }
        .boxed()
    }

    fn memory(&self) -> memory::Usage {
        let pid = self.pid.filter(|_| self.exit.is_none());
        pid.map(|pid| memory::of_tree(pid, self.memory_limit)).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Status(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Status(0),
    }
}

/// Ends what a killed daemon left behind: sandboxes whose runtime folder is one of this state folder's, and builds that
/// fill one of its folders, which nobody but the holder of the state may start. Returns how many processes there were.
#[must_use]
pub fn reap(runtimes: &Path, builds: &Path) -> usize {
    let mark = |name: &str, folder: &Path| format!("{name}={}/", folder.display()).into_bytes();
    let marks = [mark("LAMBDA_RUNTIME_DIR", runtimes), mark(ARTIFACTS_DIR, builds)];
    end_all(|variable| marks.iter().any(|mark| variable.starts_with(mark)))
}

/// Ends the processes of which a variable is as asked for, and looks again until there are no more, since one may fork
/// while it is looked at. Returns how many there were.
fn end_all(is_marked: impl Fn(&[u8]) -> bool) -> usize {
    let mut all = BTreeSet::new();
    for _ in 0..SWEEPS {
        // One that ended in the meantime needs no killing.
        let ended: Vec<Pid> = marked(&is_marked).filter(|pid| kill_process(*pid, Signal::KILL).is_ok()).collect();
        if ended.is_empty() {
            break;
        }
        all.extend(ended.into_iter().map(Pid::as_raw_pid));
    }
    all.len()
}

/// Processes of which a variable is as asked for; one that has ended and waits to be collected has none.
fn marked(is_marked: impl Fn(&[u8]) -> bool) -> impl Iterator<Item = Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let ours = pids.filter(move |pid| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(&is_marked)
    });
    ours.filter_map(Pid::from_raw)
}

/// Only this machine's processes may talk to a sandbox's Runtime API, and of these only the daemon's own user's: the
/// kernel's table of connections says whose the other end is.
#[must_use]
pub fn is_own_peer(peer: SocketAddr, local: SocketAddr) -> bool {
    let (SocketAddr::V4(peer), SocketAddr::V4(local)) = (peer, local) else { return false };
    let end = |address: std::net::SocketAddrV4| {
        format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
    };
    let Ok(table) = std::fs::read_to_string("/proc/net/tcp") else { return peer.ip().is_loopback() };
    let (theirs, ours) = (end(peer), end(local));
    let owner = table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields.get(1) == Some(&theirs.as_str()) && fields.get(2) == Some(&ours.as_str()))
            .then(|| fields.get(7).copied())?
    });
    owner.and_then(|uid| uid.parse::<u32>().ok()) == Some(rustix::process::getuid().as_raw())
}
