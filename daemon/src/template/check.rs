//! What a template says that has no effect here, or that SAM does not have: said once, so that nothing is ignored in
//! silence.

use super::node::{Key, Map, Node};
use super::{Diagnostic, Findings, Severity, Template, language_extensions};

/// Transforms that are carried out here.
pub(super) const TRANSFORMS: [&str; 3] = ["AWS::Serverless-2016-10-31", language_extensions::TRANSFORM, "AWS::Include"];

/// The kinds that Globals may speak of, and their properties (rule I1).
const GLOBALS: [(&str, &[&str]); 10] = [
    ("Function", &FUNCTION),
    ("Api", &API),
    ("HttpApi", &HTTP_API),
    ("SimpleTable", &["SSESpecification"]),
    ("StateMachine", &["PropagateTags"]),
    ("LayerVersion", &["PublishLambdaVersion"]),
    ("CapacityProvider", &CAPACITY_PROVIDER),
    ("WebSocketApi", &WEBSOCKET_API),
    ("MicrovmImage", &MICROVM_IMAGE),
    ("NetworkConnector", &["OperatorRole", "Tags", "PropagateTags"]),
];

#[rustfmt::skip]
const FUNCTION: [&str; 38] = [
    "Handler", "Runtime", "CodeUri", "DeadLetterQueue", "Description", "MemorySize", "Timeout", "VpcConfig",
    "Environment", "Tags", "PropagateTags", "Tracing", "KmsKeyArn", "AutoPublishAlias", "AutoPublishAliasAllProperties",
    "Layers", "DeploymentPreference", "RolePath", "PermissionsBoundary", "ReservedConcurrentExecutions",
    "ProvisionedConcurrencyConfig", "AssumeRolePolicyDocument", "EventInvokeConfig", "FileSystemConfigs",
    "CodeSigningConfigArn", "Architectures", "SnapStart", "EphemeralStorage", "FunctionUrlConfig",
    "RuntimeManagementConfig", "LoggingConfig", "RecursiveLoop", "SourceKMSKeyArn", "TenancyConfig", "DurableConfig",
    "CapacityProviderConfig", "FunctionScalingConfig", "VersionDeletionPolicy",
];

#[rustfmt::skip]
const API: [&str; 21] = [
    "Auth", "Name", "DefinitionUri", "CacheClusterEnabled", "CacheClusterSize", "MergeDefinitions", "Variables",
    "EndpointConfiguration", "MethodSettings", "BinaryMediaTypes", "MinimumCompressionSize", "Cors",
    "GatewayResponses", "AccessLogSetting", "CanarySetting", "TracingEnabled", "OpenApiVersion", "Domain",
    "AlwaysDeploy", "PropagateTags", "SecurityPolicy",
];

#[rustfmt::skip]
const HTTP_API: [&str; 10] = [
    "Auth", "AccessLogSettings", "StageVariables", "Tags", "CorsConfiguration", "DefaultRouteSettings", "Domain",
    "RouteSettings", "FailOnWarnings", "PropagateTags",
];

#[rustfmt::skip]
const CAPACITY_PROVIDER: [&str; 9] = [
    "VpcConfig", "OperatorRole", "Tags", "InstanceRequirements", "ScalingConfig", "KmsKeyArn", "PropagateTags",
    "LoggingConfig", "ManagedResourceTags",
];

#[rustfmt::skip]
const WEBSOCKET_API: [&str; 13] = [
    "AccessLogSettings", "ApiKeySelectionExpression", "DefaultRouteSettings", "DisableExecuteApiEndpoint",
    "DisableSchemaValidation", "Domain", "FailOnWarnings", "IpAddressType", "PropagateTags",
    "RouteSelectionExpression", "RouteSettings", "StageVariables", "Tags",
];

#[rustfmt::skip]
const MICROVM_IMAGE: [&str; 12] = [
    "BuildRoleArn", "BaseImageArn", "BaseImageVersion", "Logging", "EgressNetworkConnectors", "CpuConfigurations",
    "Resources", "AdditionalOsCapabilities", "Hooks", "EnvironmentVariables", "Tags", "PropagateTags",
];

/// Properties that came after the lists above, of whichever kind.
const NEWER: [&str; 2] = ["PublishToLatestPublished", "EndpointAccessMode"];

/// Reports all of it.
pub fn report(template: &Template, findings: &Findings) {
    transforms(template, findings);
    for section in ["Globals", "Parameters", "Mappings", "Conditions", "Outputs", "Metadata"] {
        is_mapping(template.root.get(section), section, findings);
    }
    for section in ["Globals", "Mappings"] {
        let stated = template.root.as_map().and_then(|root| root.get(section));
        stated.into_iter().for_each(|node| says_nothing(node, section, findings));
    }
    for (kind, node) in template.section("Globals") {
        let path = format!("Globals.{}", kind.text);
        is_mapping(Some(node), &path, findings);
        says_nothing(node, &path, findings);
        globals(kind, node, findings);
    }
    if let Some(empty) = template.root.get("Resources").filter(|node| !node.says_something()) {
        let error = Diagnostic::error("Resources has no resource, so there is nothing to deploy");
        findings.report(error.at(empty.mark.location()).path("Resources"));
    }
    for (id, node) in template.section("Resources") {
        resource(id, node, findings);
    }
    if let Some(rules) = template.root.get("Rules") {
        let note = Diagnostic::new(Severity::Note, "Rules are checked when the template is deployed, not here");
        findings.report(note.at(rules.mark.location()).path("Rules"));
    }
}

fn is_mapping(node: Option<&Node>, path: &str, findings: &Findings) {
    if let Some(node) = node.filter(|node| !node.is_null() && node.as_map().is_none()) {
        let error = Diagnostic::error(format!("{path} is a mapping, and here it is {}", node.value.kind()));
        findings.report(error.at(node.mark.location()).path(path));
    }
}

/// A section that is there is there to say something.
fn says_nothing(node: &Node, path: &str, findings: &Findings) {
    if node.is_null() {
        let error = Diagnostic::error(format!("{path} is a mapping, and here it is nothing; leave it out"));
        findings.report(error.at(node.mark.location()).path(path));
    }
}

/// A resource is a mapping under an id of letters and digits. SAM passes over one that has no Type.
fn resource(id: &Key, node: &Node, findings: &Findings) {
    if id.text.starts_with("Fn::") {
        return;
    }
    if node.as_map().is_some() && node.get("Type").is_none() {
        let message =
            format!("the resource {} has no Type, so AWS refuses to deploy it; here it is passed over", id.text);
        findings.report(Diagnostic::warning(message).at(id.mark.location()).path(format!("Resources.{}", id.text)));
    }
    let message = if node.as_map().is_none() {
        format!("the resource {} is a mapping, and here it is {}", id.text, node.value.kind())
    } else if !id.text.contains(['$', '&']) && !is_logical_id(&id.text) {
        format!("the logical id {} has other characters than letters and digits", id.text)
    } else {
        return;
    };
    findings.report(Diagnostic::error(message).at(id.mark.location()).path(format!("Resources.{}", id.text)));
}

fn is_logical_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn transforms(template: &Template, findings: &Findings) {
    let Some(node) = template.root.get("Transform") else { return };
    let items = node.as_list().unwrap_or(std::slice::from_ref(node));
    for (item, name) in items.iter().filter_map(|item| Some((item, item.as_str()?))) {
        if !TRANSFORMS.contains(&name) {
            let message = format!("the macro {name} runs in AWS only, so what it changes is missing here");
            findings.report(Diagnostic::warning(message).at(item.mark.location()).path("Transform"));
        }
    }
}

fn globals(kind: &Key, node: &Node, findings: &Findings) {
    let Some((_, known)) = GLOBALS.iter().find(|(name, _)| *name == kind.text.as_ref()) else {
        let kinds: Vec<&str> = GLOBALS.iter().map(|(name, _)| *name).collect();
        let error = Diagnostic::error(format!("Globals has no section {}; there are {}", kind.text, kinds.join(", ")));
        return findings.report(error.at(kind.mark.location()).path(format!("Globals.{}", kind.text)));
    };
    let properties = node.as_map().into_iter().flat_map(Map::iter);
    for (key, _) in properties.filter(|(key, _)| !is_known(known, &key.text)) {
        let error = Diagnostic::error(format!("{} is no property that Globals.{} may have", key.text, kind.text));
        findings.report(error.at(key.mark.location()).path(format!("Globals.{}.{}", kind.text, key.text)));
    }
}

fn is_known(known: &[&str], name: &str) -> bool {
    known.contains(&name) || NEWER.contains(&name)
}
