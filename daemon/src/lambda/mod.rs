//! Lambda's rules (pure): what a sandbox is told, how its life goes, how the pool of a function decides.

pub mod invocation;

pub use invocation::{Failure, Invocation, Outcome};
