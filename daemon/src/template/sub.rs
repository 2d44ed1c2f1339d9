//! `Fn::Sub`: `${Name}`, `${Resource.Attribute}`, `${!Literal}`, and the long form with variables of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Scope;
use super::node::{Mark, Node};

impl Scope<'_> {
    pub(super) fn call_sub(&self, argument: &Node) -> Node {
        let (text, variables) = match argument.as_list() {
            Some([text, variables]) => (self.sub_text(text), self.variables(variables)),
            Some([text]) => (self.sub_text(text), BTreeMap::new()),
            Some(_) => (None, BTreeMap::new()),
            None => (self.sub_text(argument), BTreeMap::new()),
        };
        let Some(text) = text else {
            self.mistake(&argument.mark, "Fn::Sub takes a text, or a text and its variables");
            return Node::text("", &argument.mark);
        };
        Node::text(&self.substitute(&text, &variables, &argument.mark), &argument.mark)
    }

    /// A text may come from a macro, which CloudFormation runs first; what one cannot run here is told where it stands.
    fn sub_text(&self, node: &Node) -> Option<Arc<str>> {
        let by_macro =
            || node.get("Fn::Transform").map(|_| self.eval(node).and_then(|value| value.scalar()).unwrap_or_default());
        node.scalar().or_else(by_macro)
    }

    fn variables(&self, variables: &Node) -> BTreeMap<Arc<str>, Arc<str>> {
        let entries = variables.as_map().into_iter().flat_map(super::node::Map::iter);
        entries.filter_map(|(key, value)| Some((Arc::clone(&key.text), spelt(&self.eval(value)?)?))).collect()
    }

    fn substitute(&self, text: &str, variables: &BTreeMap<Arc<str>, Arc<str>>, mark: &Mark) -> String {
        let mut out = String::with_capacity(text.len());
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Literal(name) => {
                    out.push_str("${");
                    out.push_str(name);
                    out.push('}');
                }
                Piece::Variable(name) => match variables.get(name) {
                    Some(value) => out.push_str(value),
                    None => out.push_str(&spelt(&self.named(name, mark)).unwrap_or_default()),
                },
            }
        }
        out
    }

    fn named(&self, name: &str, mark: &Mark) -> Node {
        match name.split_once('.') {
            Some((resource, attribute)) if !self.is_name(name) => self.attribute(resource, attribute, mark),
            _ => self.reference(name, mark),
        }
    }
}

/// A list in a text is joined by commas, as CloudFormation does with a list parameter.
fn spelt(node: &Node) -> Option<Arc<str>> {
    node.scalar().or_else(|| node.as_list().map(|_| Arc::from(node.strings().join(","))))
}

/// A part of a text with variables in it.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    /// `${!Name}`, which stays as `${Name}`.
    Literal(&'t str),
    Variable(&'t str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        pieces.push(Piece::Text(&rest[..start]));
        let name = &rest[start + 2..start + length];
        pieces.push(match name.strip_prefix('!') {
            Some(literal) => Piece::Literal(literal),
            None => Piece::Variable(name.trim()),
        });
        rest = &rest[start + length + 1..];
    }
    pieces.push(Piece::Text(rest));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_its_variables() {
        let expected = vec![
            Piece::Text("a"),
            Piece::Variable("B.C"),
            Piece::Text("-"),
            Piece::Literal("D"),
            Piece::Text("${open"),
        ];
        assert_eq!(pieces("a${B.C}-${!D}${open"), expected);
    }
}
