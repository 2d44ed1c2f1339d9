//! Asynchronous invocations and the daemon's death.

use samd_tests::daemon::{Daemon, eventually};
use samd_tests::lambda_client::endpoint;

use super::project;

/// Waits for a file beside the code before it leaves its mark.
const WAITS: &str = "
import os, time
HERE = os.path.dirname(os.path.abspath(__file__))
def handler(event, context):
    with open(os.path.join(HERE, '..', 'began'), 'a') as file:
        print(context.aws_request_id, file=file)
    while not os.path.exists(os.path.join(HERE, '..', 'go')):
        time.sleep(0.01)
    with open(os.path.join(HERE, '..', 'done'), 'a') as file:
        print(context.aws_request_id, event['n'], file=file)
";

#[test]
fn an_acknowledged_event_is_run_by_the_daemon_that_comes_after_a_killed_one() {
    let daemon = Daemon::start();
    let project = project(&[("Waits", "")], WAITS);
    let _served = daemon.serve(&project, "shop");
    let path = "/shop/2015-03-31/functions/Waits/invocations";
    let reply = endpoint(&daemon).ask("POST", path, &[("X-Amz-Invocation-Type", "Event")], br#"{"n":42}"#);
    assert_eq!((reply.status, reply.text().as_str()), (202, ""));
    let id = reply.header("X-Amzn-Requestid").unwrap().to_owned();
    let read = |name: &str| std::fs::read_to_string(project.path().join(name)).unwrap_or_default();
    eventually("the first attempt", || (!read("began").is_empty()).then_some(()));
    let daemon = daemon.killed_and_restarted();
    project.write("go", "");
    let done = eventually("the event", || Some(read("done")).filter(|done| done.ends_with('\n')));
    assert_eq!(done, format!("{id} 42\n"), "it ran with its own id and event, once to its end");
    assert_eq!(read("began"), format!("{id}\n{id}\n"));
    // What has run, and is off the store, is not run again.
    let spool = daemon.state().join("invocations");
    eventually("its end in the store", || std::fs::read_dir(&spool).unwrap().next().is_none().then_some(()));
    let daemon = daemon.killed_and_restarted();
    let reply = endpoint(&daemon).ask("POST", path, &[], br#"{"n":43}"#);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(read("done").lines().count(), 2, "{}", read("done"));
}

#[test]
fn an_event_for_a_stopped_project_waits_for_its_start() {
    let daemon = Daemon::start();
    let project = project(&[("Waits", "")], WAITS);
    let _served = daemon.serve(&project, "shop");
    let path = "/shop/2015-03-31/functions/Waits/invocations";
    let reply = endpoint(&daemon).ask("POST", path, &[("X-Amz-Invocation-Type", "Event")], br#"{"n":1}"#);
    assert_eq!(reply.status, 202);
    let read = |name: &str| std::fs::read_to_string(project.path().join(name)).unwrap_or_default();
    eventually("the attempt", || (!read("began").is_empty()).then_some(()));
    let daemon = {
        assert_eq!(daemon.samctl(&["stop", "shop"]).code, 0);
        daemon.killed_and_restarted()
    };
    project.write("go", "");
    assert_eq!(read("done"), "");
    assert_eq!(daemon.samctl(&["start", "shop"]).code, 0);
    eventually("the event", || read("done").ends_with(" 1\n").then_some(()));
}

#[test]
fn samctls_asynchronous_invocation_is_kept_as_well() {
    let daemon = Daemon::start();
    let project = project(&[("Waits", "")], WAITS);
    let _served = daemon.serve(&project, "shop");
    let event = project.path().join("event.json");
    std::fs::write(&event, r#"{"n":5}"#).unwrap();
    let ran = daemon.samctl(&["invoke", "shop", "Waits", "--async", "--event", event.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let read = |name: &str| std::fs::read_to_string(project.path().join(name)).unwrap_or_default();
    eventually("the attempt", || (!read("began").is_empty()).then_some(()));
    let _daemon = daemon.killed_and_restarted();
    project.write("go", "");
    eventually("the event", || read("done").ends_with(" 5\n").then_some(()));
}

const TOLD: &str = "
import json, os
HERE = os.path.dirname(os.path.abspath(__file__))
def handler(event, context):
    if context.function_name == 'Told':
        with open(os.path.join(HERE, '..', 'told'), 'a') as file:
            print(json.dumps(event), file=file)
        return
    if event.get('fail'): raise ValueError('as asked')
    return {'n': event['n']}
";

#[test]
fn a_function_of_the_template_is_told_how_events_ended() {
    let daemon = Daemon::start();
    let config = "EventInvokeConfig:
  MaximumRetryAttempts: 0
  DestinationConfig:
    OnSuccess: {Type: Lambda, Destination: !GetAtt Told.Arn}
    OnFailure: {Type: Lambda, Destination: !GetAtt Told.Arn}
DeadLetterQueue: {Type: SQS, TargetArn: 'arn:aws:sqs:us-east-1:123456789012:lost'}";
    let project = project(&[("Works", config), ("Told", "")], TOLD);
    let _served = daemon.serve(&project, "shop");
    let status = daemon.status_text("shop");
    assert!(status.contains("dead-letter queue arn:aws:sqs:us-east-1:123456789012:lost"), "{status}");
    let path = "/shop/2015-03-31/functions/Works/invocations";
    let told = || std::fs::read_to_string(project.path().join("told")).unwrap_or_default();
    for (before, (event, condition, response)) in [
        (r#"{"n": 1}"#, "Success", r#"{"n":1}"#),
        (r#"{"n": 2, "fail": true}"#, "RetriesExhausted", r#""errorMessage":"as asked""#),
    ]
    .into_iter()
    .enumerate()
    {
        let headers = [("X-Amz-Invocation-Type", "Event")];
        assert_eq!(endpoint(&daemon).ask("POST", path, &headers, event.as_bytes()).status, 202);
        let text = eventually("the record", || Some(told()).filter(|text| text.lines().count() == before + 1));
        let record: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(record["requestContext"]["condition"], condition);
        assert_eq!(
            record["requestContext"]["functionArn"],
            "arn:aws:lambda:us-east-1:123456789012:function:Works:$LATEST"
        );
        assert_eq!(record["requestPayload"], serde_json::from_str::<serde_json::Value>(event).unwrap());
        assert!(record["responsePayload"].to_string().contains(response), "{record}");
    }
}
