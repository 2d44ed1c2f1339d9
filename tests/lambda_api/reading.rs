//! What can be read of functions, and of one invocation's log among others.

use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use samd_tests::daemon::Daemon;
use samd_tests::lambda_client::{boto3, endpoint};
use serde_json::{Value, json};

use super::{TELL, project};

#[test]
fn functions_are_listed_and_described_without_their_variables() {
    let daemon = Daemon::start();
    let secret =
        "FunctionName: told\nMemorySize: 256\nReservedConcurrentExecutions: 3\nEnvironment: {Variables: {KEY: s3cret}}";
    let (shop, depot) =
        (project(&[("Tell", secret), ("Also", "")], TELL), project(&[("Also", ""), ("More", "")], TELL));
    let _served = (daemon.serve(&shop, "shop"), daemon.serve(&depot, "depot"));
    let answers = boto3(
        &daemon,
        "shop",
        &json!([
            ["list_functions", {}],
            ["list_functions", { "MaxItems": 2 }],
            ["list_functions", { "MaxItems": 2, "Marker": "More" }],
            ["get_function", { "FunctionName": "told" }],
            ["get_function_configuration", { "FunctionName": "told", "Qualifier": "$LATEST" }],
            ["get_function", { "FunctionName": "Gone" }],
        ]),
    );
    let names = |answer: &Value| -> Vec<String> {
        let functions = answer["Functions"].as_array().unwrap().iter();
        functions.map(|function| function["FunctionName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&answers[0]), ["Also", "More", "told"]);
    assert_eq!(
        (names(&answers[1]), &answers[1]["NextMarker"]),
        (vec!["Also".to_owned(), "More".to_owned()], &json!("More"))
    );
    assert_eq!((names(&answers[2]), answers[2].get("NextMarker")), (vec!["told".to_owned()], None));
    let configuration = &answers[3]["Configuration"];
    assert_eq!(configuration["FunctionArn"], "arn:aws:lambda:us-east-1:123456789012:function:told");
    assert_eq!((&configuration["Runtime"], &configuration["MemorySize"]), (&json!("python3.11"), &json!(256)));
    assert_eq!((&configuration["State"], &configuration["PackageType"]), (&json!("Active"), &json!("Zip")));
    assert_eq!(answers[3]["Concurrency"]["ReservedConcurrentExecutions"], 3);
    assert_eq!(answers[4]["FunctionArn"], "arn:aws:lambda:us-east-1:123456789012:function:told:$LATEST");
    assert_eq!(answers[5]["error"]["Error"]["Code"], "ResourceNotFoundException");
    assert!(!json!(answers).to_string().contains("s3cret"));
}

const CHATTY: &str = "
import time
def handler(event, context):
    for number in range(20):
        print('line', number, 'of', event)
        time.sleep(0.005)
";

#[test]
fn a_tail_holds_its_own_invocations_lines_alone() {
    let daemon = Daemon::start();
    let project = project(&[("Chatty", "")], CHATTY);
    let _served = daemon.serve(&project, "shop");
    let served = endpoint(&daemon);
    let tails = thread::scope(|scope| {
        let calls = (0..6).map(|number| {
            scope.spawn(move || {
                let path = "/shop/2015-03-31/functions/Chatty/invocations";
                let reply = served.ask("POST", path, &[("X-Amz-Log-Type", "Tail")], number.to_string().as_bytes());
                let tail = reply.header("X-Amz-Log-Result").unwrap_or_else(|| panic!("{}", reply.head));
                String::from_utf8(BASE64.decode(tail).unwrap()).unwrap()
            })
        });
        calls.collect::<Vec<_>>().into_iter().map(|call| call.join().unwrap()).collect::<Vec<_>>()
    });
    for (number, tail) in tails.iter().enumerate() {
        let printed: Vec<&str> = tail.lines().filter(|line| line.starts_with("line ")).collect();
        assert_eq!(printed.len(), 20, "{tail}");
        assert!(printed.iter().all(|line| line.ends_with(&format!("of {number}"))), "{tail}");
        assert!(tail.starts_with("START ") && tail.lines().last().unwrap().starts_with("REPORT "), "{tail}");
    }
}
