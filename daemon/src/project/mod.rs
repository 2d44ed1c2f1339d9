//! What should run: every value resolved, no intrinsic left, nobody looks at the template again.
//!
//! Owns the model (`Project`, `Function`, `Api`, `Layer`) and the comparison of two of them (`diff`). It is pure: it
//! never reads a file. Equality is by resolved value, so reformatting a template changes nothing; where things stand in
//! the template is kept beside the model ([`Project::locations`]) and takes no part in comparisons.

pub mod api;
pub mod asynchronous;
pub mod build;
pub mod containers;
pub mod diff;
pub mod environment;
pub mod function;
pub mod gateway;
pub mod issuers;
pub mod layer;
pub mod resolve;
pub mod routes;
pub mod samconfig;
pub mod serving;
pub mod settings;
pub mod stage_variables;
pub mod tailor;
#[cfg(test)]
pub(crate) mod testing;
pub mod websocket;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use api::{Api, ApiId};
pub use diff::{Changes, ProjectDiff};
pub use function::{Function, FunctionId};
pub use layer::Layer;
pub use resolve::resolve;
pub use routes::{RouteRow, routes};
pub use tailor::tailor;

/// Everything that one template, with its nested ones, asks to run.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// The functions by id.
    pub functions: BTreeMap<FunctionId, Function>,
    /// The APIs by id, REST and HTTP alike.
    pub apis: BTreeMap<ApiId, Api>,
    /// WebSocket APIs.
    pub websockets: Vec<websocket::WebSocketApi>,
    /// The order in which APIs claim a method and path on the project's one port: the root stack before nested ones,
    /// the implicit API before explicit ones, REST before HTTP.
    pub precedence: Vec<ApiId>,
    /// API keys that no usage plan has: nobody gets in with them.
    pub keys_without_plan: Vec<api::ApiKey>,
    /// Files that the model was made from (templates, OpenAPI files, includes, env-vars file) and code that was looked for
    /// and missed: a change in one of them asks for a new resolve.
    pub sources: Vec<PathBuf>,
    /// Values that only a deployment could know, and the stand-ins used for them.
    pub stand_ins: Vec<StandIn>,
    /// Where each resource stands in the template, by logical id (`Stack/Id` when nested).
    pub locations: BTreeMap<String, Location>,
}

impl Project {
    /// The function that a user means by `name`: the one with this id, else the first that goes by it.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&Function> {
        let named = || self.functions.values().filter(|function| function.goes_by(name));
        let first = || named().min_by_key(|function| function.id.0.to_lowercase());
        self.functions.get(&FunctionId(name.to_owned())).or_else(first)
    }

    /// The functions whose code, archive or layers a path lies in.
    #[must_use]
    pub fn functions_using(&self, path: &Path) -> Vec<FunctionId> {
        let users = self.functions.values().filter(|function| function.uses(path));
        users.map(|function| function.id.clone()).collect()
    }

    /// Every file and folder that the model was made from or that its functions run: what is worth watching.
    #[must_use]
    pub fn watched(&self) -> Vec<PathBuf> {
        let used = self.functions.values().flat_map(Function::watched).map(Path::to_path_buf);
        let all: BTreeSet<PathBuf> = self.sources.iter().cloned().chain(used).collect();
        all.into_iter().collect()
    }

    /// Whether one of these paths is a file that the model was made from, or a place where one was missed.
    #[must_use]
    pub fn asks_for_resolve(&self, touched: &[PathBuf]) -> bool {
        touched
            .iter()
            .any(|path| self.sources.iter().any(|source| path.starts_with(source) || source.starts_with(path)))
    }
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
