//! Small parts that several resources spell alike: CORS of HTTP APIs and function URLs, gateway responses, canaries.

use std::collections::BTreeMap;

use crate::project::api::{Cors, GatewayResponse};
use crate::project::function::FunctionUrl;
use crate::template::Node;
use crate::template::node::Map;
use crate::template::properties::Properties;

/// A stage's canary is passed over, with a word: there is one deployment here, the one that is being written.
pub(super) fn no_canary(properties: &Properties<'_>) {
    if properties.get("CanarySetting").is_some() {
        properties.warning("CanarySetting", "samd has no canary: all traffic goes to the stage's own deployment");
    }
}

/// An API is served with one stage, and of the others it is said that they are not.
pub(super) fn further_stage(stage: &Properties<'_>, served: &str) {
    let name = stage.text("StageName").unwrap_or_default();
    stage.warning(
        "StageName",
        format!("samd serves one stage of an API, here {served}: the stage {name} is not served"),
    );
}

/// Whether the endpoint is said to be edge-optimised: SAM's `EDGE` or `{Type: EDGE}`, CloudFormation's `{Types: [EDGE]}`.
///
/// One that says nothing is served as a regional one.
pub(super) fn is_edge(properties: &Properties<'_>) -> bool {
    let Some(endpoint) = properties.get("EndpointConfiguration") else { return false };
    let stated = endpoint.get("Type").or_else(|| endpoint.get("Types")).unwrap_or(endpoint);
    stated.as_str() == Some("EDGE") || stated.strings().iter().any(|one| one == "EDGE")
}

/// A function URL's configuration.
pub(super) fn function_url(properties: &Properties<'_>) -> FunctionUrl {
    let auth = properties.word("AuthType", &["NONE", "AWS_IAM"]);
    if auth.is_none() && properties.get("AuthType").is_none() {
        properties.error("AuthType", "a function URL states its AuthType: NONE or AWS_IAM");
    }
    FunctionUrl {
        // Without a valid AuthType nobody is let in unsigned.
        iam: auth != Some("NONE"),
        streaming: is_streaming(properties, "InvokeMode"),
        cors: properties.get("Cors").and_then(cors),
        resource: None,
        alias: None,
        closed: false,
    }
}

/// Whether a mode asks for a streamed reply; one that there is not is told, and is none.
pub(super) fn is_streaming(properties: &Properties<'_>, name: &str) -> bool {
    let mode = properties.text(name);
    if let Some(mode) = mode.as_deref().filter(|mode| !matches!(*mode, "BUFFERED" | "RESPONSE_STREAM")) {
        let message =
            format!("{name} is {mode:?}; it is one of BUFFERED, RESPONSE_STREAM, so replies are not streamed");
        properties.warning(name, message);
    }
    mode.as_deref() == Some("RESPONSE_STREAM")
}

/// CORS settings in either casing: `AllowOrigins` and `allowOrigins`; `true` allows every origin.
pub(super) fn cors(node: &Node) -> Option<Cors> {
    if node.as_map().is_none() {
        let all = node.as_bool() == Some(true);
        return all.then(|| Cors { allow_origins: vec!["*".to_owned()], ..Cors::default() });
    }
    let list = |name: &str| either(node, name).map(Node::strings).unwrap_or_default();
    Some(Cors {
        allow_origins: list("AllowOrigins"),
        allow_methods: list("AllowMethods"),
        allow_headers: list("AllowHeaders"),
        expose_headers: list("ExposeHeaders"),
        allow_credentials: either(node, "AllowCredentials").and_then(Node::as_bool).unwrap_or(false),
        max_age: either(node, "MaxAge").and_then(Node::as_i64),
    })
}

/// A property by its name with a large or a small first letter.
pub(super) fn either<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    node.get(name).or_else(|| node.get(&small(name)))
}

fn small(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// A gateway response: SAM's form, CloudFormation's, and OpenAPI's.
pub(super) fn gateway_response(node: &Node) -> GatewayResponse {
    let parameters = either(node, "ResponseParameters");
    // SAM has Headers, QueryStrings and Paths apart; the other forms prefix each key.
    let grouped =
        parameters.and_then(|node| node.get("Headers")).and_then(Node::as_map).into_iter().flat_map(Map::iter);
    let flat = parameters.and_then(Node::as_map).into_iter().flat_map(Map::iter);
    let flat = flat.filter_map(|(key, value)| Some((key.text.strip_prefix("gatewayresponse.header.")?, value)));
    let headers = grouped.map(|(key, value)| (key.text.as_ref(), value)).chain(flat);
    GatewayResponse {
        status: either(node, "StatusCode").and_then(Node::as_i64).and_then(|status| u16::try_from(status).ok()),
        headers: headers.filter_map(|(key, value)| Some((key.to_owned(), value.scalar()?.to_string()))).collect(),
        templates: either(node, "ResponseTemplates").map(texts).unwrap_or_default(),
    }
}

/// A mapping of texts.
pub(super) fn texts(node: &Node) -> BTreeMap<String, String> {
    let entries = node.as_map().into_iter().flat_map(Map::iter);
    entries.filter_map(|(key, value)| Some((key.text.to_string(), value.scalar()?.to_string()))).collect()
}
