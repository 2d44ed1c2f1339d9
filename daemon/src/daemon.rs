//! The composition root: opens things, wires handles, ends them in order.
//!
//! Order of a start: state folder (and its lock) → processes that a killed daemon left are reaped → store → its containers
//! are reaped, or held for who claims them → drivers → supervisor → control port → ready. Order of an end: stop accepting
//! and finish requests, those of the Lambda endpoint too → stop sandboxes → control port → store. Beside all that `engines`
//! hears of container engines that come and go, and `ephemeral` ends a daemon with the command that it belongs to.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::builder::artifacts;
use crate::control::templates::{Reading, TemplateReader};
use crate::control::{self, Auth, DaemonInfo};
use crate::layers::Layers;
use crate::sandbox::Driver;
use crate::sandbox::auto::AutoDriver;
use crate::sandbox::docker::{self, DockerDriver, Heirs, Lookout};
use crate::sandbox::doors::Doors;
use crate::sandbox::engine::{Engines, Surroundings};
use crate::sandbox::process::{self, ProcessDriver};
use crate::sandbox::progress::Board;
use crate::sandbox::runtimes::{Clients, Interpreters};
use crate::shutdown::{Phase, Shutdown};
use crate::state::State;
use crate::store::{Opened, Saved, Store};
use crate::watch::Watcher;
use crate::{credentials, gateway, lambda_api, loader, supervisor, systemd};

mod engines;
mod ephemeral;

/// Where the control port is unless `SAMD_CONTROL` says otherwise.
pub const DEFAULT_CONTROL: &str = "127.0.0.1:7263";
/// Where the Lambda endpoint is at first, unless `SAMD_LAMBDA` says otherwise or another daemon has it.
pub const DEFAULT_LAMBDA: &str = "127.0.0.1:7264";
/// Sandboxes that may be starting at once, for each processor.
const STARTS_PER_CORE: usize = 2;
/// The end of the daemon may take so long in all.
const LIMIT: Duration = Duration::from_secs(30);
/// Of this, so much is kept for sandboxes to end.
const FOR_SANDBOXES: Duration = Duration::from_secs(4);
/// Of this, so much is kept for the control port to answer whoever stops the daemon.
const FOR_CONTROL: Duration = Duration::from_secs(1);
/// The folder of builds, below the state folder.
const BUILDS: &str = "built";
/// The supervisor must answer the watchdog within this.
const ALIVE: Duration = Duration::from_secs(5);

/// How the daemon is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The state folder.
    pub state: PathBuf,
    /// The control port's address; port 0 takes any.
    pub control: SocketAddr,
    /// The Lambda endpoint's address; `None` takes the one that it had, or [`DEFAULT_LAMBDA`], or any.
    pub lambda: Option<SocketAddr>,
    /// The daemon belongs to a command: see `ephemeral`.
    pub ephemeral: bool,
    /// Folder for what is worth finding again; it may be shared with other daemons.
    pub cache: PathBuf,
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// It could not be started: the sentence says what, where and what to do.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let state = State::open(&options.state)?;
    let engines = Engines::new(Surroundings::of_this_process());
    // An ephemeral daemon's state folder is new: nothing can have been left in its name.
    if !options.ephemeral {
        reap_processes(&state).await?;
    }
    let opened = open_store(&state).await?;
    let given = systemd::control_listener().context("systemd's control socket cannot be used")?;
    let stays_open = given.is_some();
    let listener = control_listener(given, options.control).await?;
    let asked = lambda_api::Asked { address: options.lambda, open: options.ephemeral };
    let lambda = lambda_api::listen(asked, state.lambda_endpoint(), DEFAULT_LAMBDA).await?;
    let endpoint = lambda_api::reachable(lambda.local_addr()?);
    state.publish_lambda_endpoint(endpoint)?;
    let mut shutdown = Shutdown::default();
    let requests = shutdown.phase("requests", Duration::ZERO);
    let sandboxes = shutdown.phase("sandboxes", FOR_SANDBOXES);
    let control = shutdown.phase("control", FOR_CONTROL);
    let (doors, opened_doors) = Doors::new();
    let place = Place { state: &state, cache: options.cache };
    let docker = DockerSide { engines, place: place.of_docker(sandboxes.clone(), doors) };
    if !options.ephemeral {
        reap_containers(&docker).await;
    }
    let heirs = docker.place.heirs.clone();
    let restored = CancellationToken::new();
    requests.spawn("the claims on earlier containers", dismiss(heirs, restored.clone(), requests.token()));
    let restoring = Arc::new(restored.drop_guard());
    let builds = builds(&state, &opened.saved).await?;
    let (phases, followed) = ((requests.clone(), sandboxes), docker.engines.clone());
    let parts = parts(place, &opened.store, docker, (endpoint, builds), phases, restoring).await?;
    let watcher = parts.watcher.clone();
    let supervisor = supervisor::spawn(parts, opened.saved);
    let following = engines::follow(followed, watcher, supervisor.clone());
    requests.spawn("the engine's coming and going", requests.token().run_until_cancelled_owned(following));
    lambda_api::serve(lambda, supervisor.clone(), &requests)?;
    lambda_api::serve_doors(opened_doors, supervisor.clone(), &requests);
    let address = listener.local_addr()?;
    state.publish_control(address)?;
    let told = CancellationToken::new();
    if options.ephemeral {
        ephemeral::bind(address, told.clone())?;
    }
    serve_control(&control, listener, (&state, endpoint), &supervisor, &told);
    feed_watchdog(&control, &supervisor);
    systemd::ready(&format!("control port on {address}"));
    tracing::info!(%address, lambda = %endpoint, state = %state.folder().display(), "ready");
    until_told(&told, &supervisor).await?;
    systemd::stopping("finishing requests");
    let limit = if options.ephemeral { ephemeral::LIMIT } else { LIMIT };
    shutdown.run(limit, |waiting| tracing::warn!("{waiting}")).await;
    opened.store.close().await;
    // A socket of the service manager's stays open for the daemon that comes next.
    if !stays_open {
        state.retract_control()?;
    }
    if options.ephemeral {
        state.remove()?;
    }
    Ok(())
}

/// Where the daemon keeps things.
struct Place<'a> {
    state: &'a State,
    cache: PathBuf,
}

impl Place<'_> {
    /// Where code that came as archives is unpacked.
    fn unpacked(&self) -> PathBuf {
        self.cache.join("unpacked")
    }

    fn of_docker(&self, tasks: Phase, doors: Doors) -> docker::Place {
        let (state, cache) = (self.state.folder().to_path_buf(), self.unpacked());
        docker::Place { state, cache, tasks, doors, heirs: Heirs::default(), lookout: Lookout::default() }
    }
}

/// The state folder's runtimes are the mark of this daemon's sandboxes.
fn runtimes(state: &State) -> PathBuf {
    state.folder().join("runtimes")
}

async fn reap_processes(state: &State) -> anyhow::Result<()> {
    let (runtimes, builds) = (runtimes(state), state.folder().join(BUILDS));
    let reaped = tokio::task::spawn_blocking(move || process::reap(&runtimes, &builds)).await?;
    if reaped > 0 {
        tracing::warn!(reaped, "ended processes that a killed daemon had left behind");
    }
    Ok(())
}

async fn reap_containers(docker: &DockerSide) {
    let reaped = docker::reap(&docker.engines, &docker.place).await;
    if reaped > 0 {
        tracing::warn!(reaped, "removed containers that a killed daemon had left behind");
    }
}

/// What no restored project claims is nobody's.
async fn dismiss(heirs: Heirs, restored: CancellationToken, stop: CancellationToken) {
    tokio::select! {
        () = restored.cancelled() => {}
        () = stop.cancelled() => {}
    }
    heirs.dismiss();
}

async fn open_store(state: &State) -> anyhow::Result<Opened> {
    let folder = state.folder().to_path_buf();
    let opened = tokio::task::spawn_blocking(move || Store::open(&folder, SystemTime::now())).await??;
    for recovery in &opened.recoveries {
        tracing::warn!(%recovery, "the store was mended");
    }
    Ok(opened)
}

async fn control_listener(given: Option<std::net::TcpListener>, address: SocketAddr) -> anyhow::Result<TcpListener> {
    if let Some(listener) = given {
        return Ok(TcpListener::from_std(listener)?);
    }
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address} for control; is another samd running? Set SAMD_CONTROL to another address")
    })
}

/// What the docker driver is made of.
struct DockerSide {
    engines: Engines,
    place: docker::Place,
}

async fn parts(
    own: Place<'_>,
    store: &Store,
    DockerSide { engines, place }: DockerSide,
    (lambda_endpoint, builds): (SocketAddr, PathBuf),
    (requests, sandboxes): (Phase, Phase),
    restoring: supervisor::Restoring,
) -> anyhow::Result<supervisor::Parts> {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let (unpacked, runtimes) = (own.unpacked(), runtimes(own.state));
    let Place { state, cache } = own;
    let layers = Layers::new(cache.join("layers"));
    let process = tokio::task::spawn_blocking(move || -> anyhow::Result<ProcessDriver> {
        let clients = Clients::materialise(&runtimes)
            .with_context(|| format!("the runtime clients cannot be written to {}", runtimes.display()))?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let interpreters =
            Interpreters::discover(path, std::env::home_dir()).remember_in(cache.join("interpreters.json"));
        Ok(ProcessDriver::new(interpreters, clients, unpacked))
    });
    let process: Arc<dyn Driver> = Arc::new(process.await??);
    let board = Board::default();
    let docker = DockerDriver::new(engines, place, board.clone());
    Ok(supervisor::Parts {
        auto: Arc::new(AutoDriver::new(docker.clone(), process.clone())),
        docker: Arc::new(docker),
        process,
        board,
        layers,
        store: store.clone(),
        lambda_endpoint,
        secret: credentials::Secret::new(state.token().reveal()),
        starts: Arc::new(Semaphore::new(cores * STARTS_PER_CORE)),
        builds,
        watcher: Watcher::start(state.folder().join("noticed")),
        requests,
        sandboxes,
        restoring,
    })
}

/// The folder for builds. What was built of projects that are gone is gone.
async fn builds(state: &State, saved: &Saved) -> anyhow::Result<PathBuf> {
    let folder = state.folder().join(BUILDS);
    let known: BTreeSet<String> = saved.projects.keys().map(|name| name.0.clone()).collect();
    let tidied = folder.clone();
    let tidy = tokio::task::spawn_blocking(move || artifacts::tidy(&tidied, |name| known.contains(name))).await?;
    if let Err(problem) = tidy {
        tracing::warn!(%problem, folder = %folder.display(), "earlier builds could not be removed");
    }
    Ok(folder)
}

/// Serves the control port until its phase ends, or until it is itself what stops the daemon.
fn serve_control(
    phase: &Phase,
    listener: TcpListener,
    (state, endpoint): (&State, SocketAddr),
    supervisor: &supervisor::Handle,
    told: &CancellationToken,
) {
    let auth =
        Auth { token: control::token::Token::new(state.token().reveal()), token_file: state.folder().join("token") };
    let serving =
        control::serve(listener, supervisor.clone(), template_reader(), auth, info(state, endpoint), told.clone());
    let (end, told) = (phase.token(), told.clone());
    phase.spawn("the control port", async move {
        let mut serving = std::pin::pin!(serving);
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = end.cancelled() => {
                told.cancel();
                serving.await
            }
        };
        if let Err(problem) = ended {
            tracing::error!(%problem, "the control port ended");
            told.cancel();
        }
    });
}

/// A daemon that does not answer itself is not fed, and systemd starts it again.
fn feed_watchdog(phase: &Phase, supervisor: &supervisor::Handle) {
    let Some(interval) = systemd::watchdog_interval() else { return };
    let supervisor = supervisor.clone();
    let feed = systemd::feed_watchdog(interval, phase.token(), move || {
        let supervisor = supervisor.clone();
        async move { tokio::time::timeout(ALIVE, supervisor.list()).await.is_ok() }
    });
    phase.spawn("the watchdog", feed);
}

/// How the control port reads a template that nobody asked to run.
fn template_reader() -> TemplateReader {
    let runtime = tokio::runtime::Handle::current();
    Arc::new(move |settings, caller| {
        let home = std::env::home_dir();
        let request = credentials::Request {
            profile: settings.profile.as_deref(),
            region: settings.region.as_deref(),
            home: home.as_deref(),
        };
        let region = runtime.block_on(credentials::resolve(request, &caller.0)).region;
        let loaded = loader::load(&settings, &loader::Inputs { region, caller: caller.0 });
        let unserved = loaded.project.iter().flat_map(gateway::findings::of);
        let diagnostics = loaded.diagnostics.into_iter().chain(unserved).collect();
        Reading { project: loaded.project.map(Arc::new), diagnostics }
    })
}

fn info(state: &State, endpoint: SocketAddr) -> DaemonInfo {
    DaemonInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started: SystemTime::now(),
        lambda_endpoint: Some(endpoint),
        state_dir: state.folder().to_path_buf(),
    }
}

/// Waits for SIGTERM, SIGINT or the control port's word. SIGHUP reloads all projects.
async fn until_told(stop: &CancellationToken, supervisor: &supervisor::Handle) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
            () = stop.cancelled() => tracing::info!("told to stop"),
            _ = hangup.recv() => {
                reload_all(supervisor).await;
                continue;
            }
        }
        return Ok(());
    }
}

async fn reload_all(supervisor: &supervisor::Handle) {
    systemd::reloading("reloading all projects");
    let running = supervisor.list().await.unwrap_or_default();
    for project in running.into_iter().filter(|project| project.running.is_some()) {
        let name = project.settings.name;
        if let Err(refused) = supervisor.reload(name.clone(), Vec::new()).await {
            tracing::error!(project = %name, %refused, "a project could not be reloaded");
        }
    }
    systemd::ready("all projects are reloaded");
}
