//! `X-Amzn-Trace-Id` (A3.7): what the client's header becomes.

use std::borrow::Cow;

use super::Request;

/// The trace of a request: the client's root (and parent) where it sent some, else fresh ones.
///
/// `fresh_root` is `1-<8 hex>-<24 hex>`, `fresh_parent` 16 hex digits. The result is
/// `Root=…;Parent=…;Sampled=…` and then whatever else the client had in the header.
#[must_use]
pub fn outgoing(incoming: Option<&str>, fresh_root: &str, fresh_parent: &str) -> String {
    let field = |name| incoming.and_then(|header| field(header, name));
    let (root, parent) = match field("Root") {
        Some(root) => (root, field("Parent").unwrap_or(fresh_parent)),
        None => (fresh_root, fresh_parent),
    };
    let sampled = field("Sampled").unwrap_or("0");
    let mut trace = format!("Root={root};Parent={parent};Sampled={sampled}");
    for (name, value) in incoming.into_iter().flat_map(fields) {
        if !matches!(name, "Root" | "Parent" | "Sampled") {
            trace.push_str(&format!(";{name}={value}"));
        }
    }
    trace
}

/// The header as the event has it: whole where the client sent a parent, else the root alone.
pub(crate) fn in_event(request: &Request) -> Cow<'_, str> {
    let sent = request.header("x-amzn-trace-id");
    if sent.is_some_and(|header| field(header, "Root").is_some() && field(header, "Parent").is_some()) {
        return Cow::Borrowed(&request.trace_id);
    }
    match field(&request.trace_id, "Root") {
        Some(root) => Cow::Owned(format!("Root={root}")),
        None => Cow::Borrowed(&request.trace_id),
    }
}

fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    fields(header).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// The header's `key=value` parts; what is malformed is left out, so that it reaches neither function nor log.
fn fields(header: &str) -> impl Iterator<Item = (&str, &str)> {
    let part = |part: &'_ str| -> Option<(usize, usize)> {
        let equals = part.find('=')?;
        let clean = part.bytes().all(|byte| byte.is_ascii_graphic());
        (clean && equals > 0 && equals + 1 < part.len()).then_some((equals, equals + 1))
    };
    header
        .split(';')
        .map(str::trim)
        .filter_map(move |text| part(text).map(|(end, start)| (&text[..end], &text[start..])))
}

#[cfg(test)]
mod tests {
    use super::outgoing;

    #[test]
    fn without_a_header_all_is_fresh() {
        assert_eq!(outgoing(None, "1-a-b", "53995c3f42cd8ad8"), "Root=1-a-b;Parent=53995c3f42cd8ad8;Sampled=0");
    }

    #[test]
    fn a_complete_header_is_kept_with_its_extras() {
        let sent = "Root=1-1-2;Parent=abc;Sampled=1;Lineage=x:0";
        assert_eq!(outgoing(Some(sent), "fresh", "fresh"), sent);
    }

    #[test]
    fn a_root_alone_is_kept_and_gets_a_parent_at_index_one() {
        assert_eq!(outgoing(Some("Root=1-1-2"), "fresh", "new"), "Root=1-1-2;Parent=new;Sampled=0");
    }

    #[test]
    fn garbage_is_no_trace() {
        assert_eq!(outgoing(Some("=;;\u{e9}=1;Root="), "1-f-f", "p"), "Root=1-f-f;Parent=p;Sampled=0");
    }
}
