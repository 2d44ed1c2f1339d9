//! IAM policy documents: those that Lambda authorizers return (E3.1), and resource policies of REST APIs (A10.3).
//!
//! What cannot be decided here never lets anybody in: an Allow whose condition is unknown does not allow, a Deny whose
//! condition is unknown denies.

mod condition;
mod glob;
pub(crate) mod resource_policy;

pub use resource_policy::check_resource_policy;

use std::net::IpAddr;

use serde_json::Value;

use condition::Met;
pub(crate) use glob::glob;

/// A resource that an authorizer's policy names may be so long (E3.7).
pub const LONGEST_RESOURCE: usize = 512;

/// Whether a document names a resource that is longer than AWS takes.
#[must_use]
pub fn has_long_resource(document: &Value) -> bool {
    let statements = document.get("Statement").map(one_or_many).unwrap_or_default().iter();
    let named = ["Resource", "NotResource"];
    let resources = statements.flat_map(|statement| named.iter().filter_map(|name| statement.get(*name)));
    resources.flat_map(one_or_many).any(|one| one.as_str().is_some_and(|text| text.chars().count() > LONGEST_RESOURCE))
}

/// What is asked of a policy.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// As in `execute-api:Invoke`.
    pub action: &'a str,
    /// The method's ARN.
    pub resource: &'a str,
    /// Who asks, as policies may name him: ARNs and account ids. Empty for an anonymous caller.
    pub principals: &'a [String],
    /// `aws:SourceIp`.
    pub source_ip: IpAddr,
    /// `aws:UserAgent`.
    pub user_agent: Option<&'a str>,
    /// `aws:Referer`.
    pub referer: Option<&'a str>,
    /// `aws:SecureTransport`.
    pub secure: bool,
    /// `aws:EpochTime`, in seconds.
    pub time: u64,
}

/// What a policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it and none denies it.
    Allow,
    /// A statement denies it.
    ExplicitDeny,
    /// No statement allows it.
    ImplicitDeny,
}

/// The document is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MalformedPolicy(String);

/// Evaluates a document: an explicit Deny wins, then an Allow, and nothing is a no.
///
/// # Errors
/// [`MalformedPolicy`] where the document is none.
pub fn evaluate(document: &Value, question: &Question) -> Result<Decision, MalformedPolicy> {
    let statements = document.get("Statement").ok_or_else(|| malformed("a policy needs a Statement"))?;
    let mut decision = Decision::ImplicitDeny;
    for statement in one_or_many(statements) {
        let effect = Effect::of(statement)?;
        match (effect, applies(statement, question)?) {
            (Effect::Deny, Met::Yes | Met::Unknown) => return Ok(Decision::ExplicitDeny),
            (Effect::Allow, Met::Yes) => decision = Decision::Allow,
            (Effect::Allow, Met::Unknown | Met::No) | (Effect::Deny, Met::No) => {}
        }
    }
    Ok(decision)
}

#[derive(Clone, Copy)]
enum Effect {
    Allow,
    Deny,
}

impl Effect {
    fn of(statement: &Value) -> Result<Effect, MalformedPolicy> {
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => Ok(Effect::Allow),
            Some("Deny") => Ok(Effect::Deny),
            _ => Err(malformed("a statement's Effect is Allow or Deny")),
        }
    }
}

fn applies(statement: &Value, question: &Question) -> Result<Met, MalformedPolicy> {
    let action = |pattern: &str| glob(&pattern.to_ascii_lowercase(), &question.action.to_ascii_lowercase());
    let resource = |pattern: &str| glob(&absolute(pattern, question.resource), question.resource);
    let named = element(statement, "Action", action)?.ok_or_else(|| malformed("a statement needs an Action"))?
        && element(statement, "Resource", resource)?.ok_or_else(|| malformed("a statement needs a Resource"))?
        && principal_applies(statement, question);
    match statement.get("Condition") {
        _ if !named => Ok(Met::No),
        None => Ok(Met::Yes),
        Some(condition) => Ok(condition::met(condition, question)),
    }
}

/// Whether `Action` (or `NotAction`) takes in what is asked for; `None` where the statement has neither.
fn element(statement: &Value, name: &str, matches: impl Fn(&str) -> bool) -> Result<Option<bool>, MalformedPolicy> {
    let (patterns, wanted) = match (statement.get(name), statement.get(format!("Not{name}"))) {
        (Some(patterns), _) => (patterns, true),
        (None, Some(patterns)) => (patterns, false),
        (None, None) => return Ok(None),
    };
    let mut found = false;
    for pattern in one_or_many(patterns) {
        let pattern = pattern.as_str().ok_or_else(|| malformed(&format!("{name} is a string or a list of strings")))?;
        found |= matches(pattern);
    }
    Ok(Some(found == wanted))
}

/// Identity policies name no principal and apply to whoever brought them.
fn principal_applies(statement: &Value, question: &Question) -> bool {
    let takes = |principal: &Value| {
        let named: Vec<&Value> = match principal {
            Value::Object(kinds) => kinds.get("AWS").map(one_or_many).unwrap_or_default().iter().collect(),
            other => one_or_many(other).iter().collect(),
        };
        named
            .iter()
            .filter_map(|name| name.as_str())
            .any(|name| name == "*" || question.principals.iter().any(|principal| principal == name))
    };
    match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(principal), _) => takes(principal),
        (None, Some(principal)) => !takes(principal),
        (None, None) => true,
    }
}

/// Resource policies may leave out the API: `execute-api:/stage/GET/path`.
fn absolute(pattern: &str, resource: &str) -> String {
    let own = resource.split('/').next().unwrap_or_default();
    match pattern.strip_prefix("execute-api:/") {
        Some(rest) => format!("{own}/{rest}"),
        None => pattern.to_owned(),
    }
}

fn one_or_many(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        one => std::slice::from_ref(one),
    }
}

fn malformed(what: &str) -> MalformedPolicy {
    MalformedPolicy(what.to_owned())
}

#[cfg(test)]
mod tests;
