//! API Gateway's rules (pure): which route takes a request, which event the function receives, what its result becomes.
//!
//! Values in, values out: the clock, ids and bodies are arguments. Rule numbers such as A5.1 in comments and test names
//! are those of the conformance table.

pub mod request;

pub use request::{Reply, Request};
