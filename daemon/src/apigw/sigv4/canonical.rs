//! The canonical request: what a client signs, rebuilt from what arrived.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::authorization::Authorization;
use super::hex;
use crate::apigw::Request;

/// All but the unreserved characters.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// As [`STRICT`], with slashes kept.
const PATH: &AsciiSet = &STRICT.remove(b'/');

/// The digest that the payload is signed with. `None` where the client names another one than the body has.
pub(super) fn payload_hash(request: &Request) -> Option<String> {
    const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
    let actual = hex(&Sha256::digest(&request.body));
    match request.header("x-amz-content-sha256") {
        Some(UNSIGNED) => Some(UNSIGNED.to_owned()),
        Some(named) => named.eq_ignore_ascii_case(&actual).then_some(actual),
        None => Some(actual),
    }
}

/// The canonical request in the forms that AWS's own clients sign: they differ in whether the path is encoded once more
/// and whether dots and double slashes are taken out of it. Each needs the secret all the same.
pub(super) fn requests<'a>(
    request: &'a Request,
    authorization: &'a Authorization,
    payload: &'a str,
) -> impl Iterator<Item = String> + 'a {
    let encoded = |path: &str| utf8_percent_encode(path, PATH).to_string();
    let sent = request.received_path();
    let normalised = normalised(sent);
    let paths = [encoded(&normalised), encoded(sent), sent.to_owned(), normalised];
    let (query, headers) = (query(request, authorization), headers(request, authorization));
    let signed = authorization.signed_headers.join(";");
    paths.into_iter().map(move |path| format!("{}\n{path}\n{query}\n{headers}\n{signed}\n{payload}", request.method))
}

/// Pairs encoded strictly and sorted, without the signature itself.
fn query(request: &Request, authorization: &Authorization) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, STRICT).to_string();
    let sent = request.query.as_deref().unwrap_or_default();
    // A plus sign is itself in a signed query, and no space.
    let literal = sent.replace('+', "%2B");
    let pairs = form_urlencoded::parse(literal.as_bytes());
    let mut pairs: Vec<(String, String)> = pairs
        .filter(|(name, _)| !(authorization.in_query && name == "X-Amz-Signature"))
        .map(|(name, value)| (encoded(&name), encoded(&value)))
        .collect();
    pairs.sort();
    let texts: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    texts.join("&")
}

/// A line for each signed header, with its spaces collapsed and its values joined.
fn headers(request: &Request, authorization: &Authorization) -> String {
    let line = |name: &String| {
        let values: Vec<String> =
            request.header_values(name).map(|value| value.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        format!("{name}:{}\n", values.join(","))
    };
    authorization.signed_headers.iter().map(line).collect()
}

/// A path without empty, `.` and `..` segments.
fn normalised(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    let slash = if path.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    format!("/{}{slash}", kept.join("/"))
}
