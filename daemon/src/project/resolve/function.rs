//! Functions: `AWS::Serverless::Function` and `AWS::Lambda::Function`, with every default filled in (rule I6).

use std::collections::BTreeMap;
use std::time::Duration;

use super::index::Index;
use super::layer::{self, Layers};
use super::reply;
use crate::project::FunctionId;
use crate::project::environment::{Overrides, Variables};
use crate::project::function::{
    Architecture, Code, Environment, Function, FunctionUrl, LogFormat, Logging, Package, Runtime,
};
use crate::template::json::to_json;
use crate::template::properties::Properties;
use crate::template::{Node, Scope};

/// The longest time that Lambda grants an invocation.
const MAX_TIMEOUT_SECONDS: i64 = 900;

/// Runtimes that nothing runs any more, here or in AWS.
const RETIRED: [&str; 5] = ["python2.7", "nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10"];

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
        package: package(scope, id, resource, &properties, layers),
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
        alias: properties.text("AutoPublishAlias"),
        logging: logging(&properties, &name),
        tracing_active: tracing_active(&properties),
        url: properties.map("FunctionUrlConfig").map(|url| reply::function_url(&url)),
        region: scope.around.region.clone(),
        per_tenant: properties.map("TenancyConfig").and_then(|tenancy| tenancy.text("TenantIsolationMode")).as_deref()
            == Some("PER_TENANT"),
        metadata: metadata(scope, resource),
        other_events: super::events::unserved(&properties),
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

fn package(scope: &Scope<'_>, id: &str, resource: &Node, properties: &Properties<'_>, layers: &Layers) -> Package {
    if properties.text("PackageType").as_deref() == Some("Image") {
        return image(scope, id, resource, properties);
    }
    let runtime = runtime(properties);
    let handler = properties.text("Handler").unwrap_or_default();
    if handler.is_empty() && matches!(runtime, Runtime::Python { .. } | Runtime::Node { .. }) {
        properties.error("Handler", format!("the function {id} has no Handler"));
    }
    let code = code(scope, id, resource, properties);
    Package::Zip { code, runtime, handler, layers: layer::of_function(properties, layers) }
}

fn runtime(properties: &Properties<'_>) -> Runtime {
    let Some(text) = properties.text("Runtime") else {
        properties.error("Runtime", "a function of PackageType Zip has a Runtime");
        return Runtime::Unknown(String::new());
    };
    let runtime = Runtime::parse(&text);
    match &runtime {
        Runtime::Unknown(name) if RETIRED.contains(&name.as_str()) => {
            properties.warning("Runtime", format!("Lambda retired {name} long ago, so this function cannot run"));
        }
        Runtime::Unknown(name) => properties.error("Runtime", format!("{name} is not a runtime that Lambda has")),
        Runtime::Python { .. } | Runtime::Node { .. } | Runtime::Provided(_) | Runtime::Container(_) => {}
    }
    runtime
}

/// The code: what a CDK asset names, what SAM or CloudFormation names, else the template's folder.
fn code(scope: &Scope<'_>, id: &str, resource: &Node, properties: &Properties<'_>) -> Code {
    if let Some(inline) = properties.text("InlineCode") {
        return Code::Inline(inline);
    }
    let asset = resource.at(&["Metadata", "aws:asset:path"]).and_then(Node::as_str);
    if let Some(path) = asset {
        return local_code(scope, path);
    }
    let property = if scope.type_of(id) == Some("AWS::Serverless::Function") { "CodeUri" } else { "Code" };
    let Some(node) = properties.get(property) else { return local_code(scope, ".") };
    if let Some(inline) = node.get("ZipFile").and_then(Node::as_str) {
        return Code::Inline(inline.to_owned());
    }
    match node.as_str().filter(|path| !path.starts_with("s3://") && !path.starts_with("https://")) {
        Some(path) => local_code(scope, path),
        None => {
            properties.warning(property, format!("the code of {id} is in S3, so this function cannot run here"));
            Code::Unavailable(format!("The code of {id} is in S3; let {property} name a folder of this machine."))
        }
    }
}

fn local_code(scope: &Scope<'_>, path: &str) -> Code {
    let path = scope.path(path);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("zip" | "jar") => Code::Archive(path),
        _ => Code::Folder(path),
    }
}

fn image(scope: &Scope<'_>, id: &str, resource: &Node, properties: &Properties<'_>) -> Package {
    let stated =
        properties.text("ImageUri").or_else(|| properties.get("Code")?.get("ImageUri")?.as_str().map(str::to_owned));
    let metadata = |key: &str| resource.at(&["Metadata", key]).and_then(|node| scope.eval(node));
    let built = || {
        metadata("Dockerfile").or_else(|| metadata("DockerContext"))?;
        let tag = metadata("DockerTag").and_then(|node| node.scalar());
        Some(format!("{}:{}", id.to_ascii_lowercase(), tag.as_deref().unwrap_or("latest")))
    };
    let uri = stated.or_else(built);
    if uri.is_none() {
        properties
            .error("ImageUri", format!("the function {id} is an image, but neither ImageUri nor Metadata names one"));
    }
    let config = properties.map("ImageConfig");
    let list =
        |name: &str| config.as_ref().filter(|config| config.get(name).is_some()).map(|config| texts(config, name));
    Package::Image {
        uri,
        command: list("Command"),
        entry_point: list("EntryPoint"),
        working_directory: config.as_ref().and_then(|config| config.text("WorkingDirectory")),
    }
}

fn texts(properties: &Properties<'_>, name: &str) -> Vec<String> {
    properties.list(name).iter().filter_map(Node::scalar).map(|text| text.to_string()).collect()
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
    for (key, node) in properties
        .map("Environment")
        .and_then(|environment| environment.map("Variables"))
        .iter()
        .flat_map(|variables| variables.node.as_map().into_iter().flat_map(crate::template::node::Map::iter))
    {
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
            properties.error("Architectures", format!("{other} is not an architecture; there are x86_64 and arm64"));
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

/// The function URLs that `AWS::Lambda::Url` resources give.
pub(super) fn plain_urls(scope: &Scope<'_>, index: &Index<'_>) -> Vec<(FunctionId, FunctionUrl)> {
    let mut urls = Vec::new();
    for (id, resource) in scope.resources().filter(|(id, _)| scope.type_of(id) == Some("AWS::Lambda::Url")) {
        let node = scope.properties(resource);
        let properties = Properties::new(&node, format!("Resources.{id}.Properties"), scope.findings());
        let target = properties.text("TargetFunctionArn").unwrap_or_default();
        match index.find(&target, &BTreeMap::new()) {
            Some(function) => urls.push((function, reply::function_url(&properties))),
            None => properties.warning("TargetFunctionArn", format!("{target} is no function of this template")),
        }
    }
    urls
}
