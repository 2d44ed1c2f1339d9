//! Owns the running projects; every change of what runs is a command to its actor.
//!
//! ```text
//!  control ──Command──▶ actor (names, ports, store) ──▶ project task (one each): reconcile, watch, status
//! ```
//! Who invokes by name (the Lambda endpoint, the event queue) reads the directory, which project tasks publish; such an
//! invocation goes straight to the worker. The event queue owns asynchronous invocations.
//!
//! A project's own work (reading templates, preparing functions) happens in its task, so that one project never keeps
//! another waiting.

pub mod handle;

pub mod directory;

mod actor;
mod event_queue;
mod ports;
mod project_task;
mod readiness;
mod reconcile;
mod status;
mod token;
mod view;

pub use actor::{Parts, Restoring, spawn};
pub use directory::Directory;
pub use handle::{Command, Handle, Patch};
pub use reconcile::ACCOUNT;
