#![allow(clippy::unwrap_used)]

use serde_json::Value;

use super::*;
use crate::apigw::{Caller, Context, testing};

/// Requests that botocore signed with the key pair of AWS's documentation, on 2024-08-02 at 23:34:43.
const VECTORS: &str = include_str!("vectors.json");
const SIGNED_AT: u64 = 1_722_641_683;

fn known() -> Vec<Credentials> {
    let identity = IamIdentity { access_key: "AKIDEXAMPLE".into(), ..IamIdentity::default() };
    let secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into();
    vec![Credentials { secret_access_key, session_token: None, identity }]
}

fn vectors() -> Vec<(String, Request)> {
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let request = |vector: &Value| {
        let headers: Vec<(String, String)> =
            vector["headers"].as_array().unwrap().iter().map(|line| (text(&line[0]), text(&line[1]))).collect();
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        testing::request(&text(&vector["method"]), &text(&vector["target"]), &headers, text(&vector["body"]).as_bytes())
    };
    vectors.iter().map(|vector| (text(&vector["name"]), request(vector))).collect()
}

fn vector(name: &str) -> Request {
    vectors().into_iter().find(|(one, _)| one == name).unwrap().1
}

fn refused(request: &Request) -> SignatureError {
    verify(request, ("execute-api", "us-east-1"), &known()).unwrap_err()
}

#[test]
fn what_aws_clients_sign_is_verified() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 8);
    let known = known();
    for (name, request) in vectors {
        let identity = verify(&request, ("execute-api", "us-east-1"), &known);
        assert_eq!(identity.map(|identity| identity.access_key.as_str()), Ok("AKIDEXAMPLE"), "{name}");
    }
}

#[test]
fn any_change_of_what_is_signed_is_a_mismatch() {
    let good = vector("a POST with a body and headers");
    let changes: [fn(&mut Request); 5] = [
        |request| request.method = "PUT".into(),
        |request| request.path.push('x'),
        |request| request.query = Some("a=1".into()),
        |request| request.body = bytes::Bytes::from_static(b"{}"),
        |request| request.headers[0].1 = b"other".to_vec(),
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut request = good.clone();
        change(&mut request);
        assert_eq!(refused(&request), SignatureError::Mismatch, "change {index}");
    }
    let mut other = known();
    other[0].secret_access_key.push('x');
    assert_eq!(verify(&good, ("execute-api", "us-east-1"), &other), Err(SignatureError::Mismatch));
    assert_eq!(verify(&good, ("lambda", "us-east-1"), &known()), Err(SignatureError::Mismatch));
}

#[test]
fn what_is_signed_is_the_path_as_it_came() {
    let mut request = vector("a plain GET");
    let sent = std::mem::replace(&mut request.path, "/below/the/stage".into());
    assert_eq!(refused(&request), SignatureError::Mismatch);
    request.received_path = Some(sent);
    assert!(verify(&request, ("execute-api", "us-east-1"), &known()).is_ok());
}

#[test]
fn a_signature_is_for_the_apis_own_region() {
    let request = vector("a plain GET");
    let error = verify(&request, ("execute-api", "eu-west-1"), &known()).unwrap_err();
    assert_eq!(error.to_string(), "Credential should be scoped to a valid region, not 'us-east-1'. ");
}

#[test]
fn a_signature_has_its_time() {
    let at = |name: &str, offset: i64| {
        let mut request = vector(name);
        request.time_ms = SIGNED_AT.checked_add_signed(offset).unwrap() * 1000;
        verify(&request, ("execute-api", "us-east-1"), &known()).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!((at("a plain GET", 300), at("a plain GET", -300)), (Ok(()), Ok(())));
    assert_eq!(
        at("a plain GET", 301).unwrap_err(),
        "Signature expired: 20240802T233443Z is now earlier than 20240802T233444Z (20240802T233944Z - 5 min.)"
    );
    assert!(at("a plain GET", -301).unwrap_err().starts_with("Signature not yet current: "));
    assert_eq!((at("a presigned URL", 3600), at("a presigned URL", 3601).is_err()), (Ok(()), true));
}

#[test]
fn temporary_credentials_need_their_token() {
    let mut known = known();
    known[0].session_token = Some("session".into());
    assert!(verify(&vector("temporary credentials"), ("execute-api", "us-east-1"), &known).is_ok());
    assert_eq!(verify(&vector("a plain GET"), ("execute-api", "us-east-1"), &known), Err(SignatureError::UnknownKey));
}

#[test]
fn what_is_no_signature_is_told_as_aws_tells_it() {
    let said = |headers: &[(&str, &str)]| refused(&testing::request("GET", "/", headers, b"")).to_string();
    assert_eq!(said(&[]), "Missing Authentication Token");
    assert!(said(&[("Authorization", "Bearer x")]).starts_with("Invalid key=value pair (missing equal-sign) in"));
    let partial = said(&[("Authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request")]);
    assert!(partial.starts_with("Authorization header requires 'Signature' parameter. "), "{partial}");
    let date = ("x-amz-date", "20240802T233443Z");
    for credential in ["AKIDEXAMPLE", "a/b/c/d/e", "\u{e9}/b/c/d/aws4_request"] {
        let header = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=zz");
        assert!(!said(&[("Authorization", &header), date]).is_empty());
    }
    let nobody = "AWS4-HMAC-SHA256 Credential=NOBODY/20240802/us-east-1/execute-api/aws4_request, SignedHeaders=host, \
                  Signature=00";
    assert_eq!(said(&[("Authorization", nobody), date]), "The security token included in the request is invalid.");
}

#[test]
fn secrets_are_not_printed() {
    assert!(!format!("{:?}", known()).contains("wJalr"));
}

#[test]
fn routes_with_iam_refuse_as_their_product_does() {
    let reply = |kind, request: &Request| {
        let api = testing::api(kind, Vec::new());
        let context = Context::new("123456789012", "us-east-1", &api);
        let exchange = Exchange { context: &context, api: &api, found: None, request, caller: Caller::NOBODY };
        authorize(&exchange, &known()).map_err(|refused| {
            let error_type = refused.reply.header("x-amzn-ErrorType").unwrap_or_default().to_owned();
            (refused.reply.status, error_type, String::from_utf8(refused.reply.body.to_vec()).unwrap())
        })
    };
    let unsigned = testing::request("GET", "/", &[], b"");
    let forbidden = (403, String::new(), "{\"message\":\"Forbidden\"}".to_owned());
    assert_eq!(reply(ApiKind::Http, &unsigned).unwrap_err(), forbidden);
    let missing = "{\"message\":\"Missing Authentication Token\"}".to_owned();
    assert_eq!(
        reply(ApiKind::Rest, &unsigned).unwrap_err(),
        (403, "MissingAuthenticationTokenException".to_owned(), missing)
    );
    let bearer = testing::request("GET", "/", &[("Authorization", "Bearer x")], b"");
    assert_eq!(reply(ApiKind::Rest, &bearer).unwrap_err().1, "IncompleteSignatureException");
    let mut changed = vector("a plain GET");
    changed.path.push('x');
    assert_eq!(reply(ApiKind::Rest, &changed).unwrap_err().1, "InvalidSignatureException");
    assert!(reply(ApiKind::Rest, &vector("a plain GET")).is_ok());
}
