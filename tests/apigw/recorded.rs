//! What was recorded from AWS, compared with what the rules say. The recordings do not travel with the project: where
//! they are absent these tests say that they skip.

use std::path::PathBuf;

use samd_tests::apigw::answer;
use serde_json::{Map, Value, json};

const FILE: &str = "recorded/test_apigateway_lambda.snapshot.json";
const TEST: &str = "tests/aws/services/apigateway/test_apigateway_lambda.py::";

/// What was recorded and is compared with nothing here, and why.
const NOT_COMPARED: [(&str, &str); 5] = [
    ("test_lambda_aws_integration", VELOCITY),
    ("test_lambda_aws_integration_with_request_template", VELOCITY),
    ("test_lambda_aws_integration_response_with_mapping_templates", VELOCITY),
    ("test_lambda_selection_patterns", VELOCITY),
    ("test_put_integration_aws_proxy_uri", "it is of the control plane: what PutIntegration says of a URI"),
];
const VELOCITY: &str =
    "an AWS integration that is no proxy needs Velocity templates: answered 501 with the reason (D3, D4)";

const COMPARED: [&str; 4] = [
    "test_lambda_aws_proxy_integration",
    "test_lambda_aws_proxy_integration_request_data_mapping",
    "test_aws_proxy_response_payload_format_validation",
    "test_lambda_aws_proxy_integration_non_post_method",
];

fn all() -> Option<Map<String, Value>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("SAMD_SHARED").map_or(beside, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(shared.join(FILE)) else {
        eprintln!("SKIPPED: {FILE} is not there (set SAMD_SHARED), nothing recorded was compared");
        return None;
    };
    serde_json::from_str(&text).unwrap()
}

fn recorded(test: &str) -> Option<Map<String, Value>> {
    assert!(COMPARED.contains(&test), "{test} is not in the list");
    Some(all()?[&format!("{TEST}{test}")]["recorded-content"].as_object().unwrap().clone())
}

#[test]
fn each_recording_is_compared_or_it_is_said_why_not() {
    let Some(recorded) = all() else { return };
    let named: Vec<&str> = COMPARED.into_iter().chain(NOT_COMPARED.map(|(name, _)| name)).collect();
    let missed: Vec<&String> =
        recorded.keys().filter(|key| !named.iter().any(|name| **key == format!("{TEST}{name}"))).collect();
    assert!(missed.is_empty(), "nobody looks at {missed:?}");
    assert_eq!(recorded.len(), named.len());
}

/// Headers that only edge-optimised endpoints have (A3.3); a client does not send them.
fn from_the_edge(name: &str) -> bool {
    let edge = ["via", "x-amz-cf-id", "x-amz-cf-pop", "x-cache"];
    let name = name.to_ascii_lowercase();
    name.starts_with("cloudfront-") || edge.contains(&name.as_str())
}

/// Whether `said` is what was recorded; a `<placeholder>` stands for any value.
fn same(path: &str, recorded: &Value, said: &Value, differences: &mut Vec<String>) {
    match (recorded, said) {
        (Value::String(text), _) if text.starts_with('<') && text.ends_with('>') => {}
        (Value::Object(recorded), Value::Object(said)) => {
            for (name, value) in recorded {
                match said.get(name) {
                    Some(said) => same(&format!("{path}.{name}"), value, said, differences),
                    None => differences.push(format!("{path}.{name} is missing")),
                }
            }
            let more = said.keys().filter(|name| !recorded.contains_key(*name));
            differences.extend(more.map(|name| format!("{path}.{name} is too much")));
        }
        // The recorder shows JSON in strings as what it says.
        (Value::Object(_), Value::String(text)) => {
            same(path, recorded, &serde_json::from_str(text).unwrap_or(Value::Null), differences);
        }
        (Value::Array(recorded), Value::Array(said)) if recorded.len() == said.len() => {
            for (index, (recorded, said)) in recorded.iter().zip(said).enumerate() {
                same(&format!("{path}[{index}]"), recorded, said, differences);
            }
        }
        _ if recorded == said => {}
        _ => differences.push(format!("{path}: recorded {recorded}, said {said}")),
    }
}

#[test]
fn events_are_as_recorded() {
    let Some(recorded) = recorded("test_lambda_aws_proxy_integration") else { return };
    let encoded = "/proxy-value/api/user/test%2Balias@gmail.com/plus/test+alias@gmail.com";
    let parameters = "/proxy-value/api?dateTimeOffset=2023-06-12T18:05:10.123456+00:00&email=test%2Balias@gmail.com&\
                      plus=test+alias@gmail.com&url=https://www.google.com/&whitespace=foo%20bar&zhash=abort/";
    let requests = [
        ("invocation-payload-without-trailing-slash", "/proxy-value"),
        ("invocation-payload-with-trailing-slash", "/proxy-value/"),
        ("invocation-payload-with-double-slash", "/proxy-value//double-slash"),
        ("invocation-payload-with-prepended-slash-to-stage", "/proxy-value"),
        ("invocation-payload-with-prepended-slash", "//proxy-value"),
        ("invocation-payload-without-trailing-slash-and-query-params", "/proxy-value?urlparam=test"),
        ("invocation-payload-with-trailing-slash-and-query-params", "/proxy-value/?urlparam=test"),
        ("invocation-payload-with-path-encoded-email", encoded),
        ("invocation-payload-with-params-encoding", parameters),
        (
            "invocation-payload-with-params-encoding-multi",
            "/proxy-value?category=electronics&category=books&price=10&price=20&price=30",
        ),
        ("invocation-hardcoded", "//hardcoded"),
    ];
    assert_eq!(requests.len(), recorded.len());
    let mut differences = Vec::new();
    for (name, path) in requests {
        let said = answer(&json!({
            "ask": "event",
            "api": {"kind": "rest", "edge": true, "stage": "stage", "routes": ["ANY /{proxy+}", "ANY /hardcoded"]},
            "request": {
                "path": path,
                "method": recorded[name]["httpMethod"],
                "headers": sent(&recorded[name]),
                "body": body(&recorded[name]["body"]),
            },
        }));
        same(name, &recorded[name], &said, &mut differences);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn an_event_with_mapped_parameters_is_as_recorded() {
    let Some(recorded) = recorded("test_lambda_aws_proxy_integration_request_data_mapping") else { return };
    let recorded = &recorded["http-proxy-invocation-data-mapping"]["content"];
    let parameters = json!({
        "integration.request.header.headerVar": "method.request.header.foobar",
        "integration.request.path.qsVar": "method.request.querystring.testVar",
        "integration.request.path.pathVar": "method.request.path.pathVariable",
        "integration.request.querystring.queryString": "method.request.querystring.testQueryString",
    });
    let route = json!({"route": "POST /{pathVariable}", "parameters": parameters});
    let said = answer(&json!({
        "ask": "event",
        "api": {"kind": "rest", "edge": true, "stage": "test", "routes": [route]},
        "request": {
            "path": "/foobar?testVar=bar&testQueryString=foo",
            "method": "POST",
            "headers": sent(recorded),
            "body": body(&recorded["body"]),
        },
    }));
    let mut differences = Vec::new();
    same("data-mapping", recorded, &said, &mut differences);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn body(recorded: &Value) -> Value {
    if recorded.is_null() { Value::Null } else { json!(recorded.to_string()) }
}

/// The headers that the recorded request had: those that arrived and that no gateway adds, two of them in a casing that
/// does not arrive, and two that do not arrive at all.
fn sent(event: &Value) -> Value {
    let added = ["X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"];
    let arrived = event["headers"].as_object().unwrap().iter();
    let own = arrived.filter(|(name, _)| !from_the_edge(name) && !added.contains(&name.as_str()));
    let mut lines: Vec<Value> = own
        .map(|(name, value)| match name.as_str() {
            "Authorization" | "User-Agent" => json!([name.to_ascii_lowercase(), value]),
            _ => json!([name, value]),
        })
        .collect();
    lines.extend([json!(["Connection", "keep-alive"]), json!(["Content-Length", "17"])]);
    Value::Array(lines)
}

#[test]
fn replies_are_as_recorded() {
    let Some(recorded) = recorded("test_aws_proxy_response_payload_format_validation") else { return };
    let text = "dGVzdC1kYXRh";
    let returned = [
        ("invoke-api-no-body", 200, json!({"statusCode": 200})),
        (
            "invoke-api-with-headers",
            200,
            json!({"statusCode": 200, "headers": {"test-header": "value", "header-bool": true}}),
        ),
        ("invoke-api-with-headers-null", 200, json!({"statusCode": 200, "headers": null})),
        ("invoke-api-wrong-format", 502, json!({"statusCode": 200, "wrongValue": "value"})),
        ("invoke-api-b64-encoded-true", 200, json!({"statusCode": 200, "body": text, "isBase64Encoded": true})),
        ("invoke-api-b64-encoded-false", 200, json!({"statusCode": 200, "body": text})),
        (
            "invoke-api-multi-headers-valid",
            200,
            json!({"statusCode": 200, "multiValueHeaders": {"test-multi": ["value1", "value2"]}}),
        ),
        (
            "invoke-api-multi-headers-overwrite",
            200,
            json!({"statusCode": 200, "multiValueHeaders": {"test-multi": ["value-multi"]},
                   "headers": {"test-multi": "value-solo"}}),
        ),
        (
            "invoke-api-multi-headers-overwrite-casing",
            200,
            json!({"statusCode": 200, "multiValueHeaders": {"tesT-Multi": ["value-multi"]},
                   "headers": {"test-multi": "value-solo"}}),
        ),
        (
            "invoke-api-multi-headers-invalid",
            502,
            json!({"statusCode": 200, "multiValueHeaders": {"test-multi-invalid": "value1"}}),
        ),
        ("invoke-api-invalid-status-code", 502, json!({"statusCode": "test"})),
        ("invoke-api-status-code-str", 201, json!({"statusCode": "201"})),
        ("invoke-api-just-string", 502, json!("justAString")),
        ("invoke-api-only-headers", 200, json!({"headers": {"test-header": "value"}})),
    ];
    let mut differences = Vec::new();
    for (name, status, returned) in returned {
        compare_reply(name, status, &json!({ "returns": returned }), &recorded[name], &mut differences);
    }
    // The recorded function read a body that the request did not have, and so failed.
    let failed = json!({"fails": {"errorMessage": "the JSON object must be str, bytes or bytearray, not NoneType"}});
    compare_reply("invoke-api-empty-response", 502, &failed, &recorded["invoke-api-empty-response"], &mut differences);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn compare_reply(name: &str, status: u16, function: &Value, recorded: &Value, differences: &mut Vec<String>) {
    let case = json!({"ask": "reply", "api": {"edge": true}, "request": {"path": "/test"}, "function": function});
    let said = answer(&case);
    if said["status"] != status {
        differences.push(format!("{name}: recorded status {status}, said {}", said["status"]));
    }
    let body = said["body"].as_str().unwrap();
    let content = match &recorded["content"] {
        Value::Object(_) => serde_json::from_str(body).unwrap_or_else(|_| json!(body)),
        _ => json!(body),
    };
    same(&format!("{name}.content"), &recorded["content"], &content, differences);
    if recorded.get("headers").is_some() {
        same(
            &format!("{name}.headers"),
            &without_framing(&recorded["headers"]),
            &joined(&said["headers"]),
            differences,
        );
    }
}

/// The listener writes these, and not the rules.
fn without_framing(headers: &Value) -> Value {
    let mut headers = headers.as_object().unwrap().clone();
    headers.retain(|name, _| !["Connection", "Content-Length", "Date"].contains(&name.as_str()));
    Value::Object(headers)
}

/// Lines of one name as the recording client showed them.
fn joined(lines: &Value) -> Value {
    let mut headers: Map<String, Value> = Map::new();
    for line in lines.as_array().unwrap() {
        let (name, value) = (line[0].as_str().unwrap(), line[1].as_str().unwrap());
        let before = headers.get(name).and_then(Value::as_str).map(|before| format!("{before}, "));
        headers.insert(name.to_owned(), json!(format!("{}{value}", before.unwrap_or_default())));
    }
    Value::Object(headers)
}

#[test]
fn a_method_other_than_post_is_refused_as_recorded() {
    let Some(recorded) = recorded("test_lambda_aws_proxy_integration_non_post_method") else { return };
    let api = json!({"routes": [{"route": "GET /test", "http_method": "GET"}]});
    let said = answer(&json!({"ask": "reply", "api": api, "request": {"path": "/test"}, "function": {"returns": 1}}));
    let body: Value = serde_json::from_str(said["body"].as_str().unwrap()).unwrap();
    assert_eq!((&said["status"], &body), (&json!(500), &recorded["invocation-payload-with-get-proxy-method"]));
}
