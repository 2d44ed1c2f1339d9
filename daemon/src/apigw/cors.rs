//! CORS as the gateway itself answers it (B5, H6.5): of HTTP APIs and of function URLs. A REST API's `Cors` is a MOCK
//! route and its business alone.

use bytes::Bytes;

use super::reply::ids;
use super::{Exchange, Reply, Request, function_url};
use crate::project::api::Cors;

type Headers = Vec<(String, String)>;

const ALL_METHODS: &str = "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT";

/// The reply to a preflight of an HTTP API with CORS configured, whatever its routes and authorizers are (B5.1); `None`
/// for any other request.
#[must_use]
pub fn preflight(exchange: &Exchange) -> Option<Reply> {
    let cors = exchange.api.cors.as_ref()?;
    let mut headers = preflight_headers(cors, exchange.request)?;
    headers.extend(ids(exchange));
    Some(Reply { status: 204, headers, body: Bytes::new() })
}

/// The reply to a preflight of a function URL with CORS configured (H6.5); `None` for any other request.
#[must_use]
pub fn url_preflight(cors: &Cors, request: &Request) -> Option<Reply> {
    let mut headers = preflight_headers(cors, request)?;
    headers.push(("Vary".to_owned(), "Origin".to_owned()));
    headers.extend(function_url::ids(request));
    Some(Reply { status: 200, headers, body: Bytes::new() })
}

/// A reply with the configured headers in place of the integration's own (B5.6). Without an Origin header there are none
/// at all (B5.3).
#[must_use]
pub fn decorated(cors: &Cors, request: &Request, mut reply: Reply) -> Reply {
    reply.headers.retain(|(name, _)| !is_cors(name));
    let allowed = request.header("origin").and_then(|origin| allowed_origin(cors, origin));
    if let Some(origin) = allowed {
        reply.headers.extend(origin_headers(cors, origin));
        if !cors.expose_headers.is_empty() {
            reply.headers.push(("access-control-expose-headers".to_owned(), cors.expose_headers.join(",")));
        }
    }
    reply
}

/// As [`decorated`], for a reply of an API that may have no CORS configuration; such a reply stays as it is.
#[must_use]
pub fn decorated_for(exchange: &Exchange, reply: Reply) -> Reply {
    match &exchange.api.cors {
        Some(cors) => decorated(cors, exchange.request, reply),
        None => reply,
    }
}

/// `None` for what is no preflight; no header at all where the origin is not allowed (B5.2).
fn preflight_headers(cors: &Cors, request: &Request) -> Option<Headers> {
    let origin = request.header("origin")?;
    if request.method != "OPTIONS" || request.header("access-control-request-method").is_none() {
        return None;
    }
    let Some(origin) = allowed_origin(cors, origin) else { return Some(Headers::new()) };
    let mut headers = origin_headers(cors, origin);
    if !cors.allow_methods.is_empty() {
        let any = cors.allow_methods.iter().any(|method| method == "*");
        let methods = if any { ALL_METHODS.to_owned() } else { cors.allow_methods.join(",") };
        headers.push(("access-control-allow-methods".to_owned(), methods));
    }
    if !cors.allow_headers.is_empty() {
        headers.push(("access-control-allow-headers".to_owned(), cors.allow_headers.join(",")));
    }
    headers.extend(cors.max_age.map(|age| ("access-control-max-age".to_owned(), age.to_string())));
    Some(headers)
}

fn origin_headers(cors: &Cors, origin: String) -> Headers {
    let mut headers = vec![("access-control-allow-origin".to_owned(), origin)];
    if cors.allow_credentials {
        headers.push(("access-control-allow-credentials".to_owned(), "true".to_owned()));
    }
    headers
}

/// What `access-control-allow-origin` says to an origin: `*` where all are allowed, else the origin itself (B5.4).
fn allowed_origin(cors: &Cors, origin: &str) -> Option<String> {
    let matches = |allowed: &String| match allowed.strip_suffix('*') {
        Some(scheme) if !scheme.is_empty() => starts_with_ignoring_case(origin, scheme),
        _ => allowed.eq_ignore_ascii_case(origin),
    };
    if cors.allow_origins.iter().any(|allowed| allowed == "*") {
        // A browser refuses the star for requests with credentials, which function URLs may allow together with it.
        return Some(if cors.allow_credentials { origin.to_owned() } else { "*".to_owned() });
    }
    cors.allow_origins.iter().any(matches).then(|| origin.to_owned())
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn is_cors(name: &str) -> bool {
    starts_with_ignoring_case(name, "access-control-")
}
