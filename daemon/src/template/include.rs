//! `Fn::Transform`: parts of a template that stand in local files of their own (`AWS::Include`). Any other macro needs AWS.
//!
//! What gives a template its shape (sections, resources, their properties) is included before anything is looked at, as
//! AWS does; what stands deeper is included where it is evaluated. A file that includes itself is named, and how many files
//! one place may lead to is limited, so that no template reads for ever.

use std::path::PathBuf;
use std::sync::Arc;

use super::node::{Key, Map, Node};
use super::{Diagnostic, Scope, Template, check, yaml};

/// Most files that one place may include, each with all that it includes in turn.
pub const MAX_INCLUDED_FILES: usize = 100;

const TRANSFORM: &str = "Fn::Transform";
/// The sections in which an include may stand among the entries; AWS has none among the parameters.
const SECTIONS: [&str; 5] = ["Globals", "Mappings", "Conditions", "Resources", "Outputs"];

/// The files that are being included, the outermost first.
#[derive(Default)]
pub(super) struct Including {
    files: Vec<PathBuf>,
    read: usize,
}

/// The template with what its sections and resources include; `None` when they include nothing.
pub(super) fn expand(scope: &Scope<'_>) -> Option<Template> {
    let root = &scope.template.root;
    let with_macros = with_entries(scope, root, root.get("Transform"));
    let with_own = with_included(scope, with_macros.as_ref().unwrap_or(root)).or(with_macros);
    let sections = replaced(with_own.as_ref().unwrap_or(root), |key, section| {
        if !SECTIONS.contains(&key) {
            return None;
        }
        let whole = with_included(scope, section);
        if key != "Resources" {
            return whole;
        }
        replaced(whole.as_ref().unwrap_or(section), |_, resource| of_resource(scope, resource)).or(whole)
    });
    let root = sections.or(with_own)?;
    Some(Template { file: Arc::clone(&scope.template.file), root })
}

/// A resource may be included as a whole, and so may its properties.
fn of_resource(scope: &Scope<'_>, resource: &Node) -> Option<Node> {
    let whole = with_included(scope, resource);
    let with_properties = replaced(whole.as_ref().unwrap_or(resource), |key, node| {
        (key == "Properties").then(|| with_included(scope, node)).flatten()
    });
    with_properties.or(whole)
}

/// A mapping with those of its values replaced for which there is another; `None` when there is none.
fn replaced(node: &Node, other: impl Fn(&str, &Node) -> Option<Node>) -> Option<Node> {
    let map = node.as_map().filter(|map| !map.is_plain())?;
    let mut changed: Option<Map> = None;
    for (key, value) in map.iter() {
        if let Some(value) = other(&key.text, value) {
            changed.get_or_insert_with(|| map.clone()).set(key.clone(), value);
        }
    }
    changed.map(|map| Node::new(super::node::Value::Map(Arc::new(map)), &node.mark))
}

/// A mapping with what its own `Fn::Transform` includes in the place of it.
fn with_included(scope: &Scope<'_>, node: &Node) -> Option<Node> {
    let macros = node.get(TRANSFORM)?;
    let calls = macros.as_list().unwrap_or(std::slice::from_ref(macros));
    for other in calls.iter().filter(|call| call.as_map().is_none()) {
        scope.mistake(&other.mark, "Fn::Transform takes the Name of a macro and its Parameters");
    }
    with_entries(scope, node, Some(macros))
}

/// A mapping with the entries that macros include; where both have a mapping under one key, one mapping of both.
fn with_entries(scope: &Scope<'_>, node: &Node, macros: Option<&Node>) -> Option<Node> {
    let own = node.as_map()?;
    let macros = macros?;
    let mut map: Option<Map> = None;
    for call in macros.as_list().unwrap_or(std::slice::from_ref(macros)).iter().filter(|call| call.as_map().is_some()) {
        let included = scope.included(call, |included| with_included(scope, &included).unwrap_or(included));
        let Some(included) = included else { continue };
        if included.as_map().is_none() {
            let message = format!("a mapping is wanted here, and the included file is {}", included.value.kind());
            scope.mistake(&call.mark, message);
        }
        let entries = map.get_or_insert_with(|| without_transform(own));
        for (key, value) in included.as_map().into_iter().flat_map(Map::iter) {
            let value = entries.get(&key.text).map_or_else(|| value.clone(), |own| both(value, own));
            entries.set(key.clone(), value);
        }
    }
    map.map(|map| Node::new(super::node::Value::Map(Arc::new(map)), &node.mark))
}

fn without_transform(map: &Map) -> Map {
    let kept = map.iter().filter(|(key, _)| key.text.as_ref() != TRANSFORM);
    Map::new(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// What the template says itself stands above what it includes.
fn both(included: &Node, own: &Node) -> Node {
    let (Some(below), Some(above)) = (included.as_map(), own.as_map()) else { return own.clone() };
    let mut map = below.clone();
    above.iter().for_each(|(key, value)| map.set(key.clone(), value.clone()));
    Node::new(super::node::Value::Map(Arc::new(map)), &own.mark)
}

impl Scope<'_> {
    /// The value of `Fn::Transform`; of several includes it is one mapping of all.
    pub(super) fn transform(&self, argument: &Node) -> Option<Node> {
        let Some(several) = argument.as_list() else {
            return self.included(argument, |node| self.eval(&node)).flatten();
        };
        let all: Vec<Node> = several.iter().filter_map(|one| self.transform(one)).collect();
        let entries = all.iter().filter_map(Node::as_map).flat_map(Map::iter);
        let entries: Vec<(Key, Node)> = entries.map(|(key, value)| (key.clone(), value.clone())).collect();
        (!all.is_empty()).then(|| Node::map(entries, &argument.mark))
    }

    /// What is made of the file that a macro's call includes; nothing, with a word, where it includes none.
    fn included<T>(&self, call: &Node, then: impl FnOnce(Node) -> T) -> Option<T> {
        let location = self.location(call)?;
        let file = self.path(&location);
        if let Some(refusal) = self.including.borrow().refusal(&file) {
            self.findings().report(refusal.at(call.mark.location()));
            return None;
        }
        let (path, text) = self.read(&location, &call.mark, "the included file")?;
        match yaml::parse(&Arc::new(path.clone()), &text) {
            Ok(node) => {
                self.including.borrow_mut().enter(path);
                let made = then(node);
                self.including.borrow_mut().leave();
                Some(made)
            }
            Err(error) => {
                self.findings().report(error);
                None
            }
        }
    }

    /// The local file that a call includes.
    fn location(&self, call: &Node) -> Option<String> {
        let name = call.get("Name").and_then(Node::as_str).unwrap_or_default();
        if name != "AWS::Include" {
            if !check::TRANSFORMS.contains(&name) {
                let message = format!("the macro {name} runs in AWS only, so what it makes is missing here");
                self.findings().report(Diagnostic::warning(message).at(call.mark.location()));
            }
            return None;
        }
        let stated = call.at(&["Parameters", "Location"]);
        let place = stated.and_then(|node| self.eval(node)).filter(|place| place.as_str().is_some());
        let Some(place) = place else {
            self.mistake(stated.map_or(&call.mark, |node| &node.mark), "AWS::Include names the Location of a file");
            return None;
        };
        let location = place.as_str().unwrap_or_default();
        if location.contains("://") || self.is_deployments(stated, &place) {
            let message = format!("{location} is not a local file, so it is not included");
            self.findings().report(Diagnostic::warning(message).at(call.mark.location()));
            return None;
        }
        Some(location.to_owned())
    }
}

impl Including {
    /// Why a file cannot be included from where this is.
    fn refusal(&self, file: &PathBuf) -> Option<Diagnostic> {
        let chain = || self.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" → ");
        if self.files.contains(file) {
            let message = format!("included files form a cycle: {} → {}", chain(), file.display());
            return Some(Diagnostic::error(message));
        }
        let message =
            || format!("more than {MAX_INCLUDED_FILES} files are included at one place, the last by {}", chain());
        (self.read >= MAX_INCLUDED_FILES).then(|| Diagnostic::error(message()))
    }

    fn enter(&mut self, file: PathBuf) {
        self.files.push(file);
        self.read += 1;
    }

    fn leave(&mut self) {
        self.files.pop();
        if self.files.is_empty() {
            self.read = 0;
        }
    }
}
