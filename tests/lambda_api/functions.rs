//! Functions that call each other with boto3 as it is.

use samd_tests::daemon::Daemon;
use samd_tests::lambda_client::boto3_folder;
use serde_json::json;

use super::project;

/// Calls the function that the event names, by boto3 and without a word of samd.
fn caller() -> String {
    format!(
        "
import sys, json
sys.path.insert(0, {:?})
import boto3
def handler(event, context):
    if 'call' not in event:
        return {{'i am': context.function_name, 'of': 'PROJECT', 'event': event}}
    client = boto3.client('lambda')
    try:
        answer = client.invoke(FunctionName=event['call'], Payload=json.dumps({{'from': context.function_name}}))
    except client.exceptions.ResourceNotFoundException as error:
        return {{'not found': error.response['Message'] if 'Message' in error.response else str(error)}}
    return json.load(answer['Payload'])
",
        boto3_folder().to_str().unwrap()
    )
}

fn called(daemon: &Daemon, project: &str, event: &serde_json::Value) -> serde_json::Value {
    let file = daemon.state().join("event.json");
    std::fs::write(&file, event.to_string()).unwrap();
    let ran = daemon.samctl(&["invoke", project, "Front", "--event", file.to_str().unwrap()]);
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err))
}

#[test]
fn functions_reach_each_other_within_and_across_projects() {
    let daemon = Daemon::start();
    let memory = "MemorySize: 512";
    let shop = project(&[("Front", memory), ("Back", memory)], &caller().replace("PROJECT", "shop"));
    let depot =
        project(&[("Front", memory), ("Back", memory), ("Stock", memory)], &caller().replace("PROJECT", "depot"));
    let _served = (daemon.serve(&shop, "shop"), daemon.serve(&depot, "depot"));
    let of = |project: &str, name: &str| json!({ "i am": name, "of": project, "event": { "from": "Front" } });
    assert_eq!(called(&daemon, "shop", &json!({ "call": "Back" })), of("shop", "Back"), "the own project goes first");
    assert_eq!(called(&daemon, "depot", &json!({ "call": "Back" })), of("depot", "Back"));
    assert_eq!(called(&daemon, "shop", &json!({ "call": "Stock" })), of("depot", "Stock"), "then the others");
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:Stock";
    assert_eq!(called(&daemon, "shop", &json!({ "call": arn })), of("depot", "Stock"));
    let gone = called(&daemon, "shop", &json!({ "call": "Nowhere" }))["not found"].to_string();
    assert!(gone.contains("function:Nowhere:$LATEST"), "{gone}");
    assert!(daemon.log().contains("Nowhere"), "a hint stands in the daemon's log");
    assert_eq!(daemon.samctl(&["stop", "depot"]).code, 0);
    let gone = called(&daemon, "shop", &json!({ "call": "Stock" }))["not found"].to_string();
    assert!(gone.contains("Function not found"), "a stopped project has no functions: {gone}");
}
