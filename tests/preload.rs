//! What a waiting interpreter loads ahead of an edit, and what it must not.

use std::fs;

use samd_tests::daemon::{Daemon, Project, Served, eventually};

/// A function with a layer. Whatever is loaded writes its name and process into `loads`, beside the code.
struct Case {
    daemon: Daemon,
    project: Project,
    served: Served,
    language: &'static Language,
}

struct Language {
    template: &'static str,
    code: &'static str,
    layer: &'static str,
    /// Text of the layer's module and of the code, which say who they are in this version.
    layer_text: fn(&str, u64) -> String,
    code_text: fn(&str, u64) -> String,
}

const PYTHON: Language = Language {
    template: "
Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: app.handler
      CodeUri: code/
      Layers: [!Ref L]
      Events: {Get: {Type: Api, Properties: {Path: /, Method: get}}}
  L: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layer/}}
",
    code: "code/app.py",
    layer: "layer/python/dependency.py",
    layer_text: |loads, version| {
        format!("import os\nopen({loads:?}, 'a').write('layer %d\\n' % os.getpid())\nVERSION = {version}\n")
    },
    code_text: |loads, version| {
        format!(
            "import os, json\nopen({loads:?}, 'a').write('code %d\\n' % os.getpid())\nimport dependency\n\
             def handler(event, context):\n    return {{'statusCode': 200, 'body': json.dumps(\
             {{'code': {version}, 'layer': dependency.VERSION, 'pid': os.getpid()}})}}\n"
        )
    },
};

const NODE: Language = Language {
    template: "
Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs20.x
      Handler: app.handler
      CodeUri: code/
      Layers: [!Ref L]
      Events: {Get: {Type: Api, Properties: {Path: /, Method: get}}}
  L: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layer/}}
",
    code: "code/app.js",
    layer: "layer/nodejs/node_modules/dependency/index.js",
    layer_text: |loads, version| {
        format!("require('fs').appendFileSync({loads:?}, `layer ${{process.pid}}\\n`);\nexports.VERSION = {version};\n")
    },
    code_text: |loads, version| {
        format!(
            "require('fs').appendFileSync({loads:?}, `code ${{process.pid}}\\n`);\n\
             const {{ VERSION }} = require('dependency');\nexports.handler = async () => ({{ statusCode: 200, \
             body: JSON.stringify({{ code: {version}, layer: VERSION, pid: process.pid }}) }});\n"
        )
    },
};

impl Case {
    fn of(language: &'static Language) -> Case {
        let project = Project::of(&[("template.yaml", language.template)]);
        let loads = project.path().join("loads").to_str().unwrap().to_owned();
        project.write(language.layer, &(language.layer_text)(&loads, 0));
        project.write(language.code, &(language.code_text)(&loads, 0));
        let daemon = Daemon::start();
        let served = daemon.serve(&project, "early");
        Case { daemon, project, served, language }
    }

    fn save_layer(&self, version: u64) {
        self.project.write(self.language.layer, &(self.language.layer_text)(&self.loads_file(), version));
    }

    fn save_code(&self, version: u64) {
        self.project.write(self.language.code, &(self.language.code_text)(&self.loads_file(), version));
    }

    fn loads_file(&self) -> String {
        self.project.path().join("loads").to_str().unwrap().to_owned()
    }

    fn loads(&self) -> String {
        fs::read_to_string(self.loads_file()).unwrap_or_default()
    }

    fn ask(&self, key: &str) -> u64 {
        let reply = self.served.get("/");
        assert_eq!(reply.status, 200, "{}\n{}", reply.text(), self.daemon.logs("early"));
        reply.json()[key].as_u64().unwrap()
    }

    /// The sandbox that waits, once it has loaded the layer's module.
    fn waiting(&self) -> u64 {
        self.ask("pid");
        eventually("a sandbox that waits with the layer's module", || {
            let status = self.daemon.status("early");
            let held = held(&status)?;
            self.loads().contains(&format!("layer {held}\n")).then_some(held)
        })
    }
}

/// The process that waits at the gate.
fn held(value: &serde_json::Value) -> Option<u64> {
    match value {
        serde_json::Value::Object(fields) => {
            if fields.get("state").and_then(serde_json::Value::as_str) == Some("held") {
                return fields.get("pid").and_then(serde_json::Value::as_u64);
            }
            fields.values().find_map(held)
        }
        serde_json::Value::Array(items) => items.iter().find_map(held),
        _ => None,
    }
}

fn loads_the_layer_early_and_the_code_late(language: &'static Language) {
    let case = Case::of(language);
    let waiting = case.waiting();
    assert!(!case.loads().contains(&format!("code {waiting}\n")), "the code ran early: {}", case.loads());
    case.save_code(1);
    eventually("the edit", || (case.ask("code") == 1).then_some(()));
    assert_eq!(case.ask("pid"), waiting);
    let loads = case.loads();
    assert_eq!(loads.matches(&format!("layer {waiting}\n")).count(), 1, "it was loaded again: {loads}");
}

#[test]
fn a_waiting_python_has_the_layers_modules_loaded_and_none_of_the_users() {
    loads_the_layer_early_and_the_code_late(&PYTHON);
}

#[test]
fn a_waiting_node_has_the_layers_modules_loaded_and_none_of_the_users() {
    loads_the_layer_early_and_the_code_late(&NODE);
}

fn serves_an_edit_of_the_layer(language: &'static Language) {
    let case = Case::of(language);
    for version in 1..=2 {
        case.waiting();
        case.save_layer(version);
        eventually("the edit of the layer", || (case.ask("layer") == version).then_some(()));
    }
}

#[test]
fn a_changed_layer_is_loaded_anew_by_python() {
    serves_an_edit_of_the_layer(&PYTHON);
}

#[test]
fn a_changed_layer_is_loaded_anew_by_node() {
    serves_an_edit_of_the_layer(&NODE);
}

#[test]
fn a_module_of_the_code_hides_one_that_was_loaded_early_from_a_layer() {
    let case = Case::of(&PYTHON);
    case.waiting();
    case.project.write("code/dependency.py", "VERSION = 77\n");
    eventually("the code's own module", || (case.ask("layer") == 77).then_some(()));
    fs::remove_file(case.project.path().join("code/dependency.py")).unwrap();
    eventually("the layer's module again", || (case.ask("layer") == 0).then_some(()));
}

#[test]
fn a_module_of_a_layer_that_needs_the_code_is_loaded_with_it() {
    let case = Case::of(&PYTHON);
    let text = format!("import settings\n{}", (PYTHON.layer_text)(&case.loads_file(), 5));
    case.project.write("code/settings.py", "");
    case.project.write(PYTHON.layer, &text);
    eventually("the layer", || (case.ask("layer") == 5).then_some(()));
    for version in 1..=3 {
        let pid = eventually("a sandbox that waits", || held(&case.daemon.status("early")));
        case.save_code(version);
        eventually("the edit", || (case.ask("code") == version).then_some(()));
        assert_eq!(case.ask("layer"), 5);
        let early = case.loads().lines().position(|line| line == format!("layer {pid}"));
        let code = case.loads().lines().position(|line| line == format!("code {pid}"));
        assert!(early.is_none() || code < early, "it was loaded before the code: {}", case.loads());
    }
    assert!(!case.daemon.logs("early").contains("rror"), "{}", case.daemon.logs("early"));
}

#[test]
fn modules_that_may_see_what_the_code_changes_are_not_loaded_early() {
    let case = Case::of(&PYTHON);
    let code = (PYTHON.code_text)(&case.loads_file(), 1);
    case.project.write(PYTHON.code, &format!("import os\nos.environ['MODE'] = 'x'\n{code}"));
    eventually("the edit", || (case.ask("code") == 1).then_some(()));
    let pid = case.ask("pid");
    let again = format!("import os\nos.environ['MODE'] = 'x'\n{}", (PYTHON.code_text)(&case.loads_file(), 2));
    eventually("a sandbox that waits", || held(&case.daemon.status("early")).filter(|held| *held != pid));
    // What waits now may have been told before the first edit; the next one was not.
    case.project.write(PYTHON.code, &again);
    eventually("the edit", || (case.ask("code") == 2).then_some(()));
    let waiting = eventually("another", || held(&case.daemon.status("early")));
    assert!(!case.loads().contains(&format!("layer {waiting}\n")), "{}", case.loads());
}
