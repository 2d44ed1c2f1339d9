//! What should run: every value resolved, no intrinsic left, nobody looks at the template again.
//!
//! Owns the model (`Project`, `Function`, `Api`, `Layer`) and the comparison of two of them (`diff`). It is pure: it
//! never reads a file. Equality is by resolved value, so reformatting a template changes nothing; where things stand in
//! the template is kept beside the model ([`Project::locations`]) and takes no part in comparisons.

pub mod api;
pub mod diff;
pub mod function;
pub mod layer;
pub mod settings;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use api::{Api, ApiId};
pub use function::{Function, FunctionId};
pub use layer::Layer;

/// Everything that one template, with its nested ones, asks to run.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// The functions by id.
    pub functions: BTreeMap<FunctionId, Function>,
    /// The APIs by id, REST and HTTP alike.
    pub apis: BTreeMap<ApiId, Api>,
    /// The order in which APIs claim a method and path on the project's one port: the root stack before nested ones,
    /// the implicit API before explicit ones, REST before HTTP.
    pub precedence: Vec<ApiId>,
    /// Files that the model was made from (templates, OpenAPI files, includes, env-vars file): a change in one of them
    /// asks for a new resolve.
    pub sources: Vec<PathBuf>,
    /// Values that only a deployment could know, and the stand-ins used for them.
    pub stand_ins: Vec<StandIn>,
    /// Where each resource stands in the template, by logical id (`Stack/Id` when nested).
    pub locations: BTreeMap<String, Location>,
}

/// A value that could not be known locally, and what was used instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    /// What was asked for, as in `!GetAtt Table.StreamArn` → `Table.StreamArn`.
    pub expression: String,
    /// What was used.
    pub value: String,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}
