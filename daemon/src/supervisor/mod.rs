//! Owns the running projects; every change of what runs is a command to its actor.
//!
//! ```text
//!  control ──Command──▶ actor (names, ports, store) ──▶ project task (one each): reconcile, watch, status
//! ```
//! A project's own work (reading templates, preparing functions) happens in its task, so that one project never keeps
//! another waiting.

pub mod handle;

mod actor;
mod ports;
mod project_task;
mod readiness;
mod reconcile;
mod status;

pub use actor::{Parts, spawn};
pub use handle::{Command, Handle};
