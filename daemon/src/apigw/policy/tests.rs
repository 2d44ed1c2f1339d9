#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

const ARN: &str = "arn:aws:execute-api:us-east-1:123456789012:abcdefghij/Prod/GET/pets/1";

fn ask(document: &Value) -> Decision {
    let question = Question {
        action: "execute-api:Invoke",
        resource: ARN,
        principals: &[],
        source_ip: "10.1.2.3".parse().unwrap(),
        user_agent: Some("curl/8"),
        referer: None,
        secure: false,
        time: 1_700_000_000,
    };
    evaluate(document, &question).unwrap()
}

fn allow(resource: &str) -> Value {
    json!({"Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resource}]})
}

#[test]
fn wildcards_cross_slashes() {
    for resource in ["*", "arn:aws:execute-api:*:*:*/*/GET/*", "arn:*:abcdefghij/Prod/GET/pets/?", ARN] {
        assert_eq!(ask(&allow(resource)), Decision::Allow, "{resource}");
    }
    for resource in ["arn:aws:execute-api:*:*:*/*/POST/*", "arn:*/pets", "", "?"] {
        assert_eq!(ask(&allow(resource)), Decision::ImplicitDeny, "{resource}");
    }
}

#[test]
fn an_explicit_deny_wins_wherever_it_stands() {
    let deny = json!({"Effect": "Deny", "Action": ["execute-api:*"], "Resource": ["arn:*/GET/pets/*"]});
    let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    assert_eq!(ask(&json!({"Statement": [allow, deny]})), Decision::ExplicitDeny);
    assert_eq!(ask(&json!({"Statement": [deny, allow]})), Decision::ExplicitDeny);
}

#[test]
fn a_condition_that_nobody_here_can_decide_lets_nobody_in() {
    let with = |effect, condition: Value| json!({"Statement": {"Effect": effect, "Action": "*", "Resource": "*", "Condition": condition}});
    let unknown = json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}});
    assert_eq!(ask(&with("Allow", unknown.clone())), Decision::ImplicitDeny);
    assert_eq!(ask(&with("Deny", unknown)), Decision::ExplicitDeny);
    assert_eq!(ask(&with("Allow", json!({"Sometimes": {"aws:SourceIp": "1"}}))), Decision::ImplicitDeny);
    assert_eq!(ask(&with("Allow", json!([]))), Decision::ImplicitDeny);
}

#[test]
fn source_addresses_are_compared_as_networks() {
    let with = |operator: &str, network: Value| {
        let condition = json!({operator: {"aws:SourceIp": network}});
        ask(&json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}}))
    };
    assert_eq!(with("IpAddress", json!("10.0.0.0/8")), Decision::Allow);
    assert_eq!(with("IpAddress", json!(["192.168.0.0/16", "10.1.2.3"])), Decision::Allow);
    assert_eq!(with("IpAddress", json!("10.1.2.4/32")), Decision::ImplicitDeny);
    assert_eq!(with("IpAddress", json!("10.0.0.0/99")), Decision::ImplicitDeny);
    assert_eq!(with("NotIpAddress", json!("10.0.0.0/8")), Decision::ImplicitDeny);
    assert_eq!(with("NotIpAddress", json!("::/0")), Decision::Allow);
}

#[test]
fn an_anonymous_caller_is_only_the_star_principal() {
    let with = |principal: Value| {
        ask(
            &json!({"Statement": {"Effect": "Allow", "Principal": principal, "Action": "*", "Resource": "execute-api:/*"}}),
        )
    };
    assert_eq!(with(json!("*")), Decision::Allow);
    assert_eq!(with(json!({"AWS": ["*"]})), Decision::Allow);
    assert_eq!(with(json!({"AWS": "123456789012"})), Decision::ImplicitDeny);
    assert_eq!(with(json!({"Service": "*"})), Decision::ImplicitDeny);
}

#[test]
fn what_is_no_policy_is_said_to_be_none() {
    let question = json!({});
    let asked = |document: &Value| {
        evaluate(
            document,
            &Question {
                action: "a",
                resource: "b",
                principals: &[],
                source_ip: "::1".parse().unwrap(),
                user_agent: None,
                referer: None,
                secure: true,
                time: 0,
            },
        )
    };
    assert!(asked(&question).is_err());
    for statement in [
        json!({"Effect": "allow", "Action": "*", "Resource": "*"}),
        json!({"Effect": "Allow", "Resource": "*"}),
        json!({"Effect": "Allow", "Action": "*"}),
        json!({"Effect": "Allow", "Action": 1, "Resource": "*"}),
        json!("x"),
    ] {
        assert!(asked(&json!({"Statement": [statement]})).is_err(), "{statement}");
    }
}
