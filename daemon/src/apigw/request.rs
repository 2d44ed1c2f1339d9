//! What arrives at the gateway and what leaves it, free of any HTTP library.

use std::borrow::Cow;
use std::net::IpAddr;

use bytes::Bytes;

/// A request as the client sent it, with what the gateway knows at its arrival.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method, upper case as sent.
    pub method: String,
    /// Path as sent, not decoded, without the query: `/a%20b`.
    pub path: String,
    /// The path as it came, where a stage or a custom domain's base path was taken off it: what a client signs.
    pub received_path: Option<String>,
    /// Query as sent, without `?`; `None` when there is no `?`.
    pub query: Option<String>,
    /// Headers in the order and casing of the client (lower case over HTTP/2). Values are the raw bytes.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The client's address.
    pub source_ip: IpAddr,
    /// The port that the client reached, for `X-Forwarded-Port`.
    pub port: u16,
    /// `http` or `https`, for `X-Forwarded-Proto`.
    pub scheme: &'static str,
    /// The whole body.
    pub body: Bytes,
    /// Arrival, in milliseconds since the epoch.
    pub time_ms: u64,
    /// Request id, a UUID (`x-amzn-RequestId`).
    pub request_id: String,
    /// The short id, 15 characters and `=` (`x-amz-apigw-id`, `apigw-requestid`).
    pub extended_request_id: String,
    /// The trace header's value for this request, after A3.7.
    pub trace_id: String,
}

impl Request {
    /// The first value of a header, by its name in any case, when it is valid UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// The path as it came, with the stage or the base path before it.
    #[must_use]
    pub fn received_path(&self) -> &str {
        self.received_path.as_deref().unwrap_or(&self.path)
    }

    /// The method that routes of a REST API are looked up with: a client may name another one than it sends (A3.9).
    #[must_use]
    pub fn routing_method(&self) -> Cow<'_, str> {
        let named = self.header("x-http-method-override").map(str::trim);
        match named.filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic())) {
            Some(name) => Cow::Owned(name.to_ascii_uppercase()),
            None => Cow::Borrowed(&self.method),
        }
    }

    /// Every value of a header that is valid UTF-8, in order.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        lines.filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The last value of a header, which REST's single-valued forms have (A3.2).
    #[must_use]
    pub fn last_header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().rfind(|(key, _)| key.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }
}

/// A reply to the client. The listener adds `Date` and the framing headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Headers in order, names in the casing that AWS sends.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
}

impl Reply {
    /// The first value of a header, by its name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use crate::apigw::testing::request;

    #[test]
    fn a_client_may_name_another_method_than_it_sends() {
        let routed = |headers: &[(&str, &str)]| request("POST", "/", headers, b"").routing_method().into_owned();
        assert_eq!(routed(&[]), "POST");
        assert_eq!(routed(&[("X-HTTP-Method-Override", "patch")]), "PATCH");
        assert_eq!(routed(&[("x-http-method-override", "a b")]), "POST");
    }
}
