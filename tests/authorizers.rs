//! Who may call, with real signatures: AWS_IAM by curl, JSON web tokens of an issuer that publishes its keys.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use samd::apigw::jwt::{Grant, Minter};
use samd_tests::daemon::{Daemon, Project, Reply, Served, eventually};
use serde_json::{Map, json};

/// An issuer on its own port, which counts what it is asked.
struct Issuer {
    url: String,
    minter: Minter,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    fn start() -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let minter = Minter::from_seed(&[7; 32]);
        let (jwks, asked) = (minter.jwks().unwrap(), Arc::new(AtomicUsize::new(0)));
        let about = json!({"issuer": url, "jwks_uri": format!("{url}/keys")}).to_string();
        let count = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let Some(first) = lines.next() else { continue };
                lines.find(String::is_empty);
                count.fetch_add(1, Ordering::SeqCst);
                let body = if first.contains("/.well-known/openid-configuration") { &about } else { &jwks };
                let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all((head + body).as_bytes()).unwrap();
            }
        });
        Issuer { url, minter, asked }
    }

    fn token(&self, audience: &str, scopes: &[&str]) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let claims = Map::from_iter([("aud".to_owned(), json!(audience))]);
        self.minter.token(&Grant { issuer: self.url.clone(), scopes, claims }, now - 1).unwrap()
    }
}

const ECHO: &str = "
import json
def handler(event, context):
    return {'statusCode': 200, 'body': json.dumps(event)}
";

fn serve(issuer: &str) -> (Daemon, Project, Served) {
    let template = format!(
        "
Transform: AWS::Serverless-2016-10-31
Resources:
  Web:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        EnableIamAuthorizer: true
        Authorizers:
          Tokens:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {{issuer: '{issuer}', audience: [shop]}}
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: dev
      Domain: {{DomainName: api.example.com, CertificateArn: arn, BasePath: [v1]}}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: python3.11
      Timeout: 10
      Events:
        Token: {{Type: HttpApi, Properties: {{ApiId: !Ref Web, Path: /token, Method: get, Auth: {{Authorizer: Tokens}}}}}}
        Scoped:
          Type: HttpApi
          Properties:
            ApiId: !Ref Web
            Path: /scoped
            Method: get
            Auth: {{Authorizer: Tokens, AuthorizationScopes: [read]}}
        Signed: {{Type: HttpApi, Properties: {{ApiId: !Ref Web, Path: /signed, Method: get, Auth: {{Authorizer: AWS_IAM}}}}}}
        RestSigned: {{Type: Api, Properties: {{RestApiId: !Ref Rest, Path: '/rest/{{p+}}', Method: get, Auth: {{Authorizer: AWS_IAM}}}}}}
"
    );
    let daemon = Daemon::start();
    let project = Project::of(&[("template.yaml", &template), ("src/app.py", ECHO)]);
    let served = daemon.serve(&project, "auth");
    (daemon, project, served)
}

fn with(served: &Served, path: &str, token: &str) -> Reply {
    served.ask("GET", path, &[("Authorization", &format!("Bearer {token}"))], b"")
}

#[test]
fn a_token_of_the_issuer_passes_and_its_claims_are_in_the_event() {
    let issuer = Issuer::start();
    let (_daemon, _project, served) = serve(&issuer.url);
    let event = with(&served, "/token", &issuer.token("shop", &[])).json();
    let jwt = &event["requestContext"]["authorizer"]["jwt"];
    assert_eq!(jwt["claims"]["iss"], issuer.url.as_str(), "{event}");
    assert_eq!(jwt["claims"]["aud"], "shop");
}

#[test]
fn the_issuers_keys_are_asked_for_once() {
    let issuer = Issuer::start();
    let (_daemon, _project, served) = serve(&issuer.url);
    for _ in 0..3 {
        assert_eq!(with(&served, "/token", &issuer.token("shop", &[])).status, 200);
    }
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 2, "the configuration and the keys, once each");
}

#[test]
fn what_is_wrong_with_a_token_is_in_the_challenge() {
    let issuer = Issuer::start();
    let (_daemon, _project, served) = serve(&issuer.url);
    let missing = served.get("/token");
    assert_eq!((missing.status, missing.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 0, "nobody is asked about no token");
    let other = with(&served, "/token", &issuer.token("other", &[]));
    assert_eq!(other.status, 401);
    assert!(other.head.contains("the token does not have a valid audience"), "{}", other.head);
    let mut forged = issuer.token("shop", &[]);
    let last = if forged.ends_with('A') { "QQ" } else { "AA" };
    forged.truncate(forged.len() - 2);
    assert_eq!(with(&served, "/token", &(forged + last)).status, 401);
}

#[test]
fn a_scope_is_needed_where_the_route_asks_for_one() {
    let issuer = Issuer::start();
    let (_daemon, _project, served) = serve(&issuer.url);
    assert_eq!(with(&served, "/scoped", &issuer.token("shop", &["write"])).status, 403);
    let event = with(&served, "/scoped", &issuer.token("shop", &["write", "read"])).json();
    assert_eq!(event["requestContext"]["authorizer"]["jwt"]["scopes"], json!(["read"]));
}

#[test]
fn an_issuer_that_cannot_be_reached_lets_nobody_in_and_the_log_says_why() {
    let issuer = Issuer::start();
    let token = Issuer { url: "http://127.0.0.1:1".to_owned(), ..issuer }.token("shop", &[]);
    let (daemon, _project, served) = serve("http://127.0.0.1:1");
    assert_eq!(with(&served, "/token", &token).status, 401);
    assert!(daemon.log().contains("the keys of an issuer could not be had"), "{}", daemon.log());
}

/// Status and body that curl gets for a signed request.
fn signed(served: &Served, path: &str, user: &str) -> (u16, String) {
    signed_at(served, "", path, user, "us-east-1")
}

/// The same at a host name of the gateway's.
fn signed_at(served: &Served, host: &str, path: &str, user: &str, region: &str) -> (u16, String) {
    let (address, port) = (served.address.ip().to_string(), served.address.port());
    let host = if host.is_empty() { address.as_str() } else { host };
    let (url, scope) = (format!("http://{host}:{port}{path}"), format!("aws:amz:{region}:execute-api"));
    let out = Command::new("curl")
        .args(["-s", "--noproxy", "*", "--resolve", &format!("{host}:{port}:{address}")])
        .args(["--aws-sigv4", &scope, "--user", user, "-w", "\n%{http_code}", &url])
        .output();
    let text = String::from_utf8(out.expect("curl is installed by tests/run").stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

#[test]
fn a_signature_with_the_projects_credentials_passes() {
    let (_daemon, _project, served) = serve("http://127.0.0.1:1");
    let (status, body) = signed(&served, "/signed?a=1&b=2", "defaultkey:defaultsecret");
    assert_eq!(status, 200, "{body}");
    let event: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(event["requestContext"]["authorizer"]["iam"]["accessKey"], "defaultkey");
    let (status, body) = signed(&served, "/rest/a", "defaultkey:defaultsecret");
    let event: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, event["requestContext"]["identity"]["accessKey"].as_str()),
        (200, Some("defaultkey")),
        "{body}"
    );
}

#[test]
fn a_client_signs_the_path_that_it_sends() {
    let (_daemon, _project, served) = serve("http://127.0.0.1:1");
    for (host, path) in [
        ("rest.execute-api.localhost", "/dev/rest/a"),
        ("rest.execute-api.localhost", "/dev/rest/a%20b?q=1"),
        ("rest.localhost", "/rest/a"),
        ("api.example.com", "/v1/rest/a"),
    ] {
        let (status, body) = signed_at(&served, host, path, "defaultkey:defaultsecret", "us-east-1");
        assert_eq!(status, 200, "{host}{path}: {body}");
        let event: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert!(event["path"].as_str().is_some_and(|path| path.contains("/rest/a")), "{event}");
    }
}

#[test]
fn a_signature_for_another_region_is_refused() {
    let (_daemon, _project, served) = serve("http://127.0.0.1:1");
    let (status, body) = signed_at(&served, "", "/rest/a", "defaultkey:defaultsecret", "eu-west-1");
    assert_eq!(
        (status, body.as_str()),
        (403, r#"{"message":"Credential should be scoped to a valid region, not 'eu-west-1'. "}"#)
    );
}

#[test]
fn another_signature_or_none_is_refused() {
    let (_daemon, _project, served) = serve("http://127.0.0.1:1");
    assert_eq!(served.get("/signed").status, 403);
    assert_eq!(signed(&served, "/signed", "defaultkey:guessed").0, 403);
    let (status, body) = signed(&served, "/rest/a", "defaultkey:guessed");
    assert!(status == 403 && body.contains("The request signature we calculated does not match"), "{status} {body}");
    let rest = served.get("/rest/a");
    assert_eq!((rest.status, rest.text().as_str()), (403, r#"{"message":"Missing Authentication Token"}"#));
}

#[test]
fn a_path_too_long_for_a_method_arn_is_414_where_somebody_authorizes() {
    let (_daemon, _project, served) = serve("http://127.0.0.1:1");
    assert_eq!(served.get(&format!("/rest/{}", "a".repeat(2000))).status, 414);
}

/// An authorizer that counts how often it is asked, and a route with a key and a quota of three a day.
const KEPT: &str = "
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 10, MemorySize: 256, Runtime: python3.11, Handler: app.handler}}
Resources:
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: dev
      Auth:
        Authorizers: {Ask: {FunctionArn: !GetAtt Asked.Arn}}
        UsagePlan: {CreateUsagePlan: PER_API, Quota: {Limit: 3, Period: DAY}}
  Asked: {Type: AWS::Serverless::Function, Properties: {CodeUri: asked/}}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Events:
        Asks: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: /asks, Method: get, Auth: {Authorizer: Ask}}}
        Counts: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: /counts, Method: get, Auth: {ApiKeyRequired: true}}}
";

const ASKED: &str = "
def handler(event, context):
    print('asked for', event['authorizationToken'])
    statement = {'Action': 'execute-api:Invoke', 'Effect': 'Allow', 'Resource': '*'}
    return {'principalId': 'me', 'policyDocument': {'Version': '2012-10-17', 'Statement': [statement]}}
";

#[test]
fn verdicts_and_quotas_outlast_an_edit_of_something_else_and_no_edit_of_their_own() {
    let daemon = Daemon::start();
    let word =
        |word: &str| format!("def handler(event, context):\n    return {{'statusCode': 200, 'body': '{word}'}}\n");
    let project = Project::of(&[("template.yaml", KEPT), ("asked/app.py", ASKED), ("src/app.py", &word("one"))]);
    let served = daemon.serve(&project, "kept");
    let key = daemon.status("kept")["running"]["api_keys"][0]["value"].as_str().unwrap().to_owned();
    assert!(daemon.samctl(&["status", "kept"]).out.contains(&key), "the key is shown");
    let asks = || served.ask("GET", "/asks", &[("Authorization", "tok")], b"");
    let counts = || served.ask("GET", "/counts", &[("X-Api-Key", &key)], b"").status;
    let asked = || daemon.logs("kept").matches("asked for tok").count();
    assert_eq!((asks().text().as_str(), counts(), counts()), ("one", 200, 200));

    project.write("src/app.py", &word("two"));
    eventually("the edit", || (asks().text() == "two").then_some(()));
    project.write(
        "template.yaml",
        &KEPT.replace("Method: get, Auth: {ApiKeyRequired", "Method: any, Auth: {ApiKeyRequired"),
    );
    eventually("the other route", || {
        (served.ask("POST", "/counts", &[("X-Api-Key", "wrong")], b"").text() == r#"{"message":"Forbidden"}"#)
            .then_some(())
    });
    assert_eq!((asks().text().as_str(), asked()), ("two", 1), "the verdict is kept");
    assert_eq!((counts(), counts()), (200, 429), "and so is what was used");

    project.write("asked/app.py", &ASKED.replace("'me'", "'you'"));
    eventually("the authorizer is asked again", || {
        assert_eq!(asks().status, 200);
        (asked() == 2).then_some(())
    });
    assert_eq!(counts(), 429);
    let raised = KEPT.replace("Limit: 3", "Limit: 5");
    project.write("template.yaml", &raised);
    eventually("another quota", || (counts() == 200).then_some(()));
}

#[test]
fn a_key_of_no_usage_plan_is_shown_and_named() {
    let free = "  Free: {Type: AWS::ApiGateway::ApiKey, Properties: {Enabled: true}}\n";
    let daemon = Daemon::start();
    let project =
        Project::of(&[("template.yaml", &format!("{KEPT}{free}")), ("asked/app.py", ASKED), ("src/app.py", ASKED)]);
    let _served = daemon.serve(&project, "free");
    let status = daemon.status("free");
    let keys = status["running"]["api_keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["id"] == "Free").unwrap_or_else(|| panic!("{keys:?}"));
    assert_eq!((&key["plans"], key["value"].as_str().map(str::len)), (&serde_json::json!([]), Some(40)));
    assert!(status["diagnostics"].to_string().contains("no usage plan has this key"), "{status}");
    let shown = daemon.samctl(&["status", "free"]).out;
    assert!(shown.contains("API key: Free is ") && shown.contains("(of no usage plan)"), "{shown}");
}
