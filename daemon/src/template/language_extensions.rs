//! The parts of `AWS::LanguageExtensions` that change a template's shape: `Fn::ForEach`.
//!
//! `Fn::Length`, `Fn::ToJsonString` and default values in `Fn::FindInMap` are ordinary functions and stand with the
//! others in [`super::intrinsic`]. A loop is written out before anything else is looked at, as AWS does.

use std::sync::Arc;

use super::node::{Key, Map, Mark, Node, Value};
use super::{Diagnostic, Scope, Template};

/// Most entries that the loops of a template may make.
pub const MAX_LOOP_ENTRIES: usize = 50_000;
/// Deepest nesting of loops that AWS takes.
const MAX_NESTED_LOOPS: usize = 5;
/// What a template that asks for them names.
pub const TRANSFORM: &str = "AWS::LanguageExtensions";

/// The template with its loops written out; `None` when it has none.
#[must_use]
pub fn expand(scope: &Scope<'_>) -> Option<Template> {
    if !has_loop(&scope.template.root) {
        return None;
    }
    let mut loops = Loops { scope, variables: Vec::new(), entries: 0 };
    let root = loops.node(&scope.template.root);
    Some(Template { file: Arc::clone(&scope.template.file), root })
}

fn has_loop(node: &Node) -> bool {
    match &node.value {
        Value::List(items) => items.iter().any(has_loop),
        Value::Map(map) => {
            !map.is_plain() && map.iter().any(|(key, value)| key.text.starts_with("Fn::ForEach::") || has_loop(value))
        }
        _ => false,
    }
}

struct Loops<'s, 'a> {
    scope: &'s Scope<'a>,
    /// Loop variables in force, the innermost last.
    variables: Vec<(Arc<str>, Arc<str>)>,
    entries: usize,
}

impl Scope<'_> {
    /// Says of what only language extensions have that the template does not ask for them.
    pub(super) fn needs_extensions(&self, what: &str, mark: &Mark) {
        if !self.template.has_language_extensions() {
            let message = format!("{what} needs the transform {TRANSFORM}: without it AWS refuses to deploy this");
            self.findings().report(Diagnostic::warning(message).at(mark.location()));
        }
    }
}

impl Loops<'_, '_> {
    fn node(&mut self, node: &Node) -> Node {
        match &node.value {
            Value::List(items) => {
                let items = items.iter().map(|item| self.node(item)).collect();
                Node::list(items, &node.mark)
            }
            Value::Map(map) => self.reference(map, node).unwrap_or_else(|| self.map(map, node)),
            Value::String(text) if text.contains("${") || text.contains("&{") => {
                Node::text(&self.substituted(text), &node.mark)
            }
            _ => node.clone(),
        }
    }

    /// `Ref` of a loop variable.
    fn reference(&self, map: &Map, node: &Node) -> Option<Node> {
        let name = map.get("Ref").filter(|_| map.len() == 1)?.as_str()?;
        let (_, value) = self.variables.iter().rev().find(|(variable, _)| variable.as_ref() == name)?;
        Some(Node::text(value, &node.mark))
    }

    fn map(&mut self, map: &Map, node: &Node) -> Node {
        let mut entries = Vec::with_capacity(map.len());
        for (key, value) in map.iter() {
            if key.text.starts_with("Fn::ForEach::") {
                self.judge(key);
                self.write_out(value, &mut entries);
            } else {
                let key = Key { text: Arc::from(self.substituted(&key.text)), mark: key.mark.clone() };
                entries.push((key, self.node(value)));
            }
        }
        Node::map(entries, &node.mark)
    }

    /// Loops are for those who ask for them, and nest as deep as AWS has them.
    fn judge(&self, key: &Key) {
        let report = |error: Diagnostic| self.scope.findings().report(error.at(key.mark.location()));
        if !self.scope.template.has_language_extensions() {
            let error =
                Diagnostic::error(format!("{} is a loop, which only the transform {TRANSFORM} writes out", key.text));
            report(error.help(format!("write Transform: [{TRANSFORM}, AWS::Serverless-2016-10-31]")));
        }
        if self.variables.len() >= MAX_NESTED_LOOPS {
            report(Diagnostic::error(format!(
                "loops nest {MAX_NESTED_LOOPS} deep at most, and {} stands deeper",
                key.text
            )));
        }
    }

    /// `[variable, collection, {key: value}]`: the entries once for each item of the collection.
    fn write_out(&mut self, argument: &Node, entries: &mut Vec<(Key, Node)>) {
        let Some([variable, collection, body]) = argument.as_list() else {
            return self.mistake(argument, "Fn::ForEach takes a variable, a collection and what to repeat");
        };
        let (Some(variable), Some(body)) = (variable.scalar(), body.as_map()) else {
            return self.mistake(argument, "Fn::ForEach repeats the entries of a mapping, under a variable's name");
        };
        let (collection, place) = (self.node(collection), collection);
        let Some(items) = self.scope.eval(&collection) else {
            let message =
                format!("only a deployment knows what {variable} stands for, so this loop makes nothing here");
            let warning = Diagnostic::warning(message).help("give values to the parameters that decide it");
            return self.scope.findings().report(warning.at(place.mark.location()));
        };
        if items.as_list().is_none() {
            return self.mistake(place, "Fn::ForEach repeats for each item of a list, written out or of a parameter");
        }
        for item in items.strings() {
            self.entries += body.len();
            if self.entries > MAX_LOOP_ENTRIES {
                return self.mistake(argument, "the loops of this template make more than 50,000 entries");
            }
            self.variables.push((Arc::clone(&variable), Arc::from(item)));
            let written = self.map(body, argument);
            entries.extend(
                written.as_map().into_iter().flat_map(Map::iter).map(|(key, node)| (key.clone(), node.clone())),
            );
            self.variables.pop();
        }
    }

    fn mistake(&self, node: &Node, message: &str) {
        self.scope.findings().report(Diagnostic::error(message).at(node.mark.location()));
    }

    /// `${Variable}` replaced; `&{Variable}` too, without the characters that a logical id may not have.
    fn substituted(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (variable, value) in self.variables.iter().rev() {
            let alphanumeric: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
            text = text.replace(&format!("${{{variable}}}"), value).replace(&format!("&{{{variable}}}"), &alphanumeric);
        }
        text
    }
}
