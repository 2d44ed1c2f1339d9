//! `$context.error.validationErrorString` (A8.3), in the words of the validator that AWS uses: java-json-tools'
//! json-schema-validator, whose messages these are.
//!
//! It tells of each keyword once, of an object's missing properties together, and looks into no object or array that is
//! wrong itself.

use std::collections::BTreeMap;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

/// All that is wrong with a body: `[object has missing required properties (["a","b"])]`.
pub(super) fn of(errors: &[ValidationError]) -> String {
    let paths: Vec<String> = errors.iter().map(|error| error.instance_path().to_string()).collect();
    let below = |path: &str, other: &str| path.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
    let is_seen = |path: &String| !paths.iter().any(|other| below(path, other));
    let seen = errors.iter().zip(&paths).filter(|(_, path)| is_seen(path));
    let mut told: BTreeMap<(&str, &str), Vec<&ValidationError>> = BTreeMap::new();
    for (error, path) in seen {
        told.entry((path, error.kind().keyword())).or_default().push(error);
    }
    let sentences: Vec<String> = told.values().flat_map(|errors| sentences(errors)).collect();
    format!("[{}]", sentences.join(", "))
}

/// What errors of one keyword about one value say.
fn sentences(errors: &[&ValidationError]) -> Vec<String> {
    let missing = |error: &&ValidationError| match error.kind() {
        Kind::Required { property } => property.as_str().map(str::to_owned),
        _ => None,
    };
    let missing: Vec<String> = errors.iter().filter_map(missing).collect();
    if missing.is_empty() {
        return errors.iter().map(|error| sentence(error)).collect();
    }
    vec![format!("object has missing required properties ({})", sorted(&missing))]
}

fn sentence(error: &ValidationError) -> String {
    let value = error.instance().as_ref();
    match error.kind() {
        Kind::Type { kind } => {
            let (actual, allowed) = (type_name(value), sorted(&type_names(kind)));
            format!("instance type ({actual}) does not match any allowed primitive type (allowed: {allowed})")
        }
        Kind::Enum { options } => {
            format!("instance value ({value}) not found in enum (possible values: {options})")
        }
        Kind::AdditionalProperties { unexpected } => {
            format!("object instance has properties which are not allowed by the schema: {}", sorted(unexpected))
        }
        Kind::AdditionalItems { limit } => {
            format!("schema only allows {limit} elements in array but instance has {} elements", size(value))
        }
        Kind::MinItems { limit } => {
            format!("array is too short: must have at least {limit} elements but instance has {} elements", size(value))
        }
        Kind::MaxItems { limit } => {
            format!("array is too long: must have at most {limit} elements but instance has {} elements", size(value))
        }
        Kind::UniqueItems => "array must not contain duplicate elements".to_owned(),
        Kind::Minimum { limit } => {
            format!("numeric instance is lower than the required minimum (minimum: {limit}, found: {value})")
        }
        Kind::Maximum { limit } => {
            format!("numeric instance is greater than the required maximum (maximum: {limit}, found: {value})")
        }
        Kind::ExclusiveMinimum { limit } => {
            format!("numeric instance is not strictly greater than the required minimum {limit}")
        }
        Kind::ExclusiveMaximum { limit } => {
            format!("numeric instance is not strictly lower than the required maximum {limit}")
        }
        Kind::MinLength { limit } => {
            format!("string {value} is too short (length: {}, required minimum: {limit})", size(value))
        }
        Kind::MaxLength { limit } => {
            format!("string {value} is too long (length: {}, maximum allowed: {limit})", size(value))
        }
        Kind::Pattern { pattern } => format!("ECMA 262 regex \"{pattern}\" does not match input string {value}"),
        Kind::MultipleOf { multiple_of } => format!("remainder of division is not zero ({value} / {multiple_of})"),
        Kind::MinProperties { limit } => {
            format!("object has too few properties (found {} but schema requires at least {limit})", size(value))
        }
        Kind::MaxProperties { limit } => {
            format!("object has too many properties (found {} but schema requires at most {limit})", size(value))
        }
        Kind::AnyOf { context } => {
            format!("instance failed to match at least one required schema among {}", context.len())
        }
        Kind::OneOfNotValid { context } => matched_one(0, context.len()),
        Kind::OneOfMultipleValid { context } => {
            matched_one(context.iter().filter(|errors| errors.is_empty()).count(), context.len())
        }
        Kind::Not { .. } => "instance matched a schema which it should not have".to_owned(),
        _ => error.to_string(),
    }
}

fn matched_one(matched: usize, all: usize) -> String {
    format!("instance failed to match exactly one schema (matched {matched} out of {all})")
}

/// Names in quotes and in order, as in `["a","b"]`.
fn sorted(names: &[String]) -> String {
    let mut names = names.to_vec();
    names.sort();
    Value::from(names).to_string()
}

/// Elements, members or letters.
fn size(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.len(),
        Value::Object(members) => members.len(),
        Value::String(text) => text.chars().count(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// The types that are allowed; a number takes integers too.
fn type_names(kind: &TypeKind) -> Vec<String> {
    let mut names: Vec<String> = match kind {
        TypeKind::Single(one) => vec![one.to_string()],
        TypeKind::Multiple(many) => many.iter().map(|one| one.to_string()).collect(),
    };
    names.iter_mut().for_each(|name| *name = name.trim_matches('"').to_owned());
    if names.iter().any(|name| name == "number") && !names.iter().any(|name| name == "integer") {
        names.push("integer".to_owned());
    }
    names
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
