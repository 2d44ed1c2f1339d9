//! Owns one function version: its pool, its sandboxes, its waiting invocations.

pub mod handle;

pub use handle::Handle;
