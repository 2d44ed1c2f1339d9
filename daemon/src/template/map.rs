//! The mapping of a tree: keys in the order of the file, found quickly however many there are. It knows whether anything in
//! it may have to be evaluated, so that nobody walks through the large plain parts of a template.

use std::sync::Arc;

use super::hashed::HashedMap;
use super::node::{Mark, Node, Value};

/// One key of a mapping.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its text.
    pub text: Arc<str>,
    /// Where it stands.
    pub mark: Mark,
}

/// From this many entries on a mapping is searched by an index and not from front to back.
const INDEX_FROM: usize = 12;

/// Where keys stand.
#[derive(Debug, Clone, Default)]
struct Index(HashedMap<Arc<str>, usize>);

/// A mapping that keeps the order of the file; the last of equal keys counts.
#[derive(Debug, Clone, Default)]
pub struct Map {
    entries: Vec<(Key, Node)>,
    /// Of a long one; boxed, since most are short.
    index: Option<Box<Index>>,
    /// Something in it may be other than it stands there.
    lively: bool,
}

/// Whether a key may be that of a function, of an include or of a loop.
fn may_call(key: &str) -> bool {
    key.starts_with("Fn::") || matches!(key, "Ref" | "Condition")
}

/// Whether something in a node may have to be evaluated; it is found quickly, since mappings know it of themselves.
fn may_differ(node: &Node) -> bool {
    match &node.value {
        Value::String(text) => text.contains("{{resolve:"),
        Value::List(items) => items.iter().any(may_differ),
        Value::Map(map) => map.lively,
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl Map {
    /// A mapping of these entries. Of equal keys the last value stays, in the place of the first.
    #[must_use]
    pub fn new(entries: Vec<(Key, Node)>) -> Map {
        // Keys of a short mapping seldom come twice, and then its entries are taken as they are.
        let comes_again = |at: usize| entries[at + 1..].iter().any(|(key, _)| key.text == entries[at].0.text);
        if entries.len() < INDEX_FROM && !(0..entries.len()).any(comes_again) {
            let lively = entries.iter().any(|(key, value)| may_call(&key.text) || may_differ(value));
            return Map { entries, index: None, lively };
        }
        let mut map = Map { entries: Vec::with_capacity(entries.len()), ..Map::default() };
        for (key, value) in entries {
            map.set(key, value);
        }
        map
    }

    /// Puts a value, in the place of the one that had the same key.
    pub fn set(&mut self, key: Key, value: Node) {
        self.lively = self.lively || may_call(&key.text) || may_differ(&value);
        match self.position(&key.text) {
            Some(at) => self.entries[at].1 = value,
            None => self.push(key, value),
        }
    }

    fn push(&mut self, key: Key, value: Node) {
        if let Some(index) = &mut self.index {
            index.0.insert(Arc::clone(&key.text), self.entries.len());
        }
        self.entries.push((key, value));
        if self.index.is_none() && self.entries.len() >= INDEX_FROM {
            let places = self.entries.iter().enumerate().map(|(at, (key, _))| (Arc::clone(&key.text), at));
            self.index = Some(Box::new(Index(places.collect())));
        }
    }

    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.0.get(key).copied(),
            None => self.entries.iter().position(|(entry, _)| entry.text.as_ref() == key),
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.position(key).map(|at| &self.entries[at].1)
    }

    /// A key as it stands here.
    #[must_use]
    pub fn key(&self, key: &str) -> Option<&Key> {
        self.position(key).map(|at| &self.entries[at].0)
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Node)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// Whether it is its own value, to all its depth: no function, reference, include or loop stands in it.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        !self.lively
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
