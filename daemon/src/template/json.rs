//! A resolved tree as JSON, for the parts of a template that are JSON documents: schemas, policies, event payloads.

use serde_json::Value as Json;

use super::node::{Node, Value};

/// The node as JSON. Numbers that JSON cannot spell become text.
#[must_use]
pub fn to_json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Number(text) => number(text),
        Value::String(text) => Json::String(text.to_string()),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(map) => {
            Json::Object(map.iter().map(|(key, value)| (key.text.to_string(), to_json(value))).collect())
        }
    }
}

fn number(text: &str) -> Json {
    let whole = text.parse::<i64>().ok().map(Json::from);
    whole
        .or_else(|| serde_json::Number::from_f64(text.parse().ok()?).map(Json::Number))
        .unwrap_or_else(|| Json::String(text.to_owned()))
}
