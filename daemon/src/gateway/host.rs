//! The host that a request names, which chooses the API: one, and written as a host is (RFC 9112 3.2).
//!
//! Whoever stands before the gateway may have read another host in a request that leaves it open; such a request is
//! refused.

use std::net::Ipv6Addr;

use http::{Version, request};

use super::wire::RawHeaders;

/// Makes the host of the request's target the one of its headers, where the target has one. False where the request
/// names no host, two, or what cannot be one.
pub(super) fn settle(parts: &request::Parts, headers: &mut RawHeaders) -> bool {
    let lines = headers.iter().filter(|(name, _)| is_named(name)).count();
    let of_target = parts.uri.authority().map(|authority| without_user(authority.as_str()).as_bytes().to_vec());
    match headers.iter_mut().find(|(name, _)| is_named(name)) {
        Some((_, value)) => {
            let once = lines == 1 && is_host(value);
            *value = of_target.unwrap_or_else(|| std::mem::take(value));
            once && is_host(value)
        }
        // HTTP/2 has its host in a pseudo header, HTTP/1.0 needs none.
        None => {
            let fits = parts.version != Version::HTTP_11 && of_target.as_deref().is_none_or(is_host);
            headers.splice(..0, of_target.map(|host| ("host".to_owned(), host)));
            fits
        }
    }
}

fn is_named(name: &str) -> bool {
    name.eq_ignore_ascii_case("host")
}

fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// A name or an address, and perhaps a port behind it.
fn is_host(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    if let Some((address, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address.parse::<Ipv6Addr>().is_ok() && is_port(port);
    }
    let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
    is_name(name) && is_port(port)
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
}

/// `reg-name` of RFC 3986.
fn is_name(text: &str) -> bool {
    let mut parts = text.split('%');
    let plain =
        |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte));
    let escaped = |part: &str| {
        let digits = part.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) && plain(part)
    };
    parts.next().is_none_or(plain) && parts.all(escaped)
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for host in ["", "x", "Rest_1.localhost:3000", "127.0.0.1:80", "[::1]", "[::1]:80", "a%20b", "x:"] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        let others =
            ["a b", "a/b", "a@b", "a:b", "a:1:2", "[::1", "[x]", "[::1]x", "a%2", "a%zz", "a\"b", "a?b", "\u{e4}"];
        for other in others {
            assert!(!is_host(other.as_bytes()), "{other}");
        }
        assert!(!is_host(b"a\xff"));
    }
}
