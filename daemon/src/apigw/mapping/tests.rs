#![allow(clippy::unwrap_used)]

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::apigw::testing::{api, request as sent, route};
use crate::apigw::{Caller, Context, Match};
use crate::project::api::{ApiKind, HttpProxy};

fn with<T>(kind: ApiKind, path: &str, request: &Request, run: impl Fn(&Exchange) -> T) -> T {
    let mut api = api(kind, vec![route("ANY", path)]);
    api.stage_variables.insert("host".into(), "up.example".into());
    let context = Context::new("123456789012", "us-east-1", &api);
    let path_parameters = if path == "$default" { Vec::new() } else { vec![("id".into(), "a%20b".into())] };
    let found = Match { api: 0, route: 0, path_parameters };
    let found = Some((&api.routes[0], &found));
    run(&Exchange { context: &context, api: &api, found, request, caller: Caller::NOBODY })
}

fn parameters(pairs: &[(&str, &str)]) -> Parameters {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn mapped(request: &Request, pairs: &[(&str, &str)]) -> Request {
    with(ApiKind::Http, "/pets/{id}", request, |exchange| super::request(exchange, &parameters(pairs)))
}

#[test]
fn headers_are_appended_overwritten_and_removed() {
    let request = sent("POST", "/pets/1?q=v", &[("X-A", "1"), ("x-b", "2"), ("x-c", "3")], br#"{"k":{"l":[5]}}"#);
    let mapped = mapped(
        &request,
        &[
            ("append:header.x-a", "$request.querystring.q"),
            ("overwrite:header.x-b", "static ${request.path.id} ${context.stage}"),
            ("remove:header.x-c", "''"),
            ("append:header.body", "$request.body.k.l[0]"),
            ("append:header.absent", "$request.header.nothing"),
        ],
    );
    let values = |name: &str| mapped.header_values(name).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(values("x-a"), ["1", "v"]);
    assert_eq!(values("x-b"), ["static a%20b $default"]);
    assert_eq!((values("x-c").len(), values("absent").len(), values("body")), (0, 0, vec!["5".to_owned()]));
}

#[test]
fn query_and_path_are_mapped() {
    let request = sent("GET", "/pets/1?a=1&b=2&a=3", &[], b"");
    let changed = mapped(
        &request,
        &[("overwrite:querystring.a", "x y"), ("remove:querystring.b", "''"), ("overwrite:path", "other/$request")],
    );
    assert_eq!((changed.query.as_deref(), changed.path.as_str()), (Some("a=x+y"), "/other/$request"));
    let removed = mapped(&sent("GET", "/x?a=1", &[], b""), &[("remove:querystring.a", "''")]);
    assert_eq!(removed.query, None);
}

#[test]
fn reserved_headers_stay_as_they_are() {
    for name in ["Authorization", "x-amz-date", "X-Amzn-Trace-Id", "access-control-allow-origin", "via", "Host:x"] {
        let key = format!("overwrite:header.{name}");
        assert_eq!(problems(&parameters(&[(&key, "x")])).len(), 1, "{name}");
        let request = sent("GET", "/", &[("Authorization", "mine")], b"");
        assert_eq!(mapped(&request, &[(&key, "x")]).header("authorization"), Some("mine"));
    }
    assert_eq!(problems(&parameters(&[("append:header.a", "$nothing.x"), ("add:header.b", "x")])).len(), 2);
    assert!(problems(&parameters(&[("append:header.a", "$request.header.b"), ("overwrite:path", "/x")])).is_empty());
}

#[test]
fn a_reply_is_mapped_by_its_status() {
    let by_status = BTreeMap::from([(
        "404".to_owned(),
        parameters(&[
            ("overwrite:statuscode", "200"),
            ("append:header.was", "$response.body.error"),
            ("append:header.type", "$response.header.content-type"),
            ("remove:header.x-secret", "''"),
            ("append:header.bad", "a\r\nb"),
        ]),
    )]);
    let headers = vec![("Content-Type".to_owned(), "json".to_owned()), ("X-Secret".to_owned(), "s".to_owned())];
    let reply = |status| Reply { status, headers: headers.clone(), body: Bytes::from_static(b"{\"error\":\"gone\"}") };
    let request = sent("GET", "/", &[], b"");
    with(ApiKind::Http, "/pets/{id}", &request, |exchange| {
        let mapped = super::reply(exchange, &by_status, reply(404));
        assert_eq!((mapped.status, mapped.header("was"), mapped.header("type")), (200, Some("gone"), Some("json")));
        assert_eq!((mapped.header("x-secret"), mapped.header("bad")), (None, None));
        assert_eq!(super::reply(exchange, &by_status, reply(200)), reply(200));
    });
}

fn proxy(uri: &str, pairs: &[(&str, &str)]) -> HttpProxy {
    HttpProxy {
        uri: uri.into(),
        method: "ANY".into(),
        timeout: Duration::from_secs(29),
        request_parameters: parameters(pairs),
        response_parameters: BTreeMap::new(),
        streaming: false,
    }
}

#[test]
fn an_upstream_uri_is_filled_in() {
    let request = sent("PUT", "/pets/a%20b?q=1", &[("Host", "me"), ("X-A", "1"), ("Connection", "close")], b"x");
    let asked = with(ApiKind::Http, "/pets/{id}", &request, |exchange| {
        upstream(exchange, &proxy("https://${stageVariables.host}/v1/{id}?k=v", &[]))
    });
    assert_eq!((asked.method.as_str(), asked.uri.as_str()), ("PUT", "https://up.example/v1/a%20b?k=v&q=1"));
    let names: Vec<&str> = asked.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["X-A", "X-Amzn-Trace-Id", "Forwarded", "Via"]);
    assert_eq!(asked.headers[2].1, b"for=1.2.3.4;host=me;proto=https");
    let whole = with(ApiKind::Http, "$default", &request, |exchange| upstream(exchange, &proxy("https://up/", &[])));
    assert_eq!(whole.uri, "https://up/pets/a%20b?q=1");
    let path = [("overwrite:path", "/v2${request.path} x")];
    let other =
        |uri: &str| with(ApiKind::Http, "/pets/{id}", &request, |exchange| upstream(exchange, &proxy(uri, &path)).uri);
    assert_eq!(other("https://up:81/v1/{id}?k=v"), "https://up:81/v2/pets/a%20b%20x?k=v&q=1");
    assert_eq!(other("https://up"), "https://up/v2/pets/a%20b%20x?q=1");
}

#[test]
fn rest_maps_paths_and_headers_upstream() {
    let signature = ("Authorization", "AWS4-HMAC-SHA256 Credential=x");
    let request = sent("GET", "/pets/a%20b?q=x%2Fy", &[("X-In", "in"), signature, ("TE", "x")], b"");
    let asked = with(ApiKind::Rest, "/pets/{id}", &request, |exchange| {
        let pairs = [
            ("integration.request.path.other", "method.request.querystring.q"),
            ("integration.request.header.X-Out", "method.request.header.X-In"),
            ("integration.request.header.X-Static", "'text'"),
        ];
        upstream(exchange, &proxy("http://up/{id}/{other}", &pairs))
    });
    assert_eq!(asked.uri, "http://up/a%20b/x/y?q=x%2Fy");
    assert!(asked.headers.contains(&("X-Out".to_owned(), b"in".to_vec())));
    assert!(asked.headers.contains(&("X-Static".to_owned(), b"text".to_vec())));
    assert!(asked.headers.contains(&("X-Forwarded-For".to_owned(), b"1.2.3.4".to_vec())));
    assert!(!asked.headers.iter().any(|(name, _)| name == "Authorization" || name == "TE"));
}

#[test]
fn rest_appends_its_query_and_keeps_codings_to_itself() {
    let headers = [("Content-Encoding", "gzip"), ("Via", "1.1 x"), ("X-In", "in")];
    let request = sent("POST", "/pets/1?testVar=bar", &headers, b"");
    let pairs = [
        ("integration.request.querystring.testVar", "'a b'"),
        ("integration.request.querystring.none", "method.request.header.nothing"),
    ];
    let asked =
        with(ApiKind::Rest, "/pets/{id}", &request, |exchange| upstream(exchange, &proxy("http://up?k=v", &pairs)));
    assert_eq!(asked.uri, "http://up?k=v&testVar=bar&testVar=a+b");
    let value =
        |name: &str| asked.headers.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    assert_eq!((value("content-encoding"), value("via")), (None, None));
    assert_eq!((value("accept"), value("x-in")), (Some(&b"application/json".to_vec()), Some(&b"in".to_vec())));
}

#[test]
fn headers_that_no_integration_may_be_sent_refuse_the_call() {
    let request = sent("GET", "/pets/1", &[("X-In", "in")], b"");
    let refuses = |kind: ApiKind, name: &str, value: &str, lambda: bool| {
        let pairs = parameters(&[(&format!("integration.request.header.{name}"), value)]);
        with(kind, "/pets/{id}", &request, |exchange| maps_forbidden(exchange, &pairs, lambda))
    };
    for name in ["Content-Length", "transfer-encoding", "X-Amzn-Trace-Id", "x-amzn-apigateway-api-id"] {
        assert!(refuses(ApiKind::Rest, name, "'x'", false) && refuses(ApiKind::Rest, name, "'x'", true), "{name}");
        assert!(!refuses(ApiKind::Rest, name, "method.request.header.nothing", false), "{name} without a value");
        assert!(!refuses(ApiKind::Http, name, "'x'", false), "{name}");
    }
    for name in ["authorization", "Connection", "Expect", "Proxy-Authenticate", "TE"] {
        assert!(refuses(ApiKind::Rest, name, "method.request.header.X-In", true), "{name}");
        assert!(!refuses(ApiKind::Rest, name, "'x'", false), "{name} may go to an HTTP server");
    }
}

#[test]
fn an_upstreams_own_ids_come_back_under_another_name() {
    let request = sent("GET", "/", &[], b"");
    let lines = ["Server", "Date", "x-amzn-RequestId", "Transfer-Encoding", "Content-Encoding", "Via", "X-A"];
    let answer = Reply {
        status: 418,
        headers: lines.iter().map(|name| ((*name).to_owned(), "v".to_owned())).collect(),
        body: Bytes::from_static(b"tea"),
    };
    let rest = with(ApiKind::Rest, "/pets/{id}", &request, |exchange| passed_back(exchange, answer.clone()));
    assert_eq!((rest.status, rest.header("x-amzn-remapped-server"), rest.header("x-a")), (418, Some("v"), Some("v")));
    assert_eq!(rest.header("x-amzn-remapped-x-amzn-requestid"), Some("v"));
    assert_eq!(rest.header("x-amzn-RequestId"), Some(request.request_id.as_str()));
    assert_eq!((rest.header("transfer-encoding"), rest.header("x-amzn-trace-id")), (None, None));
    assert_eq!((rest.header("content-encoding"), rest.header("via")), (None, None), "A5.11");
    let http = with(ApiKind::Http, "/pets/{id}", &request, |exchange| passed_back(exchange, answer.clone()));
    assert_eq!((http.header("content-encoding"), http.header("via")), (Some("v"), Some("v")));
    assert_eq!((http.header("server"), http.header("x-a")), (None, Some("v")));
}

#[test]
fn a_rest_apis_own_expressions_are_no_problem() {
    let fine = [
        ("integration.request.path.proxy", "method.request.path.proxy"),
        ("integration.request.header.X-A", "'static'"),
        ("integration.request.header.X-B", "context.authorizer.principalId"),
        ("integration.request.querystring.q", "stageVariables.q"),
        ("integration.request.header.X-C", "method.request.multivalueheader.X"),
    ];
    assert_eq!(rest_problems(&parameters(&fine)), Vec::<String>::new());
    let wrong = [("overwrite:header.x", "'y'"), ("integration.request.header.X", "unquoted")];
    assert_eq!(
        rest_problems(&parameters(&wrong)),
        [
            "overwrite:header.x is no parameter that can be mapped",
            "integration.request.header.X: unquoted is no value that can be mapped"
        ]
    );
}
