//! Request validators and models of REST APIs (A8).

mod detail;

use std::collections::BTreeMap;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use super::Exchange;
use super::body::media_type;
use super::gateway_response::{Refusal, ResponseType};
use super::variables::Variables;

/// An API's models, ready to validate with; made once for each generation.
#[derive(Debug, Default)]
pub struct Models {
    validators: BTreeMap<String, Result<Validator, String>>,
}

impl Models {
    /// Compiles JSON schemas of draft 4. References to other models of the API are resolved, whatever form they have.
    #[must_use]
    pub fn new(models: &BTreeMap<String, Value>) -> Models {
        let definitions: Map<String, Value> =
            models.iter().map(|(name, schema)| (name.clone(), local_references(schema, models, 0))).collect();
        let compile = |name: &String| {
            let mut schema = definitions.get(name).cloned().unwrap_or(Value::Null);
            if let Value::Object(schema) = &mut schema {
                schema.remove("$schema");
                schema.insert(DEFINITIONS.to_owned(), Value::Object(definitions.clone()));
            }
            let options = jsonschema::options().with_draft(Draft::Draft4);
            options.build(&schema).map_err(|error| error.to_string())
        };
        Models { validators: models.keys().map(|name| (name.clone(), compile(name))).collect() }
    }

    /// Models that cannot be compiled, and why, for diagnostics.
    pub fn broken(&self) -> impl Iterator<Item = (&str, &str)> {
        let errors = self.validators.iter().map(|(name, validator)| Some((name.as_str(), validator.as_ref().err()?)));
        errors.flatten().map(|(name, error)| (name, error.as_str()))
    }
}

/// Checks what the route's validator asks for, parameters first (A8.1).
///
/// # Errors
/// The refusal that the request is answered with.
pub fn check(exchange: &Exchange, models: &Models) -> Result<(), Refusal> {
    let Some((route, _)) = exchange.found else { return Ok(()) };
    if route.validation.parameters {
        check_parameters(exchange, &route.validation.required)?;
    }
    if route.validation.body {
        check_body(exchange, &route.validation.models, models)?;
    }
    Ok(())
}

/// Missing ones are listed in the order of their `method.request.*` names: headers, path, query.
fn check_parameters(exchange: &Exchange, required: &[String]) -> Result<(), Refusal> {
    let variables = Variables { exchange, refusal: None };
    let mut missing: Vec<&str> = required.iter().map(String::as_str).collect();
    missing.retain(|name| variables.get(name).unwrap_or_default().is_empty());
    missing.sort_unstable();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|name| name.splitn(4, '.').nth(3).unwrap_or(name)).collect();
    let message = format!("Missing required request parameters: [{}]", names.join(", "));
    Err(Refusal::saying(ResponseType::BadRequestParameters, message))
}

fn check_body(exchange: &Exchange, by_type: &BTreeMap<String, String>, models: &Models) -> Result<(), Refusal> {
    let content_type = media_type(exchange.request.header("content-type").unwrap_or("application/json"));
    let Some(name) = by_type.get(content_type).or_else(|| by_type.get("$default")) else { return Ok(()) };
    match models.validators.get(name) {
        // The model that every API has and that takes anything.
        None if name == "Empty" => Ok(()),
        Some(Ok(validator)) => {
            let body = parsed(&exchange.request.body).ok_or_else(|| invalid(String::new()))?;
            let errors: Vec<_> = validator.iter_errors(&body).collect();
            if errors.is_empty() { Ok(()) } else { Err(invalid(detail::of(&errors))) }
        }
        // A model that is not there or not a schema: nothing passes unchecked.
        None | Some(Err(_)) => Err(Refusal::from(ResponseType::ApiConfigurationError)),
    }
}

/// An empty body counts as an empty object (A8.4).
fn parsed(body: &[u8]) -> Option<Value> {
    if body.is_empty() { Some(json!({})) } else { serde_json::from_slice(body).ok() }
}

fn invalid(detail: String) -> Refusal {
    Refusal { validation_error: Some(detail), ..Refusal::from(ResponseType::BadRequestBody) }
}

/// Where all models of an API stand inside each compiled one.
const DEFINITIONS: &str = "x-models";
/// Schemas nested deeper than this are cut, so that no template can exhaust the stack.
const DEPTH: usize = 100;

/// A schema whose references to models (by AWS's URL, `#/definitions/…` of an import or `#/components/schemas/…`) point
/// into [`DEFINITIONS`].
fn local_references(schema: &Value, models: &BTreeMap<String, Value>, depth: usize) -> Value {
    match schema {
        _ if depth > DEPTH => Value::Null,
        Value::Array(values) => values.iter().map(|value| local_references(value, models, depth + 1)).collect(),
        Value::Object(fields) => {
            let local = |(name, value): (&String, &Value)| match (name.as_str(), value) {
                ("$ref", Value::String(target)) => (name.clone(), Value::String(local_reference(target, models))),
                // An id would change what references are relative to.
                ("id", Value::String(_)) => ("x-id".to_owned(), value.clone()),
                _ => (name.clone(), local_references(value, models, depth + 1)),
            };
            Value::Object(fields.iter().map(local).collect())
        }
        other => other.clone(),
    }
}

fn local_reference(target: &str, models: &BTreeMap<String, Value>) -> String {
    let by_url = target.rsplit_once("/models/").filter(|(api, _)| api.contains("/restapis/")).map(|(_, name)| name);
    let imported = target.strip_prefix("#/components/schemas/").or_else(|| target.strip_prefix("#/definitions/"));
    match by_url.or(imported).filter(|name| models.contains_key(*name)) {
        Some(name) => format!("#/{DEFINITIONS}/{name}"),
        None => target.to_owned(),
    }
}

#[cfg(test)]
mod tests;
