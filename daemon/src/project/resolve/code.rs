//! What a function runs: code and layers under a runtime, or an image.

use super::layer::{self, Layers};
use crate::project::function::{Code, ImageBuild, Package, Runtime};
use crate::template::intrinsic::is_intrinsic;
use crate::template::properties::Properties;
use crate::template::{Node, Scope};

/// Runtimes that nothing runs any more, here or in AWS.
const RETIRED: [&str; 6] = ["python2.7", "nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10"];

/// What the function consists of.
pub(super) fn package(
    scope: &Scope<'_>,
    id: &str,
    resource: &Node,
    properties: &Properties<'_>,
    layers: &Layers,
) -> Package {
    if properties.text("PackageType").as_deref() == Some("Image") {
        return image(scope, id, resource, properties);
    }
    // SAM insists on both; of a plain function Lambda alone does, when it is deployed.
    let is_sams = scope.type_of(id) == Some("AWS::Serverless::Function");
    let missing = |name: &str, message: String| match is_sams && !is_stated(scope, resource, name) {
        true => properties.error(name, message),
        false => properties.warning(name, format!("{message}, so this function cannot run")),
    };
    let runtime = runtime(properties).unwrap_or_else(|| {
        missing("Runtime", "a function of PackageType Zip has a Runtime".to_owned());
        Runtime::Unknown(String::new())
    });
    let handler = properties.text("Handler").unwrap_or_default();
    let names_code = matches!(runtime, Runtime::Python { .. } | Runtime::Node { .. });
    if handler.is_empty() && (is_sams || names_code) {
        missing("Handler", format!("the function {id} has no Handler"));
    }
    let code = code(scope, id, resource, properties);
    Package::Zip { code, runtime, handler, layers: layer::of_function(properties, layers) }
}

/// Whether a function stands for a property that has no value here, and may have one in a deployment.
fn is_stated(scope: &Scope<'_>, resource: &Node, name: &str) -> bool {
    scope.raw_properties(resource).get(name).is_some_and(is_intrinsic)
}

/// The runtime that is stated; one that nothing here runs is told, and the function's invocations say so.
fn runtime(properties: &Properties<'_>) -> Option<Runtime> {
    properties.get("Runtime").filter(|node| node.says_something())?;
    let runtime = Runtime::parse(&properties.text("Runtime")?);
    match &runtime {
        Runtime::Unknown(name) if RETIRED.contains(&name.as_str()) => {
            properties.warning("Runtime", format!("Lambda retired {name} long ago, so this function cannot run"));
        }
        Runtime::Unknown(name) => {
            let message = format!("{name} is not a runtime that Lambda has, so this function cannot run");
            properties.warning("Runtime", message);
        }
        Runtime::Python { .. } | Runtime::Node { .. } | Runtime::Provided(_) | Runtime::Container(_) => {}
    }
    Some(runtime)
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
    let stated = resource.at(&["Properties", property]);
    if scope.is_deployments(stated.or_else(|| scope.template.root.at(&["Globals", "Function", property])), node) {
        properties.warning(property, format!("only a deployment knows the code of {id}, so this function cannot run"));
        let reason = format!("Only a deployment knows the code of {id}; let {property} name a folder of this machine.");
        return Code::Unavailable(reason);
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
    let build = image_build(scope, resource);
    let uri = stated.or_else(|| Some(format!("{}:{}", id.to_ascii_lowercase(), build.as_ref()?.tag)));
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
        build,
    }
}

/// What Metadata says of a build; `None` when it says nothing.
fn image_build(scope: &Scope<'_>, resource: &Node) -> Option<ImageBuild> {
    let metadata = |key: &str| resource.at(&["Metadata", key]).and_then(|node| scope.eval(node));
    let text = |key: &str| metadata(key).and_then(|node| node.scalar()).map(|text| text.to_string());
    let (dockerfile, context) = (text("Dockerfile"), text("DockerContext"));
    if dockerfile.is_none() && context.is_none() {
        return None;
    }
    let args = metadata("DockerBuildArgs");
    let args = args.as_ref().and_then(Node::as_map).into_iter().flat_map(|map| map.iter());
    Some(ImageBuild {
        context: scope.path(context.as_deref().unwrap_or(".")),
        dockerfile: dockerfile.unwrap_or_else(|| "Dockerfile".to_owned()),
        target: text("DockerBuildTarget"),
        args: args.filter_map(|(key, value)| Some((key.text.to_string(), value.scalar()?.to_string()))).collect(),
        tag: text("DockerTag").unwrap_or_else(|| "latest".to_owned()),
    })
}

fn texts(properties: &Properties<'_>, name: &str) -> Vec<String> {
    properties.list(name).iter().filter_map(Node::scalar).map(|text| text.to_string()).collect()
}
