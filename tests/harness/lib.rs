//! What the tests share: one file a helper, each named after what it stands in for.

pub mod command_line;
pub mod control_port;
pub mod fake_supervisor;
mod shared;

pub use shared::shared;
