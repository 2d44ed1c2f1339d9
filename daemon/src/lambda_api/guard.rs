//! Keeps web pages out. A page can send requests to loopback addresses, and by rebinding a name's address it can even read
//! the replies; but it cannot leave out `Origin` on a POST, nor choose `Host`.

use std::net::SocketAddr;

use http::{HeaderMap, header};

use super::fault::Fault;

/// Refuses what may come from a web page. Where the endpoint was opened to all machines they call it by names of their
/// own, so that the page's `Origin` alone tells it.
pub(super) fn check(headers: &HeaderMap, own: &str) -> Result<(), Fault> {
    if headers.contains_key(header::ORIGIN) {
        return Err(Fault::forbidden("The Lambda endpoint does not serve web pages: the request has an Origin header"));
    }
    if own.parse::<SocketAddr>().is_ok_and(|own| own.ip().is_unspecified()) {
        return Ok(());
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) {
        (Some(host), None) if is_ours(host, own) => Ok(()),
        _ => Err(Fault::forbidden(format!("The request's Host header has to be {own}"))),
    }
}

/// What the endpoint is called, or a loopback address or `localhost` with its port.
fn is_ours(host: &str, own: &str) -> bool {
    let Some((_, own_port)) = own.rsplit_once(':') else { return false };
    let Some((name, port)) = host.rsplit_once(':') else { return false };
    let local = host.parse::<SocketAddr>().is_ok_and(|host| host.ip().is_loopback());
    host == own || (port == own_port && (local || name.eq_ignore_ascii_case("localhost")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(headers: &[(&'static str, &str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap()));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| {
            map.append(name, value);
        });
        check(&map, "127.0.0.1:7264").is_ok()
    }

    #[test]
    fn an_open_endpoint_goes_by_any_name_and_no_page_reaches_it() {
        let open = "0.0.0.0:3001";
        let of = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(http::HeaderName::from_static(name), http::HeaderValue::from_static(value))])
        };
        assert!(check(&of("host", "lambda:3001"), open).is_ok());
        assert!(check(&of("origin", "http://evil.example"), open).is_err());
    }

    #[test]
    fn only_the_address_itself_is_a_host_and_no_page_an_origin() {
        assert!(admits(&[("host", "127.0.0.1:7264")]) && admits(&[("host", "localhost:7264")]));
        assert!(admits(&[("host", "127.0.0.2:7264")]) && admits(&[("host", "[::1]:7264")]));
        for host in ["evil.example:7264", "127.0.0.1", "127.0.0.1:80", "10.0.0.1:7264", ""] {
            assert!(!admits(&[("host", host)]), "{host}");
        }
        assert!(!admits(&[]));
        assert!(!admits(&[("host", "127.0.0.1:7264"), ("host", "evil.example")]));
        assert!(!admits(&[("host", "127.0.0.1:7264"), ("origin", "http://127.0.0.1:7264")]));
        assert!(!admits(&[("host", "127.0.0.1:7264"), ("origin", "null")]));
    }
}
