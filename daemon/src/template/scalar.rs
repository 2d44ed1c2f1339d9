//! YAML's scalars and tags: what `yes`, `1.10` and `!GetAtt a.b` stand for.

use std::borrow::Cow;
use std::sync::Arc;

use saphyr_parser::Tag;

use super::node::{Key, Node, Value};

/// `Ref` of `!Ref`; the bare name of a core tag (`str` of `!!str`).
pub(super) fn tag_name(tag: Option<&Tag>) -> Option<String> {
    let tag = tag?;
    Some(if tag.is_yaml_core_schema() || tag.handle == "!" {
        tag.suffix.clone()
    } else {
        format!("{}{}", tag.handle.trim_start_matches('!'), tag.suffix)
    })
}

/// Tags of YAML itself, which say nothing that the value does not.
const CORE_TAGS: [&str; 10] = ["str", "int", "float", "bool", "null", "map", "seq", "timestamp", "binary", "omap"];

/// `!Ref x` → `{Ref: x}`, `!Sub x` → `{Fn::Sub: x}`, `!GetAtt a.b` → `{Fn::GetAtt: [a, b]}`.
pub(super) fn long_form(tag: Option<&str>, node: Node) -> Node {
    let Some(name) = tag.filter(|name| !name.is_empty() && !CORE_TAGS.contains(name)) else { return node };
    let mark = node.mark.clone();
    let (name, node) = match name {
        "Ref" | "Condition" => (name.to_owned(), as_text(node)),
        "GetAtt" => ("Fn::GetAtt".to_owned(), attribute(node)),
        _ => (format!("Fn::{name}"), node),
    };
    Node::map(vec![(Key { text: Arc::from(name), mark: mark.clone() }, node)], &mark)
}

fn as_text(node: Node) -> Node {
    match node.scalar() {
        Some(text) => Node { value: Value::String(text), mark: node.mark },
        None => node,
    }
}

fn attribute(node: Node) -> Node {
    match node.as_str().and_then(|text| text.split_once('.')) {
        Some((resource, name)) => {
            let (resource, name) = (Node::text(resource, &node.mark), Node::text(name, &node.mark));
            Node::list(vec![resource, name], &node.mark)
        }
        None => node,
    }
}

/// A plain scalar after YAML 1.1, which CloudFormation and the SAM CLI follow.
pub(super) fn plain_value(text: Arc<str>) -> Value {
    match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Value::Bool(false),
        number if is_number(number) => Value::Number(text),
        _ => Value::String(text),
    }
}

/// Decimal numbers only: an account id with a leading zero, a date or `0x1f` stays text.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let starts = digits.starts_with(|c: char| c.is_ascii_digit());
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    let decimal = digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    starts && !leading_zero && decimal && text.parse::<f64>().is_ok()
}

/// JSON spells a character beyond U+FFFF as two escapes (`\ud83d\ude00`), YAML as one (`\U0001f600`).
pub(super) fn with_joined_surrogates(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut done, mut at) = (0, 0);
    while let Some(found) = text[at..].find('\\') {
        let escape = at + found;
        if let Some(character) = surrogate_pair(&text[escape..]) {
            out.push_str(&text[done..escape]);
            out.push_str(&format!("\\U{:08x}", u32::from(character)));
            at = escape + PAIR_LENGTH;
            done = at;
        } else {
            // The character behind a backslash belongs to it, a second backslash too.
            at = escape + 1 + text[escape + 1..].chars().next().map_or(0, char::len_utf8);
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// Length of `\ud83d\ude00`.
const PAIR_LENGTH: usize = 12;

fn surrogate_pair(text: &str) -> Option<char> {
    let unit = |at: usize| -> Option<u16> {
        let escape = text.get(at..at + PAIR_LENGTH / 2)?.strip_prefix("\\u")?;
        u16::from_str_radix(escape, 16).ok()
    };
    char::decode_utf16([unit(0)?, unit(PAIR_LENGTH / 2)?]).next()?.ok().filter(|character| character.len_utf16() == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_decimals_are_numbers() {
        for number in ["0", "-1", "1.10", "0.5", "1e3", "+7"] {
            assert!(is_number(number), "{number}");
        }
        for text in ["012345678901", "2012-10-17", "0x1f", "1_000", "1.2.3", "-", "", "e5", "12:30", "inf", "nan"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
