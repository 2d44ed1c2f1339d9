//! Conditions of policy statements, as far as a request alone decides them.

use std::net::IpAddr;

use serde_json::Value;

use super::{Question, glob, one_or_many};

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    Yes,
    No,
    /// Only AWS could tell.
    Unknown,
}

/// Whether all operators of a Condition hold.
pub(super) fn met(condition: &Value, question: &Question) -> Met {
    let Value::Object(operators) = condition else { return Met::Unknown };
    let mut all = Met::Yes;
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else { return Met::Unknown };
        for (key, wanted) in keys {
            match holds(operator, key, one_or_many(wanted), question) {
                Met::No => return Met::No,
                Met::Unknown => all = Met::Unknown,
                Met::Yes => {}
            }
        }
    }
    all
}

fn holds(operator: &str, key: &str, wanted: &[Value], question: &Question) -> Met {
    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let negated = operator.contains("Not");
    let actual = match value(key, question) {
        Key::Value(actual) => actual,
        Key::Absent if if_exists || negated => return Met::Yes,
        Key::Absent => return Met::No,
        Key::Unknown => return Met::Unknown,
    };
    let Some(compare) = comparison(operator) else { return Met::Unknown };
    let any = wanted.iter().any(|wanted| compare(&text(wanted), &actual));
    if any == negated { Met::No } else { Met::Yes }
}

enum Key {
    Value(String),
    Absent,
    Unknown,
}

/// A condition key's value for this request. Keys of a VPC are absent: the request came over no endpoint of one.
fn value(key: &str, question: &Question) -> Key {
    let some = |value: Option<&str>| value.map_or(Key::Absent, |value| Key::Value(value.to_owned()));
    match key.to_ascii_lowercase().as_str() {
        "aws:sourceip" => Key::Value(question.source_ip.to_string()),
        "aws:useragent" => some(question.user_agent),
        "aws:referer" => some(question.referer),
        "aws:securetransport" => Key::Value(question.secure.to_string()),
        "aws:epochtime" => Key::Value(question.time.to_string()),
        "aws:sourcevpc" | "aws:sourcevpce" | "aws:vpcsourceip" => Key::Absent,
        _ => Key::Unknown,
    }
}

type Comparison = fn(&str, &str) -> bool;

fn comparison(operator: &str) -> Option<Comparison> {
    let compare: Comparison = match operator {
        "StringEquals" | "StringNotEquals" => |wanted, actual| wanted == actual,
        "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" | "Bool" => {
            |wanted, actual| wanted.eq_ignore_ascii_case(actual)
        }
        "StringLike" | "StringNotLike" | "ArnLike" | "ArnNotLike" => glob,
        "IpAddress" | "NotIpAddress" => |wanted, actual| actual.parse().is_ok_and(|ip| in_network(wanted, ip)),
        "NumericEquals" | "NumericNotEquals" => |wanted, actual| numbers(wanted, actual).is_some_and(|(w, a)| a == w),
        "NumericLessThan" => |wanted, actual| numbers(wanted, actual).is_some_and(|(w, a)| a < w),
        "NumericLessThanEquals" => |wanted, actual| numbers(wanted, actual).is_some_and(|(w, a)| a <= w),
        "NumericGreaterThan" => |wanted, actual| numbers(wanted, actual).is_some_and(|(w, a)| a > w),
        "NumericGreaterThanEquals" => |wanted, actual| numbers(wanted, actual).is_some_and(|(w, a)| a >= w),
        _ => return None,
    };
    Some(compare)
}

fn numbers(wanted: &str, actual: &str) -> Option<(f64, f64)> {
    Some((wanted.parse().ok()?, actual.parse().ok()?))
}

fn text(value: &Value) -> String {
    super::super::caller::stringified(value)
}

/// Whether an address lies in `10.0.0.0/8`, `::1` and the like.
fn in_network(network: &str, address: IpAddr) -> bool {
    let (base, length) = network.split_once('/').unwrap_or((network, ""));
    match (base.parse(), address.to_canonical()) {
        (Ok(IpAddr::V4(base)), IpAddr::V4(address)) => {
            same_start(u128::from(u32::from(base)), u128::from(u32::from(address)), length, 32)
        }
        (Ok(IpAddr::V6(base)), IpAddr::V6(address)) => same_start(u128::from(base), u128::from(address), length, 128),
        _ => false,
    }
}

fn same_start(one: u128, other: u128, length: &str, bits: u32) -> bool {
    let length = if length.is_empty() { Some(bits) } else { length.parse().ok().filter(|length| *length <= bits) };
    length.is_some_and(|length| length == 0 || (one ^ other) >> (bits - length) == 0)
}
