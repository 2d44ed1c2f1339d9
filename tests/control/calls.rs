//! What each endpoint answers, over the wire.

use samd::logs::LogSource;
use samd_tests::control_port::ControlPort;
use serde_json::{Value, json};

fn call(port: &ControlPort, name: &str, request: &Value) -> (u16, Value) {
    let (status, body) = port.post(name, &request.to_string());
    (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{body}: {error}")))
}

fn ok(port: &ControlPort, name: &str, request: &Value) -> Value {
    let (status, body) = call(port, name, request);
    assert_eq!(status, 200, "{body}");
    body
}

fn with_shop() -> ControlPort {
    let port = ControlPort::open();
    ok(&port, "start", &json!({ "name": "shop", "settings": { "path": "/shop" } }));
    port
}

/// The events of a stream that ends by itself.
fn events(port: &ControlPort, name: &str, request: &Value) -> Vec<Value> {
    let (status, body) = port.post(name, &request.to_string());
    assert_eq!(status, 200, "{body}");
    let lines = body.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_started_project_is_listed_with_its_url_and_findings() {
    let port = with_shop();
    let list = ok(&port, "list", &json!({}));
    let expected = json!([{ "name": "shop", "path": "/shop", "state": "running", "url": "http://127.0.0.1:3000",
        "generation": 1, "functions": 3, "errors": 0, "warnings": 1 }]);
    assert_eq!(list["projects"], expected);
}

#[test]
fn a_stopped_project_stays_in_the_list_and_a_removed_one_does_not() {
    let port = with_shop();
    ok(&port, "stop", &json!({ "name": "shop" }));
    assert_eq!(ok(&port, "list", &json!({}))["projects"][0]["state"], "stopped");
    ok(&port, "remove", &json!({ "name": "shop" }));
    assert_eq!(ok(&port, "list", &json!({}))["projects"], json!([]));
}

#[test]
fn status_tells_functions_sandboxes_stand_ins_and_the_last_change() {
    let status = ok(&with_shop(), "status", &json!({ "name": "shop" }));
    let running = &status["running"];
    assert_eq!(running["functions"][0]["sandboxes"], json!([{ "pid": 4711, "state": "idle", "served": 12 }]));
    assert_eq!(running["functions"][0]["runtime"], "python3.12");
    assert_eq!(running["stand_ins"][0]["expression"], "Table.StreamArn");
    assert_eq!(running["last_reload"]["duration_us"], 12_345);
    assert_eq!(status["diagnostics"][0]["severity"], "warning");
}

#[test]
fn no_answer_holds_a_functions_variables() {
    let port = with_shop();
    for name in ["status", "routes"] {
        let answer = ok(&port, name, &json!({ "name": "shop" })).to_string();
        assert!(!answer.contains("hunter2") && !answer.contains("PASSWORD"), "{answer}");
    }
}

#[test]
fn an_equal_route_of_a_later_api_is_reached_by_its_apis_host() {
    let routes = ok(&with_shop(), "routes", &json!({ "name": "shop" }))["routes"].clone();
    let told: Vec<(&str, &str, bool)> = routes
        .as_array()
        .unwrap()
        .iter()
        .map(|route| (route["api"].as_str().unwrap(), route["url"].as_str().unwrap(), route["shadowed"] == json!(true)))
        .collect();
    let expected = [
        ("ServerlessRestApi", "http://127.0.0.1:3000/echo", false),
        ("ServerlessRestApi", "http://127.0.0.1:3000/gone", false),
        ("Web", "http://Web.localhost:3000/echo", true),
    ];
    assert_eq!(told, expected);
    assert_eq!(routes[1]["note"], "the template has no function for Gone.Arn; answered 502");
}

#[test]
fn the_callers_environment_and_settings_reach_the_supervisor() {
    let port = ControlPort::open();
    let settings = json!({ "path": "/shop", "port": 3001, "host": "localhost", "warm": "eager", "sandbox": "process",
        "parameter_overrides": [{ "name": "Stage", "value": "dev" }], "idle_expiry_ms": 90_000, "max_concurrency": 4 });
    let environment = json!({ "AWS_PROFILE": "p", "TABLE": "t" });
    ok(&port, "start", &json!({ "name": "shop", "settings": settings, "environment": environment }));
    let (name, patch, caller) = port.supervisor.last_asked();
    assert_eq!(name.0, "shop");
    assert_eq!(patch.port, Some(3001));
    assert_eq!(patch.host, Some("127.0.0.1".parse().unwrap()));
    assert_eq!(patch.parameter_overrides, Some(vec![("Stage".to_owned(), "dev".to_owned())]));
    assert_eq!(patch.idle_expiry, Some(std::time::Duration::from_secs(90)));
    assert_eq!(caller.0.get("TABLE").map(String::as_str), Some("t"));
    let shown = format!("{patch:?} {caller:?}");
    assert!(shown.contains("Stage") && shown.contains("TABLE"), "names are shown: {shown}");
    assert!(!shown.contains("\"dev\"") && !shown.contains("\"t\""), "values are not: {shown}");
}

#[test]
fn requests_that_make_no_sense_are_refused_before_the_supervisor_hears_of_them() {
    let port = ControlPort::open();
    let bad = [
        json!({ "name": "" }),
        json!({ "name": "../x" }),
        json!({ "name": "a b" }),
        json!({ "name": "x".repeat(65) }),
        json!({ "name": "shop", "settings": { "path": "relative" } }),
        json!({ "name": "shop", "settings": { "host": "example.com" } }),
        json!({ "name": "shop", "settings": { "max_concurrency": 0 } }),
        json!({ "name": "shop", "settings": { "port": 70_000 } }),
        json!({ "name": "shop", "settings": { "warm": "hot" } }),
        json!({ "settings": {} }),
        json!([]),
    ];
    for request in bad {
        let (status, body) = call(&port, "start", &request);
        assert_eq!((status, &body["code"]), (400, &json!("bad_request")), "{request}: {body}");
    }
    assert!(port.supervisor.asked.lock().unwrap().is_empty());
}

#[test]
fn a_refusal_has_its_own_status_code_and_diagnostics() {
    let port = with_shop();
    let cases = [
        ("status", json!({ "name": "blog" }), 404, "unknown_project"),
        ("start", json!({ "name": "shop", "settings": { "path": "/elsewhere" } }), 409, "name_taken"),
        ("start", json!({ "name": "b", "settings": { "path": "/broken" } }), 422, "diagnostics"),
        ("invoke", json!({ "name": "shop", "function": "Nobody" }), 404, "unknown_function"),
        ("invoke", json!({ "name": "shop", "function": "Busy" }), 429, "throttled"),
        ("invoke", json!({ "name": "shop", "function": "Echo", "event": "{" }), 400, "bad_request"),
        ("no-such-endpoint", json!({}), 404, "unknown_endpoint"),
    ];
    for (endpoint, request, status, code) in cases {
        let answer = call(&port, endpoint, &request);
        assert_eq!((answer.0, &answer.1["code"]), (status, &json!(code)), "{endpoint}: {}", answer.1);
    }
    let (_, refusal) = call(&port, "start", &json!({ "name": "b", "settings": { "path": "/broken" } }));
    assert_eq!(refusal["diagnostics"][0]["location"]["line"], 3);
    assert_eq!(refusal["diagnostics"][0]["help"], "did you mean python3.12?");
}

#[test]
fn an_endpoint_takes_post_alone() {
    let port = ControlPort::open();
    let reply = port.raw(&format!(
        "GET /v1/list HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        port.address,
        samd_tests::control_port::TOKEN
    ));
    assert!(reply.contains(" 405 ") && reply.contains("method_not_allowed"), "{reply}");
}

#[test]
fn an_empty_body_is_an_empty_request_and_a_broken_one_is_refused() {
    let port = ControlPort::open();
    assert_eq!(port.post("list", "").0, 200);
    assert_eq!(port.post("list", "{").0, 400);
}

#[test]
fn an_invocation_returns_its_payload_byte_for_byte_and_its_log() {
    let port = with_shop();
    let event = "{\"id\": 12345678901234567890, \"b\":1,  \"a\":2}";
    let answer = ok(&port, "invoke", &json!({ "name": "shop", "function": "Echo", "event": event }));
    assert_eq!(answer["payload"], event);
    let id = answer["request_id"].as_str().unwrap();
    let log = answer["log_tail"].as_str().unwrap();
    assert!(log.starts_with(&format!("START RequestId: {id}")), "{log}");
    assert!(log.contains("invoked as arn:aws:lambda:us-east-1:123456789012:function:Echo\n"), "{log}");
    assert!(log.ends_with("Duration: 1.00 ms\t\n"), "{log}");
}

#[test]
fn a_function_is_found_by_its_name_too() {
    let answer = ok(&with_shop(), "invoke", &json!({ "name": "shop", "function": "echo-name" }));
    assert_eq!(answer["payload"], "{}");
}

#[test]
fn a_failed_function_is_an_answer_with_its_error() {
    let answer = ok(&with_shop(), "invoke", &json!({ "name": "shop", "function": "Fail" }));
    assert_eq!(answer["function_error"], "Unhandled");
    assert_eq!(answer["payload"], r#"{"errorMessage":"no","errorType":"ValueError"}"#);
}

#[test]
fn an_asynchronous_invocation_is_answered_with_its_id_alone_and_runs() {
    let port = with_shop();
    let answer = ok(&port, "invoke", &json!({ "name": "shop", "function": "Echo", "async": true }));
    let id = answer["request_id"].as_str().unwrap();
    assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
    let query = samd::logs::LogQuery::default();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !port
        .supervisor
        .logs
        .read(&query)
        .0
        .iter()
        .any(|entry| entry.line.starts_with(&format!("REPORT RequestId: {id}")))
    {
        assert!(std::time::Instant::now() < deadline, "the invocation never ran");
        samd_tests::daemon::pause();
    }
}

#[test]
fn logs_are_told_by_function_and_age() {
    let port = with_shop();
    port.supervisor.log("Echo", LogSource::Function, "one");
    port.supervisor.log("Fail", LogSource::Platform, "two");
    let lines = |request: Value| -> Vec<String> {
        events(&port, "logs", &request).iter().map(|event| event["line"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(lines(json!({ "name": "shop" })), ["one", "two"]);
    assert_eq!(lines(json!({ "name": "shop", "function": "Fail" })), ["two"]);
    assert_eq!(lines(json!({ "name": "shop", "since_ms": 4_000_000_000_000_u64 })), [""; 0]);
}

#[test]
fn a_reload_that_is_waited_for_tells_what_it_did() {
    let port = with_shop();
    let answer = ok(&port, "reload", &json!({ "name": "shop", "functions": ["Echo"], "wait": true }));
    assert_eq!(answer["report"]["outcome"]["functions"]["changed"], json!(["Echo"]));
    assert_eq!(ok(&port, "reload", &json!({ "name": "shop" })), json!({}));
    assert_eq!(call(&port, "reload", &json!({ "name": "blog" })).0, 404);
}

#[test]
fn events_tell_the_last_change_of_each_project() {
    let port = with_shop();
    let events = events(&port, "events", &json!({}));
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0]["type"], &events[0]["project"]), (&json!("reload"), &json!("shop")));
}

#[test]
fn a_template_is_read_without_starting_anything() {
    let port = ControlPort::open();
    let valid = ok(&port, "validate", &json!({ "path": "/shop" }));
    assert_eq!(valid, json!({ "valid": true, "functions": 3, "routes": 3, "diagnostics": [] }));
    let broken = ok(&port, "validate", &json!({ "path": "/broken" }));
    assert_eq!((&broken["valid"], broken["diagnostics"].as_array().unwrap().len()), (&json!(false), 1));
    let routes = ok(&port, "routes-of-template", &json!({ "path": "/shop" }));
    assert_eq!(routes["routes"][0].get("url"), None);
    assert_eq!(call(&port, "routes-of-template", &json!({ "path": "/broken" })).0, 422);
    assert_eq!(ok(&port, "list", &json!({}))["projects"], json!([]));
}

#[test]
fn the_daemon_tells_where_it_is_and_what_it_has() {
    let port = with_shop();
    let status = ok(&port, "daemon-status", &json!({}));
    assert_eq!(status["control"], port.address.to_string());
    assert_eq!(status["state_dir"], port.state_dir().to_str().unwrap());
    assert_eq!((&status["running"], &status["projects"]), (&json!(1), &json!(1)));
}
