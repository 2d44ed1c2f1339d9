//! A function with a runtime of its own (`provided.al2023`), built on AWS's crate: what a user's `bootstrap` is.
//!
//! It answers with what it was asked: the event, the request's id, how often it was called; and fails when asked to.

use std::sync::atomic::{AtomicU64, Ordering};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

static CALLS: AtomicU64 = AtomicU64::new(0);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    println!("the custom runtime starts in {}", std::env::current_dir()?.display());
    lambda_runtime::run(service_fn(answer)).await
}

async fn answer(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    let (event, context) = event.into_parts();
    println!("call {calls}");
    match event["do"].as_str() {
        Some("fail") => Err("failed as asked".into()),
        Some("exit") => leave(),
        Some(_) | None => Ok(json!({
            "statusCode": 200,
            "body": json!({"calls": calls, "event": event, "requestId": context.request_id}).to_string(),
        })),
    }
}

/// What a runtime does that gives up in the middle of an invocation.
#[allow(clippy::disallowed_methods)]
fn leave() -> ! {
    std::process::exit(7)
}
