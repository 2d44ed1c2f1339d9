//! Policies: SAM's policy templates, their parameters, and what is no policy at all.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::super::Diagnostic;
use super::super::intrinsic::is_intrinsic;
use super::super::node::{Map, Node, Value};
use super::super::schema::{Path, with_proposal};
use super::Judged;

/// SAM's policy templates with their parameters.
static TEMPLATES: LazyLock<BTreeMap<&str, Vec<&str>>> = LazyLock::new(|| {
    let lines = include_str!("../schema/policies.txt").lines().filter(|line| !line.starts_with('#'));
    let template = |line: &'static str| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.collect()))
    };
    lines.filter_map(template).collect()
});

/// Judges the policies of a function or a state machine.
pub(super) fn of_resource(owner: &Judged<'_>) {
    let Some(policies) = owner.get("Policies").filter(|policies| policies.says_something()) else { return };
    let path = owner.path.to("Policies");
    match policies.as_list() {
        Some(list) => list.iter().for_each(|policy| judge(owner, policy, &path)),
        None => judge(owner, policies, &path),
    }
}

fn judge(owner: &Judged<'_>, policy: &Node, path: &Path<'_>) {
    if let Some(branches) = policy.get("Fn::If").and_then(Node::as_list) {
        return branches
            .iter()
            .skip(1)
            .filter(|node| node.as_map().is_some())
            .for_each(|node| judge(owner, node, path));
    }
    if matches!(policy.value, Value::String(_)) || is_intrinsic(policy) || policy.get("Statement").is_some() {
        return;
    }
    let entries: Vec<_> = policy.as_map().into_iter().flat_map(Map::iter).collect();
    match entries.as_slice() {
        [(name, values)] if TEMPLATES.contains_key(&*name.text) => template(owner, &name.text, values, path),
        entries if entries.iter().any(|(key, _)| key.text.starts_with("Fn::")) => {}
        // Where a role is given, SAM makes none of the policies.
        _ if owner.get("Role").is_some() => {}
        entries => {
            let error = Diagnostic::error(
                "a policy is the name of one, a document with a Statement, or a policy template of SAM's",
            );
            let named = entries.first().map_or("", |(key, _)| &key.text);
            let error = with_proposal(error, named, TEMPLATES.keys().copied());
            owner.report.say(error.at(policy.mark.location()).path(path.to_string()), &policy.mark);
        }
    }
}

fn template(owner: &Judged<'_>, name: &str, values: &Node, path: &Path<'_>) {
    let path = path.to(name);
    let Some(given) = values.as_map() else {
        let message =
            format!("the policy template {name} takes a mapping of parameters, and here it is {}", values.value.kind());
        return owner.report.error(message, &values.mark, &path);
    };
    for parameter in TEMPLATES.get(name).into_iter().flatten().filter(|parameter| given.get(parameter).is_none()) {
        owner.report.error(format!("the policy template {name} needs {parameter}"), &values.mark, &path);
    }
}
