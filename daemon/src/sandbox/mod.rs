//! Starts and stops the processes or containers in which functions run. Knows nothing of APIs.
//!
//! A [`Driver`] prepares a function once per version ([`Launcher`]) and then starts any number of sandboxes of it. What
//! it starts may wait at a gate: everything is there but the function's own code, until it is released. What takes a driver
//! its time (images, layers) it says by `delay`, so that nobody else waits; [`listen`] opens the addresses of Runtime APIs.

pub mod auto;
mod debug;
mod delay;
pub mod docker;
pub mod doors;
pub mod engine;
pub mod files;
pub mod image;
pub mod listen;
pub mod memory;
pub mod output;
pub mod process;
pub mod progress;
pub mod runtimes;
pub mod unpack;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;

use crate::lambda::environment::SandboxIdentity;
use crate::lambda::error::Exit;
use crate::project::Function;
use crate::project::settings::ProjectName;
use crate::runtime_api::Admit;

pub use delay::Delay;
pub use output::Output;

/// Why a sandbox could not be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct StartError {
    /// As the platform names it, for instance `Runtime.InvalidEntrypoint`.
    pub error_type: &'static str,
    /// One sentence: what happened, where, and what to do.
    pub reason: String,
}

impl StartError {
    /// What should be run cannot be.
    #[must_use]
    pub fn entry(reason: &str) -> StartError {
        StartError { error_type: "Runtime.InvalidEntrypoint", reason: reason.to_owned() }
    }

    /// The place in which it should run could not be made.
    #[must_use]
    pub fn place(reason: String) -> StartError {
        StartError { error_type: "Sandbox.Failure", reason }
    }
}

/// A way of running functions.
pub trait Driver: Send + Sync + std::fmt::Debug {
    /// `process`, `docker`, or `auto` for one that chooses between them.
    fn name(&self) -> &'static str;

    /// Does once what all sandboxes of this version share: finds the interpreter or image, unpacks archives. What is not
    /// here and takes its time to come is told by `delay`; dropped meanwhile, this gives it up.
    fn prepare(
        &self,
        project: &ProjectName,
        function: Arc<Function>,
        delay: Delay,
    ) -> BoxFuture<'_, Result<Arc<dyn Launcher>, StartError>>;

    /// Whether it would prepare the function for the same kind of sandbox now.
    fn stands_by<'a>(&'a self, _function: &'a Function, _prepared: &'a Description) -> BoxFuture<'a, bool> {
        Box::pin(std::future::ready(true))
    }
}

/// What a launcher runs, for status and log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description {
    /// The interpreter's path or the image's name.
    pub executable: String,
    /// As in `python:3.11.7`.
    pub runtime_version: String,
    /// What the user should know, for instance that another version than asked for is used.
    pub notes: Vec<String>,
    /// Why it is not what was asked for, where the last good one goes on.
    pub behind: Option<String>,
    /// The driver: `process` or `docker`.
    pub driver: &'static str,
}

/// Starts sandboxes of one prepared function.
pub trait Launcher: Send + Sync + std::fmt::Debug {
    /// What it runs.
    fn description(&self) -> &Description;

    /// The address on which the sandbox reaches its Runtime API.
    fn runtime_api_host(&self) -> IpAddr;

    /// The address that the sandbox is told for its Runtime API's listener.
    fn runtime_api_address(&self, listener: SocketAddr) -> String {
        listener.to_string()
    }

    /// Whether a started sandbox waits at the gate until it is released. One that cannot runs its code at once.
    fn can_hold(&self) -> bool;

    /// Whether its sandboxes compete for the processors as [`Precedence`] says; else something other than the daemon shares
    /// them out.
    fn heeds_precedence(&self) -> bool;

    /// Whether what is prepared is read from the user's files in place, so that it is still right after an edit.
    fn serves_in_place(&self) -> bool;

    /// A sandbox that waits at the gate since an earlier daemon started it, and is what [`Launcher::start`] would start.
    fn inherit(&self, _account: Arc<BTreeMap<String, String>>) -> BoxFuture<'_, Option<Inherited>> {
        Box::pin(std::future::ready(None))
    }

    /// Starts a sandbox. `account` holds the variables of [`crate::lambda::environment::variables`].
    fn start(
        &self,
        identity: SandboxIdentity,
        account: Arc<BTreeMap<String, String>>,
        precedence: Precedence,
    ) -> BoxFuture<'_, Result<Started, StartError>>;
}

/// How a sandbox competes for the processors. A container is always among equals: the engine shares them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precedence {
    /// As everybody.
    Equal,
    /// Behind everybody else: one of a function that has others.
    Behind,
    /// For what nobody else wants: one that is expected to crash.
    Last,
}

/// A sandbox that was started.
pub struct Started {
    /// The sandbox.
    pub sandbox: Box<dyn Sandbox>,
    /// What it prints.
    pub output: Output,
    /// What its external extensions print.
    pub extension_output: Output,
    /// Where what listens in it is reached from here: it is known there as `sandbox.localdomain`.
    pub place: IpAddr,
    /// Who may talk to its Runtime API: it alone.
    pub admit: Admit,
}

/// A sandbox of an earlier daemon.
pub struct Inherited {
    /// The sandbox.
    pub started: Started,
    /// On the address that it knows as its Runtime API's.
    pub listener: TcpListener,
}

/// A process or container. Dropping it kills it.
pub trait Sandbox: Send {
    /// Its process id on this machine, where there is one.
    fn pid(&self) -> Option<u32>;

    /// Whether one that is started now would find the same folders. A build may have replaced the one it stands on.
    fn is_fresh(&self) -> bool {
        true
    }

    /// Waits until it waits at the gate; one that is released before that has only more to do then.
    fn settled(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
    /// Has it load modules, none of the user's among them, while it waits at the gate. One that cannot does nothing.
    fn preload(&mut self, _modules: &[String]) {}

    /// Opens the gate: its external extensions are started, and where it has none the function's code may be loaded.
    fn release(&mut self);

    /// The function's code may be loaded: after [`Notice::Complete`], when the extensions have registered.
    fn start_runtime(&mut self) {}

    /// Whether it is known to have ended although nobody could say yet how: that is told soon.
    fn has_ended(&self) -> bool {
        false
    }

    /// Waits for the runtime's end; may be called again after being cancelled.
    fn wait(&mut self) -> BoxFuture<'_, Exit>;

    /// Waits for the next thing that happens in it; the runtime's end is told once. May be called again after being
    /// cancelled.
    fn happening(&mut self) -> BoxFuture<'_, Happening> {
        self.wait().map(Happening::Exit).boxed()
    }

    /// Ends the runtime, and its extensions not: by SIGTERM, or at once.
    fn end_runtime(&mut self, by_force: bool) {
        if by_force {
            self.kill();
        }
    }

    /// Leaves the processors to whoever else wants them, from now on and for good. A container does not: the engine shares
    /// them out.
    fn stand_back(&mut self) {}

    /// Stops everything in it, as it stands, until it is thawed.
    fn freeze(&mut self) {}

    /// Lets it go on.
    fn thaw(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Ends it and everything it started, at once.
    fn kill(&mut self);

    /// Ends, after the sandbox has ended, what it started and took out of its reach.
    fn sweep(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Memory in use now and at most so far, in bytes.
    fn memory(&self) -> memory::Usage;

    /// Whether a debugger is attached to it.
    fn is_debugged(&self) -> bool {
        false
    }
}

/// What happens in a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// Its runtime has ended.
    Exit(Exit),
    /// Something about its external extensions.
    Extension(Notice),
}

/// What becomes of external extensions, each by its file name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// It runs.
    Launched(String),
    /// It could not be started, and why.
    NotLaunched(String, String),
    /// Those that there are were all launched, or could not be.
    Complete,
    /// It has ended.
    Ended(String, Exit),
}
