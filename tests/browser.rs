//! What a web page can do, in a real browser: it calls APIs across origins as they allow it, and it reaches neither the
//! control port nor the Runtime API nor the Lambda endpoint, whatever it tries.

use std::fs;

use samd_tests::browser::{Rebound, Site};
use samd_tests::daemon::{Daemon, Project, Served};
use serde_json::{Value, json};

const APP: &str = "
import json, os
def handler(event, context):
    headers = {name.lower(): value for name, value in (event.get('headers') or {}).items()}
    cookies = event.get('cookies') or headers.get('cookie', '').split('; ')
    seen = {'custom': headers.get('x-custom'), 'cookies': sorted(filter(None, cookies)), 'body': event.get('body')}
    seen['runtime'] = os.environ['AWS_LAMBDA_RUNTIME_API']
    own = {'x-shown': 'yes', 'x-hidden': 'yes', 'set-cookie': 'visit=1'}
    if event.get('version') != '2.0':
        own |= {'access-control-allow-origin': os.environ['PAGE'], 'access-control-allow-credentials': 'true',
                'access-control-expose-headers': 'x-shown'}
    return {'statusCode': 200, 'headers': own, 'body': json.dumps(seen)}
";

/// A REST API, an HTTP API and a function URL that let pages of `page` in.
fn template(page: &str) -> String {
    let cors = format!(
        "{{AllowOrigins: ['{page}'], AllowMethods: [GET, PUT], AllowHeaders: [content-type, x-custom], \
         ExposeHeaders: [x-shown], AllowCredentials: true}}"
    );
    format!(
        "
Transform: AWS::Serverless-2016-10-31
Resources:
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: dev
      Cors:
        AllowOrigin: \"'{page}'\"
        AllowMethods: \"'GET,PUT'\"
        AllowHeaders: \"'content-type,x-custom'\"
        AllowCredentials: true
  Web:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration: {cors}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: python3.11
      Timeout: 10
      Environment: {{Variables: {{PAGE: '{page}'}}}}
      FunctionUrlConfig: {{AuthType: NONE, Cors: {cors}}}
      Events:
        Rest: {{Type: Api, Properties: {{RestApiId: !Ref Rest, Path: /rest, Method: any}}}}
        Web: {{Type: HttpApi, Properties: {{ApiId: !Ref Web, Path: /web, Method: any}}}}
"
    )
}

fn serve(page: &str) -> (Daemon, Project, Served) {
    let daemon = Daemon::start();
    let project = Project::of(&[("template.yaml", &template(page)), ("src/app.py", APP)]);
    let served = daemon.serve(&project, "shop");
    (daemon, project, served)
}

/// What a page tries at each of the three fronts.
fn tries(served: &Served) -> String {
    let (api, port) = (served.address, served.address.port());
    format!(
        "
const fronts = {{ rest: 'http://{api}/rest', web: 'http://{api}/web', url: 'http://Fn.lambda-url.localhost:{port}/' }};
const attempt = async (url, options) => {{
    try {{
        const reply = await fetch(url, options);
        const header = (name) => reply.headers.get(name);
        return {{ status: reply.status, shown: header('x-shown'), hidden: header('x-hidden'), ...await reply.json() }};
    }} catch (problem) {{
        return String(problem);
    }}
}};
const told = {{}};
for (const [name, url] of Object.entries(fronts)) {{
    const custom = {{ 'X-Custom': 'mine', 'Content-Type': 'application/json' }};
    told[name] = {{
        simple: await attempt(url),
        first: await attempt(url, {{ method: 'PUT', headers: custom, body: '{{\"a\":1}}', credentials: 'include' }}),
        again: await attempt(url, {{ method: 'PUT', headers: custom, body: '{{}}', credentials: 'include' }}),
        header: await attempt(url, {{ headers: {{ 'X-Other': '1' }} }}),
        method: await attempt(url, {{ method: 'DELETE' }}),
    }};
}}
return told;
"
    )
}

#[test]
fn a_page_of_an_allowed_origin_may_do_what_the_apis_allow_and_no_more() {
    let site = Site::open();
    let page = format!("http://127.0.0.1:{}", site.port());
    let (_daemon, _project, served) = serve(&page);
    let told = site.visited(&page, "", &tries(&served));
    for front in ["rest", "web", "url"] {
        let told = &told[front];
        assert_eq!(told["simple"]["status"], 200, "{front}: {told}");
        assert_eq!((&told["simple"]["shown"], &told["simple"]["hidden"]), (&json!("yes"), &Value::Null), "{front}");
        assert_eq!(
            (&told["first"]["custom"], &told["first"]["body"]),
            (&json!("mine"), &json!("{\"a\":1}")),
            "{front}"
        );
        let cookie = if front == "url" { json!([]) } else { json!(["visit=1"]) };
        assert_eq!(told["again"]["cookies"], cookie, "{front}: the page is of another site than the URL: {told}");
        assert_eq!(told["header"], "TypeError: Failed to fetch", "{front}: a header that is not allowed");
        assert_eq!(told["method"], "TypeError: Failed to fetch", "{front}: a method that is not allowed");
    }
}

#[test]
fn a_page_of_another_origin_reads_nothing() {
    let site = Site::open();
    let (_daemon, _project, served) = serve("http://127.0.0.1:1");
    let page = format!("http://127.0.0.1:{}", site.port());
    let told = site.visited(&page, "", &tries(&served));
    for front in ["rest", "web", "url"] {
        for (what, outcome) in told[front].as_object().unwrap() {
            assert_eq!(outcome, "TypeError: Failed to fetch", "{front} {what}");
        }
    }
}

/// Everything that a page can send without asking first, and what asks first.
const ATTACK: &str = "
const outcome = (promise) => promise.then(async (reply) => reply.type === 'opaque' ? 'sent' : `read ${reply.status} ${(await reply.text()).slice(0, 60)}`, () => 'refused');
const socket = (url) => new Promise((done) => {
    const socket = new WebSocket(url);
    socket.onopen = () => done('open');
    socket.onerror = () => done('refused');
});
const picture = (url) => new Promise((done) => {
    const picture = new Image();
    picture.onload = () => done('read');
    picture.onerror = () => done('refused');
    picture.src = url;
});
const told = {};
for (const [name, { base, gets, posts }] of Object.entries(targets)) {
    for (const path of gets) {
        told[`${name} read ${path}`] = await outcome(fetch(base + path));
        told[`${name} send ${path}`] = await outcome(fetch(base + path, { mode: 'no-cors' }));
        told[`${name} picture ${path}`] = await picture(base + path);
        told[`${name} socket ${path}`] = await socket(base.replace('http', 'ws') + path);
    }
    for (const [path, body] of posts) {
        const post = { method: 'POST', body: JSON.stringify(body) };
        told[`${name} post ${path}`] = await outcome(fetch(base + path, { ...post, mode: 'no-cors' }));
        const bearer = { ...post, headers: { Authorization: 'Bearer guess', 'Content-Type': 'application/json' } };
        told[`${name} asked ${path}`] = await outcome(fetch(base + path, bearer));
        const beacon = new Blob([post.body], { type: 'text/plain' });
        navigator.sendBeacon(base + path, beacon);
        const form = document.createElement('form');
        Object.assign(form, { method: 'POST', action: base + path, enctype: 'text/plain', target: 'frame' });
        form.append(Object.assign(document.createElement('input'), { name: post.body, value: '' }));
        const frame = Object.assign(document.createElement('iframe'), { name: 'frame' });
        document.body.append(frame, form);
        await new Promise((done) => { frame.onload = done; form.submit(); });
        form.remove(); frame.remove();
    }
}
return told;
";

/// The three ports that no page may reach, with what would do harm there.
fn targets(daemon: &Daemon, served: &Served, host: impl Fn(&str) -> String) -> Value {
    let control = fs::read_to_string(daemon.state().join("control")).unwrap();
    let ran = daemon.samctl(&["daemon", "status", "--output", "json"]);
    let lambda = serde_json::from_str::<Value>(&ran.out).unwrap()["lambda_endpoint"].as_str().unwrap().to_owned();
    let runtime = served.get("/rest").json()["runtime"].as_str().unwrap().to_owned();
    json!({
        "control": {
            "base": host(control.trim()),
            "gets": ["/v1/openapi.json"],
            "posts": [["/v1/remove", {"name": "shop"}], ["/v1/daemon-stop", {}]],
        },
        "runtime": {
            "base": host(&runtime),
            "gets": ["/2018-06-01/runtime/invocation/next"],
            "posts": [["/2018-06-01/runtime/init/error", {}]],
        },
        "lambda": {
            "base": host(lambda.trim_start_matches("http://")),
            "gets": ["/2015-03-31/functions"],
            "posts": [["/2015-03-31/functions/Fn/invocations", {"version": "2.0"}]],
        },
    })
}

/// The processes of the function's sandboxes.
fn sandboxes(daemon: &Daemon) -> Vec<Value> {
    let status = daemon.status("shop");
    let all = status["running"]["functions"][0]["sandboxes"].as_array().unwrap();
    all.iter().map(|sandbox| sandbox["pid"].clone()).collect()
}

/// All is as it was: the project is there, the daemon too, and no sandbox lost an invocation, or its life, to the page.
fn unharmed(daemon: &Daemon, served: &Served, before: &[Value]) {
    for _ in 0..5 {
        assert_eq!(served.get("/rest").status, 200);
    }
    let invocations = daemon.logs("shop").matches("START RequestId").count();
    assert!(before.iter().all(|pid| sandboxes(daemon).contains(pid)), "{before:?}: {:?}", sandboxes(daemon));
    assert_eq!(invocations, 6, "the page invoked nothing: {}", daemon.logs("shop"));
}

#[test]
fn no_page_reaches_the_control_port_a_runtime_api_or_the_lambda_endpoint() {
    let site = Site::open();
    let (daemon, _project, served) = serve("http://127.0.0.1:1");
    let targets = targets(&daemon, &served, |address| format!("http://{address}"));
    let before = sandboxes(&daemon);
    let page = format!("http://evil.test:{}", site.port());
    let script = format!("const targets = {targets};\n{ATTACK}");
    let told = site.visited(&page, "MAP evil.test 127.0.0.1", &script);
    for (what, outcome) in told.as_object().unwrap() {
        let blind = outcome == "sent" && (what.contains(" send ") || what.contains(" post "));
        assert!(outcome == "refused" || blind, "{what}: {outcome}");
    }
    unharmed(&daemon, &served, &before);
}

#[test]
fn a_rebound_name_reads_nothing_and_changes_nothing() {
    let (daemon, _project, served) = serve("http://127.0.0.1:1");
    let all = targets(&daemon, &served, |address| format!("http://{address}"));
    let before = sandboxes(&daemon);
    for name in ["control", "runtime", "lambda"] {
        let site = Site::open();
        let target: u16 = all[name]["base"].as_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
        let rebound = Rebound::between(site.port(), target);
        let page = format!("http://rebound.test:{target}");
        let mut own = all[name].clone();
        own["base"] = json!(page);
        let script = format!("const targets = {{ {name}: {own} }};\n{ATTACK}");
        let rules = format!("MAP rebound.test:{target} 127.0.0.1:{}", rebound.port);
        let told = site.visited(&page, &rules, &script);
        for (what, outcome) in told.as_object().unwrap() {
            let outcome = outcome.as_str().unwrap();
            assert!(outcome == "refused" || outcome.starts_with("read 403"), "{what}: {outcome}");
        }
    }
    unharmed(&daemon, &served, &before);
}
