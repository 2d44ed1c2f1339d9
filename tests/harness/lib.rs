//! What the tests share: one file a helper, each named after what it stands in for.

pub mod apigw;
pub mod browser;
pub mod command_line;
pub mod control_port;
pub mod conversation;
pub mod daemon;
pub mod debug_adapter;
pub mod engine;
pub mod fake_supervisor;
pub mod foreground;
pub mod golden;
pub mod golden_file;
pub mod inspector;
pub mod lambda_client;
pub mod large_template;
pub mod namespace;
pub mod own_engine;
pub mod own_podman;
pub mod properties;
pub mod recording_api;
pub mod registry;
pub mod remote_engine;
pub mod runtime_client;
mod shared;

pub use shared::shared;
