//! Where the endpoint is, and who is told of it.

use samd_tests::daemon::{Daemon, Project};
use samd_tests::lambda_client::endpoint;
use serde_json::Value;

const TOLD: &str = "
import os
def handler(event, context):
    return {'statusCode': 200, 'body': os.environ.get('AWS_ENDPOINT_URL_LAMBDA', 'nowhere')}
";

#[test]
fn the_endpoint_stays_where_it_was_and_status_says_where() {
    // On an address that no other test's daemon tries: the first one is everybody's.
    let _first = std::net::TcpListener::bind("127.0.0.1:7264");
    let daemon = Daemon::start();
    let before = endpoint(&daemon).address;
    let told = daemon.samctl(&["daemon", "status", "--output", "json"]);
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(told["lambda_endpoint"], format!("http://{before}"));
    let daemon = daemon.killed_and_restarted();
    assert_eq!(endpoint(&daemon).address, before);
    let _reached = endpoint(&daemon).connect();
}

#[test]
fn a_setting_turns_it_off_and_on_again_for_a_projects_functions() {
    let daemon = Daemon::start();
    let project = Project::python(TOLD);
    let served = daemon.serve_with(&project, "shop", &["--no-lambda-endpoint"]);
    assert_eq!(served.get("/x").text(), "nowhere");
    assert_eq!(daemon.status("shop")["settings"]["lambda_endpoint"], false);
    assert_eq!(daemon.samctl(&["set", "shop", "--lambda-endpoint"]).code, 0);
    assert_eq!(served.get("/x").text(), format!("http://{}/shop", endpoint(&daemon).address));
    assert_eq!(daemon.samctl(&["set", "shop", "--no-lambda-endpoint"]).code, 0);
    let daemon = daemon.killed_and_restarted();
    assert_eq!(daemon.address("shop").get("/x").text(), "nowhere", "the setting outlasts the daemon");
}

#[test]
fn a_variable_of_the_users_own_goes_before_it() {
    let daemon = Daemon::start();
    let project = Project::python(TOLD);
    let own = "      MemorySize: 256\n      Environment: {Variables: {AWS_ENDPOINT_URL_LAMBDA: 'http://own:1'}}\n";
    project.write("template.yaml", &samd_tests::daemon::PYTHON.replace("      MemorySize: 256\n", own));
    assert_eq!(daemon.serve(&project, "shop").get("/x").text(), "http://own:1");
}
