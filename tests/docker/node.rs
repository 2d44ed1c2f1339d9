//! Node.js functions in containers, served by AWS's own client for Node.js.

use samd_tests::daemon::{Daemon, PYTHON, Project, eventually};
use samd_tests::engine::{containers, serve_in};
use serde_json::json;

use super::waiting;

fn node(file: &str, code: &str) -> Project {
    let template = PYTHON.replace("python3.11", "nodejs20.x");
    Project::of(&[("template.yaml", &template), (&format!("src/{file}"), code)])
}

const WHO: &str = "
const os = require('os');
exports.handler = async (event, context) => ({statusCode: 200, body: JSON.stringify({
  word: 'one', host: os.hostname(), argv: process.argv.slice(1), options: process.env.NODE_OPTIONS || null,
  env: process.env, left: context.getRemainingTimeInMillis() })});
";

#[test]
fn a_node_function_runs_in_a_container_by_awss_own_client() {
    let daemon = Daemon::start();
    let reply = serve_in(&daemon, "docker", &node("app.js", WHO), "node").get("/x");
    assert_eq!(reply.status, 200, "{}\n{}", reply.text(), daemon.logs("node"));
    let reply = reply.json();
    assert_eq!(reply["argv"], json!(["/var/runtime/index.mjs"]));
    assert!(reply["options"].is_null(), "the gate leaves no trace: {}", reply["options"]);
    assert!((1..=10_000).contains(&reply["left"].as_i64().unwrap()), "{}", reply["left"]);
    for (name, value) in [
        ("AWS_EXECUTION_ENV", "AWS_Lambda_nodejs20.x"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        (
            "NODE_PATH",
            "/opt/nodejs/node20/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task",
        ),
        ("_HANDLER", "app.handler"),
    ] {
        assert_eq!(reply["env"][name], value, "{name}");
    }
}

#[test]
fn an_edit_of_a_node_function_is_served_by_the_container_that_waited_for_it() {
    let daemon = Daemon::start();
    let project = node("app.js", WHO);
    let served = serve_in(&daemon, "docker", &project, "who");
    let first = served.get("/x").json();
    let held = waiting(&daemon, first["host"].as_str().unwrap());
    // One event alone: a file that is made in the folder first would already take the one that waits.
    project.write("next.js", &WHO.replace("'one'", "'two'"));
    std::fs::rename(project.path().join("next.js"), project.path().join("src/app.js")).unwrap();
    let second = eventually("the edit", || Some(served.get("/x").json()).filter(|reply| reply["word"] == "two"));
    let serves = second["host"].as_str().unwrap();
    assert!(held.starts_with(serves), "{held} waited and {serves} serves");
    assert!(second["options"].is_null(), "{}", second["options"]);
    eventually("the end of the old one", || {
        let first = first["host"].as_str().unwrap();
        (!containers(&daemon).iter().any(|id| id.starts_with(first))).then_some(())
    });
}

#[test]
fn an_error_of_a_node_function_in_a_container_has_its_stack_trace() {
    let daemon = Daemon::start();
    let code = "
export const handler = async (event) => {
  if (event.path === '/throw') refuse(event);
  return {statusCode: 200, body: 'fine'};
};
function refuse(event) { throw new RangeError('not today'); }
";
    let project = node("app.mjs", code);
    let served = serve_in(&daemon, "docker", &project, "errors");
    assert_eq!(served.get("/throw").status, 502);
    assert_eq!(served.get("/x").text(), "fine", "the same container goes on\n{}", daemon.logs("errors"));
    let log = eventually("the error", || Some(daemon.logs("errors")).filter(|log| log.contains("not today")));
    assert!(log.contains("RangeError") && log.contains("file:///var/task/app.mjs:6"), "{log}");
    assert_eq!(log.matches("INIT_START").count(), 1, "{log}");
}

#[test]
fn a_node_module_that_does_not_load_is_an_init_error_with_its_cause() {
    let daemon = Daemon::start();
    let project = node("app.js", "require('missing-part');\n");
    let served = serve_in(&daemon, "docker", &project, "broken");
    assert_eq!(served.get("/x").status, 502);
    let log = eventually("the cause", || Some(daemon.logs("broken")).filter(|log| log.contains("missing-part")));
    assert!(log.contains("Runtime.ImportModuleError"), "{log}");
}
