#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use super::*;
use crate::apigw::testing::{api, request, route};
use crate::apigw::{Caller, Context};
use crate::project::api::ApiKind;

/// An Ed25519 key made for these tests alone, PKCS#8 as base64.
const KEY: &str = "MC4CAQAwBQYDK2VwBCIEIFcj6ZH9KqMZNdCHQLGhn1mv2AqlN3NkoFz7Vx3QaFJm";
const NOW: u64 = 1_700_000_000;

fn encoding_key() -> EncodingKey {
    EncodingKey::from_ed_der(&STANDARD.decode(KEY).unwrap())
}

fn jwks(kid: &str) -> String {
    let mut jwk = Jwk::from_encoding_key(&encoding_key(), Algorithm::EdDSA).unwrap();
    jwk.common.key_id = Some(kid.to_owned());
    serde_json::to_string(&JwkSet { keys: vec![jwk] }).unwrap()
}

fn token(kid: Option<&str>, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = kid.map(str::to_owned);
    encode(&header, claims, &encoding_key()).unwrap()
}

fn claims(change: impl Fn(&mut Map<String, Value>)) -> Value {
    let mut claims = json!({"iss": "https://issuer", "aud": "app", "exp": NOW + 60, "iat": NOW, "scope": "read write"});
    change(claims.as_object_mut().unwrap());
    claims
}

fn checked(token: &str, scopes: &[&str]) -> Result<Map<String, Value>, String> {
    let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let expected = Expected { issuers: &["https://issuer".to_owned()], audience: &["app".to_owned()], scopes: &scopes };
    check(token, &[&jwks("one")], &expected, NOW).map_err(|error| error.to_string())
}

#[test]
fn a_signed_token_with_the_expected_claims_is_valid() {
    let token = token(Some("one"), &claims(|_| {}));
    assert!(checked(&token, &[]).is_ok());
    assert!(checked(&token, &["write", "other"]).is_ok());
    assert!(checked(&token, &["admin"]).unwrap_err().contains("scopes"));
}

#[test]
fn a_changed_byte_breaks_the_signature() {
    let good = token(Some("one"), &claims(|_| {}));
    let (start, signature) = good.rsplit_once('.').unwrap();
    let forged: String = signature.chars().rev().collect();
    assert_eq!(checked(&format!("{start}.{forged}"), &[]).unwrap_err(), "signature is invalid");
    let other = token(Some("one"), &claims(|claims| drop(claims.insert("sub".into(), json!("root")))));
    let payload = other.split('.').nth(1).unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    assert_eq!(checked(&format!("{}.{payload}.{}", parts[0], parts[2]), &[]).unwrap_err(), "signature is invalid");
}

#[test]
fn each_claim_that_does_not_fit_is_named() {
    let error = |name: &str, value: Value| {
        let claims = claims(|claims| drop(claims.insert(name.to_owned(), value.clone())));
        checked(&token(Some("one"), &claims), &[]).unwrap_err()
    };
    assert_eq!(error("iss", json!("https://evil")), "the token does not have a valid issuer");
    assert_eq!(error("aud", json!(["other"])), "the token does not have a valid audience");
    assert_eq!(error("exp", json!(NOW)), "the token has expired");
    assert_eq!(error("exp", json!("soon")), "the token does not have a valid exp");
    assert_eq!(error("nbf", json!(NOW + 1)), "the token is not valid yet");
    assert_eq!(error("iat", json!(NOW + 1)), "the token was issued in the future");
}

#[test]
fn client_id_stands_in_for_a_missing_audience() {
    let client = |id: &str| {
        token(
            Some("one"),
            &claims(|claims| {
                claims.remove("aud");
                claims.insert("client_id".into(), json!(id));
            }),
        )
    };
    assert!(checked(&client("app"), &[]).is_ok());
    assert!(checked(&client("other"), &[]).is_err());
}

#[test]
fn a_key_must_be_named_and_known() {
    for kid in [None, Some("two")] {
        let error = checked(&token(kid, &claims(|_| {})), &[]).unwrap_err();
        assert_eq!(error, "kid does not match any key of the issuer");
    }
    let unkeyed = |issuer: &str| {
        let expected = Expected { issuers: &[issuer.to_owned()], audience: &[], scopes: &[] };
        check(&token(Some("one"), &claims(|_| {})), &["no json"], &expected, NOW).unwrap_err().to_string()
    };
    assert_eq!(unkeyed("https://issuer"), "unable to parse the jwks of the issuer");
    assert_eq!(unkeyed("https://other"), "the token does not have a valid issuer", "whatever its keys are");
}

#[test]
fn garbage_and_unsigned_tokens_are_invalid() {
    assert_eq!(checked("a.b", &[]).unwrap_err(), "token contains an invalid number of segments");
    for token in [
        "",
        "..",
        "a.b.c",
        "\u{e9}.\u{e9}.\u{e9}",
        "eyJhbGciOiJub25lIn0.e30.",
        "eyJhbGciOiJIUzI1NiIsImtpZCI6Im9uZSJ9.e30.AA",
    ] {
        assert!(checked(token, &[]).is_err(), "{token}");
    }
}

#[test]
fn events_carry_claims_as_strings() {
    let claims = json!({"exp": 1, "ok": true, "groups": ["a", "b"], "scope": "x y"});
    let claims = claims.as_object().unwrap();
    let http = claims::context(claims, &["y".to_owned(), "z".to_owned()]);
    let expected = json!({"exp": "1", "ok": "true", "groups": "[a b]", "scope": "x y"});
    let AuthorizerContext::Claims { claims: texts, scopes } = http else { panic!("claims") };
    assert_eq!((Value::Object(texts), scopes), (expected, Some(vec!["y".to_owned()])));
    let AuthorizerContext::Claims { claims: texts, scopes } = claims::cognito_context(claims) else { panic!("claims") };
    assert_eq!((&texts["groups"], scopes), (&json!("a,b"), None));
}

#[test]
fn a_minted_token_is_accepted_with_its_own_keys_alone() {
    let (mine, other) = (Minter::from_seed(&[7; 32]), Minter::from_seed(&[8; 32]));
    let scopes = ["read".to_owned()];
    let own = json!({"sub": "me", "email": "me@example.com", "aud": "app"});
    let issuer = "https://issuer".to_owned();
    let grant = Grant { issuer, scopes: scopes.to_vec(), claims: own.as_object().unwrap().clone() };
    let token = mine.token(&grant, NOW).unwrap();
    let issuers = ["https://issuer".to_owned()];
    let expected = Expected { issuers: &issuers, audience: &["app".to_owned()], scopes: &scopes };
    let with = |jwks: &[&str], now| check(&token, jwks, &expected, now);
    let (own_keys, other_keys) = (mine.jwks().unwrap(), other.jwks().unwrap());
    let claims = with(&[&jwks("one"), &own_keys], NOW).unwrap();
    assert_eq!((&claims["sub"], &claims["email"]), (&json!("me"), &json!("me@example.com")));
    assert!(with(&[&other_keys], NOW).is_err());
    assert_eq!(with(&[&own_keys], NOW + LIFETIME), Err(TokenError::Expired));
    assert!(!format!("{mine:?}").contains("7, 7"));
}

fn with<T>(kind: ApiKind, authorization: Option<&str>, run: impl Fn(&Exchange) -> T) -> T {
    let headers: Vec<_> = authorization.map(|value| ("authorization", value)).into_iter().collect();
    let mut request = request("GET", "/", &headers, b"");
    request.time_ms = NOW * 1000;
    let api = api(kind, vec![route("GET", "/")]);
    let context = Context::new("123456789012", "us-east-1", &api);
    run(&Exchange { context: &context, api: &api, found: None, request: &request, caller: Caller::NOBODY })
}

fn http(authorization: Option<&str>, scopes: &[&str]) -> Result<AuthorizerContext, (u16, String, String)> {
    let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let expected = Expected { issuers: &["https://issuer".to_owned()], audience: &["app".to_owned()], scopes: &scopes };
    with(ApiKind::Http, authorization, |exchange| {
        authorize_http(exchange, "$request.header.Authorization", &[&jwks("one")], &expected).map_err(|refused| {
            let challenge = refused.reply.header("www-authenticate").unwrap_or_default().to_owned();
            (refused.reply.status, challenge, String::from_utf8(refused.reply.body.to_vec()).unwrap())
        })
    })
}

#[test]
fn an_http_api_challenges_whom_it_refuses() {
    let unauthorized = "{\"message\":\"Unauthorized\"}".to_owned();
    assert_eq!(http(None, &[]).unwrap_err(), (401, "Bearer".to_owned(), unauthorized.clone()));
    let segments = "Bearer scope=\"a b\" error=\"invalid_token\" \
                    error_description=\"token contains an invalid number of segments\"";
    assert_eq!(http(Some("Bearer x"), &["a", "b"]).unwrap_err(), (401, segments.to_owned(), unauthorized));
    let (status, challenge, body) = http(Some(&token(Some("one"), &claims(|_| {}))), &["admin"]).unwrap_err();
    assert_eq!((status, body.as_str()), (403, "{\"message\":\"Forbidden\"}"));
    assert!(challenge.starts_with("Bearer scope=\"admin\" error=\"insufficient_scope\""), "{challenge}");
}

#[test]
fn a_token_may_come_with_or_without_bearer() {
    let token = token(Some("one"), &claims(|_| {}));
    for value in [token.clone(), format!("Bearer {token}"), format!("bearer  {token} ")] {
        assert!(http(Some(&value), &["read"]).is_ok(), "{value}");
    }
    assert_eq!(http(Some("Bearer "), &[]).unwrap_err().1, "Bearer");
}

#[test]
fn a_user_pool_refuses_with_401_and_wants_the_right_token() {
    let cognito = |token: Option<&str>, scopes: &[String]| {
        let expected = Expected { issuers: &["https://issuer".to_owned()], audience: &[], scopes };
        with(ApiKind::Rest, token, |exchange| {
            let source = "method.request.header.Authorization";
            authorize_cognito(exchange, source, Some("ey.*"), &[&jwks("one")], &expected)
                .map_err(|refused| (refused.reply.status, String::from_utf8(refused.reply.body.to_vec()).unwrap()))
        })
    };
    let signed = |name: &str, value: Value| {
        token(Some("one"), &claims(|claims| drop(claims.insert(name.to_owned(), value.clone()))))
    };
    let (id, access) = (signed("token_use", json!("id")), signed("token_use", json!("access")));
    assert!(cognito(Some(&id), &[]).is_ok() && cognito(Some(&access), &["read".to_owned()]).is_ok());
    let unauthorized = (401, "{\"message\":\"Unauthorized\"}".to_owned());
    for refused in [
        cognito(None, &[]),
        cognito(Some("x.y.z"), &[]),
        cognito(Some(&access), &[]),
        cognito(Some(&id), &["read".to_owned()]),
        cognito(Some(&access), &["admin".to_owned()]),
    ] {
        assert_eq!(refused.unwrap_err(), unauthorized);
    }
    let expired = cognito(Some(&signed("exp", json!(NOW - 1))), &[]).unwrap_err();
    assert_eq!(expired, (401, "{\"message\":\"The incoming token has expired\"}".to_owned()));
}
