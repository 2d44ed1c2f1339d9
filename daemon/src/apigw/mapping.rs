//! Parameter mapping of HTTP APIs (B9), and what an HTTP_PROXY integration sends upstream and takes back (B10.2, A5.11).
//!
//! An expression that cannot be understood maps to nothing and is named by [`problems`], so that it is said at start-up.

mod expression;
mod upstream;

use std::collections::BTreeMap;

use serde_json::Value;

use super::reply::is_header;
use super::{Exchange, Reply, Request};
use expression::{Expression, Source};

pub use upstream::{Upstream, maps_forbidden, passed_back, upstream};

/// Mappings by key, as in `append:header.x` → `$request.path.id`.
pub type Parameters = BTreeMap<String, String>;

/// Headers that a mapping may not touch (B9.2).
const RESERVED: [&str; 17] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "forwarded",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// What a REST API maps to (D1).
const REST_PLACES: [&str; 3] =
    ["integration.request.header.", "integration.request.path.", "integration.request.querystring."];

/// What a REST API maps from.
const REST_SOURCES: [&str; 7] = [
    "context.",
    "method.request.header.",
    "method.request.multivalueheader.",
    "method.request.multivaluequerystring.",
    "method.request.path.",
    "method.request.querystring.",
    "stageVariables.",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Append,
    Overwrite,
    Remove,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    Header(&'a str),
    Query(&'a str),
    Path,
    Status,
}

/// A request as the integration of an HTTP API sees it, with its request parameters mapped. Every expression sees the
/// request as it came.
#[must_use]
pub fn request(exchange: &Exchange, parameters: &Parameters) -> Request {
    let mut mapped = exchange.request.clone();
    let source = Source::Request(exchange);
    for (key, expression) in parameters {
        let Some((action, place)) = parsed_key(key) else { continue };
        let Some(value) = value(action, expression, &source) else { continue };
        match place {
            Place::Header(name) => {
                change(&mut mapped.headers, action, name, value.into_bytes(), |one, other| {
                    one.eq_ignore_ascii_case(other)
                });
            }
            Place::Query(name) => mapped.query = changed_query(mapped.query.as_deref(), action, name, value),
            Place::Path => mapped.path = format!("/{}", value.trim_start_matches('/')),
            Place::Status => {}
        }
    }
    mapped
}

/// A reply with the response parameters of its status mapped.
#[must_use]
pub fn reply(exchange: &Exchange, by_status: &BTreeMap<String, Parameters>, reply: Reply) -> Reply {
    let Some(parameters) = by_status.get(&reply.status.to_string()) else { return reply };
    let source = Source::Reply(exchange, &reply);
    let mut mapped = reply.clone();
    for (key, expression) in parameters {
        let Some((action, place)) = parsed_key(key) else { continue };
        let Some(value) = value(action, expression, &source) else { continue };
        match place {
            Place::Header(name) if is_header(name, &value) => {
                change(&mut mapped.headers, action, name, value, |one, other| one.eq_ignore_ascii_case(other));
            }
            Place::Status => mapped.status = status(&value).unwrap_or(mapped.status),
            Place::Header(_) | Place::Query(_) | Place::Path => {}
        }
    }
    mapped
}

/// What is wrong with mappings, one sentence each, for diagnostics.
#[must_use]
pub fn problems(parameters: &Parameters) -> Vec<String> {
    let key_problem = |key: &String| match parsed_key(key) {
        None => Some(format!("{key} is no parameter that can be mapped, or is reserved")),
        Some(_) => None,
    };
    let value_problem = |(key, value): (&String, &String)| {
        Expression::parse(value).is_none().then(|| format!("{key}: {value} is no value that can be mapped"))
    };
    let keys = parameters.keys().filter_map(key_problem);
    keys.chain(parameters.iter().filter_map(value_problem)).collect()
}

/// As [`problems`], of a REST API's HTTP_PROXY: `integration.request.path.x` from `method.request.path.x` and the like.
#[must_use]
pub fn rest_problems(parameters: &Parameters) -> Vec<String> {
    let key_problem = |key: &String| {
        let known = REST_PLACES.iter().filter_map(|place| key.strip_prefix(place)).any(|name| !name.is_empty());
        (!known).then(|| format!("{key} is no parameter that can be mapped"))
    };
    let value_problem = |(key, value): (&String, &String)| {
        (!is_rest_value(value)).then(|| format!("{key}: {value} is no value that can be mapped"))
    };
    let keys = parameters.keys().filter_map(key_problem);
    keys.chain(parameters.iter().filter_map(value_problem)).collect()
}

/// Static text in quotes, or the name of a value.
fn is_rest_value(value: &str) -> bool {
    let is_text = value.len() > 1 && value.starts_with('\'') && value.ends_with('\'');
    is_text || value == "method.request.body" || REST_SOURCES.iter().any(|source| value.starts_with(source))
}

/// The value to set; `None` where there is nothing to map from. `remove` needs none.
fn value(action: Action, expression: &str, source: &Source) -> Option<String> {
    if action == Action::Remove {
        return Some(String::new());
    }
    Expression::parse(expression)?.value(source)
}

fn parsed_key(key: &str) -> Option<(Action, Place<'_>)> {
    let (action, place) = key.split_once(':')?;
    let action = match action {
        "append" => Action::Append,
        "overwrite" => Action::Overwrite,
        "remove" => Action::Remove,
        _ => return None,
    };
    match (place, action) {
        ("path", Action::Overwrite) => return Some((action, Place::Path)),
        ("statuscode", Action::Overwrite) => return Some((action, Place::Status)),
        _ => {}
    }
    if let Some(name) = place.strip_prefix("header.") {
        return (!is_reserved(name) && is_header(name, "")).then_some((action, Place::Header(name)));
    }
    let name = place.strip_prefix("querystring.").filter(|name| !name.is_empty())?;
    Some((action, Place::Query(name)))
}

fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let families = ["access-control-", "apigw-", "x-amz-", "x-amzn-"];
    name == "via" || RESERVED.contains(&name.as_str()) || families.iter().any(|family| name.starts_with(family))
}

fn change<V>(lines: &mut Vec<(String, V)>, action: Action, name: &str, value: V, same: impl Fn(&str, &str) -> bool) {
    if action != Action::Append {
        lines.retain(|(sent, _)| !same(sent, name));
    }
    if action != Action::Remove {
        lines.push((name.to_owned(), value));
    }
}

fn changed_query(query: Option<&str>, action: Action, name: &str, value: String) -> Option<String> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut pairs: Vec<(String, String)> = pairs.map(|(name, value)| (name.into(), value.into())).collect();
    change(&mut pairs, action, name, value, |one, other| one == other);
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    (!query.is_empty()).then_some(query)
}

fn status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (200..=599).contains(status))
}

/// A part of a JSON body by a simple path: `$.a.b[0]`. There is no recursive descent and no filter, as on AWS.
fn json_part(body: &[u8], path: &str) -> Option<String> {
    /// A path sees no more of a body (B9.1).
    const VISIBLE: usize = 100 * 1024;
    if path.is_empty() {
        return Some(String::from_utf8_lossy(body).into_owned());
    }
    let document: Value = serde_json::from_slice(body.get(..VISIBLE.min(body.len()))?).ok()?;
    let names = path.trim_start_matches('.').replace('[', ".").replace(']', "");
    let mut at = &document;
    for name in names.split('.') {
        at = match at {
            Value::Array(values) => values.get(name.parse::<usize>().ok()?)?,
            other => other.get(name)?,
        };
    }
    Some(super::caller::stringified(at))
}

#[cfg(test)]
mod tests;
