#![allow(clippy::unwrap_used)]

use super::*;
use crate::apigw::testing::{api, route};
use crate::project::api::Api;

fn http(routes: &[(&str, &str)]) -> Api {
    api(ApiKind::Http, routes.iter().map(|(method, path)| route(method, path)).collect())
}

fn rest(routes: &[(&str, &str)]) -> Api {
    api(ApiKind::Rest, routes.iter().map(|(method, path)| route(method, path)).collect())
}

fn taken(api: &Api, method: &str, path: &str) -> Option<String> {
    let found = Router::alone(api).find(method, path)?;
    let route = &api.routes[found.route];
    Some(format!("{} {}", route.method.as_str(), route.path.as_str()))
}

fn parameters(api: &Api, path: &str) -> Vec<(String, String)> {
    Router::alone(api).find("GET", path).unwrap().path_parameters
}

#[test]
fn a_static_segment_goes_before_a_parameter_before_a_greedy_one() {
    let api = rest(&[("GET", "/{proxy+}"), ("GET", "/pets/{id}"), ("GET", "/pets/dog")]);
    assert_eq!(taken(&api, "GET", "/pets/dog").unwrap(), "GET /pets/dog");
    assert_eq!(taken(&api, "GET", "/pets/cat").unwrap(), "GET /pets/{id}");
    assert_eq!(taken(&api, "GET", "/pets/cat/1").unwrap(), "GET /{proxy+}");
}

#[test]
fn a_dead_end_falls_back_to_a_greedy_ancestor() {
    let api = rest(&[("GET", "/part1"), ("GET", "/part1/hardcoded-value"), ("GET", "/{param+}")]);
    assert_eq!(taken(&api, "GET", "/part1/random-value").unwrap(), "GET /{param+}");
}

#[test]
fn the_method_is_part_of_matching() {
    let api = rest(&[("POST", "/test"), ("OPTIONS", "/{proxy+}"), ("ANY", "/test/any")]);
    assert_eq!(taken(&api, "OPTIONS", "/test").unwrap(), "OPTIONS /{proxy+}");
    assert_eq!(taken(&api, "OPTIONS", "/test/any").unwrap(), "ANY /test/any");
    assert_eq!(taken(&api, "GET", "/test"), None);
}

#[test]
fn a_named_method_goes_before_any_and_head_is_not_get() {
    let api = rest(&[("ANY", "/a"), ("GET", "/a"), ("GET", "/b")]);
    assert_eq!(taken(&api, "GET", "/a").unwrap(), "GET /a");
    assert_eq!(taken(&api, "HEAD", "/a").unwrap(), "ANY /a");
    assert_eq!(taken(&api, "HEAD", "/b"), None);
}

#[test]
fn a_greedy_parameter_needs_a_segment() {
    for api in [rest(&[("ANY", "/{proxy+}"), ("ANY", "/a/{proxy+}")]), http(&[("ANY", "/a/{proxy+}")])] {
        assert_eq!(taken(&api, "GET", "/"), None);
    }
    let api = http(&[("GET", "/a/{proxy+}")]);
    assert_eq!(taken(&api, "GET", "/a"), None);
    assert_eq!(taken(&api, "GET", "/a/"), None);
    assert_eq!(taken(&api, "GET", "/a//"), None);
}

#[test]
fn rest_keeps_double_slashes_in_a_greedy_value_and_drops_the_trailing_one() {
    let api = rest(&[("GET", "/{proxy+}")]);
    assert_eq!(parameters(&api, "/proxy-value//double-slash"), [("proxy".into(), "proxy-value//double-slash".into())]);
    assert_eq!(parameters(&api, "/proxy-value/"), [("proxy".into(), "proxy-value".into())]);
    assert_eq!(parameters(&api, "//proxy-value"), [("proxy".into(), "proxy-value".into())]);
}

#[test]
fn a_parameter_is_never_empty() {
    let api = rest(&[("GET", "/a/{id}/b")]);
    assert_eq!(taken(&api, "GET", "/a//b"), None);
}

#[test]
fn a_trailing_slash_counts_on_an_http_api_alone_and_not_on_the_common_port() {
    let api = http(&[("GET", "/pets")]);
    assert_eq!(Router::alone(&api).find("GET", "/pets/"), None);
    assert!(Router::new(&[&api]).find("GET", "/pets/").is_some());
    let api = http(&[("GET", "/pets"), ("GET", "/pets/")]);
    assert_eq!(Router::new(&[&api]).find("GET", "/pets/").unwrap().route, 1);
    assert_eq!(Router::new(&[&api]).find("GET", "/pets").unwrap().route, 0);
}

#[test]
fn http_prefers_any_full_match_to_a_greedy_one() {
    let routes = [("GET", "/a/{proxy+}"), ("GET", "/{x}/b")];
    assert_eq!(taken(&http(&routes), "GET", "/a/b").unwrap(), "GET /{x}/b");
    assert_eq!(taken(&rest(&routes), "GET", "/a/b").unwrap(), "GET /a/{proxy+}");
}

#[test]
fn the_documented_http_table_holds() {
    let api = http(&[
        ("GET", "/pets/dog/1"),
        ("GET", "/pets/dog/{id}"),
        ("GET", "/pets/{proxy+}"),
        ("ANY", "/{proxy+}"),
        ("ANY", "$default"),
    ]);
    assert_eq!(taken(&api, "GET", "/pets/dog/1").unwrap(), "GET /pets/dog/1");
    assert_eq!(taken(&api, "GET", "/pets/dog/2").unwrap(), "GET /pets/dog/{id}");
    assert_eq!(taken(&api, "GET", "/pets/cat/1").unwrap(), "GET /pets/{proxy+}");
    assert_eq!(taken(&api, "POST", "/test/5").unwrap(), "ANY /{proxy+}");
    assert_eq!(taken(&api, "GET", "/").unwrap(), "ANY $default");
}

#[test]
fn an_escaped_slash_stays_inside_its_segment() {
    let api = rest(&[("GET", "/files/{name}"), ("GET", "/caf\u{e9}")]);
    assert_eq!(parameters(&api, "/files/a%2Fb"), [("name".into(), "a%2Fb".into())]);
    assert_eq!(taken(&api, "GET", "/caf%C3%A9").unwrap(), "GET /caf\u{e9}");
    assert_eq!(taken(&api, "GET", "/%ff"), None);
}

#[test]
fn the_most_specific_route_of_all_apis_wins_and_ties_go_to_the_earlier() {
    let one = rest(&[("ANY", "/{proxy+}"), ("GET", "/same")]);
    let two = http(&[("GET", "/users/{id}"), ("GET", "/same"), ("ANY", "$default")]);
    let router = Router::new(&[&one, &two]);
    assert_eq!(router.find("GET", "/users/1").unwrap().api, 1);
    assert_eq!(router.find("GET", "/same").unwrap().api, 0);
    assert_eq!(router.find("GET", "/other").unwrap().api, 0);
    assert_eq!(router.find("GET", "/").unwrap().api, 1);
    let clash = Clash { method: "GET".into(), path: "/same".into(), winner: 0, loser: 1 };
    assert_eq!(router.clashes(), [clash]);
}
