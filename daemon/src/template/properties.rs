//! Typed reading of a resource's resolved properties: a value of the wrong kind is reported with its path and place.

use super::node::{Map, Node};
use super::{Diagnostic, Findings};

/// A mapping of properties, with the path that leads to it.
#[derive(Clone)]
pub struct Properties<'p> {
    /// The mapping.
    pub node: &'p Node,
    /// As in `Resources.Hello.Properties`.
    pub path: String,
    findings: &'p Findings,
}

impl<'p> Properties<'p> {
    /// Reads `node`, which stands at `path`.
    #[must_use]
    pub fn new(node: &'p Node, path: impl Into<String>, findings: &'p Findings) -> Properties<'p> {
        Properties { node, path: path.into(), findings }
    }

    /// The value of a property, whatever its kind.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'p Node> {
        self.node.get(name)
    }

    /// A property that is text; a number or truth value counts as its spelling.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        let node = self.get(name)?;
        self.expect(name, node, "text", node.scalar().map(|text| text.to_string()))
    }

    /// A whole number within bounds; one outside is reported and dropped.
    #[must_use]
    pub fn number(&self, name: &str, least: i64, most: i64) -> Option<i64> {
        let node = self.get(name)?;
        let number = self.expect(name, node, "a whole number", node.as_i64())?;
        if (least..=most).contains(&number) {
            return Some(number);
        }
        self.unsuitable(name, format!("{name} is {number}; it lies between {least} and {most}"));
        None
    }

    /// A truth value.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        let node = self.get(name)?;
        self.expect(name, node, "true or false", node.as_bool())
    }

    /// Whether a property says yes as the translator reads it: `true` by any spelling, else whatever is not empty.
    #[must_use]
    pub fn is_set(&self, name: &str) -> Option<bool> {
        self.get(name).map(|node| node.as_bool().unwrap_or_else(|| node.says_something()))
    }

    /// A mapping.
    #[must_use]
    pub fn map(&self, name: &str) -> Option<Properties<'p>> {
        let node = self.get(name)?;
        self.expect(name, node, "a mapping", node.as_map())?;
        Some(Properties { node, path: format!("{}.{name}", self.path), findings: self.findings })
    }

    /// The items of a list; a value that is none counts as a list of one, as CloudFormation has it.
    #[must_use]
    pub fn list(&self, name: &str) -> &'p [Node] {
        self.get(name).map(|node| node.as_list().unwrap_or(std::slice::from_ref(node))).unwrap_or_default()
    }

    /// The entries of a mapping, each as properties of its own.
    pub fn entries(&self) -> impl Iterator<Item = (&'p str, Properties<'p>)> + use<'p> {
        let (path, findings) = (self.path.clone(), self.findings);
        let entries = self.node.as_map().into_iter().flat_map(Map::iter);
        entries.map(move |(key, node)| {
            (key.text.as_ref(), Properties { node, path: format!("{path}.{}", key.text), findings })
        })
    }

    /// One of a closed set of words.
    #[must_use]
    pub fn word(&self, name: &str, words: &[&'static str]) -> Option<&'static str> {
        let text = self.text(name)?;
        let word = words.iter().find(|word| **word == text).copied();
        if word.is_none() {
            let message = format!("{name} is {text:?}; it is one of {}", words.join(", "));
            self.unsuitable(name, message);
        }
        word
    }

    /// Whether a value was put here for one that only a deployment knows.
    #[must_use]
    pub fn is_stand_in(&self, node: &Node) -> bool {
        self.findings.stands_in(node)
    }

    fn expect<T>(&self, name: &str, node: &Node, what: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.unsuitable(name, format!("{name} is {what}, and here it is {}", node.value.kind()));
        }
        value
    }

    /// Reports that a value is none that the property takes: an error, but a warning where nobody chose the value and it
    /// stands in for one that only a deployment knows.
    pub fn unsuitable(&self, name: &str, message: impl Into<String>) {
        let node = self.get(name).unwrap_or(self.node);
        let nobodys = node.strings().iter().any(|text| self.findings.is_stand_in(text));
        let diagnostic = match nobodys {
            true => Diagnostic::warning(message).help("only a deployment knows the value: state it with an override"),
            false => Diagnostic::error(message),
        };
        self.report(diagnostic, name, node);
    }

    /// Reports an error at a property, or at the mapping when it does not have it.
    pub fn error(&self, name: &str, message: impl Into<String>) {
        self.report(Diagnostic::error(message), name, self.get(name).unwrap_or(self.node));
    }

    /// Reports a warning at a property, or at the mapping when it does not have it.
    pub fn warning(&self, name: &str, message: impl Into<String>) {
        self.report(Diagnostic::warning(message), name, self.get(name).unwrap_or(self.node));
    }

    fn report(&self, diagnostic: Diagnostic, name: &str, node: &Node) {
        let path = if name.is_empty() { self.path.clone() } else { format!("{}.{name}", self.path) };
        self.findings.report(diagnostic.path(path).at(node.mark.location()));
    }
}
