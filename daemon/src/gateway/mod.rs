//! The data plane: listeners, the published snapshot, and the order of steps of a request.
//!
//! A gateway holds no state of its own but connections: each request clones the current snapshot once and is served by
//! that generation to its end. It knows workers, and nothing of processes or containers.

mod authorize;
pub mod listener;
pub mod pipeline;
pub mod snapshot;
pub mod wire;

pub use listener::Gateway;
pub use snapshot::Snapshot;
