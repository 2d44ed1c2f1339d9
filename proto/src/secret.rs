//! Values that may be secrets: they cross the wire, and `Debug` shows their names alone.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The caller's environment variables. The daemon takes from them what a function is meant to see and never stores nor
/// logs any.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Environment(pub BTreeMap<String, String>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A template parameter's value as the user overrides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterOverride {
    /// The parameter.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl fmt::Debug for ParameterOverride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParameterOverride").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An event or a payload, which may hold what the user would not want in a log: `Debug` shows its length alone.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub String);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}
