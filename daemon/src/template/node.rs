//! The tree that a template becomes: plain values, each with the place where it stands.
//!
//! Owns the shape and cheap access to it. Subtrees are shared, so copying a node costs nothing however large it is. It
//! never knows what a value means: numbers keep their spelling, since CloudFormation hands `1.10` on as `1.10`.

use std::path::PathBuf;
use std::sync::Arc;

pub use super::map::{Key, Map};
use crate::project::Location;

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands.
    pub mark: Mark,
}

/// A place, cheap to copy along with each node.
#[derive(Debug, Clone)]
pub struct Mark {
    /// The file.
    pub file: Arc<PathBuf>,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

impl Mark {
    /// The first character of a file.
    #[must_use]
    pub fn start(file: &Arc<PathBuf>) -> Mark {
        Mark { file: Arc::clone(file), line: 1, column: 1 }
    }

    /// The place as diagnostics have it.
    #[must_use]
    pub fn location(&self) -> Location {
        Location { file: self.file.as_ref().clone(), line: self.line, column: self.column }
    }
}

/// What a node holds.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing: `null`, `~`, or a key without a value.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number in its own spelling.
    Number(Arc<str>),
    /// Text.
    String(Arc<str>),
    /// A list.
    List(Arc<Vec<Node>>),
    /// A mapping with text keys, in the order of the file.
    Map(Arc<Map>),
}

impl Value {
    /// Text.
    #[must_use]
    pub fn text(text: &str) -> Value {
        Value::String(Arc::from(text))
    }

    /// What it is, for messages: `a list`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

impl Node {
    /// A node at a place.
    #[must_use]
    pub fn new(value: Value, mark: &Mark) -> Node {
        Node { value, mark: mark.clone() }
    }

    /// Text at a place.
    #[must_use]
    pub fn text(text: &str, mark: &Mark) -> Node {
        Node::new(Value::text(text), mark)
    }

    /// A list at a place.
    #[must_use]
    pub fn list(items: Vec<Node>, mark: &Mark) -> Node {
        Node::new(Value::List(Arc::new(items)), mark)
    }

    /// A mapping at a place.
    #[must_use]
    pub fn map(entries: Vec<(Key, Node)>, mark: &Mark) -> Node {
        Node::new(Value::Map(Arc::new(Map::new(entries))), mark)
    }

    /// The mapping, when it is one.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, when it is one.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The value of a key, when this is a mapping that has it and it is not null.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key).filter(|node| !node.is_null())
    }

    /// The value at the end of a path of keys.
    #[must_use]
    pub fn at(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// Whether it says more than nothing, `false`, zero or an empty text, list or mapping do: what the translator takes
    /// as said.
    #[must_use]
    pub fn says_something(&self) -> bool {
        match &self.value {
            Value::Null => false,
            Value::Bool(flag) => *flag,
            Value::Number(text) => text.parse::<f64>().ok() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::List(list) => !list.is_empty(),
            Value::Map(map) => !map.is_empty(),
        }
    }

    /// A scalar as CloudFormation passes it on: as text, `true` for a truth value.
    #[must_use]
    pub fn scalar(&self) -> Option<Arc<str>> {
        match &self.value {
            Value::String(text) | Value::Number(text) => Some(Arc::clone(text)),
            Value::Bool(flag) => Some(Arc::from(if *flag { "true" } else { "false" })),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The text, when it is text or a number.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) | Value::Number(text) => Some(text),
            Value::Bool(_) | Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// A truth value, also when it is spelt as text.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match &self.value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// A number, also when it is spelt as text.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        self.as_str()?.trim().parse().ok()
    }

    /// A whole number, also when it is spelt as text or as `3.0`.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        let text = self.as_str()?.trim();
        text.parse().ok().or_else(|| whole(text.parse().ok()?))
    }

    /// The scalars of a list; a scalar alone counts as a list of one.
    #[must_use]
    pub fn strings(&self) -> Vec<String> {
        match self.as_list() {
            Some(items) => items.iter().filter_map(Node::scalar).map(|text| text.to_string()).collect(),
            None => self.scalar().map(|text| text.to_string()).into_iter().collect(),
        }
    }
}

/// The whole number that a decimal is, when it is one that fits.
fn whole(number: f64) -> Option<i64> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation)] // Guarded: whole and within the range where every integer is exact.
    (number.fract() == 0.0 && number.abs() < LIMIT).then_some(number as i64)
}
