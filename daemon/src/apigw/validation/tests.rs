#![allow(clippy::unwrap_used)]

use super::*;
use crate::apigw::testing::{api, request, route};
use crate::apigw::{Caller, Context, Match, Request};
use crate::project::api::{ApiKind, Route};

fn models() -> BTreeMap<String, Value> {
    let id = json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}});
    let by_url = "https://apigateway.amazonaws.com/restapis/abc/models/Id";
    BTreeMap::from([
        ("Id".to_owned(), id),
        ("List".to_owned(), json!({"type": "array", "items": {"$ref": by_url}})),
        ("Imported".to_owned(), json!({"properties": {"a": {"$ref": "#/components/schemas/Id"}}})),
        ("Tree".to_owned(), json!({"properties": {"child": {"$ref": "#/definitions/Tree"}}, "required": ["name"]})),
        ("Broken".to_owned(), json!({"type": "no such type"})),
        ("Dangling".to_owned(), json!({"$ref": "https://example.com/schema.json"})),
    ])
}

fn checked(route: Route, request: &Request) -> Result<(), Refusal> {
    let api = api(ApiKind::Rest, vec![route]);
    let context = Context::new("123456789012", "us-east-1", &api);
    let found = Match { api: 0, route: 0, path_parameters: vec![("issuer".into(), "x".into())] };
    let found = Some((&api.routes[0], &found));
    let exchange = Exchange { context: &context, api: &api, found, request, caller: Caller::NOBODY };
    check(&exchange, &Models::new(&models()))
}

fn body(model: &str, body: &str) -> Result<(), Refusal> {
    let mut route = route("POST", "/x");
    route.validation.body = true;
    route.validation.models = BTreeMap::from([("application/json".to_owned(), model.to_owned())]);
    checked(route, &request("POST", "/x", &[], body.as_bytes()))
}

fn detail(result: Result<(), Refusal>) -> String {
    let refusal = result.unwrap_err();
    assert_eq!(refusal.kind, ResponseType::BadRequestBody);
    refusal.validation_error.unwrap()
}

#[test]
fn a_body_is_checked_against_its_model_and_the_detail_is_kept_for_templates() {
    assert_eq!(body("Id", r#"{"id": 1}"#), Ok(()));
    assert_eq!(detail(body("Id", "{}")), r#"[object has missing required properties (["id"])]"#);
    assert_eq!(
        detail(body("Id", r#"{"id": "1"}"#)),
        r#"[instance type (string) does not match any allowed primitive type (allowed: ["integer"])]"#
    );
    assert_eq!(detail(body("Id", "no json")), "");
}

#[test]
fn an_empty_body_is_an_empty_object() {
    assert!(body("Id", "").is_err());
    assert_eq!(body("Imported", ""), Ok(()));
}

#[test]
fn references_lead_to_other_models() {
    assert_eq!(body("List", r#"[{"id": 1}]"#), Ok(()));
    assert!(body("List", r#"[{"id": 1}, {}]"#).is_err());
    assert!(body("Imported", r#"{"a": {}}"#).is_err());
    assert!(body("Tree", r#"{"name": 1, "child": {"name": 2, "child": {}}}"#).is_err());
}

#[test]
fn nothing_passes_where_the_model_is_missing_or_no_schema() {
    for model in ["Broken", "Dangling", "Absent"] {
        assert_eq!(body(model, "{}").unwrap_err().kind, ResponseType::ApiConfigurationError, "{model}");
    }
    assert_eq!(body("Empty", "anything"), Ok(()));
    let broken = Models::new(&models());
    assert_eq!(broken.broken().map(|(name, _)| name).collect::<Vec<_>>(), ["Broken", "Dangling"]);
}

#[test]
fn a_content_type_without_a_model_is_not_checked() {
    let mut route = route("POST", "/x");
    route.validation.body = true;
    route.validation.models = BTreeMap::from([("application/json".to_owned(), "Id".to_owned())]);
    let text = request("POST", "/x", &[("Content-Type", "text/plain; charset=utf-8")], b"x");
    assert_eq!(checked(route.clone(), &text), Ok(()));
    route.validation.models.insert("$default".to_owned(), "Id".to_owned());
    assert!(checked(route, &text).is_err());
}

#[test]
fn missing_parameters_are_listed_headers_first() {
    let mut route = route("GET", "/x");
    route.validation.parameters = true;
    let required = ["querystring.qs1", "path.issuer2", "header.x-header-param", "path.issuer", "header.present"];
    route.validation.required = required.iter().map(|name| format!("method.request.{name}")).collect();
    let refusal = checked(route, &request("GET", "/x?qs1=", &[("present", "1")], b"")).unwrap_err();
    assert_eq!(refusal.message(), Some("Missing required request parameters: [x-header-param, issuer2, qs1]"));
}
