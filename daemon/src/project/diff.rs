//! How two resolved projects differ: what a reload has to create, replace and retire (pure).
//!
//! Equality is by resolved value. A function whose value stayed the same still counts as changed when one of its files
//! was touched; nothing else does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::api::{Api, Route};
use super::{ApiId, FunctionId, Project};

/// Things by key that came, changed and went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes<K> {
    /// Only the next has it.
    pub added: BTreeSet<K>,
    /// Both have it, with different values or touched files.
    pub changed: BTreeSet<K>,
    /// Only the running one has it.
    pub removed: BTreeSet<K>,
}

impl<K> Default for Changes<K> {
    fn default() -> Changes<K> {
        Changes { added: BTreeSet::new(), changed: BTreeSet::new(), removed: BTreeSet::new() }
    }
}

impl<K: Ord> Changes<K> {
    /// Whether a key came, changed or went.
    #[must_use]
    pub fn touches(&self, key: &K) -> bool {
        [&self.added, &self.changed, &self.removed].iter().any(|keys| keys.contains(key))
    }

    /// Counts a key as one that neither came nor changed.
    pub fn forget(&mut self, key: &K) {
        self.added.remove(key);
        self.changed.remove(key);
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

/// What differs between the project that runs and the one that should.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectDiff {
    /// Functions.
    pub functions: Changes<FunctionId>,
    /// APIs, routes and settings alike.
    pub apis: Changes<ApiId>,
    /// Routes as people name them: `GET /users`.
    pub routes: Changes<String>,
    /// The APIs claim shared paths in another order.
    pub precedence_changed: bool,
}

impl ProjectDiff {
    /// Compares two projects. `touched` are the files whose content changed since the running one was started.
    #[must_use]
    pub fn between(running: &Project, next: &Project, touched: &[PathBuf]) -> ProjectDiff {
        let is_touched = |id: &FunctionId| {
            let function = next.functions.get(id);
            function.is_some_and(|function| touched.iter().any(|path| function.uses(path)))
        };
        ProjectDiff {
            functions: changes(&running.functions, &next.functions, is_touched),
            apis: changes(&running.apis, &next.apis, |_| false),
            routes: route_changes(running, next),
            precedence_changed: running.precedence != next.precedence,
        }
    }

    /// Counts functions as changed that both projects have, whatever their values.
    pub fn force(&mut self, functions: &[FunctionId]) {
        let kept = functions.iter().filter(|id| !self.functions.touches(id)).cloned();
        let kept: Vec<FunctionId> = kept.collect();
        self.functions.changed.extend(kept);
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.apis.is_empty() && self.routes.is_empty() && !self.precedence_changed
    }
}

fn changes<K: Ord + Clone, V: PartialEq>(
    running: &BTreeMap<K, V>,
    next: &BTreeMap<K, V>,
    touched: impl Fn(&K) -> bool,
) -> Changes<K> {
    let differs = |key: &&K| running.get(*key).is_some_and(|before| Some(before) != next.get(*key) || touched(key));
    Changes {
        added: next.keys().filter(|key| !running.contains_key(key)).cloned().collect(),
        changed: next.keys().filter(differs).cloned().collect(),
        removed: running.keys().filter(|key| !next.contains_key(key)).cloned().collect(),
    }
}

/// Routes of all APIs by name; a name is changed when any API's route of that name is.
fn route_changes(running: &Project, next: &Project) -> Changes<String> {
    let (running, next) = (named(running), named(next));
    let pairs = |routes: &BTreeMap<(ApiId, String), &Route>| -> BTreeSet<String> {
        routes.keys().map(|(_, name)| name.clone()).collect()
    };
    let (before, after) = (pairs(&running), pairs(&next));
    let same = |key: &(ApiId, String)| running.get(key) == next.get(key);
    let keys: BTreeSet<&(ApiId, String)> = running.keys().chain(next.keys()).collect();
    let differing: BTreeSet<&String> = keys.into_iter().filter(|key| !same(key)).map(|(_, name)| name).collect();
    Changes {
        added: after.difference(&before).cloned().collect(),
        changed: differing
            .into_iter()
            .filter(|name| before.contains(*name) && after.contains(*name))
            .cloned()
            .collect(),
        removed: before.difference(&after).cloned().collect(),
    }
}

fn named(project: &Project) -> BTreeMap<(ApiId, String), &Route> {
    let name = |route: &Route| format!("{} {}", route.method.as_str(), route.path.as_str());
    let of_api =
        |api: &Api| -> Vec<(ApiId, String)> { api.routes.iter().map(|route| (api.id.clone(), name(route))).collect() };
    let apis = project.apis.values();
    apis.flat_map(|api| of_api(api).into_iter().zip(&api.routes)).collect()
}
