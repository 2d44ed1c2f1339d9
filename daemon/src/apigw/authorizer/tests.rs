#![allow(clippy::unwrap_used)]

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::apigw::testing::{api, request, route};
use crate::apigw::{AuthorizerContext, Caller, Context, Match, Request};
use crate::lambda::{Failure, Outcome};
use crate::project::FunctionId;
use crate::project::api::{Api, LambdaAuthorizer, LambdaAuthorizerKind as Kind};

fn authorizer(kind: Kind, sources: &[&str], ttl: u64) -> LambdaAuthorizer {
    LambdaAuthorizer {
        function: Some(FunctionId("Auth".into())),
        uri: String::new(),
        kind,
        identity_sources: sources.iter().map(|source| (*source).to_owned()).collect(),
        validation_expression: None,
        ttl: Duration::from_secs(ttl),
    }
}

fn with<T>(kind: ApiKind, request: &Request, run: impl Fn(&Exchange) -> T) -> T {
    let api: Api = api(kind, vec![route("GET", "/pets/{id}")]);
    let context = Context::new("123456789012", "us-east-1", &api);
    let found = Match { api: 0, route: 0, path_parameters: vec![("id".into(), "1".into())] };
    let found = Some((&api.routes[0], &found));
    run(&Exchange { context: &context, api: &api, found, request, caller: Caller::NOBODY })
}

fn pets(headers: &[(&str, &str)]) -> Request {
    request("GET", "/pets/1?q=a", headers, b"")
}

fn returned(value: &Value) -> Outcome {
    Outcome::Returned(Bytes::from(value.to_string()))
}

fn decide(kind: ApiKind, authorizer: &LambdaAuthorizer, outcome: &Outcome) -> Result<AuthorizerContext, u16> {
    with(kind, &pets(&[]), |exchange| {
        let verdict = read(exchange, authorizer, outcome, 7).map_err(|refused| refused.reply.status)?;
        evaluate(exchange, &verdict).map_err(|refused| refused.reply.status)
    })
}

fn policy(effect: &str, resource: &str) -> Value {
    json!({"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [
        {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}]}})
}

#[test]
fn a_missing_or_malformed_token_is_401_without_asking() {
    let mut token = authorizer(Kind::Token, &["method.request.header.Authorization"], 300);
    token.validation_expression = Some("Bearer [a-z]+".into());
    for headers in
        [&[][..], &[("authorization", "")], &[("authorization", "Bearer abc1")], &[("authorization", "x Bearer abc")]]
    {
        let refused = with(ApiKind::Rest, &pets(headers), |exchange| identify(exchange, &token).unwrap_err());
        assert_eq!(refused.reply.status, 401);
        assert_eq!(refused.reply.header("x-amzn-ErrorType"), Some("UnauthorizedException"));
    }
    let identity =
        with(ApiKind::Rest, &pets(&[("AUTHORIZATION", "Bearer abc")]), |exchange| identify(exchange, &token));
    assert_eq!(identity.unwrap().cache_key.unwrap(), ["Bearer abc"]);
}

#[test]
fn a_request_authorizer_needs_its_sources_only_with_a_cache() {
    let sources = ["method.request.header.X-A, method.request.querystring.q", "stageVariables.none"];
    let cached = authorizer(Kind::Request, &sources, 1);
    let asked = with(ApiKind::Rest, &pets(&[("x-a", "1")]), |exchange| identify(exchange, &cached));
    assert_eq!(asked.unwrap_err().reply.status, 401);
    let uncached = authorizer(Kind::Request, &sources, 0);
    let asked = with(ApiKind::Rest, &pets(&[("x-a", "1")]), |exchange| identify(exchange, &uncached)).unwrap();
    assert_eq!((asked.values, asked.cache_key), (vec!["1".to_owned(), "a".to_owned()], None));
}

#[test]
fn an_http_authorizer_always_needs_its_sources() {
    let http = authorizer(Kind::HttpV2 { simple: true }, &["$request.header.Authorization"], 0);
    let asked = with(ApiKind::Http, &pets(&[]), |exchange| identify(exchange, &http));
    assert_eq!(asked.unwrap_err().reply.body, "{\"message\":\"Unauthorized\"}");
}

#[test]
fn the_policy_is_evaluated_against_the_request() {
    let token = authorizer(Kind::Token, &[], 0);
    let allow = |resource: &str| decide(ApiKind::Rest, &token, &returned(&policy("Allow", resource)));
    assert!(allow("arn:aws:execute-api:us-east-1:123456789012:*/Prod/GET/pets/*").is_ok());
    assert_eq!(allow("arn:aws:execute-api:us-east-1:123456789012:*/Prod/GET/users").unwrap_err(), 403);
    assert_eq!(decide(ApiKind::Rest, &token, &returned(&policy("Deny", "*"))).unwrap_err(), 403);
    let http = authorizer(Kind::HttpV1, &[], 0);
    assert_eq!(decide(ApiKind::Http, &http, &returned(&policy("Deny", "*"))).unwrap_err(), 403);
}

#[test]
fn denials_say_what_aws_says() {
    let token = authorizer(Kind::Token, &[], 0);
    let body = |effect: &str| {
        with(ApiKind::Rest, &pets(&[]), |exchange| {
            let verdict = read(exchange, &token, &returned(&policy(effect, "*/x")), 1).unwrap();
            let deny = read(exchange, &token, &returned(&policy(effect, "*")), 1).unwrap();
            let verdict = if effect == "Deny" { deny } else { verdict };
            String::from_utf8(evaluate(exchange, &verdict).unwrap_err().reply.body.to_vec()).unwrap()
        })
    };
    assert_eq!(body("Allow"), "{\"Message\":\"User is not authorized to access this resource\"}");
    assert_eq!(
        body("Deny"),
        "{\"Message\":\"User is not authorized to access this resource with an explicit deny in an identity-based policy\"}"
    );
}

#[test]
fn only_unauthorized_thrown_on_rest_is_401_and_all_else_is_500() {
    let failed = |message: &str| {
        let payload = Bytes::from(json!({ "errorMessage": message }).to_string());
        Outcome::Failed(Failure { error_type: "Error".into(), payload, timed_out: false })
    };
    let token = authorizer(Kind::Token, &[], 0);
    let http = authorizer(Kind::HttpV2 { simple: false }, &[], 0);
    assert_eq!(decide(ApiKind::Rest, &token, &failed("Unauthorized")).unwrap_err(), 401);
    assert_eq!(decide(ApiKind::Rest, &token, &failed("unauthorized")).unwrap_err(), 500);
    assert_eq!(decide(ApiKind::Http, &http, &failed("Unauthorized")).unwrap_err(), 500);
    for result in [json!(null), json!("x"), json!({}), json!({"principalId": "me"}), json!({"policyDocument": {}})] {
        assert_eq!(decide(ApiKind::Rest, &token, &returned(&result)).unwrap_err(), 500, "{result}");
    }
    let mut nested = policy("Allow", "*");
    nested["context"] = json!({"a": [1]});
    assert_eq!(decide(ApiKind::Rest, &token, &returned(&nested)).unwrap_err(), 500);
    assert!(decide(ApiKind::Http, &http, &returned(&nested)).is_ok());
}

#[test]
fn a_simple_response_is_a_boolean_and_nothing_else() {
    let simple = authorizer(Kind::HttpV2 { simple: true }, &[], 0);
    let decided = |value: Value| decide(ApiKind::Http, &simple, &returned(&json!({ "isAuthorized": value })));
    assert!(decided(json!(true)).is_ok());
    assert_eq!(decided(json!(false)).unwrap_err(), 403);
    assert_eq!(decided(json!("true")).unwrap_err(), 500);
    assert_eq!(decide(ApiKind::Http, &simple, &returned(&policy("Allow", "*"))).unwrap_err(), 500);
}

#[test]
fn events_name_the_request_and_never_its_body() {
    let event = |kind, authorizer: &LambdaAuthorizer| {
        with(kind, &pets(&[("Authorization", "t")]), |exchange| {
            let identity = identify(exchange, authorizer).unwrap();
            serde_json::from_slice::<Value>(&event(exchange, authorizer, &identity)).unwrap()
        })
    };
    let token = event(ApiKind::Rest, &authorizer(Kind::Token, &["method.request.header.Authorization"], 0));
    assert_eq!(token["authorizationToken"], "t");
    let arn = token["methodArn"].as_str().unwrap();
    assert!(arn.starts_with("arn:aws:execute-api:us-east-1:123456789012:") && arn.ends_with("/Prod/GET/pets/1"));
    let full = event(ApiKind::Rest, &authorizer(Kind::Request, &[], 0));
    assert_eq!((&full["pathParameters"], &full["stageVariables"]), (&json!({"id": "1"}), &json!({})));
    assert!(full.get("body").is_none());
    let v2 = event(ApiKind::Http, &authorizer(Kind::HttpV2 { simple: true }, &["$request.header.Authorization"], 0));
    assert_eq!(v2["identitySource"], json!(["t"]));
    assert_eq!(v2["routeKey"], "GET /pets/{id}");
    assert_eq!(v2["requestContext"]["http"]["path"], "/pets/1");
    let v1 = event(ApiKind::Http, &authorizer(Kind::HttpV1, &["$request.header.Authorization"], 0));
    assert_eq!((&v1["identitySource"], &v1["version"]), (&json!("t"), &json!("1.0")));
}
