//! Offline sign-in: tokens that `samctl token` makes, and issuers that are pinned to a file of keys. No issuer named here
//! exists, so whatever passes was checked without one.

use std::time::{SystemTime, UNIX_EPOCH};

use samd::apigw::jwt::{Grant, Minter};
use samd_tests::daemon::{Daemon, Project, Reply, Served, eventually};
use serde_json::{Map, Value, json};

const TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Web:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        Authorizers:
          Users:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {issuer: 'https://users.invalid/', audience: [shop]}
          Staff:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {issuer: 'https://staff.invalid', audience: [office]}
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: dev
      Auth:
        Authorizers:
          Pool: {UserPoolArn: 'arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_abc'}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: python3.11
      Timeout: 10
      Events:
        Users: {Type: HttpApi, Properties: {ApiId: !Ref Web, Path: /users, Method: get, Auth: {Authorizer: Users}}}
        Staff: {Type: HttpApi, Properties: {ApiId: !Ref Web, Path: /staff, Method: get, Auth: {Authorizer: Staff}}}
        Write:
          Type: HttpApi
          Properties:
            ApiId: !Ref Web
            Path: /write
            Method: get
            Auth: {Authorizer: Users, AuthorizationScopes: [write]}
        Pool: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: /pool, Method: get, Auth: {Authorizer: Pool}}}
        Scoped:
          Type: Api
          Properties:
            RestApiId: !Ref Rest
            Path: /scoped
            Method: get
            Auth: {Authorizer: Pool, AuthorizationScopes: [shop/read]}
";

const ECHO: &str = "
import json
def handler(event, context):
    return {'statusCode': 200, 'body': json.dumps(event['requestContext']['authorizer'])}
";

fn project() -> Project {
    Project::of(&[("template.yaml", TEMPLATE), ("src/app.py", ECHO)])
}

fn with(served: &Served, path: &str, token: &str) -> Reply {
    served.ask("GET", path, &[("Authorization", &format!("Bearer {token}"))], b"")
}

/// What `samctl token` prints.
fn token(daemon: &Daemon, arguments: &[&str]) -> String {
    let ran = daemon.samctl(&[&["token"], arguments].concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    ran.out.trim().to_owned()
}

/// A key pair of somebody else, and a token of it.
fn signed(seed: u8, issuer: &str, claims: &Value) -> (String, String) {
    let minter = Minter::from_seed(&[seed; 32]);
    let claims: Map<String, Value> = claims.as_object().unwrap().clone();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let grant = Grant { issuer: issuer.to_owned(), scopes: Vec::new(), claims };
    (minter.jwks().unwrap(), minter.token(&grant, now - 1).unwrap())
}

#[test]
fn a_token_is_accepted_by_the_authorizer_that_it_was_made_for_and_by_no_other() {
    let (daemon, project) = (Daemon::start(), project());
    let served = daemon.serve(&project, "shop");
    let users = token(&daemon, &["shop", "--authorizer", "Users", "--claim", "sub=ann", "--claim", "admin=true"]);
    let told = with(&served, "/users", &users).json();
    assert_eq!((&told["jwt"]["claims"]["sub"], &told["jwt"]["claims"]["admin"]), (&json!("ann"), &json!("true")));
    assert_eq!(told["jwt"]["claims"]["aud"], "shop");
    assert_eq!(with(&served, "/staff", &users).status, 401);
    assert_eq!(with(&served, "/pool", &users).status, 401);
    assert_eq!(with(&served, "/write", &users).status, 403, "it has no scope");
    let writer = token(&daemon, &["shop", "--authorizer", "Web/Users", "--scope", "read write"]);
    assert_eq!(with(&served, "/write", &writer).json()["jwt"]["scopes"], json!(["write"]));
    let late = token(&daemon, &["shop", "--authorizer", "Users", "--claim", "exp=1"]);
    assert_eq!(with(&served, "/users", &late).status, 401, "a claim of one's own goes before the made up one");
}

#[test]
fn a_user_pool_takes_id_tokens_and_with_scopes_access_tokens() {
    let (daemon, project) = (Daemon::start(), project());
    let served = daemon.serve(&project, "shop");
    let id = token(
        &daemon,
        &["shop", "--authorizer", "Pool", "--claim", "sub=ann", "--claim", "cognito:groups=[\"a\",\"b\"]"],
    );
    let claims = &with(&served, "/pool", &id).json()["claims"];
    assert_eq!((&claims["cognito:username"], &claims["cognito:groups"]), (&json!("ann"), &json!("a,b")));
    assert_eq!(claims["iss"], "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc");
    assert_eq!(with(&served, "/scoped", &id).status, 401);
    let access = token(&daemon, &["shop", "--authorizer", "Pool", "--scope", "shop/read"]);
    assert_eq!(with(&served, "/scoped", &access).json()["claims"]["client_id"], "samd");
    assert_eq!(with(&served, "/pool", &access).status, 401);
}

#[test]
fn a_token_outlasts_the_daemon_and_is_good_for_its_project_alone() {
    let (daemon, project, other) = (Daemon::start(), project(), project());
    let served = daemon.serve(&project, "shop");
    let elsewhere = daemon.serve(&other, "blog");
    let users = token(&daemon, &["shop", "--authorizer", "Users"]);
    assert_eq!(with(&served, "/users", &users).status, 200);
    assert_eq!(with(&elsewhere, "/users", &users).status, 401);
    let daemon = daemon.killed_and_restarted();
    let served =
        eventually("the project", || daemon.status("shop")["running"].is_object().then(|| daemon.address("shop")));
    assert_eq!(with(&served, "/users", &users).status, 200);
}

#[test]
fn which_authorizer_is_meant_has_to_be_said_where_there_are_several() {
    let (daemon, project) = (Daemon::start(), project());
    let _served = daemon.serve(&project, "shop");
    let ran = daemon.samctl(&["token", "shop"]);
    assert!(
        ran.code != 0 && ran.err.contains("which authorizer? there are: Rest/Pool, Web/Staff, Web/Users"),
        "{ran:?}"
    );
    let ran = daemon.samctl(&["token", "shop", "--authorizer", "Admins"]);
    assert!(ran.code != 0 && ran.err.contains("no JWT or Cognito authorizer is named Admins"), "{ran:?}");
    let ran = daemon.samctl(&["token", "shop", "--claim", "sub"]);
    assert!(ran.code != 0 && ran.err.contains("has not the form NAME=VALUE"), "{ran:?}");
    assert_eq!(daemon.samctl(&["stop", "shop"]).code, 0);
    let ran = daemon.samctl(&["token", "shop"]);
    assert!(ran.err.contains("project shop is stopped"), "{ran:?}");
}

#[test]
fn a_pinned_issuer_has_the_keys_of_its_file_and_a_change_of_it_counts() {
    let (daemon, project) = (Daemon::start(), project());
    let (keys, ann) = signed(1, "https://users.invalid", &json!({"aud": "shop", "sub": "ann"}));
    let (other_keys, bob) = signed(2, "https://users.invalid", &json!({"aud": "shop", "sub": "bob"}));
    project.write("keys.json", &keys);
    let pin = format!("Users={}", project.path().join("keys.json").display());
    let served = daemon.serve_with(&project, "shop", &["--jwks", &pin]);
    assert_eq!(with(&served, "/users", &ann).json()["jwt"]["claims"]["sub"], "ann");
    assert_eq!(with(&served, "/users", &bob).status, 401);
    project.write("keys.json", &other_keys);
    eventually("the new key", || (with(&served, "/users", &bob).status == 200).then_some(()));
    assert_eq!(with(&served, "/users", &ann).status, 401);
    project.write("keys.json", "{}");
    eventually("a finding", || daemon.status_text("shop").contains("it has no list `keys`").then_some(()));
    assert_eq!(with(&served, "/users", &bob).status, 200, "the last good keys stay");
    let mine = token(&daemon, &["shop", "--authorizer", "Users"]);
    assert_eq!(with(&served, "/users", &mine).status, 200, "the project's own are taken in addition");
    assert!(!daemon.log().contains("the keys of an issuer could not be had"), "{}", daemon.log());
}

#[test]
fn a_user_pool_is_pinned_by_its_issuer_too_and_unpinned_again() {
    let (daemon, project) = (Daemon::start(), project());
    let issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc";
    let (keys, id) = signed(3, issuer, &json!({"token_use": "id", "email": "ann@example.com"}));
    project.write("keys.json", &keys);
    let pin = format!("{issuer}={}", project.path().join("keys.json").display());
    let served = daemon.serve_with(&project, "shop", &["--jwks", &pin]);
    assert_eq!(with(&served, "/pool", &id).json()["claims"]["email"], "ann@example.com");
    assert_eq!(daemon.status("shop")["settings"]["jwks"][0]["subject"], issuer);
    assert_eq!(daemon.samctl(&["set", "shop", "--no-jwks"]).code, 0);
    assert!(daemon.status("shop")["settings"]["jwks"].is_null());
}

#[test]
fn a_file_without_keys_is_refused_and_one_for_nobody_is_a_warning() {
    let (daemon, project) = (Daemon::start(), project());
    project.write("keys.json", "-----BEGIN PUBLIC KEY-----");
    let path = project.path().to_str().unwrap().to_owned();
    let pin = format!("Users={path}/keys.json");
    let ran = daemon.samctl(&["start", &path, "--name", "shop", "--jwks", &pin]);
    assert!(ran.code != 0 && ran.err.contains("is no JWKS document: it is not JSON"), "{ran:?}");
    let ran = daemon.samctl(&["start", &path, "--name", "shop", "--jwks", "Users=missing.json"]);
    assert!(ran.code != 0 && ran.err.contains("there is no missing.json"), "{ran:?}");
    project.write("keys.json", &signed(1, "https://users.invalid", &json!({})).0);
    let ran = daemon.samctl(&["start", &path, "--name", "shop", "--jwks", &format!("Admins={path}/keys.json")]);
    assert!(ran.code == 0 && ran.err.contains("is no authorizer and no issuer here"), "{ran:?}");
    assert!(ran.err.contains("Rest/Pool, Web/Staff, Web/Users"), "{ran:?}");
}
