//! The checked-in OpenAPI document says what the protocol is: its paths are the endpoints, its schemas fit every golden
//! message, and what is served is the document.

use std::collections::BTreeSet;

use samd_proto::endpoint::Answer;
use samd_proto::{ENDPOINTS, ErrorCode, OPENAPI_PATH};
use samd_tests::control_port::ControlPort;
use serde_json::{Value, json};

fn document() -> Value {
    serde_json::from_str(samd_proto::OPENAPI).unwrap()
}

fn schema_name(schema: &Value) -> &str {
    schema["$ref"].as_str().unwrap().strip_prefix("#/components/schemas/").unwrap()
}

#[test]
fn the_document_has_every_endpoint_and_no_other() {
    let document = document();
    let told: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())))
        .collect();
    let mut expected: BTreeSet<(String, String)> =
        ENDPOINTS.iter().map(|endpoint| ("post".to_owned(), format!("/v1/{}", endpoint.name))).collect();
    expected.insert(("get".to_owned(), OPENAPI_PATH.to_owned()));
    assert_eq!(told, expected);
}

#[test]
fn each_endpoint_names_its_own_types() {
    let document = document();
    for endpoint in ENDPOINTS {
        let post = &document["paths"][format!("/v1/{}", endpoint.name)]["post"];
        let request = &post["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(schema_name(request), endpoint.request, "{}", endpoint.name);
        let kind = match endpoint.answer {
            Answer::Message => "application/json",
            Answer::Events => "application/x-ndjson",
        };
        assert_eq!(schema_name(&post["responses"]["200"]["content"][kind]["schema"]), endpoint.response);
        assert_eq!(post["responses"]["default"]["$ref"], "#/components/responses/Refused");
    }
}

#[test]
fn each_error_code_is_in_the_document_with_its_status() {
    let document = document();
    let told: BTreeSet<&str> = strings(&document["components"]["schemas"]["ErrorCode"]["enum"]);
    let sentence = document["components"]["responses"]["Refused"]["description"].as_str().unwrap();
    let mut known = BTreeSet::new();
    for code in ErrorCode::ALL {
        let word = serde_json::to_value(code).unwrap().as_str().unwrap().to_owned();
        assert!(told.contains(word.as_str()), "{word} is not in the document");
        assert!(sentence.contains(&format!("{word} {}", code.status())), "{word} has another status there");
        known.insert(word);
    }
    assert_eq!(known.len(), told.len(), "the document has codes that nobody sends");
}

#[test]
fn every_golden_message_fits_its_schema() {
    let document = document();
    let mut checked = 0;
    for entry in std::fs::read_dir(super::goldens::folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned();
        let message: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        if let Err(complaint) = fits(&message, &schema, &document, &name) {
            panic!("{}: {complaint}", path.display());
        }
        checked += 1;
    }
    assert!(checked >= ENDPOINTS.len() * 2, "only {checked} messages were checked");
}

#[test]
fn no_schema_is_without_use() {
    let text = samd_proto::OPENAPI;
    for name in document()["components"]["schemas"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("\"#/components/schemas/{name}\"")), "{name} is used nowhere");
    }
}

#[test]
fn the_served_document_is_the_checked_in_one() {
    let port = ControlPort::open();
    let reply =
        port.raw(&format!("GET {OPENAPI_PATH} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", port.address));
    assert_eq!(reply.split_once("\r\n\r\n").unwrap().1, samd_proto::OPENAPI);
}

#[test]
fn a_message_that_does_not_fit_is_found() {
    let document = document();
    let check = |message: Value| fits(&message, &json!({ "$ref": "#/components/schemas/StopRequest" }), &document, "");
    assert!(check(json!({ "name": "shop" })).is_ok());
    for wrong in [json!({}), json!({ "name": 1 }), json!({ "name": "shop", "more": 1 }), json!([])] {
        assert!(check(wrong.clone()).is_err(), "{wrong}");
    }
}

fn strings(values: &Value) -> BTreeSet<&str> {
    values.as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect()
}

/// Whether a message is as its schema says, with nothing that the schema leaves out. Knows the few keywords that the
/// document uses.
fn fits(message: &Value, schema: &Value, document: &Value, at: &str) -> Result<(), String> {
    if schema.get("$ref").is_some() {
        return fits(message, &document["components"]["schemas"][schema_name(schema)], document, at);
    }
    if let Some(all) = schema.get("allOf") {
        return all.as_array().unwrap().iter().try_for_each(|schema| fits(message, schema, document, at));
    }
    let wanted = schema["type"].as_str().ok_or_else(|| format!("{at}: the schema has no type"))?;
    match (wanted, message) {
        ("string", Value::String(text)) => match schema.get("enum") {
            Some(words) if !strings(words).contains(text.as_str()) => {
                Err(format!("{at}: {text} is not among the words"))
            }
            _ => Ok(()),
        },
        ("integer", Value::Number(number)) if number.is_u64() => Ok(()),
        ("boolean", Value::Bool(_)) => Ok(()),
        ("array", Value::Array(items)) => {
            items.iter().try_for_each(|item| fits(item, &schema["items"], document, &format!("{at}[]")))
        }
        ("object", Value::Object(_)) => object_fits(message, schema, document, at),
        (wanted, other) => Err(format!("{at}: {other} is no {wanted}")),
    }
}

fn object_fits(message: &Value, schema: &Value, document: &Value, at: &str) -> Result<(), String> {
    let fields = message.as_object().unwrap();
    let none = json!([]);
    for required in strings(schema.get("required").unwrap_or(&none)) {
        if !fields.contains_key(required) {
            return Err(format!("{at}: {required} is missing"));
        }
    }
    for (name, field) in fields {
        let known = schema["properties"].get(name).or(schema.get("additionalProperties"));
        let known = known.ok_or_else(|| format!("{at}: the schema has no {name}"))?;
        fits(field, known, document, &format!("{at}.{name}"))?;
    }
    Ok(())
}
