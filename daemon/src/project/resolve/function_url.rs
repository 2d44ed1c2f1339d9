//! Plain CloudFormation's function URLs: `AWS::Lambda::Url`, and the permissions without which AuthType NONE lets nobody in
//! (H6.4, H6.6). SAM's `FunctionUrlConfig` is read with its function: SAM writes the permissions itself.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::index::{Index, qualifier};
use super::reply;
use super::rest_api::of_type;
use crate::project::FunctionId;
use crate::project::function::FunctionUrl;
use crate::template::properties::Properties;
use crate::template::{Node, Scope};

/// What a client needs who asks a URL without a signature: to call the URL, and through it the function.
const NEEDED: [&str; 2] = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"];

/// The function URLs that `AWS::Lambda::Url` resources give.
pub(super) fn all(scopes: &[Rc<Scope<'_>>], index: &Index<'_>) -> Vec<(FunctionId, FunctionUrl)> {
    let grants: Vec<Grant> = scopes.iter().flat_map(|scope| grants(scope, index)).collect();
    let mut urls = Vec::new();
    let mut served = HashSet::new();
    for scope in scopes {
        for (id, node) in of_type(scope, "AWS::Lambda::Url") {
            let properties = Properties::new(&node, format!("Resources.{id}.Properties"), scope.findings());
            let Some((function, mut url)) = read(&properties, index, &grants) else { continue };
            url.resource = Some(scope.id(id));
            if served.insert(function.clone()) {
                urls.push((function, url));
            } else {
                properties
                    .warning("TargetFunctionArn", format!("{function} has another URL already; samd serves its first"));
            }
        }
    }
    urls
}

fn read(properties: &Properties<'_>, index: &Index<'_>, grants: &[Grant]) -> Option<(FunctionId, FunctionUrl)> {
    let target = properties.text("TargetFunctionArn").unwrap_or_default();
    let Some(function) = index.find(&target, &BTreeMap::new()) else {
        properties.warning("TargetFunctionArn", format!("{target} is no function of this template"));
        return None;
    };
    let stated = properties.text("Qualifier").or_else(|| qualifier(&target).map(str::to_owned));
    if let Some(version) = stated.as_deref().filter(|name| is_version(name)) {
        let name = if properties.get("Qualifier").is_some() { "Qualifier" } else { "TargetFunctionArn" };
        properties.error(
            name,
            format!("a function URL is of the function itself or of an alias, never of a version ({version})"),
        );
        return None;
    }
    let mut url = reply::function_url(properties);
    url.alias = stated;
    url.closed = !url.iam && !is_open(properties, &function, url.alias.as_deref(), grants);
    Some((function, url))
}

fn is_version(qualifier: &str) -> bool {
    qualifier == "$LATEST" || (!qualifier.is_empty() && qualifier.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether everyone may use the URL; what lacks is said where it is.
fn is_open(properties: &Properties<'_>, function: &FunctionId, alias: Option<&str>, grants: &[Grant]) -> bool {
    let granted = |action: &str| {
        let of_url = |grant: &&Grant| grant.function == *function && grant.alias.as_deref() == alias;
        grants.iter().filter(of_url).any(|grant| grant.action == action || grant.action == "lambda:*")
    };
    let lacks: Vec<&str> = NEEDED.into_iter().filter(|action| !granted(action)).collect();
    if !lacks.is_empty() {
        let message = format!(
            "AuthType NONE needs an AWS::Lambda::Permission for {} with Principal '*', which {function} does not have: \
             every request is answered 403, as on AWS",
            lacks.join(" and another for ")
        );
        properties.warning("AuthType", message);
    }
    lacks.is_empty()
}

/// One thing that an `AWS::Lambda::Permission` lets everyone do who comes by the function's URL.
struct Grant {
    function: FunctionId,
    alias: Option<String>,
    action: String,
}

fn grants(scope: &Scope<'_>, index: &Index<'_>) -> Vec<Grant> {
    of_type(scope, "AWS::Lambda::Permission").iter().filter_map(|(_, node)| grant(node, index)).collect()
}

fn grant(node: &Node, index: &Index<'_>) -> Option<Grant> {
    let text = |name: &str| node.get(name).and_then(Node::scalar).map(|text| text.to_string());
    let everyone = text("Principal").as_deref() == Some("*");
    let unsigned = text("FunctionUrlAuthType").is_none_or(|kind| kind == "NONE");
    let elsewhere = ["SourceArn", "SourceAccount", "PrincipalOrgID", "EventSourceToken"]
        .iter()
        .any(|name| node.get(name).is_some());
    let target = text("FunctionName")?;
    let function = index.find(&target, &BTreeMap::new())?;
    let alias = qualifier(&target).map(str::to_owned);
    (everyone && unsigned && !elsewhere).then_some(Grant { function, alias, action: text("Action")? })
}
