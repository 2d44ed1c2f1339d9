//! Parameters: which value each one has, and whether the template allows it.
//!
//! Overrides come from the user, or from the parent of a nested template. What neither they nor a default decides gets a
//! stand-in, so that a template can be served before anybody thinks of its parameters.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;

use super::node::{Key, Node, Value};
use super::{Diagnostic, Findings, Template};

/// Where values come from.
pub enum Given {
    /// The user's, as text.
    Overrides(BTreeMap<String, String>),
    /// A parent template's, resolved.
    Parent(BTreeMap<Arc<str>, Node>),
}

impl Given {
    fn value(&self, name: &str, declaration: &Node) -> Option<Node> {
        match self {
            Given::Overrides(values) => values.get(name).map(|text| Node::text(text, &declaration.mark)),
            Given::Parent(values) => values.get(name).cloned(),
        }
    }
}

/// The value of each declared parameter.
#[must_use]
pub fn values(template: &Template, given: &Given, findings: &Findings) -> BTreeMap<Arc<str>, Node> {
    let declared = template.section("Parameters").filter(|(key, _)| !key.text.starts_with("Fn::ForEach::"));
    declared.map(|(key, declaration)| (Arc::clone(&key.text), value(key, declaration, given, findings))).collect()
}

fn value(key: &Key, declaration: &Node, given: &Given, findings: &Findings) -> Node {
    let kind = declaration.get("Type").and_then(Node::as_str).unwrap_or("String");
    if let Some(warning) = unknown_type(key, declaration) {
        findings.report(warning.path(format!("Parameters.{}", key.text)));
    }
    let from_outside = given.value(&key.text, declaration);
    let chosen = from_outside.or_else(|| declaration.as_map()?.get("Default").filter(|node| !node.is_null()).cloned());
    let is_default = given.value(&key.text, declaration).is_none();
    let is_stand_in = chosen.is_none();
    let value = chosen.unwrap_or_else(|| stand_in(key, declaration, kind, findings));
    if kind.starts_with("AWS::SSM::Parameter::Value") && is_default {
        // What the parameter store holds is not known here: its key stands in for it.
        findings.stand_in(&format!("Parameters.{}", key.text), &value.scalar().unwrap_or_default());
    }
    // Nobody chose a stand-in, so nobody is told what is wrong with it.
    let problems = if is_stand_in { Vec::new() } else { problems(&key.text, declaration, kind, &value) };
    for problem in problems {
        let refused = is_default && problem.severity == super::Severity::Error;
        let problem = if refused { of_default(problem, &key.text) } else { problem };
        findings.report(problem.at(declaration.mark.location()).path(format!("Parameters.{}", key.text)));
    }
    if is_list(kind) { split(&value) } else { as_text(&value) }
}

/// What CloudFormation alone refuses of a type; here the parameter is text.
fn unknown_type(key: &Key, declaration: &Node) -> Option<Diagnostic> {
    let Some(stated) = declaration.get("Type") else {
        let message = format!("the parameter {} has no Type, so AWS refuses to deploy this; here it is text", key.text);
        return Some(Diagnostic::warning(message).at(key.mark.location()));
    };
    let of_list = |kind: &str| kind.strip_prefix("List<").and_then(|kind| kind.strip_suffix('>')).map(str::to_owned);
    let known = |kind: &str| matches!(kind, "String" | "Number" | "CommaDelimitedList") || kind.starts_with("AWS::");
    let is_known = stated.as_str().is_some_and(|kind| known(kind) || of_list(kind).is_some_and(|kind| known(&kind)));
    let name = stated.scalar().unwrap_or_default();
    let message =
        format!("{name:?} is no type that a parameter may have, so AWS refuses to deploy this; here it is text");
    (!is_known).then(|| Diagnostic::warning(message).at(stated.mark.location()))
}

/// A default that the declaration itself does not allow asks for a value at the deployment; here it is used until then.
fn of_default(problem: Diagnostic, name: &str) -> Diagnostic {
    let value = format!("CloudFormation refuses this default; give a value: --parameter-overrides {name}=…");
    let help = problem.help.as_ref().map_or(value.clone(), |help| format!("{help}; {value}"));
    Diagnostic { severity: super::Severity::Warning, help: Some(help), ..problem }
}

/// CloudFormation's values are text, whatever a default's spelling.
fn as_text(value: &Node) -> Node {
    match value.scalar() {
        Some(text) => Node { value: Value::String(text), mark: value.mark.clone() },
        None => value.clone(),
    }
}

fn is_list(kind: &str) -> bool {
    kind.contains("List<") || kind == "CommaDelimitedList" || kind.contains("<CommaDelimitedList")
}

fn split(value: &Node) -> Node {
    match value.as_str() {
        Some("") => Node::list(Vec::new(), &value.mark),
        Some(text) => {
            Node::list(text.split(',').map(|item| Node::text(item.trim(), &value.mark)).collect(), &value.mark)
        }
        None => value.clone(),
    }
}

fn stand_in(key: &Key, declaration: &Node, kind: &str, findings: &Findings) -> Node {
    let allowed = declaration.get("AllowedValues").map(Node::strings).unwrap_or_default();
    let value = match allowed.into_iter().next() {
        Some(value) => value,
        None if kind == "Number" || kind == "List<Number>" => {
            declaration.get("MinValue").and_then(Node::as_str).unwrap_or("1").to_owned()
        }
        None => key.text.to_string(),
    };
    findings.stand_in(&format!("Parameters.{}", key.text), &value);
    let message = format!("the parameter {} has neither a default nor an override; {value} stands in for it", key.text);
    let help = format!("give it a value: --parameter-overrides {}=…", key.text);
    let note = Diagnostic::new(super::Severity::Note, message).at(key.mark.location());
    findings.report(note.path(format!("Parameters.{}", key.text)).help(help));
    Node::text(&value, &declaration.mark)
}

/// What the declaration does not allow. Values of `NoEcho` parameters are never quoted.
fn problems(name: &str, declaration: &Node, kind: &str, value: &Node) -> Vec<Diagnostic> {
    let secret = declaration.get("NoEcho").and_then(Node::as_bool).unwrap_or(false);
    let shown = |text: &str| if secret { "its value".to_owned() } else { format!("{text:?}") };
    let texts = if is_list(kind) { split(value).strings() } else { value.strings() };
    let allowed = declaration.get("AllowedValues").map(Node::strings);
    let mut problems = Vec::new();
    for text in &texts {
        if let Some(allowed) = allowed.as_ref().filter(|allowed| !allowed.contains(text)) {
            let message = format!("{} is none of the values that {name} allows: {}", shown(text), allowed.join(", "));
            problems.push(Diagnostic::error(message));
        }
        if kind == "Number" && text.trim().parse::<f64>().is_err() {
            problems.push(Diagnostic::error(format!("{name} is a number, and {} is none", shown(text))));
        }
        problems.extend(out_of_bounds(name, declaration, kind, text));
        problems.extend(unlike_pattern(name, declaration, text, shown));
    }
    problems
}

fn out_of_bounds(name: &str, declaration: &Node, kind: &str, text: &str) -> Option<Diagnostic> {
    let bound = |key: &str| declaration.get(key).and_then(Node::as_f64);
    #[allow(clippy::cast_precision_loss)] // A parameter has at most 4,096 characters.
    let (measure, least, most, what) = match kind {
        "Number" => (text.trim().parse().ok()?, bound("MinValue"), bound("MaxValue"), "value"),
        "String" => (text.chars().count() as f64, bound("MinLength"), bound("MaxLength"), "length"),
        _ => return None,
    };
    if least.is_some_and(|least| measure < least) {
        return Some(Diagnostic::error(format!("the {what} of {name} is below the least that is allowed")));
    }
    most.filter(|most| measure > *most)
        .map(|_| Diagnostic::error(format!("the {what} of {name} is above the most that is allowed")))
}

/// Whether the whole value is as AllowedPattern says; a pattern that only Java can read is said and not checked.
fn unlike_pattern(name: &str, declaration: &Node, text: &str, shown: impl Fn(&str) -> String) -> Option<Diagnostic> {
    let pattern = declaration.get("AllowedPattern").and_then(Node::as_str)?;
    match Regex::new(&format!("^(?:{pattern})$")) {
        Ok(regex) if regex.is_match(text) => None,
        Ok(_) => {
            let described = declaration.get("ConstraintDescription").and_then(Node::as_str);
            let error =
                Diagnostic::error(format!("{} does not match the AllowedPattern of {name}: {pattern}", shown(text)));
            Some(described.into_iter().fold(error, Diagnostic::help))
        }
        Err(_) => {
            let message = format!("the AllowedPattern of {name} cannot be checked here: {pattern}");
            Some(Diagnostic::new(super::Severity::Note, message))
        }
    }
}
