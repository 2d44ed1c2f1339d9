//! An Api event's RequestModel and RequestParameters: what is checked before the function runs.

use crate::project::api::Validation;
use crate::template::Node;
use crate::template::properties::Properties;

/// RequestModel and RequestParameters.
pub(super) fn validation(event: &Properties<'_>, api: &Node) -> Validation {
    let mut validation = Validation::default();
    if let Some(model) = event.map("RequestModel") {
        validation.body = model.flag("ValidateBody").unwrap_or(false);
        validation.parameters = model.flag("ValidateParameters").unwrap_or(false);
        if let Some(name) = model.text("Model") {
            if api.at(&["Models", &name]).is_none() {
                model.error("Model", format!("the API has no model {name}"));
            }
            validation.models.insert("application/json".to_owned(), name.to_lowercase());
        }
    }
    for parameter in event.list("RequestParameters") {
        let entries = parameter.as_map().into_iter().flat_map(crate::template::node::Map::iter);
        let required = entries.filter(|(_, settings)| settings.get("Required").and_then(Node::as_bool) == Some(true));
        validation.required.extend(required.map(|(name, _)| name.text.to_string()));
    }
    validation
}
