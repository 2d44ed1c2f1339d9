//! One container from its making to its removal.
//!
//! ```text
//!  create ─▶ start ─▶ runs ─┬─ ends by itself ─▶ exit is told ─▶ removed
//!                           └─ killed, dropped ─▶ removed ─▶ exit is told
//! ```
//! A task of its own looks after each container, so that one whose sandbox is dropped at any moment, even half made, is
//! removed all the same, and a daemon that ends waits for it. How its end is known is `end`'s.

use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse};
use bollard::query_parameters::{KillContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::lambda::error::Exit;
use crate::shutdown::Phase;

use super::super::doors::Guest;
use super::super::engine::{Engine, told};
use super::super::{Happening, Output, Sandbox, StartError, Started, debug, memory};
use super::DockerLauncher;
use super::attached::{self, Latch, Streams};
use super::companions::{self, Companions};
use super::end::{KILL, Process, ended};
use super::gate::{Folder, Gate, Opener};
use super::lookout::Noted;
use super::mirror::Mirror;
use super::waiting::{self, Waiting};
use super::{creation, removal};

/// One that waits says so to a new daemon within this, or does not wait.
const FOUND_WAITING: Duration = Duration::from_secs(3);

/// A container that is made, and looked after from then on.
pub(super) struct Keeper {
    docker: Docker,
    id: String,
    /// Cancelled once it is started: from then on its end is awaited.
    started: CancellationToken,
    kill: CancellationToken,
    /// Dropping this removes the container.
    guard: DropGuard,
    exit: watch::Receiver<Option<Exit>>,
    process: Process,
    tasks: Phase,
}

impl Keeper {
    /// Makes a container that has these volumes.
    ///
    /// # Errors
    /// The engine refuses, in its own words.
    pub(super) async fn create(
        engine: &Engine,
        tasks: &Phase,
        body: ContainerCreateBody,
        mirrors: Vec<Arc<Mirror>>,
    ) -> Result<Keeper, StartError> {
        let docker = engine.docker.clone();
        let image = body.image.clone().unwrap_or_default();
        let created = creation::create(&docker, tasks, body).await;
        let id = created.map_err(|problem| refused(&image, &problem))?;
        Ok(Keeper::of(docker, id, tasks, mirrors))
    }

    /// Looks after a container that runs.
    pub(super) fn found(engine: &Engine, tasks: &Phase, id: String) -> Keeper {
        let keeper = Keeper::of(engine.docker.clone(), id, tasks, Vec::new());
        keeper.started.cancel();
        keeper
    }

    fn of(docker: Docker, id: String, tasks: &Phase, mirrors: Vec<Arc<Mirror>>) -> Keeper {
        let (kill, started) = (CancellationToken::new(), CancellationToken::new());
        let (told, exit) = watch::channel(None);
        let process = Process::default();
        let of_container = (docker.clone(), id.clone(), process.clone());
        let looked_after = look_after(of_container, started.clone(), (kill.clone(), tasks.token()), told);
        tasks.spawn(format!("the removal of container {}", short(&id)), async move {
            looked_after.await;
            // A volume goes after the containers that have it.
            drop(mirrors);
        });
        Keeper { docker, id, started, guard: kill.clone().drop_guard(), kill, exit, process, tasks: tasks.clone() }
    }

    /// Starts it. One without a gate may wait at its streams. `code` is the folder that it stands on.
    ///
    /// # Errors
    /// The engine cannot start it; it is removed again.
    pub(super) async fn start(
        self,
        (gate, waits): (Option<Gate>, bool),
        code: Option<&Path>,
        launcher: &DockerLauncher,
    ) -> Result<Started, StartError> {
        let streams = match &gate {
            Some(_) => None,
            None => Some(attached::streams(&self.docker, &self.id, waits).await?),
        };
        let stands_on = code.and_then(identity);
        self.docker.start_container(&self.id, None).await.map_err(|problem| not_started(&problem))?;
        self.started.cancel();
        self.running(gate, streams, (code, stands_on), launcher).await
    }

    /// Takes over one that an earlier daemon started; `None` where it does not say that it waits.
    pub(super) async fn take_over(
        mut self,
        gate: Gate,
        code: Option<&Path>,
        launcher: &DockerLauncher,
    ) -> Option<Started> {
        tokio::select! {
            () = gate.arrival() => {}
            _ = self.exit.wait_for(Option::is_some) => return None,
            () = tokio::time::sleep(FOUND_WAITING) => return None,
        }
        launcher.waiting.is_certain(true, Duration::ZERO);
        let stands_on = code.and_then(identity);
        self.running(Some(gate), None, (code, stands_on), launcher).await.ok()
    }

    async fn running(
        self,
        mut gate: Option<Gate>,
        streams: Option<Streams>,
        (code, stands_on): (Option<&Path>, Option<(u64, u64)>),
        launcher: &DockerLauncher,
    ) -> Result<Started, StartError> {
        let (printed, latch, attached) = match streams {
            Some(Streams { output, latch, companions }) => (Some(output), latch, companions),
            None => (None, None, None),
        };
        let (companions, extension_output) = gate.as_mut().and_then(Gate::take_companions).or(attached).unzip();
        let (opener, printed, folder) = match gate.map(Gate::into_parts) {
            Some((opener, output, folder)) => (Some(opener), Some(output), Some(folder)),
            None => (None, printed, None),
        };
        let inspected = self.docker.inspect_container(&self.id, None).await.map_err(|problem| not_started(&problem))?;
        let address = address(&inspected);
        let whose = (self.id.as_str(), launcher.place.state.as_path());
        let pid = pid(&inspected).filter(|_| launcher.engine.shares_processes());
        pid.into_iter().for_each(|pid| self.process.is(pid));
        let noted = launcher.place.lookout.watch(&launcher.engine, whose, self.kill.clone(), &self.tasks);
        let container = Container {
            pid,
            memory: u64::from(launcher.function.memory_mb) << 20,
            opener,
            latch,
            companions,
            told: false,
            debug_port: launcher.function.serving.debug.as_ref().map(|debug| debug.port),
            freezing: None,
            noted,
            process: self.process,
            docker: self.docker,
            id: self.id,
            tasks: self.tasks,
            waiting: launcher.waiting.clone(),
            began: Instant::now(),
            exit: self.exit,
            kill: self.kill,
            stands_on: code.map(Path::to_path_buf).zip(stands_on),
            _folder: folder,
            _guest: launcher.place.doors.let_in(address),
            _guard: self.guard,
        };
        // One that has ended already has no address, and nobody speaks for it.
        let admit = launcher.link.admit(address);
        let place = address.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
        Ok(Started {
            sandbox: Box::new(container),
            output: printed.unwrap_or_else(Output::none),
            extension_output: extension_output.unwrap_or_else(Output::none),
            place,
            admit,
        })
    }
}

fn refused(image: &str, problem: &Error) -> StartError {
    StartError::place(format!("no container could be made of image {image}: {}", told(problem)))
}

pub(super) fn not_started(problem: &Error) -> StartError {
    StartError::entry(&format!("the container could not be started: {}", told(problem)))
}

pub(super) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

fn pid(inspected: &ContainerInspectResponse) -> Option<u32> {
    let pid = inspected.state.as_ref()?.pid?;
    u32::try_from(pid).ok().filter(|pid| *pid > 0)
}

fn address(inspected: &ContainerInspectResponse) -> Option<IpAddr> {
    let networks = inspected.network_settings.as_ref()?.networks.as_ref()?;
    networks.values().find_map(|network| network.ip_address.as_ref()?.parse().ok())
}

/// The file system's name for a folder: another one at the same path is another folder.
fn identity(folder: &Path) -> Option<(u64, u64)> {
    folder.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

async fn look_after(
    (docker, id, process): (Docker, String, Process),
    started: CancellationToken,
    (kill, end): (CancellationToken, CancellationToken),
    told: watch::Sender<Option<Exit>>,
) {
    let ended = async {
        started.cancelled().await;
        ended(&docker, &id, &process).await
    };
    tokio::select! {
        exit = ended => drop(told.send_replace(Some(exit))),
        () = kill.cancelled() => {}
    }
    let is_gone = remove(&docker, &id).await.is_ok();
    if !is_gone {
        process.kill();
    }
    // Who waits for its end does not wait for an engine that is away.
    told.send_if_modified(|exit| exit.is_none() && exit.replace(Exit::Signal(KILL)).is_none());
    if !is_gone {
        removal::until_done(&format!("container {}", short(&id)), &end, || remove(&docker, &id)).await;
    }
}

/// Ends a container and takes it away with its volume.
pub(super) async fn remove(docker: &Docker, id: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match docker.remove_container(id, Some(options)).await {
        // 404: somebody else took it away. 409: somebody else is at it.
        Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
        removed => removed,
    }
}

/// A container that runs.
struct Container {
    /// On this machine.
    pid: Option<u32>,
    /// What the function may have, in bytes.
    memory: u64,
    opener: Option<Opener>,
    /// The same, where its streams are its gate.
    latch: Option<Latch>,
    /// Tells of extensions, where there may be some.
    companions: Option<Companions>,
    /// The runtime's end has been told as a happening.
    told: bool,
    debug_port: Option<u16>,
    /// The engine is asked to pause it.
    freezing: Option<JoinHandle<()>>,
    noted: Noted,
    process: Process,
    docker: Docker,
    id: String,
    tasks: Phase,
    waiting: Arc<Waiting>,
    began: Instant,
    exit: watch::Receiver<Option<Exit>>,
    kill: CancellationToken,
    stands_on: Option<(PathBuf, (u64, u64))>,
    _folder: Option<Folder>,
    _guest: Guest,
    _guard: DropGuard,
}

impl Sandbox for Container {
    fn pid(&self) -> Option<u32> {
        self.pid
    }

    fn is_fresh(&self) -> bool {
        let waits = self.opener.as_ref().filter(|opener| opener.is_in_interpreter());
        waits.is_none_or(|opener| self.waiting.is_certain(opener.has_arrived(), self.began.elapsed()))
            && self.stands_on.as_ref().is_none_or(|(folder, was)| identity(folder) == Some(*was))
    }

    fn settled(&mut self) -> BoxFuture<'_, ()> {
        async move {
            let Some(opener) = self.opener.as_ref().filter(|opener| opener.is_in_interpreter()) else { return };
            let arrived = tokio::select! {
                () = opener.arrival() => true,
                _ = self.exit.wait_for(Option::is_some) => false,
                () = tokio::time::sleep(waiting::PATIENCE) => false,
            };
            // What it says is kept for all; whether this one may be used is asked when it is needed.
            self.waiting.is_certain(arrived, self.began.elapsed());
        }
        .boxed()
    }

    fn release(&mut self) {
        if let Some(opener) = &mut self.opener {
            opener.open();
        }
        if let Some(latch) = &self.latch {
            latch.open();
        }
    }

    fn wait(&mut self) -> BoxFuture<'_, Exit> {
        async move {
            // The one who tells always does before it ends.
            self.exit.wait_for(Option::is_some).await.ok().and_then(|exit| *exit).unwrap_or(Exit::Signal(KILL))
        }
        .boxed()
    }

    fn start_runtime(&mut self) {
        self.release();
    }

    fn happening(&mut self) -> BoxFuture<'_, Happening> {
        async move {
            let companions = async {
                match &mut self.companions {
                    Some(companions) => companions.next().await,
                    None => std::future::pending().await,
                }
            };
            let ended = async {
                match self.exit.wait_for(Option::is_some).await {
                    Ok(exit) => exit.unwrap_or(Exit::Signal(KILL)),
                    Err(_) => Exit::Signal(KILL),
                }
            };
            let happening = tokio::select! {
                biased;
                told = companions => told,
                exit = ended, if !self.told => Happening::Exit(exit),
            };
            self.told |= matches!(happening, Happening::Exit(_));
            happening
        }
        .boxed()
    }

    /// The container's first process is the runtime, or the shell that passes the signal on.
    fn end_runtime(&mut self, by_force: bool) {
        let signal = match (by_force, self.companions.is_some()) {
            (true, false) => return self.kill(),
            (true, true) => companions::FORCE,
            (false, _) => companions::ASK,
        };
        let (docker, id) = (self.docker.clone(), self.id.clone());
        self.tasks.spawn(format!("the end of the runtime in {}", short(&id)), async move {
            let options = KillContainerOptionsBuilder::new().signal(signal).build();
            if let Err(problem) = docker.kill_container(&id, Some(options)).await {
                tracing::debug!(container = short(&id), %problem, "a runtime was not told to end");
            }
        });
    }

    fn freeze(&mut self) {
        let (docker, id) = (self.docker.clone(), self.id.clone());
        self.noted.is_frozen();
        let name = format!("the freezing of container {}", short(&id));
        self.freezing = Some(self.tasks.spawn(name, async move {
            if let Err(problem) = docker.pause_container(&id).await {
                tracing::debug!(container = short(&id), %problem, "a container was not frozen");
            }
        }));
    }

    fn thaw(&mut self) -> BoxFuture<'_, ()> {
        async move {
            let Some(freezing) = self.freezing.take() else { return };
            // What was asked for first is done first.
            drop(freezing.await);
            if let Err(problem) = self.docker.unpause_container(&self.id).await {
                tracing::warn!(container = short(&self.id), %problem, "a container could not be thawed");
            }
        }
        .boxed()
    }

    fn kill(&mut self) {
        self.kill.cancel();
    }

    fn has_ended(&self) -> bool {
        self.process.has_ended()
    }

    fn is_debugged(&self) -> bool {
        self.debug_port.is_some_and(|port| debug::is_attached(self.pid, port))
    }

    fn memory(&self) -> memory::Usage {
        let runs = self.exit.borrow().is_none();
        self.pid.filter(|_| runs).map(|pid| memory::of_tree(pid, self.memory)).unwrap_or_default()
    }
}
