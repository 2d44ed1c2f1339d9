//! SAM's `ResourcePolicy`: lists of accounts, address ranges and networks → a policy document.

use serde_json::{Value as Json, json};

use crate::project::api::Api;
use crate::template::Node;
use crate::template::json::to_json;
use crate::template::properties::Properties;

/// The resource that a policy names for one method: `execute-api:/Prod/GET/users/*`.
pub(super) fn resource(stage: &str, method: &str, path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "*".to_owned() } else { part.to_owned() };
    let path: Vec<String> = path.split('/').map(part).collect();
    let method = if method == "ANY" { "*" } else { method };
    format!("execute-api:/{stage}/{method}{}", path.join("/"))
}

/// Adds the statements that the lists stand for, for one resource.
pub(super) fn of_sam(lists: &Properties<'_>, resource: &str, api: &mut Api) {
    let mut statements = existing(api);
    let list = |name: &str| lists.get(name).map(Node::strings).unwrap_or_default();
    for (name, effect) in [("AwsAccountWhitelist", "Allow"), ("AwsAccountBlacklist", "Deny")] {
        let accounts = list(name);
        if !accounts.is_empty() {
            statements.push(statement(effect, resource, &json!({ "AWS": accounts }), None));
        }
    }
    for (name, operator) in [("IpRangeWhitelist", "NotIpAddress"), ("IpRangeBlacklist", "IpAddress")] {
        refuse(&mut statements, resource, operator, "aws:SourceIp", list(name));
    }
    for (suffix, operator) in [("Whitelist", "StringNotEquals"), ("Blacklist", "StringEquals")] {
        let (vpces, vpcs): (Vec<String>, Vec<String>) =
            list(&format!("SourceVpc{suffix}")).into_iter().partition(|name| name.starts_with("vpce-"));
        let with = |mut own: Vec<String>, name: &str| {
            own.extend(list(&format!("Intrinsic{name}{suffix}")));
            own
        };
        refuse(&mut statements, resource, operator, "aws:SourceVpc", with(vpcs, "Vpc"));
        refuse(&mut statements, resource, operator, "aws:SourceVpce", with(vpces, "Vpce"));
    }
    let custom = lists.get("CustomStatements").map(to_json);
    statements.extend(match custom {
        Some(Json::Array(more)) => more,
        Some(one) => vec![one],
        None => Vec::new(),
    });
    if !statements.is_empty() {
        api.policy = Some(json!({ "Version": "2012-10-17", "Statement": statements }));
    }
}

fn existing(api: &Api) -> Vec<Json> {
    match api.policy.as_ref().and_then(|policy| policy.get("Statement")) {
        Some(Json::Array(statements)) => statements.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    }
}

/// Everyone is let in, and those for whom the condition holds are refused; one general allow is enough.
fn refuse(statements: &mut Vec<Json>, resource: &str, operator: &str, key: &str, values: Vec<String>) {
    if values.is_empty() {
        return;
    }
    let allow = statement("Allow", resource, &json!("*"), None);
    if !statements.contains(&allow) {
        statements.push(allow);
    }
    statements.push(statement("Deny", resource, &json!("*"), Some(json!({ operator: { key: values } }))));
}

fn statement(effect: &str, resource: &str, principal: &Json, condition: Option<Json>) -> Json {
    let mut statement = json!({
        "Effect": effect,
        "Action": "execute-api:Invoke",
        "Resource": resource,
        "Principal": principal,
    });
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    statement
}
