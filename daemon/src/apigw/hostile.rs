//! Hostile input: whatever a client or a function sends, the rules answer with a value and never panic.
//!
//! Each seed is cut at every place, and each of its bytes is replaced by some that parsers stumble over.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use serde_json::Value;

use super::testing::{api, request, route};
use super::{Caller, Context, Exchange, Reply, Request, Router};
use super::{event_v1, event_v2, function_url, jwt, policy, reply, sigv4, stream, trace, validation};
use crate::lambda::Outcome;
use crate::project::FunctionId;
use crate::project::api::{ApiKind, Payload};

const STUMBLING: [u8; 10] = [0, b'"', b'\\', b'{', b'[', b'%', b'/', b'\r', 0x80, 0xff];

fn mutations(seed: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let cut = (0..=seed.len()).map(move |end| seed[..end].to_vec());
    let replaced = (0..seed.len()).flat_map(move |at| {
        STUMBLING.iter().map(move |byte| {
            let mut bytes = seed.to_vec();
            bytes[at] = *byte;
            bytes
        })
    });
    cut.chain(replaced)
}

fn each_kind(request: &Request, mut run: impl FnMut(&Exchange)) {
    for kind in [ApiKind::Rest, ApiKind::Http] {
        let api = api(kind, vec![route("ANY", "/{proxy+}"), route("GET", "/pets/{id}"), route("ANY", "/")]);
        let context = Context::new("123456789012", "us-east-1", &api);
        let found = Router::new(&[&api]).find(&request.method, &request.path);
        let found = found.as_ref().map(|found| (&api.routes[found.route], found));
        run(&Exchange { context: &context, api: &api, found, request, caller: Caller::NOBODY });
    }
}

fn is_sendable(reply: &Reply) -> bool {
    (200..=599).contains(&reply.status) && reply.headers.iter().all(|(name, value)| reply::is_header(name, value))
}

#[test]
fn any_function_result_has_a_reply_that_can_be_sent() {
    let seeds: [&[u8]; 4] = [
        br#"{"statusCode":"200","headers":{"a":"b","c":true},"multiValueHeaders":{"d":["e"]},"body":"eA==","isBase64Encoded":true}"#,
        br#"{"statusCode":201,"cookies":["a=1"],"body":"\u00e9\n","headers":{"content-type":"x"}}"#,
        br#"["a", {"b" : 1.5e3}, null]"#,
        b"\"text \\\" \xc3\xa9\"",
    ];
    let request = request("GET", "/pets/1", &[("Accept", "image/png")], b"");
    for payload in seeds.iter().flat_map(|seed| mutations(seed)) {
        let outcome = Outcome::Returned(Bytes::from(payload));
        each_kind(&request, |exchange| {
            for form in [Payload::V1, Payload::V2] {
                assert!(is_sendable(&reply::of(exchange, form, &outcome)), "{outcome:?}");
            }
        });
        assert!(is_sendable(&function_url::reply(&request, &outcome)), "{outcome:?}");
    }
}

#[test]
fn nesting_without_end_is_answered() {
    let request = request("GET", "/pets/1", &[], b"");
    for deep in ["[".repeat(200_000), format!("{{\"statusCode\":200,\"headers\":{}", "{\"a\":".repeat(100_000))] {
        let outcome = Outcome::Returned(Bytes::from(deep));
        each_kind(&request, |exchange| assert!(reply::of(exchange, Payload::V2, &outcome).status >= 500));
    }
    let closed = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let outcome = Outcome::Returned(Bytes::from(closed));
    each_kind(&request, |exchange| assert!(is_sendable(&reply::of(exchange, Payload::V2, &outcome))));
}

#[test]
fn any_target_has_an_event_that_is_json() {
    let seeds: [&[u8]; 3] = [b"/pets/a%20b?x=1&y=%C3%A9&x=2", b"//pets//%2F/../1/?a", b"/\xc3\xa9?=&&=%"];
    for target in seeds.iter().flat_map(|seed| mutations(seed)) {
        let target = String::from_utf8_lossy(&target).into_owned();
        let headers = [("Host", "[::1]:80"), ("cookie", "; ;a="), ("X-Amzn-Trace-Id", "Root=;=;x")];
        let request = request("GET", &target, &headers, &[0xff, 0xfe]);
        each_kind(&request, |exchange| {
            for event in [event_v1::event(exchange), event_v2::event(exchange)] {
                assert!(serde_json::from_slice::<Value>(&event).is_ok(), "{target}");
            }
        });
        let url = function_url::UrlContext::new("123456789012", &FunctionId("Fn".into()));
        let event = function_url::event(&url, &request, Caller::NOBODY);
        assert!(serde_json::from_slice::<Value>(&event).is_ok(), "{target}");
    }
}

#[test]
fn any_header_bytes_have_an_event_that_is_json() {
    let seed = b"Root=1-66ad6b13-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=1";
    for value in mutations(seed) {
        let mut request = request("POST", "/", &[("Host", "a")], b"");
        for name in ["x-amzn-trace-id", "cookie", "Host", "content-type", "x-forwarded-for", "authorization"] {
            request.headers.push((name.to_owned(), value.clone()));
        }
        request.trace_id = trace::outgoing(request.header("x-amzn-trace-id"), "1-a-b", "c");
        each_kind(&request, |exchange| {
            for event in [event_v1::event(exchange), event_v2::event(exchange)] {
                assert!(serde_json::from_slice::<Value>(&event).is_ok());
            }
        });
    }
}

#[test]
fn any_policy_and_any_model_has_an_answer() {
    let seed = br#"{"Statement":[{"Effect":"Allow","Action":["execute-api:*"],"NotResource":"a*?","Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8"]}}}]}"#;
    let request = request("POST", "/", &[], b"{}");
    for document in mutations(seed).filter_map(|json| serde_json::from_slice::<Value>(&json).ok()) {
        each_kind(&request, |exchange| {
            let question = policy::resource_policy::question(exchange, "arn:aws:execute-api:x", &[]);
            // Either answer will do, as long as there is one.
            drop(policy::evaluate(&document, &question));
        });
        drop(validation::Models::new(&[("M".to_owned(), document)].into()));
    }
    assert!(!policy::glob(&"*a".repeat(2_000), &"a".repeat(1_999)));
}

#[test]
fn any_token_and_any_signature_is_refused() {
    let token = b"eyJhbGciOiJFZERTQSIsImtpZCI6Im9uZSJ9.eyJpc3MiOiJ4In0.AAAA";
    let expected = jwt::Expected { issuers: &[], audience: &[], scopes: &[] };
    for token in mutations(token) {
        let token = String::from_utf8_lossy(&token).into_owned();
        assert!(jwt::check(&token, &["{\"keys\":[]}", "{"], &expected, 0).is_err());
    }
    let signature =
        b"AWS4-HMAC-SHA256 Credential=A/20240802/r/execute-api/aws4_request, SignedHeaders=host, Signature=00ff";
    for header in mutations(signature) {
        let mut request = request("GET", "/", &[("x-amz-date", "20240802T233443Z")], b"");
        request.headers.push(("Authorization".to_owned(), header));
        assert!(sigv4::verify(&request, ("execute-api", "us-east-1"), &[]).is_err());
    }
}

#[test]
fn any_stream_has_a_beginning_or_none() {
    let seed = b"{\"statusCode\":200,\"cookies\":[\"a\"]}\0\0\0\0\0\0\0\0body";
    for bytes in mutations(seed) {
        let mut reader = stream::Reader::default();
        let sizes: usize = bytes
            .chunks(3)
            .map(|chunk| match reader.feed(chunk) {
                stream::Step::NoPrelude { body } => body.len(),
                stream::Step::NeedMore | stream::Step::Begun { .. } => 0,
            })
            .sum();
        assert!(sizes <= bytes.len());
    }
}
