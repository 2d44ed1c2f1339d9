//! A golden case of API Gateway's rules: from its JSON to the values that the rules take, and back from what they say.
//!
//! `ask` names what is looked at: `route`, `event`, `reply`, `authorizer_event`, `url_event`, `url_reply`, `url_rate`,
//! `gateway_responses`, `findings`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use samd::apigw::gateway_response::ResponseType;
use samd::apigw::{
    AuthorizerContext, Caller, Context, Exchange, Match, Reply, Request, Router, authorizer, caller, cors, edge,
    event_v1, event_v2, function_url, gateway_response, limits, mock, policy, rate, reply, sigv4, usage_plan,
    validation,
};
use samd::lambda::{Failure, Outcome};
use samd::project::FunctionId;
use samd::project::api::{
    Api, ApiId, ApiKey, ApiKeySource, ApiKind, Authorization, Authorizer, Cors, GatewayResponse, Integration,
    LambdaAuthorizer, LambdaAuthorizerKind, LambdaProxy, Method, Mock, MockResponse, Payload, Route, RoutePath,
    UsagePlan, Validation,
};
use samd::project::issuers::PinnedKeys;
use serde_json::{Value, json};

/// What the rules say to a case.
#[must_use]
pub fn answer(case: &Value) -> Value {
    let api = api(&case["api"]);
    let request = request(&case["request"]);
    let router = if case["alone"] == true { Router::alone(&api) } else { Router::new(&[&api]) };
    let found = router.find(&request.method, &request.path);
    let context = Context::new("111111111111", "us-east-1", &api);
    let context = case["base_path"].as_str().map_or(context.clone(), |base| context.under(base));
    let caller = caller(&case["caller"]);
    let route = found.as_ref().map(|found| (&api.routes[found.route], found));
    let exchange = Exchange { context: &context, api: &api, found: route, request: &request, caller: &caller };
    match text(&case["ask"], "reply").as_str() {
        "route" => routed(&api, found.as_ref()),
        "event" => event(&exchange),
        "reply" => replied(&passed(&exchange, case)),
        "authorizer_event" => authorizer_event(&exchange),
        "url_event" => {
            let url = function_url::UrlContext::new("111111111111", &FunctionId("Fn".into()));
            parsed(&function_url::event(&url, &request, &caller))
        }
        "url_reply" => replied(&url_reply(&request, case)),
        "url_rate" => url_rate(&request, case),
        "gateway_responses" => gateway_responses(&exchange),
        "findings" => json!(limits::findings(&api)),
        other => panic!("no such question: {other}"),
    }
}

/// The order of steps that a request takes through the rules, with the function's part given by the case.
fn passed(exchange: &Exchange, case: &Value) -> Reply {
    if let Some(refused) = reply::refused_at_once(exchange) {
        return refused;
    }
    if let Some(preflight) = cors::preflight(exchange) {
        return preflight;
    }
    edge::seen(exchange, cors::decorated_for(exchange, integrated(exchange, case)))
}

fn integrated(exchange: &Exchange, case: &Value) -> Reply {
    let Some((route, _)) = exchange.found else { return reply::no_route(exchange) };
    if let Some(refused) = policy::check_resource_policy(exchange) {
        return refused;
    }
    let caller = match authorized(exchange, route, case) {
        Ok(authorizer) => Caller { authorizer, ..exchange.caller.clone() },
        Err(refused) => return refused.reply,
    };
    let exchange = &Exchange { caller: &caller, ..*exchange };
    match usage_plan::key(exchange) {
        Err(refused) => return gateway_response::reply(exchange, refused),
        Ok(_) if case["exceeded"] == "throttle" => return gateway_response::reply(exchange, ResponseType::Throttled),
        Ok(_) if case["exceeded"] == "quota" => return gateway_response::reply(exchange, ResponseType::QuotaExceeded),
        Ok(_) => {}
    }
    if let Err(refused) = validation::check(exchange, &validation::Models::new(&exchange.api.models)) {
        return gateway_response::reply(exchange, refused);
    }
    if let Some(refused) = reply::refused_before_invocation(exchange, &route.integration) {
        return refused;
    }
    match (&route.integration, case["function"].as_str()) {
        (Integration::Mock(mock), _) => mock::reply(exchange, mock),
        (_, Some("takes too long")) => reply::timeout(exchange),
        (Integration::Lambda(lambda), _) => reply::of(exchange, lambda.payload, &outcome(&case["function"])),
        (other, _) => panic!("no case for {other:?}"),
    }
}

fn authorized(
    exchange: &Exchange,
    route: &Route,
    case: &Value,
) -> Result<Option<AuthorizerContext>, authorizer::Refused> {
    let name = match &route.authorization {
        Authorization::Authorizer { name, .. } => name,
        Authorization::Iam => return sigv4::authorize(exchange, &credentials(&case["credentials"])).map(Some),
        Authorization::None => return Ok(exchange.caller.authorizer.clone()),
    };
    match exchange.api.authorizers.get(name) {
        Some(Authorizer::Lambda(lambda)) => {
            authorizer::identify(exchange, lambda)?;
            let verdict = authorizer::read(exchange, lambda, &outcome(&case["authorizer"]), 5)?;
            authorizer::evaluate(exchange, &verdict).map(Some)
        }
        _ => Err(authorizer::unevaluable(exchange, "the case has no such authorizer")),
    }
}

/// Key pairs that signatures are verified with, by access key id.
fn credentials(case: &Value) -> Vec<sigv4::Credentials> {
    let pair = |(access_key, secret): (String, Value)| sigv4::Credentials {
        secret_access_key: text(&secret, ""),
        session_token: None,
        identity: caller::IamIdentity { access_key, ..caller::IamIdentity::default() },
    };
    entries(case).map(pair).collect()
}

fn url_reply(request: &Request, case: &Value) -> Reply {
    let cors = case.get("cors").map(cors_of);
    if let Some(preflight) = cors.as_ref().and_then(|cors| cors::url_preflight(cors, request)) {
        return preflight;
    }
    let reply = match case["function"].as_str() {
        Some("is forbidden") => function_url::forbidden(request),
        _ => function_url::reply(request, &outcome(&case["function"])),
    };
    cors.as_ref().map_or(reply.clone(), |cors| cors::decorated(cors, request, reply))
}

/// Requests at `at_ms`, one after the other, to a URL whose function reserves so much concurrency.
fn url_rate(request: &Request, case: &Value) -> Value {
    let reserved = case["reserved"].as_u64().and_then(|reserved| u32::try_from(reserved).ok());
    let mut bucket = None;
    let replies = list(&case["at_ms"]).iter().map(|at| {
        let admitted = rate::url_admits(&mut bucket, reserved, at.as_u64().expect("a time"));
        let outcome = if admitted { outcome(&case["function"]) } else { function_url::TOO_FAST };
        let reply = replied(&function_url::reply(request, &outcome));
        json!([at, reply["status"], reply["body"]])
    });
    replies.collect()
}

/// What each type is without any customisation.
fn gateway_responses(exchange: &Exchange) -> Value {
    let replies =
        ResponseType::ALL.iter().map(|kind| (kind.name(), replied(&gateway_response::reply(exchange, *kind))));
    replies.map(|(name, reply)| (name.to_owned(), reply)).collect::<serde_json::Map<_, _>>().into()
}

fn routed(api: &Api, found: Option<&Match>) -> Value {
    let Some(found) = found else { return Value::Null };
    let route = &api.routes[found.route];
    let parameters: BTreeMap<_, _> = found.path_parameters.iter().cloned().collect();
    json!({"route": format!("{} {}", route.method.as_str(), route.path.as_str()), "parameters": parameters})
}

fn event(exchange: &Exchange) -> Value {
    let (route, _) = exchange.found.expect("a route takes the request");
    match &route.integration {
        Integration::Lambda(LambdaProxy { payload: Payload::V2, .. }) if exchange.api.kind == ApiKind::Http => {
            parsed(&event_v2::event(exchange))
        }
        _ => parsed(&event_v1::event(exchange)),
    }
}

fn authorizer_event(exchange: &Exchange) -> Value {
    let (route, _) = exchange.found.expect("a route takes the request");
    let Authorization::Authorizer { name, .. } = &route.authorization else { panic!("no authorizer") };
    let Some(Authorizer::Lambda(lambda)) = exchange.api.authorizers.get(name) else { panic!("no Lambda authorizer") };
    let identity = authorizer::identify(exchange, lambda).expect("an identity");
    parsed(&authorizer::event(exchange, lambda, &identity))
}

fn replied(reply: &Reply) -> Value {
    let headers: Vec<Value> = reply.headers.iter().map(|(name, value)| json!([name, value])).collect();
    let body = match std::str::from_utf8(&reply.body) {
        Ok(text) => json!(text),
        Err(_) => json!({"base64": STANDARD.encode(&reply.body)}),
    };
    json!({"status": reply.status, "headers": headers, "body": body})
}

fn parsed(json: &[u8]) -> Value {
    serde_json::from_slice(json).expect("an event is JSON")
}

/// `{"returns": <JSON>}`, `{"returns_text": "…"}`, `{"fails": <JSON>}`, `{"throttled": …}`, `{"unavailable": "why"}`.
fn outcome(function: &Value) -> Outcome {
    if let Some(text) = function["returns_text"].as_str() {
        return Outcome::Returned(Bytes::copy_from_slice(text.as_bytes()));
    }
    if let Some(value) = function.get("returns") {
        return Outcome::Returned(Bytes::from(value.to_string()));
    }
    if let Some(reason) = function["unavailable"].as_str() {
        return Outcome::Unavailable { reason: reason.to_owned() };
    }
    if function.get("throttled").is_some() {
        return Outcome::Throttled { reason: "ReservedFunctionConcurrentInvocationLimitExceeded" };
    }
    let payload = Bytes::from(function.get("fails").expect("what the function does").to_string());
    Outcome::Failed(Failure { error_type: "Error".into(), payload, timed_out: function["timed_out"] == true })
}

fn request(case: &Value) -> Request {
    let target = text(&case["path"], "/");
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (target, None),
    };
    let header = |pair: &Value| (text(&pair[0], ""), text(&pair[1], "").into_bytes());
    let body = match &case["body"] {
        body @ Value::Object(_) => STANDARD.decode(text(&body["base64"], "")).expect("base64"),
        body => text(body, "").into_bytes(),
    };
    Request {
        method: text(&case["method"], "GET"),
        path,
        received_path: None,
        query,
        headers: list(&case["headers"]).iter().map(header).collect(),
        source_ip: text(&case["source_ip"], "1.2.3.4").parse::<IpAddr>().expect("an address"),
        port: 443,
        scheme: "https",
        body: Bytes::from(body),
        time_ms: case["time_ms"].as_u64().unwrap_or(1_722_641_683_000),
        request_id: "8c1b7d7e-0c3f-4d6a-9f0e-1f6f6a6e6b11".into(),
        extended_request_id: "b-LhWEk8oAMEtlA=".into(),
        trace_id: text(&case["trace_id"], "Root=1-66ad6b13-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=0"),
    }
}

fn caller(case: &Value) -> Caller {
    let key =
        case.get("api_key").map(|key| caller::UsedKey { id: text(&key["id"], ""), value: text(&key["value"], "") });
    let authorizer = match (case.get("lambda"), case.get("claims"), case.get("iam")) {
        (Some(lambda), ..) => Some(AuthorizerContext::Lambda(caller::LambdaContext {
            principal_id: lambda["principalId"].as_str().map(str::to_owned),
            context: lambda["context"].as_object().cloned().unwrap_or_default(),
            integration_latency: 5,
            usage_identifier_key: None,
        })),
        (_, Some(claims), _) => Some(AuthorizerContext::Claims {
            claims: claims.as_object().cloned().unwrap_or_default(),
            scopes: case["scopes"].as_array().map(|scopes| scopes.iter().map(|scope| text(scope, "")).collect()),
        }),
        (.., Some(iam)) => Some(AuthorizerContext::Iam(caller::IamIdentity {
            access_key: text(&iam["accessKey"], ""),
            account_id: "111111111111".into(),
            caller_id: "AIDAEXAMPLE".into(),
            user_arn: "arn:aws:iam::111111111111:user/me".into(),
            user_id: "AIDAEXAMPLE".into(),
        })),
        _ => None,
    };
    Caller { authorizer, api_key: key }
}

fn api(case: &Value) -> Api {
    let kind = if case["kind"] == "http" { ApiKind::Http } else { ApiKind::Rest };
    let default_routes = json!(["ANY /{proxy+}", "ANY /"]);
    let routes = case.get("routes").unwrap_or(&default_routes);
    Api {
        id: ApiId("Api".into()),
        kind,
        stage: text(&case["stage"], if kind == ApiKind::Rest { "stage" } else { "$default" }),
        stage_variables: texts(&case["stage_variables"]),
        routes: list(routes).iter().map(|case| route(case, kind)).collect(),
        authorizers: entries(&case["authorizers"]).map(|(name, case)| (name, authorizer_of(&case))).collect(),
        binary_media_types: list(&case["binary_media_types"]).iter().map(|one| text(one, "")).collect(),
        cors: case.get("cors").map(cors_of),
        gateway_responses: entries(&case["gateway_responses"])
            .map(|(name, case)| (name, own_response(&case)))
            .collect(),
        models: entries(&case["models"]).collect(),
        api_key_source: if case["key_source"] == "AUTHORIZER" {
            ApiKeySource::Authorizer
        } else {
            ApiKeySource::Header
        },
        usage_plans: list(&case["plans"]).iter().map(plan).collect(),
        policy: case.get("policy").cloned(),
        minimum_compression_size: None,
        domains: Vec::new(),
        default_endpoint_disabled: false,
        edge: case["edge"] == true,
        slash_default: false,
    }
}

/// `"GET /pets"`, or an object with `route` and what differs from the default.
fn route(case: &Value, kind: ApiKind) -> Route {
    let key = text(case.get("route").unwrap_or(case), "ANY /");
    let (method, path) = key.split_once(' ').unwrap_or(("ANY", &key));
    let path = if path == "$default" { RoutePath::Default } else { RoutePath::Template(path.into()) };
    let payload = if case["payload"] == "1.0" || kind == ApiKind::Rest { Payload::V1 } else { Payload::V2 };
    let lambda = || {
        Integration::Lambda(LambdaProxy {
            function: (case["function"] != "missing").then(|| FunctionId("Fn".into())),
            uri: "Fn".into(),
            payload,
            timeout: Duration::from_secs(29),
            streaming: false,
            request_parameters: texts(&case["parameters"]),
            response_parameters: BTreeMap::new(),
            http_method: text(&case["http_method"], "POST"),
        })
    };
    let unsupported =
        |reason: &Value| Integration::Unsupported { kind: "aws".into(), function: None, reason: text(reason, "") };
    Route {
        method: Method::parse(method),
        path,
        integration: match (case.get("mock"), case.get("unsupported")) {
            (Some(mock), _) => Integration::Mock(mock_of(mock)),
            (_, Some(reason)) => unsupported(reason),
            _ => lambda(),
        },
        authorization: match case["authorizer"].as_str() {
            Some("AWS_IAM") => Authorization::Iam,
            Some(name) => Authorization::Authorizer { name: name.into(), scopes: many(&case["scopes"]) },
            None => Authorization::None,
        },
        api_key_required: case["key"] == true,
        operation_name: case["operation_name"].as_str().map(str::to_owned),
        validation: Validation {
            body: case["validate_body"] == true,
            parameters: case["validate_parameters"] == true,
            required: list(&case["required"]).iter().map(|one| text(one, "")).collect(),
            models: texts(&case["models"]),
        },
    }
}

fn mock_of(case: &Value) -> Mock {
    let response = |(pattern, case): (String, Value)| {
        let status = case["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
        (pattern, MockResponse { status, parameters: texts(&case["parameters"]), templates: texts(&case["templates"]) })
    };
    Mock {
        request_templates: texts(&case["request_templates"]),
        responses: entries(&case["responses"]).map(response).collect(),
        passthrough_behavior: case["passthrough"].as_str().map(str::to_owned),
    }
}

fn authorizer_of(case: &Value) -> Authorizer {
    match case["kind"].as_str() {
        Some("jwt") => Authorizer::Jwt {
            issuer: text(&case["issuer"], "https://issuer"),
            audience: many(&case["audience"]),
            identity_source: "$request.header.Authorization".into(),
            pinned: PinnedKeys::new(),
        },
        _ => lambda_authorizer(case),
    }
}

fn lambda_authorizer(case: &Value) -> Authorizer {
    let kind = match case["kind"].as_str() {
        Some("token") => LambdaAuthorizerKind::Token,
        Some("request") => LambdaAuthorizerKind::Request,
        Some("http 1.0") => LambdaAuthorizerKind::HttpV1,
        Some("http 2.0") => LambdaAuthorizerKind::HttpV2 { simple: false },
        Some("http simple") => LambdaAuthorizerKind::HttpV2 { simple: true },
        other => panic!("no such authorizer: {other:?}"),
    };
    Authorizer::Lambda(LambdaAuthorizer {
        function: Some(FunctionId("Auth".into())),
        uri: "Auth".into(),
        kind,
        identity_sources: list(&case["sources"]).iter().map(|one| text(one, "")).collect(),
        validation_expression: case["expression"].as_str().map(str::to_owned),
        ttl: Duration::from_secs(case["ttl"].as_u64().unwrap_or(300)),
    })
}

fn own_response(case: &Value) -> GatewayResponse {
    GatewayResponse {
        status: case["status"].as_u64().and_then(|status| u16::try_from(status).ok()),
        headers: texts(&case["headers"]),
        templates: texts(&case["templates"]),
    }
}

fn plan(case: &Value) -> UsagePlan {
    let key = |case: &Value| ApiKey {
        id: text(&case["id"], "key"),
        value: text(&case["value"], ""),
        enabled: case["enabled"] != false,
    };
    let keys = list(&case["keys"]).iter().map(key).collect();
    UsagePlan { id: "Plan".into(), keys, throttle: None, quota: None }
}

fn cors_of(case: &Value) -> Cors {
    let texts = |name: &str| list(&case[name]).iter().map(|one| text(one, "")).collect();
    Cors {
        allow_origins: texts("origins"),
        allow_methods: texts("methods"),
        allow_headers: texts("headers"),
        expose_headers: texts("expose"),
        allow_credentials: case["credentials"] == true,
        max_age: case["max_age"].as_i64(),
    }
}

fn text(value: &Value, default: &str) -> String {
    value.as_str().unwrap_or(default).to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A list of texts; `{"of": "text", "count": 51}` is a long one.
fn many(value: &Value) -> Vec<String> {
    match value["count"].as_u64() {
        Some(count) => (0..count).map(|_| text(&value["of"], "")).collect(),
        None => list(value).iter().map(|one| text(one, "")).collect(),
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (String, Value)> {
    value.as_object().cloned().unwrap_or_default().into_iter()
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    entries(value).map(|(name, value)| (name, text(&value, ""))).collect()
}
