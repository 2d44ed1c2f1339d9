//! What resolving a template brings to light besides the model: diagnostics, stand-ins, the files that were read.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::diagnostic::Diagnostic;
use super::node::Node;

/// Collects while resolving; each diagnostic once, however often its place is evaluated.
#[derive(Debug, Default)]
pub struct Findings {
    diagnostics: RefCell<Vec<Diagnostic>>,
    seen: RefCell<HashSet<String>>,
    stand_ins: RefCell<BTreeMap<String, String>>,
    sources: RefCell<BTreeSet<PathBuf>>,
}

impl Findings {
    /// Takes a diagnostic, unless the same is told of its place already: what stands in `Globals` is wrong once, however many
    /// resources have it.
    pub fn report(&self, diagnostic: Diagnostic) {
        let path = if diagnostic.location.is_some() { String::new() } else { diagnostic.path.clone() };
        let told = Diagnostic { path, ..diagnostic.clone() };
        if self.seen.borrow_mut().insert(told.to_string()) {
            self.diagnostics.borrow_mut().push(diagnostic);
        }
    }

    /// Notes that `value` was used for an expression that only a deployment could answer.
    pub fn stand_in(&self, expression: &str, value: &str) {
        self.stand_ins.borrow_mut().entry(expression.to_owned()).or_insert_with(|| value.to_owned());
    }

    /// Whether a text is, or is put together with, a value that only stands in for what a deployment knows.
    #[must_use]
    pub fn is_stand_in(&self, text: &str) -> bool {
        /// The least length of a value that is looked for inside a longer text.
        const TELLING: usize = 3;
        let stand_ins = self.stand_ins.borrow();
        let is_part = |value: &String| value.len() >= TELLING && text.contains(value.as_str());
        stand_ins.values().any(|value| text == value || is_part(value))
    }

    /// Whether this value is one that was used for an expression.
    #[must_use]
    pub fn stands_in(&self, value: &Node) -> bool {
        value.scalar().is_some_and(|text| self.stand_ins.borrow().values().any(|used| *used == *text))
    }

    /// Notes a file that the model depends on.
    pub fn source(&self, file: &Path) {
        self.sources.borrow_mut().insert(file.to_path_buf());
    }

    /// The diagnostics, in the order of the files' lines.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut all = self.diagnostics.borrow().clone();
        all.sort_by(|a, b| a.location.cmp(&b.location));
        all
    }

    /// Expressions and what was used for them, in order.
    #[must_use]
    pub fn stand_ins(&self) -> BTreeMap<String, String> {
        self.stand_ins.borrow().clone()
    }

    /// The files that were read, in order.
    #[must_use]
    pub fn sources(&self) -> Vec<PathBuf> {
        self.sources.borrow().iter().cloned().collect()
    }
}
