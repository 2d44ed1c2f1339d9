//! Signs a GET for AWS with Signature Version 4. The other direction, verifying, is API Gateway's.

use hmac::{Hmac, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

/// All but the unreserved characters.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Keys to sign with.
#[derive(Clone)]
pub(super) struct Keys<'a> {
    pub(super) access_key: &'a str,
    pub(super) secret: &'a str,
    pub(super) token: Option<&'a str>,
}

/// What is signed.
pub(super) struct Get<'a> {
    pub(super) host: &'a str,
    /// Without anything that would need encoding.
    pub(super) path: &'a str,
    /// Pairs as they are meant, sorted by name.
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    /// As in `20130524T000000Z`.
    pub(super) time: &'a str,
}

impl Get<'_> {
    /// The query, encoded.
    #[must_use]
    pub(super) fn query(&self) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, STRICT).to_string();
        let pairs = self.query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// The headers that make it a signed request.
    #[must_use]
    pub(super) fn headers(&self, keys: &Keys<'_>) -> Vec<(&'static str, String)> {
        let token = keys.token.map(|token| ("x-amz-security-token", token.to_owned()));
        let signed: Vec<(&str, String)> =
            [("host", self.host.to_owned()), ("x-amz-date", self.time.to_owned())].into_iter().chain(token).collect();
        let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
        let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let (names, nothing) = (names.join(";"), hex(&Sha256::digest(b"")));
        let canonical = format!("GET\n{}\n{}\n{lines}\n{names}\n{nothing}", self.path, self.query());
        let date = self.time.get(..8).unwrap_or_default();
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let to_sign =
            format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", self.time, hex(&Sha256::digest(canonical.as_bytes())));
        let parts = [date, self.region, self.service, "aws4_request", &to_sign];
        let signature = parts.iter().fold(format!("AWS4{}", keys.secret).into_bytes(), |key, part| mac(&key, part));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
            keys.access_key,
            hex(&signature)
        );
        signed.into_iter().chain([("authorization", authorization)]).collect()
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // An HMAC takes a key of any length.
    #[allow(clippy::expect_used)]
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of AWS's own documentation (`ListUsers` of IAM has one more header; this is the suite's
    /// `get-vanilla-query-order-key-case`).
    #[test]
    fn a_signature_is_as_in_awss_test_suite() {
        let keys = Keys { access_key: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token: None };
        let get = Get {
            host: "example.amazonaws.com",
            path: "/",
            query: &[("Param1", "value1"), ("Param2", "value2")],
            region: "us-east-1",
            service: "service",
            time: "20150830T123600Z",
        };
        let headers = get.headers(&keys);
        let (_, authorization) = headers.last().unwrap();
        assert!(
            authorization.ends_with("Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
            "{authorization}"
        );
    }

    #[test]
    fn what_a_query_means_is_encoded() {
        let get = Get { host: "h", path: "/", query: &[("Arn", "a:b c")], region: "r", service: "s", time: "t" };
        assert_eq!(get.query(), "Arn=a%3Ab%20c");
    }
}
