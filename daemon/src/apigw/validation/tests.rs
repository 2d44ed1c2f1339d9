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
fn the_detail_is_in_the_words_of_the_validator_that_aws_uses() {
    let told = |schema: Value, body: &Value| {
        let validator = jsonschema::options().with_draft(Draft::Draft4).build(&schema).unwrap();
        detail::of(&validator.iter_errors(body).collect::<Vec<_>>())
    };
    let pet = json!({
        "type": "object", "required": ["name", "age", "a"], "additionalProperties": false,
        "properties": {"age": {"type": "number"}, "name": {"type": "string"}, "a": {}},
    });
    assert_eq!(
        told(pet.clone(), &json!({"name": 1, "z": 1, "b": 2})),
        "[object instance has properties which are not allowed by the schema: [\"b\",\"z\"], \
         object has missing required properties ([\"a\",\"age\"])]",
        "once each, and not what is inside"
    );
    assert_eq!(
        told(pet, &json!({"name": 1, "age": "x", "a": null})),
        "[instance type (string) does not match any allowed primitive type (allowed: [\"integer\",\"number\"]), \
         instance type (integer) does not match any allowed primitive type (allowed: [\"string\"])]"
    );
    let one = |schema: Value, body: Value| told(schema, &body);
    for (schema, body, message) in [
        (json!({"enum": ["a", 1]}), json!("b"), r#"instance value ("b") not found in enum (possible values: ["a",1])"#),
        (json!({"minimum": 2}), json!(1), "numeric instance is lower than the required minimum (minimum: 2, found: 1)"),
        (
            json!({"maximum": 2}),
            json!(3),
            "numeric instance is greater than the required maximum (maximum: 2, found: 3)",
        ),
        (
            json!({"minimum": 2, "exclusiveMinimum": true}),
            json!(2),
            "numeric instance is not strictly greater than the required minimum 2",
        ),
        (json!({"minLength": 2}), json!("a"), "string \"a\" is too short (length: 1, required minimum: 2)"),
        (json!({"maxLength": 2}), json!("abc"), "string \"abc\" is too long (length: 3, maximum allowed: 2)"),
        (json!({"pattern": "^a$"}), json!("b"), "ECMA 262 regex \"^a$\" does not match input string \"b\""),
        (
            json!({"minItems": 1}),
            json!([]),
            "array is too short: must have at least 1 elements but instance has 0 elements",
        ),
        (json!({"uniqueItems": true}), json!([1, 1]), "array must not contain duplicate elements"),
        (json!({"multipleOf": 2}), json!(3), "remainder of division is not zero (3 / 2)"),
        (
            json!({"minProperties": 1}),
            json!({}),
            "object has too few properties (found 0 but schema requires at least 1)",
        ),
        (
            json!({"oneOf": [{"type": "null"}, {"type": "string"}]}),
            json!(1),
            "instance failed to match exactly one schema (matched 0 out of 2)",
        ),
        (
            json!({"oneOf": [{"type": "null"}, {}, {}]}),
            json!(1),
            "instance failed to match exactly one schema (matched 2 out of 3)",
        ),
        (
            json!({"anyOf": [{"type": "null"}, {"type": "string"}]}),
            json!(1),
            "instance failed to match at least one required schema among 2",
        ),
        (json!({"not": {}}), json!(1), "instance matched a schema which it should not have"),
    ] {
        assert_eq!(one(schema, body), format!("[{message}]"));
    }
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
