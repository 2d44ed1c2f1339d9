//! Request headers as events carry them (A3, B1.5, B1.6): what is dropped, added, joined, and how names are written.

use std::borrow::Cow;

use super::grouped::Grouped;
use super::{Request, edge, trace};
use crate::project::api::ApiKind;

/// Headers that a REST API keeps from the integration (A3.5).
const REST_DROPPED: [&str; 12] = [
    "connection",
    "content-length",
    "content-md5",
    "expect",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "te",
    "transfer-encoding",
    "trailer",
    "upgrade",
    "www-authenticate",
];

/// Headers of the client that an HTTP server behind a REST API does not get to see either (D1.6); the last is the gateway's
/// own.
const REST_NOT_UPSTREAM: [&str; 3] = ["content-encoding", "via", "x-amzn-apigateway-api-id"];

/// Headers that belong to the connection and that an HTTP API or function URL does not pass on.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that the gateway writes itself, whatever the client sent.
const GATEWAYS_OWN: [&str; 4] = ["x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"];

/// Headers of a REST event: the client's casing, but for names that API Gateway writes its own way (A3.1).
/// An edge-optimised endpoint's have CloudFront's among them and its address behind the client's (A3.3).
pub(crate) fn rest(request: &Request, edge: bool) -> Grouped<'_> {
    let mut pairs = sent(request, &REST_DROPPED, Casing::AsSent);
    let names = ["X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"];
    if edge {
        let own = edge::headers(request);
        pairs.retain(|(name, _)| !own.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)));
        pairs.extend(own.map(|(name, value)| (Cow::Borrowed(name), value)));
        add_forwarded(&mut pairs, request, names);
        let hops = pairs.iter_mut().filter(|(name, _)| name == "X-Forwarded-For");
        hops.for_each(|(_, hops)| hops.to_mut().extend([", ", edge::ADDRESS]));
        return Grouped::headers(pairs);
    }
    add_forwarded(&mut pairs, request, names);
    Grouped::headers(pairs)
}

/// Headers of an HTTP API's 1.0 event.
pub(crate) fn http_v1(request: &Request) -> Grouped<'_> {
    let mut pairs = sent(request, &HOP_BY_HOP, Casing::AsSent);
    add_content_length(&mut pairs, request, "Content-Length");
    add_forwarded(&mut pairs, request, ["X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"]);
    Grouped::headers(pairs)
}

/// Headers of a 2.0 event: lower case, without cookies, with the length of the body.
pub(crate) fn v2<'a>(request: &'a Request, extra: &[(&'a str, &'a str)]) -> Grouped<'a> {
    let mut pairs = sent(request, &HOP_BY_HOP, Casing::Lower);
    pairs.retain(|(name, _)| name != "cookie");
    pairs.extend(extra.iter().map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(*value))));
    add_content_length(&mut pairs, request, "content-length");
    add_forwarded(&mut pairs, request, ["x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"]);
    Grouped::headers(pairs)
}

/// Headers for the HTTP server behind an API. The client of that server adds Host and framing; a signature that was meant
/// for the gateway stays here (A3.6).
pub(crate) fn for_upstream(kind: ApiKind, request: &Request) -> Vec<(String, Vec<u8>)> {
    let rest = kind == ApiKind::Rest;
    let (dropped, more): (&[&str], &[&str]) =
        if rest { (&REST_DROPPED, &REST_NOT_UPSTREAM) } else { (&HOP_BY_HOP, &[]) };
    let stays = |name: &str, value: &[u8]| {
        let mut own = ["host", "content-length"].iter().chain(&GATEWAYS_OWN).chain(dropped).chain(more);
        let signature = name.eq_ignore_ascii_case("authorization") && value.starts_with(b"AWS4-HMAC-SHA256");
        signature || own.any(|own| own.eq_ignore_ascii_case(name))
    };
    let mut headers: Vec<_> = request.headers.iter().filter(|(name, value)| !stays(name, value)).cloned().collect();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value.into_bytes()));
    add("X-Amzn-Trace-Id", trace::in_event(request).into_owned());
    if rest {
        if request.header("accept").is_none() {
            add("Accept", "application/json".to_owned());
        }
        add("X-Forwarded-For", forwarded_for(request).into_owned());
        add("X-Forwarded-Port", request.port.to_string());
        add("X-Forwarded-Proto", request.scheme.to_owned());
    }
    headers
}

/// The cookies of a 2.0 event, one entry each (B1.5).
pub(crate) fn cookies(request: &Request) -> Vec<Cow<'_, str>> {
    let lines = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
    lines.flat_map(|(_, value)| split_cookies(String::from_utf8_lossy(value))).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Casing {
    AsSent,
    Lower,
}

type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

fn sent<'a>(request: &'a Request, dropped: &[&str], casing: Casing) -> Pairs<'a> {
    let kept = |name: &str| !contains(dropped, name) && !contains(&GATEWAYS_OWN, name);
    let mut pairs = Vec::with_capacity(request.headers.len() + GATEWAYS_OWN.len() + 1);
    for (name, value) in request.headers.iter().filter(|(name, _)| kept(name)) {
        pairs.push((written(name, casing), String::from_utf8_lossy(value)));
    }
    pairs
}

fn written(name: &str, casing: Casing) -> Cow<'_, str> {
    match casing {
        Casing::AsSent => Cow::Borrowed(canonical(name)),
        Casing::Lower if name.bytes().any(|byte| byte.is_ascii_uppercase()) => Cow::Owned(name.to_ascii_lowercase()),
        Casing::Lower => Cow::Borrowed(name),
    }
}

/// Names that API Gateway writes its own way, whatever the client's casing.
fn canonical(name: &str) -> &str {
    const OWN: [&str; 3] = ["Authorization", "User-Agent", "Host"];
    OWN.iter().find(|own| own.eq_ignore_ascii_case(name)).copied().unwrap_or(name)
}

fn add_content_length<'a>(pairs: &mut Pairs<'a>, request: &'a Request, name: &'static str) {
    if !pairs.iter().any(|(sent, _)| sent.eq_ignore_ascii_case(name)) {
        pairs.push((Cow::Borrowed(name), Cow::Owned(request.body.len().to_string())));
    }
}

fn add_forwarded<'a>(pairs: &mut Pairs<'a>, request: &'a Request, [trace, client, port, scheme]: [&'static str; 4]) {
    pairs.push((Cow::Borrowed(trace), trace::in_event(request)));
    pairs.push((Cow::Borrowed(client), forwarded_for(request)));
    pairs.push((Cow::Borrowed(port), Cow::Owned(request.port.to_string())));
    pairs.push((Cow::Borrowed(scheme), Cow::Borrowed(request.scheme)));
}

/// The hops that the client claims, and the address that it really has at the end.
fn forwarded_for(request: &Request) -> Cow<'_, str> {
    match request.header("x-forwarded-for") {
        Some(claimed) if !claimed.is_empty() => Cow::Owned(format!("{claimed}, {}", request.source_ip)),
        _ => Cow::Owned(request.source_ip.to_string()),
    }
}

fn split_cookies(line: Cow<'_, str>) -> Vec<Cow<'_, str>> {
    match line {
        Cow::Borrowed(line) => {
            line.split(';').map(str::trim).filter(|one| !one.is_empty()).map(Cow::Borrowed).collect()
        }
        Cow::Owned(line) => {
            split_cookies(Cow::Borrowed(&line)).into_iter().map(|one| Cow::Owned(one.into_owned())).collect()
        }
    }
}

fn contains(names: &[&str], name: &str) -> bool {
    names.iter().any(|one| one.eq_ignore_ascii_case(name))
}
