//! What the user wrote (pure): YAML and JSON with CloudFormation's tags, intrinsics, conditions, typed resources.

pub mod diagnostic;

pub use diagnostic::{Diagnostic, Severity};
