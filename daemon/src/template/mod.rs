//! What the user wrote (pure): YAML and JSON with CloudFormation's tags, intrinsics, conditions, typed resources.
//!
//! | file | what it owns |
//! |---|---|
//! | [`yaml`] | text → tree, with line and column; short tags → long form |
//! | `scalar`, `lenient` | YAML's scalars and tags; what CloudFormation takes and YAML forbids |
//! | [`node`], [`map`], [`json`] | the tree |
//! | `hashed` | the tables in which a large one is looked up |
//! | [`scope`] | one template with its parameters, conditions and nested templates: where names get their values |
//! | [`parameter`], [`condition`] | parameters, conditions |
//! | `evaluate`, [`intrinsic`], [`sub`] | the functions (`Fn::*`) |
//! | [`mod@reference`], `physical`, `generated` | what `Ref` and `Fn::GetAtt` of a resource are when nothing is deployed |
//! | [`mod@include`] | `Fn::Transform` with `AWS::Include` of a local file |
//! | [`language_extensions`] | `Fn::ForEach` and the rest of `AWS::LanguageExtensions` |
//! | [`globals`] | the Globals section, merged into resources |
//! | [`openapi`] | DefinitionBody → operations, integrations, security schemes |
//! | [`check`] | what is said and has no effect here |
//! | [`schema`], `rules` | what SAM's resources and events may have, one property by itself and several together |
//! | [`properties`] | typed reading of a resource's properties, with diagnostics |
//!
//! It never reads a file: contents come through a function that the loader passes in.

pub mod check;
pub mod condition;
pub mod diagnostic;
mod evaluate;
pub mod findings;
mod generated;
pub mod globals;
pub(crate) mod hashed;
pub mod include;
pub mod intrinsic;
pub mod json;
pub mod language_extensions;
mod lenient;
pub mod map;
pub mod node;
pub mod openapi;
pub mod parameter;
mod physical;
pub mod properties;
pub mod reference;
mod rules;
mod scalar;
pub mod schema;
pub mod scope;
pub mod sub;
pub mod yaml;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use diagnostic::{Diagnostic, Severity};
pub use findings::Findings;
pub use node::{Mark, Node};
pub use scope::Scope;

/// A template as the user wrote it: parsed, nothing resolved.
#[derive(Debug, Clone)]
pub struct Template {
    /// The file it was read from; relative paths in it start at its folder.
    pub file: Arc<PathBuf>,
    /// The whole document, a mapping with `Resources`.
    pub root: Node,
}

impl Template {
    /// Parses a template of YAML or JSON.
    ///
    /// # Errors
    /// The text is not YAML, or is not a CloudFormation template: nothing of it can be served.
    pub fn parse(file: &Path, text: &str) -> Result<Template, Vec<Diagnostic>> {
        let file = Arc::new(file.to_path_buf());
        let root = yaml::parse(&file, text).map_err(|error| vec![error])?;
        not_a_template(&root).map_or(Ok(Template { file, root }), |error| Err(vec![error]))
    }

    /// The folder at which relative paths start.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// A section such as `Parameters`, when the template has it and it is a mapping.
    pub fn section<'t>(&'t self, name: &str) -> impl Iterator<Item = (&'t node::Key, &'t Node)> {
        self.root.get(name).and_then(Node::as_map).into_iter().flat_map(node::Map::iter)
    }

    /// A resource by its logical id.
    #[must_use]
    pub fn resource(&self, id: &str) -> Option<&Node> {
        self.root.at(&["Resources", id])
    }

    /// Whether it asks for `AWS::LanguageExtensions`.
    #[must_use]
    pub fn has_language_extensions(&self) -> bool {
        self.has_transform(language_extensions::TRANSFORM)
    }

    /// Whether `Transform` names this macro.
    #[must_use]
    pub fn has_transform(&self, name: &str) -> bool {
        let stated = self.root.get("Transform");
        let all = stated.map(|node| node.as_list().unwrap_or(std::slice::from_ref(node))).unwrap_or_default();
        all.iter().any(|one| one.get("Name").unwrap_or(one).as_str() == Some(name))
    }
}

/// Why a document cannot be a template.
fn not_a_template(root: &Node) -> Option<Diagnostic> {
    let location = root.mark.location();
    if root.is_null() {
        return Some(Diagnostic::error("the file is empty").at(location).help("a template has a Resources section"));
    }
    let message = match (root.as_map(), root.get("Resources")) {
        (None, _) => format!("a template is a mapping with a Resources section, and this is {}", root.value.kind()),
        (Some(_), None) => "a template has a Resources section, and this file has none".to_owned(),
        (Some(_), Some(resources)) if resources.as_map().is_none() => {
            let message = format!("Resources is a mapping by logical id, and here it is {}", resources.value.kind());
            return Some(Diagnostic::error(message).at(resources.mark.location()).path("Resources"));
        }
        (Some(_), Some(_)) => return None,
    };
    Some(Diagnostic::error(message).at(location))
}
