//! Web frameworks as people run them on Lambda, unchanged, behind each of the three fronts: REST API, HTTP API, function
//! URL. `tests/install/frameworks.sh` installs them as layers.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use samd_tests::daemon::{Daemon, Project, Reply, Served, eventually};
use serde_json::json;

/// The three fronts, by the host names that they answer to.
const FRONTS: [&str; 3] = ["Rest.localhost", "Web.localhost", "URL"];

/// Bytes that are no text.
fn bytes() -> Vec<u8> {
    (0..=255).chain([0, 0x0d, 0x0a, 0xff]).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The image that each framework sends.
fn image() -> Vec<u8> {
    b"\x89PNG\r\n\x1a\n".iter().copied().chain(0..=255).collect()
}

fn layer(name: &str) -> PathBuf {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-tools/frameworks").join(name);
    assert!(found.join("version").exists(), "tests/install/frameworks.sh has not been run");
    found.canonicalize().unwrap()
}

/// A function behind a REST API that takes all types as binary, an HTTP API and a URL.
struct Behind<'a> {
    layer: &'a str,
    runtime: &'a str,
    /// The functions behind the three fronts with their handlers; one name may stand three times.
    functions: [(&'a str, &'a str); 3],
    file: &'a str,
}

impl Behind<'_> {
    fn template(&self) -> String {
        let mut text = format!(
            "
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {{CodeUri: src/, Runtime: {}, Timeout: 30, MemorySize: 512, Layers: [!Ref Frameworks]}}
Resources:
  Frameworks: {{Type: AWS::Serverless::LayerVersion, Properties: {{ContentUri: '{}'}}}}
  Rest: {{Type: AWS::Serverless::Api, Properties: {{StageName: dev, BinaryMediaTypes: ['*~1*']}}}}
  Web: {{Type: AWS::Serverless::HttpApi}}
",
            self.runtime,
            layer(self.layer).display(),
        );
        let mut named: Vec<&str> = Vec::new();
        for (name, handler) in self.functions {
            if named.contains(&name) {
                continue;
            }
            named.push(name);
            text +=
                &format!("  {name}:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: {handler}\n");
            let fronts: Vec<usize> = (0..3).filter(|front| self.functions[*front].0 == name).collect();
            if fronts.contains(&2) {
                text += "      FunctionUrlConfig: {AuthType: NONE}\n";
            }
            let events = [
                "        Rest: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: '/{proxy+}', Method: any}}\n",
                "        Web: {Type: HttpApi, Properties: {ApiId: !Ref Web, Path: '/{proxy+}', Method: any}}\n",
            ];
            let events: String =
                events.iter().enumerate().filter(|(at, _)| fronts.contains(at)).map(|(_, text)| *text).collect();
            if !events.is_empty() {
                text += &format!("      Events:\n{events}");
            }
        }
        text
    }

    fn serve(&self) -> Scene {
        let daemon = Daemon::start();
        let code = Path::new(env!("CARGO_MANIFEST_DIR")).join("frameworks").join(self.file);
        let project = Project::of(&[("template.yaml", &self.template())]);
        project.write(&format!("src/{}", self.file), &fs::read_to_string(code).unwrap());
        let served = daemon.serve(&project, "web");
        let url = format!("{}.lambda-url.localhost", self.functions[2].0);
        Scene { daemon, _project: project, served, url }
    }
}

struct Scene {
    daemon: Daemon,
    _project: Project,
    served: Served,
    url: String,
}

impl Scene {
    fn ask(&self, front: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let host = if front == "URL" { self.url.as_str() } else { front };
        let reply = self.served.ask(method, path, &[&[("Host", host)], headers].concat(), body);
        assert!(reply.status < 500, "{front} {path}: {}\n{}", reply.head, self.daemon.logs("web"));
        reply
    }

    fn get(&self, front: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.ask(front, "GET", path, headers, b"")
    }

    /// Whatever a framework does alike behind all fronts. Its first import may take longer than INIT may, on a busy
    /// machine, and is then done again.
    fn behaves(&self, front: &str) {
        let host = if front == "URL" { self.url.as_str() } else { front };
        let teapot = || self.served.ask("GET", "/teapot", &[("Host", host)], b"").status == 418;
        eventually("the framework", || teapot().then_some(()));
        let upload = self.ask(front, "POST", "/upload", &[("Content-Type", "application/octet-stream")], &bytes());
        assert_eq!(upload.json(), json!({ "hex": hex(&bytes()) }), "{front}: {}", upload.head);

        let reply = self.get(front, "/image", &[("Accept", "image/png")]);
        assert_eq!((reply.status, line(&reply, "content-type")), (200, vec!["image/png".to_owned()]), "{front}");
        assert_eq!(reply.body, image(), "{front}");

        let cookies = self.get(front, "/cookies", &[("Cookie", "a=1; b=2")]);
        assert_eq!(cookies.json(), json!({"sent": ["a=1", "b=2"]}), "{front}");
        let set: Vec<String> = line(&cookies, "set-cookie").iter().map(|line| line[..5].to_owned()).collect();
        assert_eq!(set, ["one=1", "two=2"], "{front}: {}", cookies.head);

        let redirect = self.get(front, "/redirect", &[]);
        assert_eq!((redirect.status, line(&redirect, "location")), (302, vec!["/image".to_owned()]), "{front}");

        let gzip = self.get(front, "/gzip", &[("Accept-Encoding", "gzip")]);
        assert_eq!(line(&gzip, "content-encoding"), ["gzip"], "{front}: {}", gzip.head);
        let mut text = String::new();
        flate2::read::GzDecoder::new(gzip.body.as_slice()).read_to_string(&mut text).unwrap();
        assert!(text.contains("again and again") && text.len() > 10_000, "{front}");

        let name = self.get(front, "/names/%C3%A4%20b", &[]);
        assert_eq!(name.json(), json!({"name": "ä b"}), "{front}");

        let teapot = self.get(front, "/teapot", &[]);
        assert_eq!((teapot.status, teapot.text().as_str()), (418, "Tëa"), "{front}");
        assert_eq!(self.get(front, "/nowhere", &[]).status, 404, "{front}");
    }

    fn takes_forms(&self, front: &str) {
        let mut body =
            b"--cut\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nT\xc3\xafle\r\n--cut\r\n".to_vec();
        body.extend(b"Content-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n");
        body.extend(b"Content-Type: application/octet-stream\r\n\r\n");
        body.extend(bytes());
        body.extend(b"\r\n--cut--\r\n");
        let form = self.ask(front, "POST", "/form", &[("Content-Type", "multipart/form-data; boundary=cut")], &body);
        assert_eq!(form.json(), json!({"title": "Tïle", "name": "a.bin", "hex": hex(&bytes())}), "{front}");
    }

    fn keys(&self, front: &str) -> serde_json::Value {
        self.get(front, "/keys?k=a&k=b%2Bc&other=1&k=", &[]).json()["k"].clone()
    }
}

/// The values of a header, in whatever case.
fn line(reply: &Reply, name: &str) -> Vec<String> {
    let lines = reply.head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).collect()
}

#[test]
fn powertools_resolvers_and_parser_models_take_our_events() {
    let functions = [
        ("RestFn", "powertools.rest_handler"),
        ("WebFn", "powertools.http_handler"),
        ("UrlFn", "powertools.url_handler"),
    ];
    let scene = Behind { layer: "python-layer", runtime: "python3.11", functions, file: "powertools.py" }.serve();
    for front in FRONTS {
        scene.behaves(front);
    }
    assert_eq!(scene.keys("Rest.localhost"), json!(["a", "b+c", ""]));
}

#[test]
fn fastapi_runs_under_mangum() {
    let functions = [("Fast", "fast.handler"); 3];
    let scene = Behind { layer: "python-layer", runtime: "python3.11", functions, file: "fast.py" }.serve();
    for front in FRONTS {
        scene.behaves(front);
        scene.takes_forms(front);
        assert_eq!(scene.keys(front), json!(["a", "b+c", ""]), "{front}");
    }
}

#[test]
fn express_runs_under_serverless_express() {
    let functions = [("Express", "express.handler"); 3];
    let scene = Behind { layer: "node-layer", runtime: "nodejs20.x", functions, file: "express.js" }.serve();
    for front in FRONTS {
        scene.behaves(front);
        scene.takes_forms(front);
        assert_eq!(scene.keys(front), json!(["a", "b+c", ""]), "{front}");
    }
}
