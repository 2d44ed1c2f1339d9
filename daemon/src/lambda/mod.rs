//! Lambda's rules (pure): what a sandbox is told, how its life goes, how the pool of a function decides.

pub mod destination;
pub mod environment;
pub mod error;
pub mod extension;
pub mod invocation;
pub mod lifecycle;
pub mod pool;
pub mod preload;
pub mod recurrence;
pub mod report;
pub mod retry;
pub mod telemetry;

pub use invocation::{Failure, Invocation, Outcome};
