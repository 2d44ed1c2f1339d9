//! Owns one function version: its pool, its sandboxes, its waiting invocations.
//!
//! ```text
//!  Handle ──Message──▶ actor (owns lambda::Pool) ──Order──▶ sandbox_task (owns child, Runtime API, lifecycle)
//!                        ▲                                       │
//!                        └────────────────Event──────────────────┘
//! ```
//! Before a function can run, a [`room`] has those who wait for it.
//! The answer of an invocation goes from the sandbox task straight to the caller. When the last handle is dropped the
//! actor finishes what is in flight and ends.

mod actor;
pub mod handle;
mod held;
pub mod journal;
pub mod room;
mod sandbox_task;
mod scribe;
mod subscriber;

pub use actor::{Spec, spawn};
pub use handle::{Handle, Handover, Reply, stream_failure};
pub use held::Held;
