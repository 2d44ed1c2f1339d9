//! The gate: an interpreter that was started ahead of need touches nothing of the user's before it is told to.

use std::path::PathBuf;

use serde_json::{Value, json};

use samd_tests::recording_api::{Arrived, Event};
use samd_tests::runtime_client::{Client, Function, Run, Running};

use super::clients::{any_node, any_python, ours};

struct Project {
    folder: tempfile::TempDir,
    client: Client,
}

impl Project {
    fn python() -> Project {
        let (runtime, interpreter) = any_python();
        Project { folder: tempfile::tempdir().unwrap(), client: ours(&runtime, &interpreter) }
    }

    fn node() -> Project {
        let (runtime, interpreter) = any_node();
        Project { folder: tempfile::tempdir().unwrap(), client: ours(&runtime, &interpreter) }
    }

    fn save(&self, file: &str, text: &str) {
        std::fs::write(self.path().join(file), text).unwrap();
    }

    fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    fn start(&self) -> Running {
        self.start_with(&[])
    }

    fn start_with(&self, variables: &[(&str, &str)]) -> Running {
        let function = Function {
            folder: self.path(),
            handler: "app.handler".to_owned(),
            variables: variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            events: vec![Event::new("{}")],
        };
        Running::start(&self.client, &function).unwrap()
    }
}

fn served(mut running: Running) -> Run {
    let exit = running.until(|arrived| arrived.iter().filter(|request| request.is_next()).count() == 2).unwrap();
    running.finish(exit).unwrap()
}

fn answer(arrived: &[Arrived]) -> Value {
    let response = arrived.iter().find(|request| request.path.ends_with("/response")).expect("no response arrived");
    serde_json::from_slice(&response.body).unwrap()
}

fn ends_quietly(project: &Project) {
    let mut running = project.start();
    running.gate("preload json,path").unwrap();
    running.end_gate();
    let exit = running.until(|_| false).unwrap();
    let run = running.finish(exit).unwrap();
    assert_eq!((run.exit, run.output.as_str(), run.arrived.len()), (Some(0), "", 0));
}

#[test]
fn a_python_that_nobody_needs_ends_quietly_and_loads_nothing() {
    let project = Project::python();
    project.save("app.py", "print('loaded')\n");
    ends_quietly(&project);
}

#[test]
fn a_node_that_nobody_needs_ends_quietly_and_loads_nothing() {
    let project = Project::node();
    project.save("app.js", "console.log('loaded');\n");
    ends_quietly(&project);
}

#[test]
fn the_code_of_the_moment_of_go_runs_in_python() {
    let project = Project::python();
    project.save("app.py", "def handler(event, context):\n    return 'old'\n");
    let mut running = project.start();
    running.gate("preload decimal").unwrap();
    project.save("helper.py", "WORD = 'new'\n");
    project.save("app.py", "import helper\n\n\ndef handler(event, context):\n    return helper.WORD\n");
    running.gate("go").unwrap();
    assert_eq!(answer(&served(running).arrived), json!("new"));
}

#[test]
fn the_code_of_the_moment_of_go_runs_in_node() {
    let project = Project::node();
    project.save("app.js", "exports.handler = async () => 'old';\n");
    let mut running = project.start();
    running.gate("preload http").unwrap();
    project.save("helper.js", "exports.word = 'new';\n");
    project.save("app.js", "exports.handler = async () => require('./helper').word;\n");
    running.gate("go").unwrap();
    assert_eq!(answer(&served(running).arrived), json!("new"));
}

#[test]
fn python_imports_what_is_to_be_preloaded_and_passes_over_what_fails() {
    let project = Project::python();
    let text = "import sys\nearly = 'decimal' in sys.modules\n\n\ndef handler(event, context):\n    return early\n";
    project.save("app.py", text);
    let mut running = project.start();
    running.gate("preload no_such_module,decimal,no.such.package").unwrap();
    running.gate("go").unwrap();
    let run = served(running);
    assert_eq!((answer(&run.arrived), run.output.as_str()), (json!(true), ""));
}

#[test]
fn node_requires_what_is_to_be_preloaded_and_passes_over_what_fails() {
    let project = Project::node();
    let layer = tempfile::tempdir().unwrap();
    let file = layer.path().canonicalize().unwrap().join("early/index.js");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "globalThis.early = true;\n").unwrap();
    project.save("app.js", "const early = globalThis.early === true;\nexports.handler = async () => early;\n");
    let mut running = project.start_with(&[("NODE_PATH", layer.path().to_str().unwrap())]);
    running.gate(&format!("preload no-such-package,zlib,{}", file.display())).unwrap();
    running.gate("go").unwrap();
    let run = served(running);
    assert_eq!((answer(&run.arrived), run.output.as_str()), (json!(true), ""));
}

#[test]
fn nothing_of_the_users_is_loaded_early_even_when_it_is_asked_for() {
    let node = Project::node();
    node.save("early.js", "console.log('early');\n");
    node.save("app.js", "exports.handler = async () => 1;\n");
    let python = Project::python();
    python.save("early.py", "print('early')\n");
    python.save("app.py", "def handler(event, context):\n    return 1\n");
    let file = node.path().join("early.js");
    for (project, name) in [(node, file.to_str().unwrap()), (python, "early")] {
        let mut running = project.start();
        running.gate(&format!("preload {name}")).unwrap();
        running.gate("go").unwrap();
        assert_eq!(served(running).output, "");
    }
}

#[test]
fn who_is_asked_to_tells_after_the_first_answer_what_init_has_loaded() {
    let node = Project::node();
    node.save("own.js", "\n");
    node.save("app.js", "require('./own');\nrequire('zlib');\nexports.handler = async () => 1;\n");
    let python = Project::python();
    python.save("own.py", "\n");
    python.save("app.py", "import own\nimport decimal\n\n\ndef handler(event, context):\n    return 1\n");
    for (project, loaded, own) in [(node, "zlib", "own.js"), (python, "decimal", "own")] {
        let mut running = project.start();
        running.gate("learn").unwrap();
        running.gate("go").unwrap();
        let arrived = served(running).arrived;
        let paths: Vec<&str> = arrived.iter().map(|request| request.path.rsplit('/').next().unwrap()).collect();
        assert_eq!(paths, ["next", "response", "loaded", "next"]);
        let told: Value = serde_json::from_slice(&arrived[2].body).unwrap();
        let modules: Vec<&str> =
            told["modules"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert!(modules.contains(&loaded) && !modules.iter().any(|name| name.ends_with(own)), "{modules:?}");
    }
}

#[test]
fn logging_is_set_up_when_it_is_preloaded() {
    let project = Project::python();
    project.save("app.py", "def handler(event, context):\n    import logging\n    logging.error('x')\n");
    let mut running = project.start();
    running.gate("preload logging").unwrap();
    running.gate("go").unwrap();
    let run = served(running);
    assert!(run.output.starts_with("[ERROR]\t") && run.output.contains("\t8476a536"), "{}", run.output);
}

#[test]
fn the_client_writes_nothing_into_the_users_folder() {
    let project = Project::python();
    project.save("helper.py", "WORD = 'x'\n");
    project.save("app.py", "import helper\n\n\ndef handler(event, context):\n    return helper.WORD\n");
    let mut running = project.start();
    running.gate("go").unwrap();
    served(running);
    let mut names: Vec<_> =
        std::fs::read_dir(project.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["app.py", "helper.py"]);
}

fn exits_with_its_daemon(project: &Project) {
    let mut running = project.start();
    running.gate("go").unwrap();
    assert_eq!(running.until(|arrived| arrived.iter().filter(|request| request.is_next()).count() == 2).unwrap(), None);
    running.api.close();
    assert_eq!(running.until(|_| false).unwrap(), Some(1));
}

#[test]
fn python_exits_when_the_daemon_is_gone() {
    let project = Project::python();
    let text = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n\n\ndef handler(event, context):\n    pass\n";
    project.save("app.py", text);
    exits_with_its_daemon(&project);
}

#[test]
fn node_exits_when_the_daemon_is_gone() {
    let project = Project::node();
    project.save("app.js", "setInterval(() => {}, 1000);\nexports.handler = async () => 1;\n");
    exits_with_its_daemon(&project);
}

#[test]
fn a_client_without_a_daemon_says_so_and_exits() {
    let (runtime, interpreter) = any_python();
    let client = ours(&runtime, &interpreter);
    let output = std::process::Command::new(&client.argv[0])
        .args(&client.argv[1..])
        .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("127.0.0.1:1"), "{text}");
}
