//! Edge-optimised endpoints of REST APIs (A3.3): what CloudFront adds to requests and replies on its way.
//!
//! The names, their casing and the forms of the values are as recorded. Where the viewer really is, nobody knows here:
//! country, network and edge location are fixed stand-ins, ids follow from the request's.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use sha2::{Digest, Sha256};

use super::{Exchange, Reply, Request};

/// The edge server's own address, which stands last in `X-Forwarded-For`: one of a documentation network.
pub(crate) const ADDRESS: &str = "192.0.2.1";
const COUNTRY: &str = "US";
/// A number for documentation.
const NETWORK: &str = "64496";
const LOCATION: &str = "IAD89-P1";

/// What CloudFront tells of itself and of the viewer; a client's own headers of these names do not count.
pub(crate) fn headers(request: &Request) -> [(&'static str, Cow<'static, str>); 9] {
    let viewer = Viewer::of(request.header("user-agent").unwrap_or_default());
    let is = |one: Viewer| Cow::Borrowed(if viewer == one { "true" } else { "false" });
    [
        ("CloudFront-Forwarded-Proto", Cow::Borrowed(request.scheme)),
        ("CloudFront-Is-Desktop-Viewer", is(Viewer::Desktop)),
        ("CloudFront-Is-Mobile-Viewer", is(Viewer::Mobile)),
        ("CloudFront-Is-SmartTV-Viewer", is(Viewer::SmartTv)),
        ("CloudFront-Is-Tablet-Viewer", is(Viewer::Tablet)),
        ("CloudFront-Viewer-ASN", Cow::Borrowed(NETWORK)),
        ("CloudFront-Viewer-Country", Cow::Borrowed(COUNTRY)),
        ("Via", Cow::Owned(via(request))),
        ("X-Amz-Cf-Id", Cow::Owned(id(request))),
    ]
}

/// The reply as it leaves the edge.
#[must_use]
pub fn seen(exchange: &Exchange, mut reply: Reply) -> Reply {
    if !exchange.api.edge {
        return reply;
    }
    let cache = if reply.status >= 400 { "Error from cloudfront" } else { "Miss from cloudfront" };
    let request = exchange.request;
    let own = [
        ("X-Cache", cache.to_owned()),
        ("Via", via(request)),
        ("X-Amz-Cf-Pop", LOCATION.to_owned()),
        ("X-Amz-Cf-Id", id(request)),
    ];
    reply.headers.extend(own.map(|(name, value)| (name.to_owned(), value)));
    reply
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Viewer {
    Desktop,
    Mobile,
    SmartTv,
    Tablet,
}

impl Viewer {
    /// CloudFront's guess by the words that browsers of such devices have in their names.
    fn of(agent: &str) -> Viewer {
        let has = |words: &[&str]| words.iter().any(|word| agent.contains(word));
        match agent {
            _ if has(&["SmartTV", "SMART-TV", "Smart-TV", "AppleTV", "GoogleTV", "HbbTV"]) => Viewer::SmartTv,
            _ if has(&["iPad", "Tablet"]) || (has(&["Android"]) && !has(&["Mobile"])) => Viewer::Tablet,
            _ if has(&["Mobile", "iPhone"]) => Viewer::Mobile,
            _ => Viewer::Desktop,
        }
    }
}

fn via(request: &Request) -> String {
    let name: String = digest(request, "via").iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("1.1 {name}.cloudfront.net (CloudFront)")
}

/// 56 characters, the last two of them padding.
fn id(request: &Request) -> String {
    let mut bytes = digest(request, "id").to_vec();
    bytes.extend_from_slice(&digest(request, "more")[..8]);
    URL_SAFE.encode(bytes)
}

fn digest(request: &Request, of: &str) -> [u8; 32] {
    Sha256::new().chain_update(of).chain_update(&request.request_id).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apigw::testing::request;

    #[test]
    fn one_kind_of_viewer_is_true() {
        let kind = |agent: &str| {
            let request = request("GET", "/", &[("User-Agent", agent)], b"");
            headers(&request).iter().filter(|(_, value)| value == "true").map(|(name, _)| *name).collect::<Vec<_>>()
        };
        assert_eq!(kind("curl/8.5.0"), ["CloudFront-Is-Desktop-Viewer"]);
        assert_eq!(kind("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) Mobile/15E148"), ["CloudFront-Is-Mobile-Viewer"]);
        assert_eq!(kind("Mozilla/5.0 (Linux; Android 14; SM-X910) Safari/537.36"), ["CloudFront-Is-Tablet-Viewer"]);
        assert_eq!(kind("Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0)"), ["CloudFront-Is-SmartTV-Viewer"]);
    }
}
