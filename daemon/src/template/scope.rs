//! One template in its surroundings: the values of its parameters and conditions, its nested templates, what to say.
//!
//! Everything that gives a name a value starts here; [`super::intrinsic`], [`super::condition`] and
//! [`super::reference`] add what they own to [`Scope`]. A nested template is a scope of its own with a parent's values as
//! its parameters, made once, on first use.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::include::{self, Including};
use super::{Diagnostic, Findings, Mark, Node, Template, check, globals, language_extensions, parameter, schema};

/// Reads a file's text; the only way in which resolving reaches beyond its arguments.
pub type Read<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// Deepest nesting of templates in templates.
pub const MAX_NESTED_TEMPLATES: usize = 20;

/// What is the same for a template and all that are nested in it.
pub struct Surroundings<'a> {
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`.
    pub account: String,
    /// `AWS::StackName`.
    pub stack_name: String,
    /// Parameter overrides, and values for expressions that only a deployment could answer (`Table.StreamArn`).
    pub overrides: BTreeMap<String, String>,
    /// How nested templates and included files are read.
    pub read: Read<'a>,
    /// Where everything is reported.
    pub findings: Findings,
}

/// A template with the values of its names.
pub struct Scope<'a> {
    /// The template, with `Fn::ForEach` expanded.
    pub template: Rc<Template>,
    /// What it shares with the others.
    pub around: Rc<Surroundings<'a>>,
    /// The path of nested stacks that leads here, each with a slash behind it; empty for the root.
    pub prefix: String,
    /// The values of the parameters.
    pub parameters: BTreeMap<Arc<str>, Node>,
    /// Conditions that were evaluated; `None` while one is under way.
    pub(super) conditions: RefCell<HashMap<Arc<str>, Option<bool>>>,
    /// Properties that are being evaluated because a name needs them, to end cycles.
    pub(super) pending: RefCell<HashSet<(String, String)>>,
    /// Files that are being included, to end cycles.
    pub(super) including: RefCell<Including>,
    /// Nested templates that were opened; `None` where that failed or is under way.
    children: RefCell<BTreeMap<String, Option<Rc<Scope<'a>>>>>,
    /// The templates around this one, to name cycles.
    ancestors: Vec<PathBuf>,
}

impl<'a> Scope<'a> {
    /// The scope of the root template.
    #[must_use]
    pub fn root(template: Template, around: Surroundings<'a>) -> Scope<'a> {
        let overrides = around.overrides.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Scope::open(template, Rc::new(around), String::new(), &parameter::Given::Overrides(overrides), Vec::new())
    }

    fn open(
        template: Template,
        around: Rc<Surroundings<'a>>,
        prefix: String,
        given: &parameter::Given,
        mut ancestors: Vec<PathBuf>,
    ) -> Scope<'a> {
        ancestors.push(template.file.as_ref().clone());
        around.findings.source(&template.file);
        let parameters = parameter::values(&template, given, &around.findings);
        let (conditions, pending, children) = (RefCell::default(), RefCell::default(), RefCell::default());
        let (template, including) = (Rc::new(template), RefCell::default());
        let mut scope =
            Scope { template, around, prefix, parameters, conditions, pending, including, children, ancestors };
        if let Some(whole) = include::expand(&scope) {
            scope.parameters = parameter::values(&whole, given, scope.findings());
            scope.template = Rc::new(whole);
        }
        check::report(&scope.template, scope.findings());
        if let Some(expanded) = language_extensions::expand(&scope) {
            scope.template = Rc::new(expanded);
        }
        schema::report(&scope.template, scope.findings());
        scope
    }

    /// Where everything is reported.
    #[must_use]
    pub fn findings(&self) -> &Findings {
        &self.around.findings
    }

    /// The id of a resource in the whole project: its logical id with the nested stacks before it.
    #[must_use]
    pub fn id(&self, logical_id: &str) -> String {
        format!("{}{logical_id}", self.prefix)
    }

    /// The resources that the conditions leave, in the order of the template.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &Node)> {
        let all = self.template.section("Resources").map(|(key, node)| (key.text.as_ref(), node));
        all.filter(|(_, node)| node.as_map().is_some() && self.is_active(node))
    }

    /// A resource, when the template has it and its condition holds.
    #[must_use]
    pub fn resource(&self, id: &str) -> Option<&Node> {
        self.template.resource(id).filter(|node| self.is_active(node))
    }

    /// The type of a resource, also when its condition does not hold.
    #[must_use]
    pub fn type_of(&self, id: &str) -> Option<&str> {
        self.template.resource(id)?.get("Type")?.as_str()
    }

    fn is_active(&self, resource: &Node) -> bool {
        resource.get("Condition").and_then(Node::as_str).is_none_or(|name| self.condition(name, &resource.mark))
    }

    /// A resource's properties with the Globals merged in, nothing resolved.
    #[must_use]
    pub fn raw_properties(&self, resource: &Node) -> Node {
        globals::merged(&self.template, resource)
    }

    /// A resource's properties with the Globals merged in and every intrinsic resolved.
    #[must_use]
    pub fn properties(&self, resource: &Node) -> Node {
        let raw = self.raw_properties(resource);
        self.eval(&raw).unwrap_or_else(|| Node::map(Vec::new(), &raw.mark))
    }

    /// Whether only a deployment knows a place: a function gives it, and a part of it is a value that stands in for another.
    #[must_use]
    pub fn is_deployments(&self, stated: Option<&Node>, place: &Node) -> bool {
        let text = place.as_str().unwrap_or_default();
        let stands_in = |part: &str| self.findings().stands_in(&Node::text(part, &place.mark));
        stated.is_some_and(super::intrinsic::is_intrinsic) && text.split('/').any(stands_in)
    }

    /// A path of the template, absolute.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        clean(&self.template.folder().join(relative))
    }

    /// The text of a file that the template names; a failure is reported at `mark`.
    #[must_use]
    pub fn read(&self, relative: &str, mark: &Mark, what: &str) -> Option<(PathBuf, String)> {
        let path = self.path(relative);
        self.findings().source(&path);
        match (self.around.read)(&path) {
            Ok(text) => Some((path, text)),
            Err(error) => {
                let message = format!("{what} {} cannot be read: {error}", path.display());
                self.findings().report(Diagnostic::error(message).at(mark.location()));
                None
            }
        }
    }

    /// The nested template of a resource of type `AWS::Serverless::Application` or `AWS::CloudFormation::Stack`, when it
    /// is a local one.
    #[must_use]
    pub fn child(&self, id: &str) -> Option<Rc<Scope<'a>>> {
        if let Some(known) = self.children.borrow().get(id) {
            return known.clone();
        }
        // While a child is being opened its own parameters may ask for its outputs: that answer is "unknown".
        self.children.borrow_mut().insert(id.to_owned(), None);
        let child = self.open_child(id).map(Rc::new);
        self.children.borrow_mut().insert(id.to_owned(), child.clone());
        child
    }

    fn open_child(&self, id: &str) -> Option<Scope<'a>> {
        let resource = self.resource(id)?;
        let property = match self.type_of(id)? {
            "AWS::Serverless::Application" => "Location",
            "AWS::CloudFormation::Stack" => "TemplateURL",
            _ => return None,
        };
        let properties = self.properties(resource);
        // The CDK names the nested template's file in the metadata; the property leads to a bucket.
        let location = resource.at(&["Metadata", "aws:asset:path"]).or_else(|| properties.get(property))?;
        let relative = location.as_str().filter(|text| !text.contains("://"));
        let stated = resource.at(&["Properties", property]);
        let Some(relative) = relative.filter(|_| !self.is_deployments(stated, location)) else {
            let message = format!("the nested application {id} is not a local file, so nothing of it is served");
            let help = format!("let {property} name a template on this machine");
            self.findings().report(Diagnostic::warning(message).at(location.mark.location()).help(help));
            return None;
        };
        let (path, text) = self.read(relative, &location.mark, "the nested template")?;
        if self.ancestors.contains(&path) || self.ancestors.len() >= MAX_NESTED_TEMPLATES {
            self.findings().report(endless(&self.ancestors, &path).at(location.mark.location()));
            return None;
        }
        let template = match Template::parse(&path, &text) {
            Ok(template) => template,
            Err(errors) => {
                errors.into_iter().for_each(|error| self.findings().report(error));
                return None;
            }
        };
        let parameters = properties.get("Parameters").and_then(Node::as_map);
        let given =
            parameters.into_iter().flat_map(|map| map.iter().map(|(key, value)| (key.text.clone(), value.clone())));
        let (around, prefix) = (Rc::clone(&self.around), format!("{}{id}/", self.prefix));
        Some(Scope::open(template, around, prefix, &parameter::Given::Parent(given.collect()), self.ancestors.clone()))
    }
}

fn endless(ancestors: &[PathBuf], path: &Path) -> Diagnostic {
    let chain: Vec<String> = ancestors.iter().map(|file| file.display().to_string()).collect();
    if ancestors.iter().any(|file| file == path) {
        Diagnostic::error(format!("nested templates form a cycle: {} → {}", chain.join(" → "), path.display()))
    } else {
        Diagnostic::error(format!("templates nest deeper than {MAX_NESTED_TEMPLATES} levels: {}", chain.join(" → ")))
    }
}

/// A path without `.` and `..`, by its text alone.
#[must_use]
pub fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                if !clean.pop() {
                    clean.push("..");
                }
            }
            part => clean.push(part),
        }
    }
    clean
}
