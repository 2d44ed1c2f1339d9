//! Layers: those that the template makes, and how a function's list of ARNs leads to them.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::project::Layer;
use crate::project::layer::LayerContent;
use crate::template::Scope;
use crate::template::properties::Properties;

/// The template's layers by ARN.
pub(super) type Layers = BTreeMap<String, Layer>;

/// Every layer of the template and of those nested in it.
pub(super) fn all(scopes: &[Rc<Scope<'_>>]) -> Layers {
    scopes.iter().flat_map(|scope| of_scope(scope)).collect()
}

fn of_scope(scope: &Scope<'_>) -> Vec<(String, Layer)> {
    let mut layers = Vec::new();
    for (id, resource) in scope.resources() {
        let property = match scope.type_of(id) {
            Some("AWS::Serverless::LayerVersion") => "ContentUri",
            Some("AWS::Lambda::LayerVersion") => "Content",
            _ => continue,
        };
        let node = scope.properties(resource);
        let properties = Properties::new(&node, format!("Resources.{id}.Properties"), scope.findings());
        let arn = scope.layer_arn(id);
        let asset = resource.at(&["Metadata", "aws:asset:path"]).and_then(|node| node.as_str());
        let written = resource.at(&["Properties", property]);
        let stated = properties.get(property).filter(|node| !scope.is_deployments(written, node));
        let stated = stated.and_then(|node| node.as_str()).map(str::to_owned);
        let content = match asset.map(str::to_owned).or(stated).filter(|text| !text.starts_with("s3://")) {
            Some(path) => content(scope, &path),
            None => {
                properties.warning(property, format!("the layer {id} has no local content, so it is left out"));
                LayerContent::Remote { arn: arn.clone() }
            }
        };
        layers.push((arn, Layer { id: scope.id(id), content }));
    }
    layers
}

fn content(scope: &Scope<'_>, path: &str) -> LayerContent {
    let path = scope.path(path);
    let archive = path.extension().is_some_and(|extension| extension == "zip" || extension == "jar");
    if archive { LayerContent::Archive(path) } else { LayerContent::Folder(path) }
}

/// A function's layers, in its order.
pub(super) fn of_function(properties: &Properties<'_>, layers: &Layers) -> Vec<Layer> {
    let arns = properties.list("Layers").iter().filter_map(|node| node.scalar());
    arns.map(|arn| {
        let remote = || Layer { id: arn.to_string(), content: LayerContent::Remote { arn: arn.to_string() } };
        layers.get(arn.as_ref()).cloned().unwrap_or_else(remote)
    })
    .collect()
}
