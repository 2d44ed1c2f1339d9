//! Functions: what they are made of, and what AutoPublishAlias brings.

use super::super::Template;
use super::super::intrinsic::is_intrinsic;
use super::super::node::{Map, Node};
use super::{Judged, policy};

/// Pseudo parameters that SAM knows the values of.
const KNOWN: [&str; 2] = ["AWS::Region", "AWS::Partition"];

/// Judges a function.
pub(super) fn judge(function: &Judged<'_>, template: &Template) {
    let excluded: &[&str] = match function.text("PackageType") {
        Some("Image") => &["Handler", "Runtime", "Layers"],
        None | Some("Zip") => &["ImageConfig"],
        Some(_) => &[],
    };
    for name in excluded.iter().filter(|name| function.get(name).is_some_and(Node::says_something)) {
        let package = function.text("PackageType").unwrap_or("Zip");
        function.error(name, format!("a function of PackageType {package} has no {name}"));
    }
    if !function.get("InlineCode").is_some_and(Node::says_something) {
        function.s3("CodeUri");
    }
    let stated = |name| function.properties.as_map().and_then(|stated| stated.get(name));
    for (name, other) in [("InlineCode", "CodeUri"), ("CodeUri", "InlineCode")] {
        if stated(name).is_some_and(Node::is_null) && function.get(other).is_none() {
            function.error(name, format!("{name} says nothing, and the function has no {other} either"));
        }
    }
    let says = |name| function.get(name).is_some_and(Node::says_something);
    if matches!(function.text("PackageType"), None | Some("Zip"))
        && says("ImageUri")
        && !says("CodeUri")
        && !says("InlineCode")
    {
        function.error("ImageUri", "a function of PackageType Zip has no ImageUri; state PackageType: Image");
    }
    function.needs("ProvisionedConcurrencyConfig", "AutoPublishAlias");
    function.needs("VersionDeletionPolicy", "AutoPublishAlias");
    function.needs("FunctionScalingConfig", "CapacityProviderConfig");
    function.excludes("CapacityProviderConfig", "ProvisionedConcurrencyConfig");
    function.excludes("CapacityProviderConfig", "VpcConfig");
    tenancy(function);
    url_cors(function);
    if function.text("AutoPublishAlias").is_some_and(|alias| !alias.is_empty() && !is_alias(alias)) {
        let message = "AutoPublishAlias has letters, digits, hyphens and underscores, and not digits alone";
        function.error("AutoPublishAlias", message);
    }
    known_at_deployment(function, template);
    policy::of_resource(function);
    deployment(function);
    for outcome in ["OnSuccess", "OnFailure"] {
        destination(function, outcome);
    }
}

/// SAM makes names of these, so that it has to know them itself: they are written out, or are a parameter's.
fn known_at_deployment(function: &Judged<'_>, template: &Template) {
    if function.get("AutoPublishAlias").is_none() || template.has_language_extensions() {
        return;
    }
    for name in ["AutoPublishAlias", "AutoPublishCodeSha256"] {
        let Some(call) = function.get(name).filter(|node| is_intrinsic(node)) else { continue };
        let meant = call.get("Ref").and_then(Node::as_str);
        let is_known = meant.is_some_and(|name| {
            KNOWN.contains(&name) || template.section("Parameters").any(|(key, _)| *key.text == *name)
        });
        if !is_known {
            function
                .error(name, format!("{name} is text or a Ref of a parameter: SAM resolves no other function there"));
        }
    }
}

fn is_alias(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(allowed) && !name.bytes().all(|byte| byte.is_ascii_digit())
}

/// A function of tenants is called through an API alone.
fn tenancy(function: &Judged<'_>) {
    if !function.get("TenancyConfig").is_some_and(Node::says_something) {
        return;
    }
    for name in ["ProvisionedConcurrencyConfig", "FunctionUrlConfig", "SnapStart"] {
        if function.get(name).is_some_and(Node::says_something) {
            function.error(name, format!("a function with a TenancyConfig has no {name}"));
        }
    }
    let events = function.get("Events").and_then(Node::as_map).into_iter().flat_map(Map::iter);
    for (name, event) in events {
        let kind = event.get("Type").and_then(Node::as_str);
        if let Some(kind) = kind.filter(|kind| !matches!(*kind, "Api" | "HttpApi")) {
            let message =
                format!("a function with a TenancyConfig has events of APIs alone, and {} is of {kind}", name.text);
            function.report.error(message, &name.mark, &function.path.to("Events").to(&name.text));
        }
    }
}

/// What is stated of CORS says something.
fn url_cors(function: &Judged<'_>) {
    let cors = function.at(&["FunctionUrlConfig", "Cors"]).and_then(Node::as_map);
    for (name, nothing) in cors.into_iter().flat_map(Map::iter).filter(|(_, node)| node.is_null()) {
        let message = format!("{} says nothing; leave it out", name.text);
        function.report.error(message, &nothing.mark, &function.path.to("FunctionUrlConfig").to("Cors"));
    }
}

fn deployment(function: &Judged<'_>) {
    let Some(preference) = function.get("DeploymentPreference").filter(|node| !is_intrinsic(node)) else { return };
    let enabled = preference.get("Enabled");
    if enabled.is_some_and(|node| is_intrinsic(node) || node.as_bool() == Some(false)) || !preference.says_something() {
        return;
    }
    function.needs("DeploymentPreference", "AutoPublishAlias");
    if preference.as_map().is_none_or(|stated| stated.get("Type").is_none()) {
        function.error("DeploymentPreference", "DeploymentPreference needs a Type");
    }
    for (name, wanted, is_sound) in [
        ("Hooks", "a mapping", (|node| node.as_map().is_some()) as fn(&Node) -> bool),
        ("Alarms", "a list", |node| node.as_list().is_some() || is_intrinsic(node)),
    ] {
        if let Some(node) = preference.get(name).filter(|node| node.says_something() && !is_sound(node)) {
            let message = format!("{name} is {wanted}, and here it is {}", node.value.kind());
            function.report.error(message, &node.mark, &function.path.to("DeploymentPreference").to(name));
        }
    }
}

/// A destination that SAM does not make itself is named.
fn destination(function: &Judged<'_>, outcome: &str) {
    let Some(config) = function.at(&["EventInvokeConfig", "DestinationConfig", outcome]) else { return };
    let is_made = matches!(config.get("Type").and_then(Node::as_str), Some("SQS" | "SNS"));
    let is_open = is_intrinsic(config) || config.get("Type").is_some_and(is_intrinsic);
    if config.as_map().is_some() && !is_open && config.get("Type").is_none() {
        function
            .error("EventInvokeConfig", format!("{outcome} needs a Type: SQS, SNS, EventBridge, Lambda or S3Bucket"));
        return;
    }
    if config.as_map().is_some() && !is_made && !is_open && config.get("Destination").is_none_or(Node::is_null) {
        function.error("EventInvokeConfig", format!("{outcome} needs a Destination, unless its Type is SQS or SNS"));
    }
}
