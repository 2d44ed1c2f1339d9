//! What the tests share: one file a helper, each named after what it stands in for.

pub mod golden;
mod shared;

pub use shared::shared;
