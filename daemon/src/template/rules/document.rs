//! The OpenAPI documents of APIs: where they stand, and what SAM writes into them.

use super::super::intrinsic::is_intrinsic;
use super::super::node::{Map, Node};
use super::super::schema::Path;
use super::Judged;

/// What the document says itself, the properties do not say again; a document without a title has one for SAM.
pub(super) fn named_twice(api: &Judged<'_>) {
    let Some(body) = api.get("DefinitionBody").filter(|body| body.says_something() && !is_intrinsic(body)) else {
        return;
    };
    if body.get("Fn::Transform").is_some() {
        return;
    }
    let title = body.at(&["info", "title"]);
    let is_sams = title.is_some_and(|title| title.get("Ref").and_then(Node::as_str) == Some("AWS::StackName"));
    if !is_sams && api.get("Name").is_some_and(Node::says_something) {
        api.error("Name", "the title of the DefinitionBody is the name of this API, so that Name cannot be set");
    }
    let described = body.at(&["info", "description"]).is_some_and(Node::says_something);
    if described && api.get("Description").is_some_and(Node::says_something) {
        api.error("Description", "the DefinitionBody has a description already, so that Description cannot be set");
    }
}

/// What SAM writes into a document, it cannot write into one in S3.
pub(super) fn in_s3(api: &Judged<'_>, written: &[&str]) {
    api.s3("DefinitionUri");
    let uri = api.get("DefinitionUri");
    let is_remote =
        uri.is_some_and(|node| node.as_map().is_some() || node.as_str().is_some_and(|uri| uri.starts_with("s3:")));
    if is_remote && api.get("DisableExecuteApiEndpoint").is_some() {
        let message = "DisableExecuteApiEndpoint works only with a document in DefinitionBody";
        api.error("DisableExecuteApiEndpoint", message);
    }
    let written = ["Auth"].iter().chain(written);
    for name in written.filter(|name| is_remote && api.get(name).is_some_and(Node::says_something)) {
        api.error(name, format!("{name} works only with a document in DefinitionBody"));
    }
}

/// What SAM writes into a document, it writes into one that is complete.
pub(super) fn judge(api: &Judged<'_>, written: &[&str], versions: &[&str]) {
    let Some(body) = api.get("DefinitionBody").filter(|body| body.says_something()) else { return };
    let Some(stated) = body.as_map().filter(|stated| stated.iter().all(|(key, _)| !key.text.starts_with("Fn::")))
    else {
        return;
    };
    let is_written = |name: &&&str| api.get(name).is_some_and(Node::says_something);
    let is_edited =
        versions.contains(&"swagger") && is_document(body, versions) && written.iter().any(|name| is_written(&name));
    operations(api, stated, is_edited);
    securities(api, body);
    if is_document(body, versions) {
        return;
    }
    if let Some(name) = written.iter().find(is_written) {
        let message = format!("{name} needs a DefinitionBody with {} and paths", versions.join(" or "));
        api.error(name, message);
    }
}

/// Whether a document is of a version that SAM writes into, and has paths.
pub(super) fn is_document(body: &Node, versions: &[&str]) -> bool {
    let is_third = |node: &Node| node.scalar().is_some_and(|text| text.starts_with('3') && is_openapi_version(&text));
    let swagger = versions.contains(&"swagger") && body.get("swagger").is_some_and(Node::says_something);
    let is_open = |node: &Node| is_intrinsic(node) || node.as_map().is_some();
    body.get("paths").is_some_and(is_open) && (swagger || body.get("openapi").is_some_and(is_third))
}

/// Where SAM adds what an API asks of callers, an operation's own wishes are a list of mappings.
fn securities(api: &Judged<'_>, body: &Node) {
    let asks = |name: &str| api.at(&["Auth", name]).is_some_and(Node::says_something);
    if !asks("DefaultAuthorizer") && !asks("ApiKeyRequired") {
        return;
    }
    let path = api.path.to("DefinitionBody");
    let schemes = body.get("securityDefinitions").filter(|node| node.says_something() && node.as_map().is_none());
    if let Some(node) = schemes {
        let message = format!("securityDefinitions is a mapping, and here it is {}", node.value.kind());
        api.report.error(message, &node.mark, &path.to("securityDefinitions"));
    }
    let items = body.get("paths").and_then(Node::as_map).into_iter().flat_map(Map::iter);
    for (_, operation) in items.filter_map(|(_, item)| item.as_map()).flat_map(Map::iter) {
        let Some(security) = operation.as_map().and_then(|operation| operation.get("security")) else { continue };
        let is_sound = security.as_list().is_some_and(|all| all.iter().all(|entry| entry.as_map().is_some()));
        if !is_sound && !is_intrinsic(security) {
            api.report.error("security is a list of mappings", &security.mark, &path.to("paths"));
        }
    }
}

/// Paths are mappings of methods, and methods are mappings. Those that say nothing are for events to fill, unless SAM
/// writes into all of them.
fn operations(api: &Judged<'_>, body: &Map, is_edited: bool) {
    const METHODS: [&str; 8] =
        ["get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"];
    let asks = |name: &str| api.at(&["Auth", name]).is_some_and(Node::says_something);
    let is_asked = is_edited && (asks("DefaultAuthorizer") || asks("ApiKeyRequired"));
    let (body_path, of) = (api.path.to("DefinitionBody"), "paths");
    let paths = body_path.to(of);
    let wrong = |what: &str, node: &Node, path: &Path<'_>| {
        let message = format!("{what} is a mapping, and here it is {}", node.value.kind());
        api.report.error(message, &node.mark, path);
    };
    for (route, item) in body.get(of).and_then(Node::as_map).into_iter().flat_map(Map::iter) {
        let path = paths.to(&route.text);
        let Some(methods) = item.as_map() else {
            if is_edited || !(item.is_null() || route.text.starts_with("x-")) {
                wrong(&route.text, item, &path);
            }
            continue;
        };
        for (method, operation) in methods.iter().filter(|(_, operation)| operation.as_map().is_none()) {
            let is_method = METHODS.contains(&method.text.to_lowercase().as_str()) && !operation.is_null();
            let is_other = !matches!(&*method.text, "summary" | "description" | "parameters") && !is_intrinsic(item);
            if is_method || (is_asked && is_other) {
                wrong(&format!("{} of {}", method.text, route.text), operation, &path.to(&method.text));
            }
        }
    }
}

/// `2.0`, or `3.0` with or without a third number.
pub(super) fn is_openapi_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_digit = |part: &&str| part.len() == 1 && part.as_bytes()[0].is_ascii_digit();
    matches!(parts[0], "2" | "3") && (2..=3).contains(&parts.len()) && parts.iter().all(is_digit)
}
