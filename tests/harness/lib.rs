//! What the tests share: one file a helper, each named after what it stands in for.

pub mod recording_api;
pub mod runtime_client;
