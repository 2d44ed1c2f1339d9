//! Custom domains that lead to an API: SAM's `Domain`, base path mappings and API mappings.

use super::draft::Draft;
use crate::project::api::Domain;
use crate::template::properties::Properties;
use crate::template::{Node, Scope};

/// SAM's `Domain`: one entry a base path, one without any when it states none.
pub(super) fn of_sam(properties: &Properties<'_>) -> Vec<Domain> {
    let Some(domain) = properties.map("Domain") else { return Vec::new() };
    let Some(name) = domain.text("DomainName") else { return Vec::new() };
    let normalize = domain.flag("NormalizeBasePath").unwrap_or(true);
    let paths = domain.list("BasePath").iter().filter_map(Node::scalar);
    let mut paths: Vec<String> = paths.map(|path| base_path(&path, normalize)).collect();
    if paths.is_empty() {
        paths.push(String::new());
    }
    paths.into_iter().map(|base_path| Domain { name: name.clone(), base_path }).collect()
}

/// SAM drops every character that is no letter or digit, unless `NormalizeBasePath` is false.
fn base_path(path: &str, normalize: bool) -> String {
    match normalize {
        true => path.chars().filter(char::is_ascii_alphanumeric).collect(),
        false => path.trim_matches('/').to_owned(),
    }
}

/// The mappings of plain CloudFormation.
pub(super) fn attach(scope: &Scope<'_>, drafts: &mut [Draft]) {
    for (id, resource) in scope.resources() {
        let (api, path) = match scope.type_of(id) {
            Some("AWS::ApiGateway::BasePathMapping" | "AWS::ApiGateway::BasePathMappingV2") => {
                ("RestApiId", "BasePath")
            }
            Some("AWS::ApiGatewayV2::ApiMapping") => ("ApiId", "ApiMappingKey"),
            _ => continue,
        };
        let node = scope.properties(resource);
        let properties = Properties::new(&node, format!("Resources.{id}.Properties"), scope.findings());
        let Some(target) = properties.text(api) else { continue };
        // A private domain goes by its ARN, since several accounts may have one of its name.
        let stated = properties.text("DomainName").or_else(|| properties.text("DomainNameArn"));
        let name = domain_name(scope, of_arn(&stated.unwrap_or_default()));
        let base_path = properties.text(path).unwrap_or_default().trim_matches('/').to_owned();
        let base_path = if base_path == "(none)" { String::new() } else { base_path };
        if let Some(draft) = drafts.iter_mut().find(|draft| draft.api.id.0 == target) {
            draft.api.domains.push(Domain { name, base_path });
        }
    }
}

/// `private.example.com` of `arn:aws:apigateway:us-east-1:123456789012:/domainnames/private.example.com+abcd1234`.
fn of_arn(stated: &str) -> &str {
    let Some((_, name)) = stated.split_once(":/domainnames/") else { return stated };
    name.split_once('+').map_or(name, |(name, _)| name)
}

/// `Ref` of a domain resource gives its logical id; what counts is the name that it states.
fn domain_name(scope: &Scope<'_>, reference: &str) -> String {
    let resource = scope.resource(reference);
    let stated = resource.and_then(|resource| scope.properties(resource).get("DomainName").and_then(Node::scalar));
    stated.map_or_else(|| reference.to_owned(), |name| name.to_string())
}
