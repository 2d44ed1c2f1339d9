//! Owns the running projects; every change of what runs is a command to its actor.

pub mod handle;

pub use handle::{Command, Handle};
