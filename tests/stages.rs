//! AWS's own host name of an API, where the stage stands before the path, and the limits that hold on every host.

use samd_tests::daemon::{Daemon, Project, Reply, Served, eventually};
use serde_json::json;

const TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 20, MemorySize: 256, Runtime: python3.11, CodeUri: src/, Handler: app.handler}}
Resources:
  Rest: {Type: AWS::Serverless::Api, Properties: {StageName: dev, BinaryMediaTypes: [image/png], CanarySetting: {PercentTraffic: 9}}}
  Web: {Type: AWS::Serverless::HttpApi}
  Named: {Type: AWS::Serverless::HttpApi, Properties: {StageName: beta}}
  Pinged: {Type: AWS::Serverless::HttpApi, Properties: {Domain: {DomainName: ping.example.com, CertificateArn: arn}}}
  Spaced: {Type: AWS::Serverless::Api, Properties: {StageName: 'v1.0'}}
  ClosedRest: {Type: AWS::Serverless::Api, Properties: {StageName: dev, DisableExecuteApiEndpoint: true}}
  ClosedWeb: {Type: AWS::Serverless::HttpApi, Properties: {DisableExecuteApiEndpoint: true}}
  Guarded:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        Authorizers:
          Users:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {issuer: 'https://users.invalid', audience: [shop]}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Rest: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: '/{proxy+}', Method: any}}
        Root: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: /, Method: get}}
        Web: {Type: HttpApi, Properties: {ApiId: !Ref Web, Path: '/{proxy+}', Method: any}}
        Named: {Type: HttpApi, Properties: {ApiId: !Ref Named, Path: '/{proxy+}', Method: any}}
        Ping: {Type: HttpApi, Properties: {ApiId: !Ref Pinged, Path: /ping, Method: get}}
        Spaced: {Type: Api, Properties: {RestApiId: !Ref Spaced, Path: /spaced, Method: get}}
        ClosedRest: {Type: Api, Properties: {RestApiId: !Ref ClosedRest, Path: /closed-rest, Method: get}}
        ClosedWeb: {Type: HttpApi, Properties: {ApiId: !Ref ClosedWeb, Path: /closed-web, Method: get}}
        Guarded: {Type: HttpApi, Properties: {ApiId: !Ref Guarded, Auth: {Authorizer: Users}}}
";

const ECHO: &str = "
import json
def handler(event, context):
    seen = {'raw': event.get('rawPath'), 'path': event.get('path'), 'stage': event['requestContext']['stage'],
            'context': event['requestContext'].get('path'), 'length': len(event.get('body') or '')}
    return {'statusCode': 200, 'body': json.dumps(seen)}
";

fn serve() -> (Daemon, Project, Served) {
    let daemon = Daemon::start();
    let project = Project::of(&[("template.yaml", TEMPLATE), ("src/app.py", ECHO)]);
    let served = daemon.serve(&project, "stages");
    (daemon, project, served)
}

fn at(served: &Served, host: &str, path: &str) -> Reply {
    served.ask("GET", path, &[("Host", &format!("{host}:{}", served.address.port()))], b"")
}

#[test]
fn the_execute_api_host_has_the_stage_before_the_path() {
    let (_daemon, _project, served) = serve();
    let rest = |path: &str| {
        let seen = at(&served, "Rest.execute-api.localhost", path).json();
        (seen["path"].as_str().unwrap().to_owned(), seen["context"].as_str().unwrap().to_owned())
    };
    assert_eq!(rest("/dev/a/b"), ("/a/b".to_owned(), "/dev/a/b".to_owned()));
    assert_eq!(rest("//dev/a"), ("/a".to_owned(), "/dev/a".to_owned()), "slashes before the stage do not matter");
    assert_eq!(rest("/dev//a"), ("/a".to_owned(), "/dev//a".to_owned()), "those behind it stay where they stayed");
    assert_eq!(rest("/dev").0, "/");
    let named = at(&served, "named.execute-api.localhost", "/beta/a%20b").json();
    assert_eq!((&named["raw"], &named["stage"]), (&json!("/beta/a b"), &json!("beta")));
    let default = at(&served, "Web.execute-api.localhost", "/a").json();
    assert_eq!((&default["raw"], &default["stage"]), (&json!("/a"), &json!("$default")));
}

#[test]
fn another_stage_is_answered_as_its_product_does() {
    let (_daemon, _project, served) = serve();
    for path in ["/prod/a", "/devil/a", "/", "/Dev/a"] {
        let rest = at(&served, "Rest.execute-api.localhost", path);
        assert_eq!((rest.status, rest.text().as_str()), (403, r#"{"message":"Forbidden"}"#), "{path}");
        let http = at(&served, "Named.execute-api.localhost", path);
        assert_eq!((http.status, http.text().as_str()), (404, r#"{"message":"Not Found"}"#), "{path}");
    }
    assert_eq!(at(&served, "Nobody.execute-api.localhost", "/dev/a").status, 404);
}

#[test]
fn health_checks_and_stage_names_are_api_gateways() {
    let (daemon, _project, served) = serve();
    for (host, path, body) in [
        ("ping.example.com", "/ping", "Healthy Connection"),
        ("ping.example.com", "/sping", "Healthy Connection"),
        ("Pinged.execute-api.localhost", "/ping", "Healthy Connection"),
        ("Rest.execute-api.localhost", "/ping", "healthy"),
    ] {
        let reply = at(&served, host, path);
        assert_eq!((reply.status, reply.text().as_str()), (200, body), "{host}{path}");
    }
    assert_eq!(
        at(&served, "Rest.execute-api.localhost", "/dev/ping").json()["path"],
        "/ping",
        "below a stage it is the API's"
    );
    assert_eq!(at(&served, "Pinged.localhost", "/ping").json()["raw"], "/ping", "and on the local host names");
    let findings = daemon.status("stages")["diagnostics"].to_string();
    assert!(findings.contains("/ping on ping.example.com is API Gateway's own health check"), "{findings}");
    assert!(findings.contains(r#"the stage name \"v1.0\" would be refused by AWS"#), "{findings}");
}

#[test]
fn what_is_written_is_deployed_at_once_and_the_default_stage_is_at_the_root() {
    let (_daemon, project, served) = serve();
    assert_eq!(at(&served, "Pinged.localhost", "/new").status, 404);
    let route = "        New: {Type: HttpApi, Properties: {ApiId: !Ref Pinged, Path: /new, Method: get}}\n";
    project.write("template.yaml", &format!("{TEMPLATE}{route}"));
    let ask = || Some(at(&served, "Pinged.localhost", "/new")).filter(|reply| reply.status == 200);
    let reply = eventually("the new route", ask).json();
    assert_eq!((&reply["raw"], &reply["stage"]), (&json!("/new"), &json!("$default")));
}

#[test]
fn a_disabled_default_endpoint_is_answered_as_its_product_does() {
    let (_daemon, _project, served) = serve();
    for host in ["ClosedRest.execute-api.localhost", "ClosedRest.localhost"] {
        let rest = at(&served, host, "/dev/closed-rest");
        assert_eq!((rest.status, rest.text().as_str()), (403, r#"{"message":"Forbidden"}"#), "{host}");
    }
    for host in ["ClosedWeb.execute-api.localhost", "ClosedWeb.localhost"] {
        let http = at(&served, host, "/closed-web");
        assert_eq!((http.status, http.text().as_str()), (404, r#"{"message":"Not Found"}"#), "{host}");
    }
}

#[test]
fn a_canary_is_passed_over_with_a_word() {
    let (daemon, _project, served) = serve();
    assert_eq!(at(&served, "Rest.localhost", "/a").status, 200);
    let findings = daemon.status("stages")["diagnostics"].to_string();
    assert!(findings.contains("samd has no canary") && findings.contains("template.yaml"), "{findings}");
}

#[test]
fn an_authorizer_of_the_default_route_guards_options_too() {
    let (_daemon, _project, served) = serve();
    let host = format!("Guarded.localhost:{}", served.address.port());
    let preflight =
        [("Host", host.as_str()), ("Origin", "https://page.example"), ("Access-Control-Request-Method", "GET")];
    let reply = served.ask("OPTIONS", "/anything", &preflight, b"");
    assert_eq!((reply.status, reply.text().as_str()), (401, r#"{"message":"Unauthorized"}"#), "{}", reply.head);
}

#[test]
fn heads_bodies_and_events_have_limits() {
    let (_daemon, _project, served) = serve();
    let ask = |host: &str, kind: &str, size: usize| {
        served.ask("POST", "/x", &[("Host", host), ("Content-Type", kind)], &vec![b'x'; size])
    };
    let mib = 1024 * 1024;
    for (host, over, event) in [
        ("Rest.localhost", r#"{"message":"Request Too Long"}"#, r#"{"message":"Request Entity Too Large"}"#),
        ("Web.localhost", r#"{"message":"Request Entity Too Large"}"#, r#"{"message":"Request Entity Too Large"}"#),
    ] {
        let reply = ask(host, "text/plain", 10 * mib + 1);
        assert_eq!((reply.status, reply.text().as_str()), (413, over), "{host}");
        assert_eq!(ask(host, "text/plain", 5 * mib).json()["length"], json!(5 * mib), "{host}");
        let reply = ask(host, "text/plain", 7 * mib);
        assert_eq!((reply.status, reply.text().as_str()), (413, event), "{host}: what a function takes");
        let reply = ask(host, "image/png", 5 * mib);
        assert_eq!((reply.status, reply.text().as_str()), (413, event), "{host}: base64 counts as it is sent on");
        let long = "v".repeat(10_300);
        assert_eq!(served.ask("GET", "/x", &[("Host", host), ("X-Long", &long)], b"").status, 431, "{host}");
    }
}
