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
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(super::goldens::folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned();
        let message: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        if let Err(complaint) = fits(&message, &schema, &document, &mut seen) {
            panic!("{}: {complaint}", path.display());
        }
    }
    assert_eq!(seen, every_field(&document), "the document has fields that no golden message shows");
}

/// `Schema.field` for each field that the document describes.
fn every_field(document: &Value) -> BTreeSet<String> {
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let fields = |(name, schema): (&String, &Value)| -> Vec<String> {
        let fields = schema.get("properties").and_then(Value::as_object);
        fields.into_iter().flat_map(|fields| fields.keys()).map(|field| format!("{name}.{field}")).collect()
    };
    schemas.iter().flat_map(fields).collect()
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
    let check = |message: Value| {
        fits(&message, &json!({ "$ref": "#/components/schemas/StopRequest" }), &document, &mut BTreeSet::new())
    };
    assert!(check(json!({ "name": "shop" })).is_ok());
    for wrong in [json!({}), json!({ "name": 1 }), json!({ "name": "shop", "more": 1 }), json!([])] {
        assert!(check(wrong.clone()).is_err(), "{wrong}");
    }
}

fn strings(values: &Value) -> BTreeSet<&str> {
    values.as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect()
}

/// Whether a message is as its schema says, with nothing that the schema leaves out; notes each field it meets. Knows the
/// few keywords that the document uses.
fn fits(message: &Value, schema: &Value, document: &Value, seen: &mut BTreeSet<String>) -> Result<(), String> {
    if schema.get("$ref").is_some() {
        let name = schema_name(schema);
        let schema = &document["components"]["schemas"][name];
        note_fields(name, message, schema, seen);
        return fits(message, schema, document, seen);
    }
    if let Some(all) = schema.get("allOf") {
        return all.as_array().unwrap().iter().try_for_each(|schema| fits(message, schema, document, seen));
    }
    if let Some(types) = schema["type"].as_array() {
        let or_null = types.iter().any(|one| one == "null") && message.is_null();
        let one = types.iter().find(|one| *one != "null").expect("a type that is not null");
        let alone = json!({ "type": one });
        return if or_null { Ok(()) } else { fits(message, &alone, document, seen) };
    }
    let wanted = schema["type"].as_str().ok_or_else(|| format!("{message}: the schema has no type"))?;
    match (wanted, message) {
        ("string", Value::String(text)) => match schema.get("enum") {
            Some(words) if !strings(words).contains(text.as_str()) => Err(format!("{text} is not among the words")),
            _ => Ok(()),
        },
        ("integer", Value::Number(number)) if number.is_u64() => Ok(()),
        ("boolean", Value::Bool(_)) => Ok(()),
        ("array", Value::Array(items)) => {
            items.iter().try_for_each(|item| fits(item, &schema["items"], document, seen))
        }
        ("object", Value::Object(_)) => object_fits(message, schema, document, seen),
        (wanted, other) => Err(format!("{other} is no {wanted}")),
    }
}

fn note_fields(name: &str, message: &Value, schema: &Value, seen: &mut BTreeSet<String>) {
    let described = |field: &&String| schema["properties"].get(field).is_some();
    let fields = message.as_object().into_iter().flat_map(|fields| fields.keys());
    seen.extend(fields.filter(described).map(|field| format!("{name}.{field}")));
}

fn object_fits(message: &Value, schema: &Value, document: &Value, seen: &mut BTreeSet<String>) -> Result<(), String> {
    let fields = message.as_object().unwrap();
    let none = json!([]);
    for required in strings(schema.get("required").unwrap_or(&none)) {
        if !fields.contains_key(required) {
            return Err(format!("{message}: {required} is missing"));
        }
    }
    for (name, field) in fields {
        let known = schema["properties"].get(name).or(schema.get("additionalProperties"));
        let known = known.ok_or_else(|| format!("{message}: the schema has no {name}"))?;
        fits(field, known, document, seen)?;
    }
    Ok(())
}
