//! OpenAPI 2.0 and 3.0 documents with API Gateway's extensions → operations, security schemes, models (rule I7).
//!
//! Owns where a document keeps what; what an integration or an authorizer means is decided where APIs are resolved. The
//! document is resolved already: no intrinsic is left in it, only its own `$ref`s.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::json::to_json;
use super::node::{Key, Map, Node};

/// Longest chain of `$ref`s that is followed.
const MAX_REFERENCES: usize = 16;

/// Keys of a path item that are no methods.
const NO_METHODS: [&str; 6] = ["parameters", "summary", "description", "servers", "$ref", "Fn::Transform"];

/// A document.
#[derive(Debug, Clone)]
pub struct Document {
    root: Node,
}

/// One method of one path.
#[derive(Debug, Clone)]
pub struct Operation {
    /// As written, with its slash; `$default` on an HTTP API.
    pub path: String,
    /// Upper case; `ANY` for `x-amazon-apigateway-any-method`.
    pub method: String,
    /// The operation object.
    pub node: Node,
    /// The `parameters` of the path, which hold for each of its methods.
    pub shared_parameters: Vec<Node>,
}

/// A security scheme that an operation asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The scheme's name.
    pub name: String,
    /// Scopes.
    pub scopes: Vec<String>,
}

impl Document {
    /// Takes a resolved document.
    #[must_use]
    pub fn new(root: Node) -> Document {
        Document { root }
    }

    /// A value of the document's root.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.root.get(key)
    }

    /// A root extension: `extension("cors")` is `x-amazon-apigateway-cors`.
    #[must_use]
    pub fn extension(&self, name: &str) -> Option<&Node> {
        self.root.get(&format!("x-amazon-apigateway-{name}"))
    }

    /// The paths in order, also those without a method.
    pub fn paths(&self) -> impl Iterator<Item = (&str, &Node)> {
        let paths = self.root.get("paths").and_then(Node::as_map).into_iter().flat_map(Map::iter);
        let paths = paths.filter(|(key, _)| key.text.starts_with('/') || key.text.starts_with('$'));
        paths.map(|(key, item)| (key.text.as_ref(), self.follow(item)))
    }

    /// Keys among the paths that are none: neither `/…`, nor HTTP's `$default`, nor an extension.
    pub fn misplaced(&self) -> impl Iterator<Item = &Key> {
        let paths = self.root.get("paths").and_then(Node::as_map).into_iter().flat_map(Map::iter);
        paths
            .map(|(key, _)| key)
            .filter(|key| !["/", "$", "x-", "Fn::"].iter().any(|start| key.text.starts_with(start)))
    }

    /// Every method of every path, in order.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        self.paths().flat_map(|(path, item)| self.operations_of(path, item)).collect()
    }

    fn operations_of(&self, path: &str, item: &Node) -> Vec<Operation> {
        let shared_parameters = item.get("parameters").and_then(Node::as_list).unwrap_or_default().to_vec();
        let methods = item.as_map().into_iter().flat_map(Map::iter);
        let methods = methods.filter(|(key, _)| !NO_METHODS.contains(&key.text.as_ref()));
        let methods = methods.filter(|(key, _)| is_method(&key.text));
        let operation = |(key, node): (&Key, &Node)| Operation {
            path: path.to_owned(),
            method: method_name(&key.text),
            node: self.follow(node).clone(),
            shared_parameters: shared_parameters.clone(),
        };
        methods.map(operation).collect()
    }

    /// What a `$ref` inside the document leads to; the node itself when it is none.
    #[must_use]
    pub fn follow<'d>(&'d self, node: &'d Node) -> &'d Node {
        let mut node = node;
        for _ in 0..MAX_REFERENCES {
            let Some(target) = node.get("$ref").and_then(Node::as_str).and_then(|text| self.pointer(text)) else {
                break;
            };
            node = target;
        }
        node
    }

    fn pointer(&self, reference: &str) -> Option<&Node> {
        let path = reference.strip_prefix("#/")?;
        path.split('/').try_fold(&self.root, |node, part| node.get(&part.replace("~1", "/").replace("~0", "~")))
    }

    /// The security schemes by name, of `securityDefinitions` and `components.securitySchemes`.
    #[must_use]
    pub fn security_schemes(&self) -> Vec<(&str, &Node)> {
        let old = self.root.get("securityDefinitions");
        let new = self.root.at(&["components", "securitySchemes"]);
        let maps = old.into_iter().chain(new).filter_map(Node::as_map);
        maps.flat_map(Map::iter).map(|(key, node)| (key.text.as_ref(), self.follow(node))).collect()
    }

    /// The models by name, of `definitions` and `components.schemas`; `$ref`s point to `#/definitions/…` in both.
    #[must_use]
    pub fn models(&self) -> BTreeMap<String, Json> {
        let old = self.root.get("definitions");
        let new = self.root.at(&["components", "schemas"]);
        let maps = old.into_iter().chain(new).filter_map(Node::as_map);
        maps.flat_map(Map::iter).map(|(key, node)| (key.text.to_string(), to_json(node))).collect()
    }

    /// What a validator of `x-amazon-apigateway-request-validators` checks: `(body, parameters)`.
    #[must_use]
    pub fn validator(&self, name: &str) -> Option<(bool, bool)> {
        let validator = self.extension("request-validators")?.get(name)?;
        let flag = |key: &str| validator.get(key).and_then(Node::as_bool).unwrap_or(false);
        Some((flag("validateRequestBody"), flag("validateRequestParameters")))
    }

    /// The operation's parameters, with those of its path; its own come first and hide equal ones.
    #[must_use]
    pub fn parameters<'d>(&'d self, operation: &'d Operation) -> Vec<&'d Node> {
        let own = operation.node.get("parameters").and_then(Node::as_list).unwrap_or_default();
        let mut all: Vec<&Node> = own.iter().map(|node| self.follow(node)).collect();
        for shared in operation.shared_parameters.iter().map(|node| self.follow(node)) {
            let same = |node: &&Node| ["name", "in"].iter().all(|key| text(node, key) == text(shared, key));
            if !all.iter().any(same) {
                all.push(shared);
            }
        }
        all
    }
}

impl Operation {
    /// The operation's `x-amazon-apigateway-integration`.
    #[must_use]
    pub fn integration(&self) -> Option<&Node> {
        self.node.get("x-amazon-apigateway-integration")
    }

    /// What the operation asks for; `None` when it says nothing, so that a default may apply.
    #[must_use]
    pub fn security(&self) -> Option<Vec<Requirement>> {
        self.node.get("security").map(requirements)
    }
}

/// The requirements of a `security` value, a list of mappings; API Gateway ignores anything else.
#[must_use]
pub fn requirements(node: &Node) -> Vec<Requirement> {
    let items = node.as_list().unwrap_or_default();
    let entries = items.iter().filter_map(Node::as_map).flat_map(Map::iter);
    entries.map(|(key, scopes)| Requirement { name: key.text.to_string(), scopes: scopes.strings() }).collect()
}

fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::as_str)
}

fn is_method(key: &str) -> bool {
    const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];
    matches!(method_name(key).as_str(), "ANY") || METHODS.contains(&key.to_ascii_lowercase().as_str())
}

/// `GET` of `get`; `ANY` of `any`, `*` and `x-amazon-apigateway-any-method`.
#[must_use]
pub fn method_name(key: &str) -> String {
    match key.to_ascii_lowercase().as_str() {
        "x-amazon-apigateway-any-method" | "any" | "*" => "ANY".to_owned(),
        other => other.to_ascii_uppercase(),
    }
}
