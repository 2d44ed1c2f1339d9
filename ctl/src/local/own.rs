//! A daemon of the command's own: its state is a private folder that goes with it, its ports are any free ones, and it
//! ends when the command does, however that ends, because the system then closes the pipe that it reads.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use samd_proto::place;
use tempfile::TempDir;

use crate::client::{self, Attempt, Client};
use crate::exit::Failure;
use crate::station::Station;
use crate::{Surroundings, autostart};

/// How long the daemon may take to end.
const END: Duration = Duration::from_secs(10);
/// What the daemon says of itself unless the user asks for more: what it says of the project is shown here already.
const LOG: &str = "warn,samd::supervisor=off,samd::store=error";
/// What it says with `--debug`.
const DEBUG_LOG: &str = "info,samd=debug";

/// The daemon.
pub(super) struct OwnDaemon {
    child: Child,
    /// Open as long as the daemon is to live.
    leash: Option<ChildStdin>,
    /// Removed when this is dropped, should the daemon not have done so.
    _folder: TempDir,
    /// The way to it.
    pub(super) client: Client,
}

/// How it is run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Where its Lambda endpoint is.
    pub(super) lambda: SocketAddr,
    /// It logs in detail.
    pub(super) debug: bool,
}

impl OwnDaemon {
    /// Starts a daemon and waits until it answers.
    pub(super) fn start(wanted: Wanted, surroundings: &Surroundings) -> Result<OwnDaemon, Failure> {
        let folder = folder(surroundings).map_err(|error| {
            Failure::NoDaemon(format!("no folder can be made for the state of this command's daemon: {error}"))
        })?;
        let state = folder.path().to_path_buf();
        let program = autostart::find(surroundings.program.as_deref());
        let mut child = command(&program, &state, wanted, surroundings)
            .spawn()
            .map_err(|error| Failure::NoDaemon(format!("{} cannot be started: {error}", program.display())))?;
        let (leash, told) = (child.stdin.take(), child.stdout.take());
        match told.and_then(address) {
            Some(address) => {
                let station = Station { state_dir: state, asked: Some(address) };
                let client = Client::new(address, &station);
                Ok(OwnDaemon { child, leash, _folder: folder, client })
            }
            // It has said why on standard error.
            None => {
                let ended = child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
                Err(Failure::NoDaemon(format!("samd could not be started ({ended})")))
            }
        }
    }

    /// Tells it to end.
    pub(super) fn release(&mut self) {
        self.leash = None;
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it at once.
    pub(super) fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Tells it to end and waits for it; `meanwhile` is done again and again and says whether to go on waiting.
    pub(super) fn end(mut self, mut meanwhile: impl FnMut() -> bool) {
        self.release();
        let until = Instant::now() + END;
        while !self.has_ended() {
            if Instant::now() > until || !meanwhile() {
                self.kill();
            }
        }
    }
}

impl Drop for OwnDaemon {
    /// On the way out of a failure; otherwise it has ended already.
    fn drop(&mut self) {
        self.release();
        let ended = || if self.has_ended() { Attempt::Found(()) } else { Attempt::Again };
        if client::retry(Instant::now() + END, ended).is_none() {
            self.kill();
        }
    }
}

/// Private, in memory where the system offers that: nothing of it has to last, and a disk makes a start slow.
fn folder(surroundings: &Surroundings) -> std::io::Result<TempDir> {
    let runtime = surroundings.variable("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let candidates = runtime.into_iter().chain([PathBuf::from("/dev/shm")]).filter(|folder| folder.is_dir());
    let mut builder = tempfile::Builder::new();
    builder.prefix("samctl-");
    let in_memory = candidates.filter_map(|candidate| builder.tempdir_in(candidate).ok()).next();
    in_memory.map_or_else(|| builder.tempdir(), Ok)
}

fn command(program: &Path, state: &Path, wanted: Wanted, surroundings: &Surroundings) -> Command {
    let mut command = Command::new(program);
    command.arg("--ephemeral").env_clear().envs(&surroundings.variables);
    for secret in autostart::SECRETS {
        command.env_remove(secret);
    }
    command.env(place::STATE_VARIABLE, state).env(place::CONTROL_VARIABLE, "127.0.0.1:0");
    command.env("SAMD_LAMBDA", wanted.lambda.to_string());
    if let Some(cache) = cache(surroundings) {
        command.env("SAMD_CACHE_DIR", cache);
    }
    match (wanted.debug, surroundings.variable("SAMD_LOG")) {
        (_, Some(log)) => command.env("SAMD_LOG", log),
        (true, None) => command.env("SAMD_LOG", DEBUG_LOG),
        (false, None) => command.env("SAMD_LOG", LOG),
    };
    // Ctrl-C in a terminal reaches the whole group; the daemon is told to end by its command alone.
    command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
    command
}

/// The user's state folder: what one command found out about interpreters the next one need not ask again.
fn cache(surroundings: &Surroundings) -> Option<PathBuf> {
    let folder = surroundings.absolute(&place::state_dir(|name| surroundings.variable(name))?);
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.is_ok().then_some(folder)
}

/// The line in which the daemon says where its control port is.
fn address(told: impl Read) -> Option<SocketAddr> {
    let mut line = String::new();
    BufReader::new(told).read_line(&mut line).ok()?;
    line.trim().parse().ok()
}
