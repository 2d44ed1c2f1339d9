//! What a function loads from elsewhere than its own code, learned from one sandbox so that the next may have it loaded
//! while it waits (pure).
//!
//! Runtime clients tell what INIT loaded; which modules may be loaded early at all is theirs to know. Nothing here is
//! ever a reason to run old code: a client that finds its modules changed loads them again.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;

/// The most bytes of names, commas among them: what a gate takes without anyone reading it.
const MOST_BYTES: usize = 40_000;

/// What a runtime client tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Loaded {
    /// What INIT loaded from elsewhere than the code folder, in its order.
    pub modules: Vec<String>,
    /// What could not be loaded early.
    #[serde(default)]
    pub failed: Vec<String>,
}

/// What the next sandbox may load early.
#[derive(Debug, Clone, Default)]
pub struct Preload {
    modules: Arc<[String]>,
    unfit: BTreeSet<String>,
}

impl Preload {
    /// Learns from one sandbox; true when there is anything else to load than before.
    pub fn learn(&mut self, loaded: Loaded) -> bool {
        self.unfit.extend(loaded.failed);
        let mut room = MOST_BYTES;
        let fits = |name: &String| {
            let left = room.checked_sub(name.len() + 1);
            room = left.unwrap_or(room);
            left.is_some()
        };
        let fit = loaded.modules.into_iter().filter(|name| is_name(name) && !self.unfit.contains(name));
        let modules: Vec<String> = fit.filter(fits).collect();
        let differs = *self.modules != *modules;
        self.modules = modules.into();
        differs
    }

    /// In the order in which they are to be loaded.
    #[must_use]
    pub fn modules(&self) -> &[String] {
        &self.modules
    }
}

/// Whether it can stand between commas on one line.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c == ',' || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(modules: &[&str], failed: &[&str]) -> Loaded {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Loaded { modules: owned(modules), failed: owned(failed) }
    }

    #[test]
    fn what_failed_once_is_not_loaded_early_again() {
        let mut preload = Preload::default();
        assert!(preload.learn(loaded(&["json", "plugin", "boto3"], &[])));
        assert!(preload.learn(loaded(&["json", "plugin", "boto3"], &["plugin"])));
        assert!(!preload.learn(loaded(&["json", "plugin", "boto3"], &[])));
        assert_eq!(preload.modules(), ["json", "boto3"]);
    }

    #[test]
    fn what_a_gate_could_not_take_is_left_out() {
        let mut preload = Preload::default();
        preload.learn(loaded(&["a\ngo", "a,b", "", &"x".repeat(MOST_BYTES), "fine"], &[]));
        assert_eq!(preload.modules(), ["fine"]);
    }
}
