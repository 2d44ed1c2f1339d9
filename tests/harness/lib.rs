//! What the tests share: one file a helper, each named after what it stands in for.

mod shared;

pub use shared::shared;
