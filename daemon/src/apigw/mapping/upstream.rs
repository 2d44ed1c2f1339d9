//! What an HTTP_PROXY integration sends to its server, and what of the answer the client sees.

use std::net::Ipv6Addr;

use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{Parameters, request as mapped_request};
use crate::apigw::event_v2::decoded;
use crate::apigw::gateway_response::header_value;
use crate::apigw::variables::Variables;
use crate::apigw::{Exchange, Reply, Request, header, reply};
use crate::project::api::{ApiKind, HttpProxy, RoutePath};
use crate::project::stage_variables;

/// A request to the server behind an HTTP_PROXY integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Method.
    pub method: String,
    /// The whole URI with path and query.
    pub uri: String,
    /// Headers; the client adds Host and framing.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Body.
    pub body: Bytes,
}

/// The request for the server behind an HTTP_PROXY integration.
#[must_use]
pub fn upstream(exchange: &Exchange, proxy: &HttpProxy) -> Upstream {
    let mapped = match exchange.api.kind {
        ApiKind::Http => mapped_request(exchange, &proxy.request_parameters),
        ApiKind::Rest => exchange.request.clone(),
    };
    let any = proxy.method.eq_ignore_ascii_case("ANY") || proxy.method.is_empty();
    let query = [mapped.query.clone(), mapped_query(exchange, &proxy.request_parameters)];
    let query: Vec<String> = query.into_iter().flatten().filter(|query| !query.is_empty()).collect();
    let mut upstream = Upstream {
        method: if any { mapped.method.clone() } else { proxy.method.to_ascii_uppercase() },
        uri: with_query(uri(exchange, proxy, &mapped), &query.join("&")),
        headers: passed_on(exchange, &mapped),
        body: mapped.body,
    };
    if exchange.api.kind == ApiKind::Rest {
        add_mapped_headers(exchange, &proxy.request_parameters, &mut upstream.headers);
    }
    upstream
}

/// The reply of the server as the client sees it (A5.11, B10.2).
#[must_use]
pub fn passed_back(exchange: &Exchange, mut answer: Reply) -> Reply {
    let own = ["x-amzn-requestid", "x-amz-apigw-id", "apigw-requestid"];
    for (name, _) in &mut answer.headers {
        let lower = name.to_ascii_lowercase();
        if own.contains(&lower.as_str()) {
            *name = format!("x-amzn-remapped-{lower}");
        }
    }
    answer.headers = match exchange.api.kind {
        ApiKind::Rest => {
            reply::headers::remapped(answer.headers).into_iter().filter(|(name, _)| !is_dropped(name)).collect()
        }
        ApiKind::Http => reply::headers::without_hop_by_hop(answer.headers),
    };
    answer.headers.retain(|(name, value)| reply::is_header(name, value));
    answer.headers.extend(reply::ids(exchange));
    answer
}

/// What a REST API takes out of an HTTP server's answer besides (A5.11).
fn is_dropped(name: &str) -> bool {
    ["content-encoding", "via"].iter().any(|dropped| dropped.eq_ignore_ascii_case(name))
}

/// Whether a REST API maps a header that no integration may be sent: the call is refused (D1.4). A parameter without a
/// value maps nothing.
#[must_use]
pub fn maps_forbidden(exchange: &Exchange, parameters: &Parameters, lambda: bool) -> bool {
    const EVERYWHERE: [&str; 4] =
        ["content-length", "transfer-encoding", "x-amzn-trace-id", "x-amzn-apigateway-api-id"];
    const LAMBDA: [&str; 5] = ["authorization", "connection", "expect", "proxy-authenticate", "te"];
    let variables = Variables { exchange, refusal: None };
    let forbidden = |name: &str| {
        let is = |one: &&str| one.eq_ignore_ascii_case(name);
        EVERYWHERE.iter().any(is) || (lambda && LAMBDA.iter().any(is))
    };
    let headers =
        parameters.iter().filter_map(|(key, value)| Some((key.strip_prefix("integration.request.header.")?, value)));
    let mut forbidden = headers.filter(|(name, _)| forbidden(name));
    exchange.api.kind == ApiKind::Rest && forbidden.any(|(_, value)| header_value(&variables, value).is_some())
}

/// `{param}` and `${stageVariables.x}` of the integration's URI, filled in. HTTP's `$default` route appends the whole
/// path, and a path that is mapped takes the place of the URI's.
fn uri(exchange: &Exchange, proxy: &HttpProxy, mapped: &Request) -> String {
    let mut uri = stage_variables::filled_in(&proxy.uri, &exchange.api.stage_variables);
    let Some((route, found)) = exchange.found else { return uri };
    for (name, value) in path_values(exchange, proxy, &found.path_parameters) {
        uri = uri.replace(&format!("{{{name}}}"), &value).replace(&format!("{{{name}+}}"), &value);
    }
    if mapped.path != exchange.request.path {
        uri = with_path(&uri, &mapped.path);
    } else if route.path == RoutePath::Default {
        uri = format!("{}{}", uri.trim_end_matches('/'), mapped.path);
    }
    uri
}

/// The URI with another path: `overwrite:path` is the whole of it (B9.1).
fn with_path(uri: &str, path: &str) -> String {
    let authority = uri.find("://").map_or(0, |at| at + 3);
    let (before, rest) = uri.split_at(authority);
    let host = rest.find(['/', '?']).map_or(rest, |end| rest.get(..end).unwrap_or_default());
    let query = rest.find('?').and_then(|at| rest.get(at..)).unwrap_or_default();
    format!("{before}{host}{}{query}", utf8_percent_encode(path, UNSENT))
}

/// Path values: REST maps `integration.request.path.x`, and both fill in the route's own parameters as they were sent.
fn path_values(exchange: &Exchange, proxy: &HttpProxy, own: &[(String, String)]) -> Vec<(String, String)> {
    let variables = Variables { exchange, refusal: None };
    let mapped = proxy.request_parameters.iter().filter_map(|(key, expression)| {
        let name = key.strip_prefix("integration.request.path.")?;
        Some((name.to_owned(), escaped(&decoded(&header_value(&variables, expression)?))))
    });
    mapped.chain(own.iter().cloned()).collect()
}

/// What cannot stand in a path as it is.
const UNSENT: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'?');

/// Text without any escapes as a part of a path.
fn escaped(text: &str) -> String {
    const DECODED: &AsciiSet = &UNSENT.add(b'%');
    utf8_percent_encode(text, DECODED).to_string()
}

fn with_query(uri: String, query: &str) -> String {
    match query {
        "" => uri,
        query if uri.contains('?') => format!("{uri}&{query}"),
        query => format!("{uri}?{query}"),
    }
}

/// REST's `integration.request.querystring.x`: behind what the client sent, also where it sent the same name (D1.6).
fn mapped_query(exchange: &Exchange, parameters: &Parameters) -> Option<String> {
    let variables = Variables { exchange, refusal: None };
    let pairs = parameters.iter().filter_map(|(key, expression)| {
        let name = key.strip_prefix("integration.request.querystring.")?;
        Some((name, header_value(&variables, expression)?))
    });
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    (exchange.api.kind == ApiKind::Rest && !query.is_empty()).then_some(query)
}

/// The client's headers but for those of its connection, and what the gateway tells of the client: a REST API in
/// `X-Forwarded-*`, an HTTP API in the standard `Forwarded` (B1.10).
fn passed_on(exchange: &Exchange, request: &Request) -> Vec<(String, Vec<u8>)> {
    let mut headers = header::for_upstream(exchange.api.kind, request);
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value.into_bytes()));
    match exchange.api.kind {
        ApiKind::Rest => add("X-Amzn-Apigateway-Api-Id", exchange.context.api_id.clone()),
        ApiKind::Http => {
            add("Forwarded", forwarded(exchange, request));
            add("Via", "HTTP/1.1 AmazonAPIGateway".to_owned());
        }
    }
    headers
}

/// `for=203.0.113.7, for=127.0.0.1;host=api.example.com;proto=https`: the hops that the client tells in `X-Forwarded-For`,
/// and what the gateway knows of it (RFC 7239).
fn forwarded(exchange: &Exchange, request: &Request) -> String {
    let told = request.header("x-forwarded-for").unwrap_or_default();
    let told = told.split(',').map(str::trim).filter(|hop| !hop.is_empty() && !hop.contains(['"', '\\', ';']));
    let hops: String = told.map(|hop| format!("for={}, ", forwarded_node(hop))).collect();
    let client = forwarded_node(&request.source_ip.to_string());
    let host = quoted_unless_token(exchange.domain_name().to_owned());
    format!("{hops}for={client};host={host};proto={}", request.scheme)
}

/// An address of version 6 stands in brackets.
fn forwarded_node(hop: &str) -> String {
    quoted_unless_token(if hop.parse::<Ipv6Addr>().is_ok() { format!("[{hop}]") } else { hop.to_owned() })
}

fn quoted_unless_token(value: String) -> String {
    let is_token = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if is_token { value } else { format!("\"{value}\"") }
}

fn add_mapped_headers(exchange: &Exchange, parameters: &Parameters, headers: &mut Vec<(String, Vec<u8>)>) {
    let variables = Variables { exchange, refusal: None };
    for (key, expression) in parameters {
        let Some(name) = key.strip_prefix("integration.request.header.") else { continue };
        let Some(value) = header_value(&variables, expression).filter(|value| reply::is_header(name, value)) else {
            continue;
        };
        headers.retain(|(sent, _)| !sent.eq_ignore_ascii_case(name));
        headers.push((name.to_owned(), value.into_bytes()));
    }
}
