//! What holds of API Gateway's rules whatever bytes come: one function for each, which takes any bytes and panics where
//! its claim fails. Seeded tests (`tests/properties.rs`) and the fuzzer's targets (`fuzz/`) feed the same ones.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use samd::apigw::function_url::{self, UrlContext};
use samd::apigw::jwt::{self, Expected, Grant, Minter};
use samd::apigw::policy::{self, Decision, Question};
use samd::apigw::{Caller, Context, Exchange, Reply, Request, Router, event_v1, event_v2, reply};
use samd::lambda::Outcome;
use samd::project::api::{
    Api, ApiId, ApiKind, Authorization, Integration, LambdaProxy, Method, Payload, Route, RoutePath, Validation,
};
use samd::project::environment::Overrides;
use samd::project::settings::{ProjectName, Settings};
use samd::project::{FunctionId, Project, containers, resolve, routes, serving, tailor};
use samd::template::scope::Surroundings;
use samd::template::{Diagnostic, Findings, Template};
use serde_json::{Map, Value, json};

fn api(kind: ApiKind) -> Api {
    let stage = if kind == ApiKind::Rest { "dev" } else { "$default" };
    let mut api = Api::new(ApiId("Api".to_owned()), kind, stage.to_owned());
    api.binary_media_types = vec!["image/*".to_owned(), "application/octet-stream".to_owned()];
    api.routes = ["/{proxy+}", "/pets/{id}", "/"].map(route).into();
    api
}

fn route(path: &str) -> Route {
    Route {
        method: Method::Any,
        path: RoutePath::Template(path.to_owned()),
        integration: Integration::Lambda(LambdaProxy {
            function: Some(FunctionId("Fn".to_owned())),
            uri: String::new(),
            payload: Payload::V1,
            timeout: std::time::Duration::from_secs(29),
            streaming: false,
            request_parameters: Default::default(),
            response_parameters: Default::default(),
            http_method: "POST".to_owned(),
        }),
        authorization: Authorization::None,
        api_key_required: false,
        operation_name: None,
        validation: Validation::default(),
    }
}

/// A request of the bytes: method, target, header lines, an empty line, body; what is missing is empty.
fn request(data: &[u8]) -> Request {
    let mut rest = data;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        line
    };
    let method = String::from_utf8_lossy(line()).into_owned();
    let target = String::from_utf8_lossy(line()).into_owned();
    let mut headers = vec![("Host".to_owned(), b"localhost".to_vec())];
    loop {
        let header = line();
        let Some(colon) = header.iter().position(|byte| *byte == b':') else { break };
        let (name, value) = header.split_at(colon);
        headers.push((String::from_utf8_lossy(name).into_owned(), value[1..].to_vec()));
    }
    let (path, query) = target.split_once('?').map_or((target.as_str(), None), |(path, query)| (path, Some(query)));
    Request {
        method,
        path: format!("/{path}"),
        received_path: None,
        query: query.map(str::to_owned),
        headers,
        source_ip: [127, 0, 0, 1].into(),
        port: 3000,
        scheme: "http",
        body: Bytes::copy_from_slice(rest),
        time_ms: 1_700_000_000_000,
        request_id: "6f4d6d2c-7c3b-4a52-9a1e-0a4f5b2f9a10".to_owned(),
        extended_request_id: "JKJaXmPLvHcESHA=".to_owned(),
        trace_id: "Root=1-65538f7f-0123456789abcdef01234567".to_owned(),
    }
}

fn with_exchange(kind: ApiKind, request: &Request, run: impl FnOnce(&Exchange)) {
    let api = api(kind);
    let context = Context::new("123456789012", "us-east-1", &api);
    let found = Router::new(&[&api]).find(&request.method, &request.path);
    let found = found.as_ref().map(|found| (&api.routes[found.route], found));
    run(&Exchange { context: &context, api: &api, found, request, caller: Caller::NOBODY });
}

fn parsed(event: &[u8]) -> Map<String, Value> {
    match serde_json::from_slice(event) {
        Ok(Value::Object(event)) => event,
        other => panic!("an event is an object: {other:?}"),
    }
}

/// The body of an event is the request's: byte for byte in base64, and as text where it is text.
fn carries(event: &Map<String, Value>, request: &Request) {
    let body = event.get("body").and_then(Value::as_str).unwrap_or_default();
    let is_base64 = event.get("isBase64Encoded") == Some(&json!(true));
    match (is_base64, std::str::from_utf8(&request.body)) {
        (true, _) => assert_eq!(STANDARD.decode(body).as_deref(), Ok(&*request.body)),
        (false, Ok(text)) => assert_eq!(body, text),
        (false, Err(_)) => assert_eq!(body, String::from_utf8_lossy(&request.body)),
    }
}

/// Any request has an event in each form: JSON with the form's fields, and with the request's body.
///
/// # Panics
/// It has not.
pub fn event(data: &[u8]) {
    let request = request(data);
    with_exchange(ApiKind::Rest, &request, |exchange| {
        let event = parsed(&event_v1::event(exchange));
        assert_eq!(event.len(), 12, "{event:?}");
        assert_eq!(event["httpMethod"], request.method.as_str());
        carries(&event, &request);
    });
    with_exchange(ApiKind::Http, &request, |exchange| {
        assert_eq!(parsed(&event_v1::event(exchange))["version"], "1.0");
        let event = parsed(&event_v2::event(exchange));
        assert_eq!(event["rawQueryString"], request.query.as_deref().unwrap_or_default());
        assert!(event.values().all(|value| !value.is_null()), "what is absent is not null: {event:?}");
        carries(&event, &request);
    });
    let url = UrlContext::new("123456789012", &FunctionId("Fn".to_owned()));
    carries(&parsed(&function_url::event(&url, &request, Caller::NOBODY)), &request);
}

fn is_sendable(reply: &Reply) {
    assert!((100..=999).contains(&reply.status), "{}", reply.status);
    for (name, value) in &reply.headers {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        assert!(!name.is_empty() && name.bytes().all(token), "{name:?}");
        assert!(!value.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "{name}: {value:?}");
    }
}

/// Whatever a function returns has a reply that can be sent; what is no JSON is an error on REST.
///
/// # Panics
/// It has none.
pub fn reply(data: &[u8]) {
    let outcome = Outcome::Returned(Bytes::copy_from_slice(data));
    let request = request(b"GET\npets/1\nAccept: image/png\n\n");
    with_exchange(ApiKind::Rest, &request, |exchange| {
        let reply = reply::rest(exchange, &outcome);
        is_sendable(&reply);
        if !matches!(serde_json::from_slice(data), Ok(Value::Object(_))) {
            assert_eq!(reply.status, 502);
        }
    });
    with_exchange(ApiKind::Http, &request, |exchange| {
        is_sendable(&reply::http(exchange, Payload::V1, &outcome));
        is_sendable(&reply::http(exchange, Payload::V2, &outcome));
    });
    is_sendable(&function_url::reply(&request, &outcome));
}

const ARN: &str = "arn:aws:execute-api:us-east-1:123456789012:abc/dev/GET/pets/1";

fn decided(document: &Value) -> Option<Decision> {
    let question = Question {
        action: "execute-api:Invoke",
        resource: ARN,
        principals: &[],
        source_ip: [127, 0, 0, 1].into(),
        user_agent: None,
        referer: None,
        secure: false,
        time: 1_700_000_000,
    };
    policy::evaluate(document, &question).ok()
}

/// No policy document brings the evaluation down, none that has no Allow lets anybody in, and a Deny of everything beside
/// it shuts everybody out.
///
/// # Panics
/// One does.
pub fn policy(data: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Value>(data) else { return };
    let decision = decided(&document);
    if decision == Some(Decision::Allow) {
        assert!(String::from_utf8_lossy(data).contains("llow"), "nothing in it allows anything: {document}");
    }
    let Some(statements) = document.get("Statement") else {
        assert_eq!(decision, None, "a policy needs a Statement");
        return;
    };
    let deny = json!({"Effect": "Deny", "Action": "*", "Resource": "*"});
    let mut all = statements.as_array().cloned().unwrap_or_else(|| vec![statements.clone()]);
    all.push(deny);
    assert!(matches!(decided(&json!({"Statement": all})), None | Some(Decision::ExplicitDeny)), "{document}");
}

/// Only the very token that was signed passes: neither other bytes nor a changed one do.
///
/// # Panics
/// Another does.
pub fn token(data: &[u8]) {
    const NOW: u64 = 1_700_000_000;
    let minter = Minter::from_seed(&[9; 32]);
    let keys = minter.jwks().expect("a key pair has a document");
    let issuers = ["https://issuer".to_owned()];
    let expected = Expected { issuers: &issuers, audience: &[], scopes: &[] };
    let accepted = |token: &str| jwt::check(token, &[&keys], &expected, NOW).is_ok();
    let grant = Grant { issuer: issuers[0].clone(), scopes: Vec::new(), claims: Map::new() };
    let good = minter.token(&grant, NOW).expect("a token is made");
    assert!(accepted(&good));
    assert!(!accepted(&String::from_utf8_lossy(data)), "no token of ours");
    for (change, byte) in
        data.chunks_exact(3).map(|change| (usize::from(change[0]) << 8 | usize::from(change[1]), change[2]))
    {
        let mut bytes = good.clone().into_bytes();
        let at = change % bytes.len();
        bytes[at] = byte;
        let changed = String::from_utf8_lossy(&bytes).into_owned();
        assert!(changed == good || !accepted(&changed), "byte {at} as {byte}");
    }
}

/// What parts a template from the one file that it may name, in bytes that mean both.
const NEXT_FILE: &str = "\n%%%\n";
const TEMPLATE: &str = "/project/template.yaml";

/// The template in the bytes, as the loader makes a project of it; what it includes, nests or imports is the text behind
/// [`NEXT_FILE`].
fn loaded(data: &[u8]) -> (Option<Project>, Vec<Diagnostic>) {
    let text = String::from_utf8_lossy(data);
    let (text, other) = text.split_once(NEXT_FILE).map_or((text.as_ref(), None), |(text, other)| (text, Some(other)));
    let template = match Template::parse(Path::new(TEMPLATE), text) {
        Ok(template) => template,
        Err(diagnostics) => return (None, diagnostics),
    };
    let not_found = || std::io::Error::from(std::io::ErrorKind::NotFound);
    let around = Surroundings {
        region: "us-east-1".to_owned(),
        account: "123456789012".to_owned(),
        stack_name: "stack".to_owned(),
        overrides: BTreeMap::from([("Given".to_owned(), "given".to_owned())]),
        read: &|_| other.map(str::to_owned).ok_or_else(not_found),
        findings: Findings::default(),
    };
    let (mut project, mut diagnostics) = resolve(template, around, &Overrides::default());
    let settings = Settings::new(ProjectName("stack".to_owned()), TEMPLATE.into());
    diagnostics.extend(tailor(&mut project, &settings).err());
    diagnostics.extend(serving::apply(&mut project, &settings, &Overrides::default()));
    diagnostics.extend(containers::apply(&mut project, &settings));
    (Some(project), diagnostics)
}

/// Any text is refused, or loads: what is wrong is said with its place, every route leads to a function that is there,
/// and the project's router can be made.
///
/// # Panics
/// It does not.
pub fn template(data: &[u8]) {
    let (project, diagnostics) = loaded(data);
    for diagnostic in &diagnostics {
        let place = diagnostic.location.as_ref().unwrap_or_else(|| panic!("no place: {diagnostic}"));
        assert!(place.line > 0 && place.column > 0, "{diagnostic}");
    }
    let Some(project) = project else {
        assert!(!diagnostics.is_empty(), "a refusal says why");
        return;
    };
    for row in routes(&project) {
        assert!(row.function_id.as_ref().is_none_or(|id| project.functions.contains_key(id)), "{row:?}");
    }
    let apis: Vec<&Api> = project.precedence.iter().map(|id| &project.apis[id]).collect();
    assert_eq!(apis.len(), project.apis.len());
    drop(Router::new(&apis).find("GET", "/"));
}
