//! Functions: `AWS::Serverless::Function` and `AWS::Lambda::Function`, with every default filled in (rule I6).

use std::collections::BTreeMap;
use std::time::Duration;

use super::layer::Layers;
use super::reply;
use crate::project::FunctionId;
use crate::project::asynchronous::Asynchronous;
use crate::project::containers::Hosting;
use crate::project::environment::{Overrides, Variables};
use crate::project::function::{Architecture, Environment, Function, LogFormat, Logging};
use crate::project::serving::Serving;
use crate::template::json::to_json;
use crate::template::properties::Properties;
use crate::template::{Node, Scope};

/// The longest time that Lambda grants an invocation.
const MAX_TIMEOUT_SECONDS: i64 = 900;

/// The functions of one template.
pub(super) fn all(scope: &Scope<'_>, layers: &Layers, overrides: &Overrides) -> Vec<Function> {
    let functions = scope.resources().filter(|(id, _)| is_function(scope, id));
    functions.map(|(id, resource)| function(scope, id, resource, layers, overrides)).collect()
}

fn is_function(scope: &Scope<'_>, id: &str) -> bool {
    matches!(scope.type_of(id), Some("AWS::Serverless::Function" | "AWS::Lambda::Function"))
}

fn function(scope: &Scope<'_>, id: &str, resource: &Node, layers: &Layers, overrides: &Overrides) -> Function {
    let node = scope.properties(resource);
    let properties = Properties::new(&node, format!("Resources.{id}.Properties"), scope.findings());
    let name = scope.function_name(id);
    Function {
        id: FunctionId(scope.id(id)),
        arn: scope.function_arn(id),
        package: super::code::package(scope, id, resource, &properties, layers),
        environment: environment(scope, id, resource, &properties, &name, overrides),
        timeout: seconds(properties.number("Timeout", 1, MAX_TIMEOUT_SECONDS).unwrap_or(3)),
        memory_mb: bounded(&properties, "MemorySize", 128, 10_240, 128),
        ephemeral_storage_mb: properties
            .map("EphemeralStorage")
            .map_or(512, |storage| bounded(&storage, "Size", 512, 10_240, 512)),
        architecture: architecture(&properties),
        reserved_concurrency: properties
            .number("ReservedConcurrentExecutions", 0, i64::from(u32::MAX))
            .and_then(|number| u32::try_from(number).ok()),
        alias: properties.text("AutoPublishAlias").filter(|alias| !alias.is_empty()),
        logging: logging(&properties, &name),
        tracing_active: tracing_active(&properties),
        url: properties
            .map("FunctionUrlConfig")
            .filter(|url| url.node.says_something())
            .map(|url| reply::function_url(&url)),
        region: scope.around.region.clone(),
        per_tenant: properties.map("TenancyConfig").and_then(|tenancy| tenancy.text("TenantIsolationMode")).as_deref()
            == Some("PER_TENANT"),
        built_from: None,
        metadata: metadata(scope, resource),
        other_events: super::events::unserved(&properties),
        hosting: Hosting::default(),
        asynchronous: Asynchronous::default(),
        serving: Serving::default(),
        name,
    }
}

fn seconds(number: i64) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or_default())
}

fn bounded(properties: &Properties<'_>, name: &str, least: i64, most: i64, default: u32) -> u32 {
    properties.number(name, least, most).and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
}

fn metadata(scope: &Scope<'_>, resource: &Node) -> BTreeMap<String, serde_json::Value> {
    let metadata = resource.get("Metadata").and_then(|node| scope.eval(node));
    let entries = metadata.as_ref().and_then(Node::as_map).into_iter().flat_map(crate::template::node::Map::iter);
    entries.map(|(key, value)| (key.text.to_string(), to_json(value))).collect()
}

/// The declared variables after all overrides.
fn environment(
    scope: &Scope<'_>,
    id: &str,
    resource: &Node,
    properties: &Properties<'_>,
    name: &str,
    overrides: &Overrides,
) -> Environment {
    let mut declared = Variables::new();
    let variables = properties.map("Environment").and_then(|environment| environment.map("Variables"));
    variables.iter().for_each(super::variables::check);
    let entries = variables.iter().filter_map(|variables| variables.node.as_map());
    for (key, node) in entries.flat_map(crate::template::node::Map::iter) {
        // Lambda's variables are text: what has no spelling is empty, as with the SAM CLI.
        declared.insert(key.text.to_string(), node.scalar().map(|text| text.to_string()).unwrap_or_default());
    }
    let full = scope.id(id);
    let cdk = resource.at(&["Metadata", "aws:cdk:path"]).and_then(Node::as_str).and_then(cdk_id).unwrap_or(id);
    Environment(overrides.apply(declared, &[id, cdk, name, &full]))
}

/// The construct's own id of a CDK path: `Hello` of `Stack/Hello/Resource`.
fn cdk_id(path: &str) -> Option<&str> {
    path.rsplit('/').nth(1)
}

fn architecture(properties: &Properties<'_>) -> Architecture {
    match properties.list("Architectures").first().and_then(Node::as_str) {
        None | Some("x86_64") => Architecture::X86_64,
        Some("arm64") => Architecture::Arm64,
        Some(other) => {
            properties
                .unsuitable("Architectures", format!("{other} is not an architecture; there are x86_64 and arm64"));
            Architecture::X86_64
        }
    }
}

fn logging(properties: &Properties<'_>, name: &str) -> Logging {
    let config = properties.map("LoggingConfig");
    let text = |key: &str| config.as_ref().and_then(|config| config.text(key));
    let json = text("LogFormat").as_deref() == Some("JSON");
    Logging {
        format: if json { LogFormat::Json } else { LogFormat::Text },
        application_level: text("ApplicationLogLevel"),
        system_level: text("SystemLogLevel"),
        group: text("LogGroup").unwrap_or_else(|| format!("/aws/lambda/{name}")),
    }
}

/// SAM's `Tracing: Active`, CloudFormation's `TracingConfig: {Mode: Active}`.
fn tracing_active(properties: &Properties<'_>) -> bool {
    let plain = properties.get("TracingConfig").and_then(|config| config.get("Mode"));
    properties.get("Tracing").or(plain).and_then(Node::as_str) == Some("Active")
}
