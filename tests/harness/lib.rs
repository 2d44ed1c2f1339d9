//! What the tests share: one file a helper, each named after what it stands in for.

mod shared;

pub use shared::shared;
pub mod control_port;
pub mod fake_supervisor;
pub mod recording_api;
pub mod runtime_client;
