//! What outlasts the daemon, as values.
//!
//! Never holds credentials of the caller: these live in memory alone.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::lambda::Invocation;
use crate::project::FunctionId;
use crate::project::settings::{ProjectName, Settings};

/// Everything that was saved.
#[derive(Debug, Clone, Default)]
pub struct Saved {
    /// The projects by name.
    pub projects: BTreeMap<ProjectName, SavedProject>,
    /// Sandboxes that may still be there after a daemon died, to be reaped at start.
    pub sandboxes: Vec<SavedSandbox>,
    /// Asynchronous invocations that were acknowledged and have not ended, oldest first.
    pub invocations: Vec<SavedInvocation>,
}

/// A project.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedProject {
    /// How it is served; its name is in here.
    pub settings: Settings,
    /// Whether it should run after a restart.
    pub wanted: Wanted,
    /// Number of the last configuration that served; 0 before the first.
    pub generation: u64,
    /// The port that it was given, kept across restarts.
    pub port: Option<u16>,
}

/// What the user wants of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// To run.
    Running,
    /// To be kept, not to run.
    Stopped,
}

/// The name of a sandbox, unique in one daemon's life and across restarts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SandboxId(pub String);

/// A sandbox that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSandbox {
    /// Its name.
    pub id: SandboxId,
    /// Whose function runs in it.
    pub project: ProjectName,
    /// The function.
    pub function: FunctionId,
    /// By what it is found again.
    pub identity: Identity,
}

/// By what a sandbox is found again, such that nobody else's process or container is ever taken for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// A process group.
    Process {
        /// Process id of its leader.
        pid: u32,
        /// When the leader was started: field 22 of `/proc/<pid>/stat`, in clock ticks since boot.
        start_time: u64,
        /// `/proc/sys/kernel/random/boot_id`, since ticks begin again with every boot.
        boot_id: String,
    },
    /// A container.
    Container {
        /// Its full id.
        id: String,
    },
}

/// An asynchronous invocation that was acknowledged.
#[derive(Debug, Clone)]
pub struct SavedInvocation {
    /// What to run; its request id is its key and stays the same for all attempts.
    pub invocation: Invocation,
    /// Whose function.
    pub project: ProjectName,
    /// The function.
    pub function: FunctionId,
    /// When it was acknowledged.
    pub accepted: SystemTime,
    /// Attempts that have failed so far.
    pub attempts: u32,
    /// Not to be tried before.
    pub due: SystemTime,
}

/// A change; changes of one commit are saved together or not at all.
#[expect(clippy::large_enum_variant, reason = "one is made for a control call and written at once")]
#[derive(Debug, Clone)]
pub enum Change {
    /// Save a project, new or changed.
    PutProject(SavedProject),
    /// Forget a project.
    RemoveProject(ProjectName),
    /// Save a sandbox that was started.
    PutSandbox(SavedSandbox),
    /// Forget a sandbox that has ended.
    RemoveSandbox(SandboxId),
    /// Save an asynchronous invocation, new or tried once more.
    PutInvocation(SavedInvocation),
    /// Forget an asynchronous invocation that has ended; by request id.
    RemoveInvocation(String),
}
