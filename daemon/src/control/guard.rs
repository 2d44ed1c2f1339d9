//! Who may use the control port: callers that can read the token file, and never a web page.
//!
//! A page that the user visits can send requests to loopback addresses, and by rebinding a name's address it can even
//! read the replies. So the `Host` must be ours, any `Origin` is refused (browsers add it to each POST and each
//! WebSocket handshake), and the token must be right.

use std::net::SocketAddr;

use samd_proto::{ApiError, ErrorCode};
use warp::http::HeaderMap;
use warp::http::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN};

use super::Auth;

/// Refuses what may come from a web page.
///
/// # Errors
/// [`ErrorCode::Forbidden`] with the reason.
pub(super) fn local(headers: &HeaderMap, address: SocketAddr) -> Result<(), ApiError> {
    if headers.contains_key(ORIGIN) {
        return Err(forbidden("the control port does not serve web pages: the request has an Origin header"));
    }
    match only(headers, &HOST) {
        Some(host) if is_ours(host, address) => Ok(()),
        Some(_) | None => {
            Err(forbidden(format!("the control port is {address}: the request's Host header must name this address")))
        }
    }
}

/// Refuses callers without the token.
///
/// # Errors
/// [`ErrorCode::Unauthorized`], saying where the token stands.
pub(super) fn token(headers: &HeaderMap, auth: &Auth) -> Result<(), ApiError> {
    let given = only(headers, &AUTHORIZATION).and_then(bearer);
    let complaint = match given {
        Some(token) if auth.token.admits(token) => return Ok(()),
        Some(_) => "the control token is wrong",
        None => "the control token is missing",
    };
    Err(ApiError::new(
        ErrorCode::Unauthorized,
        format!(
            "{complaint}: send `Authorization: Bearer <token>` with the content of {}; samctl finds it there when {} \
             names the same state folder as the daemon's",
            auth.token_file.display(),
            samd_proto::place::STATE_VARIABLE,
        ),
    ))
}

fn forbidden(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::Forbidden, message)
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// `127.0.0.1:7263`, `[::1]:7263` or `localhost:7263`, as it was bound.
fn is_ours(host: &str, address: SocketAddr) -> bool {
    host == address.to_string()
        || host
            .rsplit_once(':')
            .is_some_and(|(name, port)| name.eq_ignore_ascii_case("localhost") && port == address.port().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(host: &str) -> bool {
        is_ours(host, "127.0.0.1:7263".parse().unwrap())
    }

    #[test]
    fn the_host_is_the_bound_address_or_localhost_with_its_port() {
        assert!(admits("127.0.0.1:7263") && admits("localhost:7263") && admits("LOCALHOST:7263"));
        assert!(is_ours("[::1]:7263", "[::1]:7263".parse().unwrap()));
        for host in ["localhost", "127.0.0.1", "localhost:80", "evil.example:7263", "127.0.0.1.evil:7263", ""] {
            assert!(!admits(host), "{host}");
        }
    }

    #[test]
    fn a_header_that_is_there_twice_is_none() {
        let mut headers = HeaderMap::new();
        headers.append(HOST, "127.0.0.1:7263".parse().unwrap());
        assert_eq!(only(&headers, &HOST), Some("127.0.0.1:7263"));
        headers.append(HOST, "evil".parse().unwrap());
        assert_eq!(only(&headers, &HOST), None);
    }
}
