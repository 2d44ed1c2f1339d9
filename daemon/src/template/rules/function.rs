//! Functions: what they are made of, and what AutoPublishAlias brings.

use super::super::Template;
use super::super::intrinsic::is_intrinsic;
use super::super::node::Node;
use super::{Judged, has_something, policy};

/// Pseudo parameters that SAM knows the values of.
const KNOWN: [&str; 2] = ["AWS::Region", "AWS::Partition"];

/// Judges a function.
pub(super) fn judge(function: &Judged<'_>, template: &Template) {
    let excluded: &[&str] = match function.text("PackageType") {
        Some("Image") => &["Handler", "Runtime", "Layers"],
        None | Some("Zip") => &["ImageConfig", "ImageUri"],
        Some(_) => &[],
    };
    for name in excluded.iter().filter(|name| function.get(name).is_some_and(has_something)) {
        let package = function.text("PackageType").unwrap_or("Zip");
        function.error(name, format!("a function of PackageType {package} has no {name}"));
    }
    function.needs("ProvisionedConcurrencyConfig", "AutoPublishAlias");
    if function.text("AutoPublishAlias").is_some_and(|alias| !is_alias(alias)) {
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
    if function.get("AutoPublishAlias").is_none() || template.has_transform("AWS::LanguageExtensions") {
        return;
    }
    for name in ["AutoPublishAlias", "AutoPublishCodeSha256"] {
        let Some(call) = function.get(name).filter(|node| is_intrinsic(node)) else { continue };
        let meant = call.get("Ref").and_then(Node::as_str);
        let is_known = meant.is_some_and(|name| {
            name == "AWS::NoValue"
                || KNOWN.contains(&name)
                || template.section("Parameters").any(|(key, _)| *key.text == *name)
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

fn deployment(function: &Judged<'_>) {
    let Some(preference) = function.get("DeploymentPreference").filter(|node| !is_intrinsic(node)) else { return };
    let enabled = preference.get("Enabled");
    if enabled.is_some_and(|node| is_intrinsic(node) || node.as_bool() == Some(false)) || !has_something(preference) {
        return;
    }
    function.needs("DeploymentPreference", "AutoPublishAlias");
    if preference.get("Type").is_none_or(Node::is_null) {
        function.error("DeploymentPreference", "DeploymentPreference needs a Type");
    }
}

/// A destination that SAM does not make itself is named.
fn destination(function: &Judged<'_>, outcome: &str) {
    let Some(config) = function.at(&["EventInvokeConfig", "DestinationConfig", outcome]) else { return };
    let is_made = matches!(config.get("Type").and_then(Node::as_str), Some("SQS" | "SNS"));
    let is_open = is_intrinsic(config) || config.get("Type").is_some_and(is_intrinsic);
    if config.as_map().is_some() && !is_made && !is_open && config.get("Destination").is_none_or(Node::is_null) {
        function.error("EventInvokeConfig", format!("{outcome} needs a Destination, unless its Type is SQS or SNS"));
    }
}
