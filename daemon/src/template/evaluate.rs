//! A tree with functions in it → the tree of their values.
//!
//! Owns the walk: what is shared, what is replaced, what disappears. What a function returns is decided in
//! [`super::intrinsic`].

use super::Scope;
use super::intrinsic::function;
use super::node::{Key, Map, Mark, Node, Value as Plain};

/// What a tree's value is.
enum Value {
    /// The tree itself.
    Same,
    /// Another one.
    Other(Node),
    /// None: `AWS::NoValue`.
    Nothing,
}

impl Scope<'_> {
    /// The value of a tree; `None` is `AWS::NoValue`, which removes the property or the list's item.
    #[must_use]
    pub fn eval(&self, node: &Node) -> Option<Node> {
        match self.evaluated(node) {
            Value::Same => Some(node.clone()),
            Value::Other(node) => Some(node),
            Value::Nothing => None,
        }
    }

    /// A tree without functions is its own value and is shared, not copied: most of a large template is such.
    fn evaluated(&self, node: &Node) -> Value {
        match &node.value {
            Plain::List(items) => self.list(items, &node.mark),
            Plain::Map(map) if map.is_plain() => Value::Same,
            Plain::Map(map) => match function(map) {
                Some((name, argument)) => self.call(name, argument, &node.mark).map_or(Value::Nothing, Value::Other),
                None => self.map(map, &node.mark),
            },
            Plain::String(text) if text.contains("{{resolve:") => Value::Other(self.dynamic_reference(text, node)),
            Plain::String(_) | Plain::Number(_) | Plain::Bool(_) | Plain::Null => Value::Same,
        }
    }

    fn list(&self, items: &[Node], mark: &Mark) -> Value {
        let mut values: Option<Vec<Node>> = None;
        for (at, item) in items.iter().enumerate() {
            let value = self.evaluated(item);
            if values.is_none() && matches!(value, Value::Same) {
                continue;
            }
            let values = values.get_or_insert_with(|| items[..at].to_vec());
            match value {
                Value::Same => values.push(item.clone()),
                Value::Other(node) => values.push(node),
                Value::Nothing => {}
            }
        }
        values.map_or(Value::Same, |values| Value::Other(Node::list(values, mark)))
    }

    fn map(&self, map: &Map, mark: &Mark) -> Value {
        let mut entries: Option<Vec<(Key, Node)>> = None;
        for (at, (key, item)) in map.iter().enumerate() {
            let is_include = key.text.as_ref() == "Fn::Transform";
            let value = if is_include { Value::Nothing } else { self.evaluated(item) };
            if entries.is_none() && matches!(value, Value::Same) {
                continue;
            }
            let before = || map.iter().take(at).map(|(key, node)| (key.clone(), node.clone())).collect();
            let entries = entries.get_or_insert_with(before);
            match value {
                Value::Same => entries.push((key.clone(), item.clone())),
                Value::Other(node) => entries.push((key.clone(), node)),
                Value::Nothing if is_include => entries.extend(self.included_entries(item)),
                Value::Nothing => {}
            }
        }
        entries.map_or(Value::Same, |entries| Value::Other(Node::map(entries, mark)))
    }

    /// Beside other keys an include is merged into its surroundings.
    fn included_entries(&self, argument: &Node) -> Vec<(Key, Node)> {
        let included = self.transform(argument);
        let entries = included.as_ref().and_then(Node::as_map).into_iter().flat_map(Map::iter);
        entries.map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}
