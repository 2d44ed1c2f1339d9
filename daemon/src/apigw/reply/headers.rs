//! Headers of a reply: merging single and multi-valued ones, and the names that API Gateway keeps for itself (A5.11).

use super::envelope::{Envelope, Malformed};

type Headers = Vec<(String, String)>;

/// Names that a REST API's integration may not set; their values come back under another name.
const REMAPPED: [&str; 7] =
    ["Connection", "Content-Length", "Date", "Server", "WWW-Authenticate", "x-amzn-RequestId", "x-amz-apigw-id"];

/// Names that the connection owns, which an HTTP API or function URL leaves out of replies.
const HOP_BY_HOP: [&str; 7] =
    ["connection", "content-length", "date", "keep-alive", "server", "transfer-encoding", "upgrade"];

/// The headers of a proxy reply as lines: multi-valued ones first, and a single-valued one of the same name, in any case,
/// after them and in their casing.
pub(crate) fn merged(envelope: &Envelope) -> Result<Headers, Malformed> {
    let mut lines = Headers::new();
    for (name, values) in &envelope.multi_value_headers {
        lines.extend(values.iter().map(|value| (name.clone(), trimmed(value))));
    }
    for (name, value) in &envelope.headers {
        add_single(&mut lines, name, trimmed(value));
    }
    if lines.iter().all(|(name, value)| is_header(name, value)) { Ok(lines) } else { Err(Malformed) }
}

/// Puts a line behind those of its name; the same value twice is one line (A5.3).
fn add_single(lines: &mut Headers, name: &str, value: String) {
    let last = lines.iter().rposition(|(sent, _)| sent.eq_ignore_ascii_case(name));
    let Some(last) = last else { return lines.push((name.to_owned(), value)) };
    if !lines.iter().any(|(sent, sent_value)| sent.eq_ignore_ascii_case(name) && *sent_value == value) {
        let casing = lines[last].0.clone();
        lines.insert(last + 1, (casing, value));
    }
}

/// REST's remapping: `Date` becomes `x-amzn-Remapped-Date`, `Transfer-Encoding` goes.
pub(crate) fn remapped(lines: Headers) -> Headers {
    let kept = lines.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("transfer-encoding"));
    kept.map(|(name, value)| match REMAPPED.iter().find(|own| own.eq_ignore_ascii_case(&name)) {
        Some(own) => (format!("x-amzn-Remapped-{own}"), value),
        None => (name, value),
    })
    .collect()
}

/// HTTP's: what the connection owns goes.
pub(crate) fn without_hop_by_hop(mut lines: Headers) -> Headers {
    lines.retain(|(name, _)| !HOP_BY_HOP.iter().any(|own| own.eq_ignore_ascii_case(name)));
    lines
}

/// Puts a default in where a header is not set.
pub(crate) fn or_default(lines: &mut Headers, name: &str, value: &str) {
    if !lines.iter().any(|(sent, _)| sent.eq_ignore_ascii_case(name)) {
        lines.push((name.to_owned(), value.to_owned()));
    }
}

/// Whether a name and a value can stand in a header: no line break may smuggle in another one.
pub(crate) fn is_header(name: &str, value: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let visible = |byte: u8| byte == b'\t' || (byte >= 0x20 && byte != 0x7f);
    !name.is_empty() && name.bytes().all(token) && value.bytes().all(visible)
}

fn trimmed(value: &str) -> String {
    value.trim_matches([' ', '\t']).to_owned()
}
