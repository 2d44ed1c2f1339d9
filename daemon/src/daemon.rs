//! The composition root: opens things, wires handles, ends them in order.
//!
//! Order of a start: state folder (and its lock) → store → sandboxes of a dead daemon reaped → drivers → supervisor →
//! control port → ready. Order of an end: stop accepting and finish requests → stop sandboxes → close the store.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::control::templates::{Reading, TemplateReader};
use crate::control::{self, Auth, DaemonInfo};
use crate::sandbox::process::ProcessDriver;
use crate::sandbox::runtimes::{Clients, Interpreters};
use crate::state::State;
use crate::store::{Opened, Store};
use crate::{credentials, loader, supervisor, systemd};

/// Where the control port is unless `SAMD_CONTROL` says otherwise.
pub const DEFAULT_CONTROL: &str = "127.0.0.1:7263";
/// Sandboxes that may be starting at once, for each processor.
const STARTS_PER_CORE: usize = 2;
/// Requests that are under way have so long to finish when the daemon ends.
const DRAIN: Duration = Duration::from_secs(25);
/// Sandboxes have so long to be gone.
const SANDBOXES: Duration = Duration::from_secs(5);

/// How the daemon is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The state folder.
    pub state: PathBuf,
    /// The control port's address; port 0 takes any.
    pub control: SocketAddr,
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// It could not be started: the sentence says what, where and what to do.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let state = State::open(&options.state)?;
    let opened = open_store(&state).await?;
    let listener = control_listener(options.control).await?;
    let ends = Ends::default();
    let parts = parts(&state, &opened.store, &ends).await?;
    let supervisor = supervisor::spawn(parts, opened.saved.projects);
    let address = listener.local_addr()?;
    state.publish_control(address)?;
    let serving = tokio::spawn(control::serve(
        listener,
        supervisor,
        template_reader(),
        Auth { token: control::token::Token::new(state.token().reveal()), token_file: state.folder().join("token") },
        info(&state),
        ends.control.clone(),
    ));
    systemd::ready(&format!("control port on {address}"));
    tracing::info!(%address, state = %state.folder().display(), "ready");
    until_told(&ends.control).await?;
    systemd::stopping("finishing requests");
    ends.finish(&opened.store).await;
    drop(serving.await);
    state.retract_control()?;
    Ok(())
}

async fn open_store(state: &State) -> anyhow::Result<Opened> {
    let folder = state.folder().to_path_buf();
    let opened = tokio::task::spawn_blocking(move || Store::open(&folder, SystemTime::now())).await??;
    for recovery in &opened.recoveries {
        tracing::warn!(%recovery, "the store was mended");
    }
    Ok(opened)
}

async fn control_listener(address: SocketAddr) -> anyhow::Result<TcpListener> {
    if let Some(listener) = systemd::control_listener().context("systemd's control socket cannot be used")? {
        listener.set_nonblocking(true)?;
        return Ok(TcpListener::from_std(listener)?);
    }
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address} for control; is another samd running? Set SAMD_CONTROL to another address")
    })
}

async fn parts(state: &State, store: &Store, ends: &Ends) -> anyhow::Result<supervisor::Parts> {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let folder = state.folder().to_path_buf();
    let process = tokio::task::spawn_blocking(move || -> anyhow::Result<ProcessDriver> {
        let clients = Clients::materialise(&folder.join("runtimes"))
            .with_context(|| format!("the runtime clients cannot be written to {}", folder.display()))?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let interpreters =
            Interpreters::discover(path, std::env::home_dir()).remember_in(folder.join("interpreters.json"));
        Ok(ProcessDriver::new(interpreters, clients, folder.join("unpacked")))
    });
    Ok(supervisor::Parts {
        process: Arc::new(process.await??),
        store: store.clone(),
        starts: Arc::new(Semaphore::new(cores * STARTS_PER_CORE)),
        connections: ends.connections.clone(),
        sandboxes: ends.sandboxes.clone(),
        cancel: ends.accepting.clone(),
    })
}

/// How the control port reads a template that nobody asked to run.
fn template_reader() -> TemplateReader {
    Arc::new(|settings, caller| {
        let region = settings.region.clone().unwrap_or_else(|| credentials::DEFAULT_REGION.to_owned());
        let loaded = loader::load(&settings, &loader::Inputs { region, caller: caller.0 });
        Reading { project: loaded.project.map(Arc::new), diagnostics: loaded.diagnostics }
    })
}

fn info(state: &State) -> DaemonInfo {
    DaemonInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started: SystemTime::now(),
        state_dir: state.folder().to_path_buf(),
    }
}

/// Waits for SIGTERM, SIGINT or the control port's word.
async fn until_told(stop: &CancellationToken) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
        _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
        () = stop.cancelled() => tracing::info!("told to stop"),
    }
    Ok(())
}

/// What has to end, in order.
#[derive(Debug, Default)]
struct Ends {
    control: CancellationToken,
    accepting: CancellationToken,
    connections: TaskTracker,
    sandboxes: TaskTracker,
}

impl Ends {
    async fn finish(&self, store: &Store) {
        self.accepting.cancel();
        self.connections.close();
        if tokio::time::timeout(DRAIN, self.connections.wait()).await.is_err() {
            tracing::warn!(connections = self.connections.len(), "gave up waiting for requests");
        }
        self.sandboxes.close();
        if tokio::time::timeout(SANDBOXES, self.sandboxes.wait()).await.is_err() {
            tracing::warn!(sandboxes = self.sandboxes.len(), "gave up waiting for sandboxes; they are killed");
        }
        self.control.cancel();
        store.close().await;
    }
}
