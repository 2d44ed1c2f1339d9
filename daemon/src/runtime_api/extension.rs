//! The calls of extensions (G1). What is wrong with one is told as 403, as AWS does.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::body::whole;
use super::reply::{Reply, accepted, error, gone, header_text, json, refused_extension};
use super::{Call, ExtensionCall, ExtensionEvent, Registered};
use crate::lambda::extension::ExtensionRefusal;

/// Largest body of a call of an extension.
const MAX_BODY: usize = 256 * 1024;
const IDENTIFIER: &str = "lambda-extension-identifier";
/// What an extension may ask to be told of besides.
const ACCOUNT_ID: &str = "accountId";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    #[serde(default)]
    events: Vec<String>,
    configuration_keys: Option<serde_json::Value>,
}

pub(super) async fn register(request: Request<Incoming>, calls: &mpsc::Sender<Call>) -> Reply {
    let name = header_text(request.headers(), "lambda-extension-name").unwrap_or_default();
    let features = header_text(request.headers(), "lambda-extension-accept-feature").unwrap_or_default();
    let wants_account = features.split(',').any(|feature| feature.trim() == ACCOUNT_ID);
    if name.is_empty() {
        return refused_extension(&ExtensionRefusal::EmptyName);
    }
    let events = match registration(request).await {
        Ok(events) => events,
        Err(reply) => return reply,
    };
    let id: Arc<str> = uuid::Uuid::new_v4().to_string().into();
    let answer = ask(calls, |reply| ExtensionCall::Register { name, events, id: id.clone(), reply }).await;
    match answer {
        Ok(Ok(registered)) => greeting(&registered, wants_account, &id),
        Ok(Err(refusal)) => refused_extension(&refusal),
        Err(reply) => reply,
    }
}

async fn registration(request: Request<Incoming>) -> Result<Vec<String>, Reply> {
    let malformed = |message: &str| error(StatusCode::FORBIDDEN, "InvalidRequestFormat", message);
    let body = whole(request.into_body(), MAX_BODY).await.unwrap_or_default();
    let asked: Registration = serde_json::from_slice(&body)
        .map_err(|problem| malformed(&format!("the body is not as it should be: {problem}")))?;
    match asked.configuration_keys {
        Some(_) => Err(malformed("configurationKeys are deprecated; use environment variables instead")),
        None => Ok(asked.events),
    }
}

fn greeting(registered: &Registered, with_account: bool, id: &str) -> Reply {
    let mut body = serde_json::Map::new();
    if with_account {
        body.insert(ACCOUNT_ID.to_owned(), json!(registered.account_id));
    }
    body.insert("functionName".to_owned(), json!(registered.function_name));
    body.insert("functionVersion".to_owned(), json!(registered.function_version));
    body.insert("handler".to_owned(), json!(registered.handler));
    let reply = json(StatusCode::OK, Bytes::from(serde_json::Value::Object(body).to_string()));
    with_header(reply, IDENTIFIER, id)
}

pub(super) async fn next(request: &Request<Incoming>, calls: &mpsc::Sender<Call>) -> Reply {
    let id = match identifier(request.headers()) {
        Ok(id) => id,
        Err(anonymous) => return anonymous.reply(),
    };
    match ask(calls, |reply| ExtensionCall::Next { id, reply }).await {
        Ok(Ok(event)) => hand_over(&event),
        Ok(Err(refusal)) => refused_extension(&refusal),
        Err(reply) => reply,
    }
}

fn hand_over(event: &ExtensionEvent) -> Reply {
    let body = match event {
        ExtensionEvent::Invoke { deadline_ms, request_id, invoked_arn, trace_id } => {
            let mut body = json!({"eventType": "INVOKE", "deadlineMs": deadline_ms, "requestId": **request_id,
                "invokedFunctionArn": **invoked_arn});
            if !trace_id.is_empty() {
                body["tracing"] = json!({"type": "X-Amzn-Trace-Id", "value": trace_id});
            }
            body
        }
        ExtensionEvent::Shutdown { deadline_ms, reason } => {
            json!({"eventType": "SHUTDOWN", "deadlineMs": deadline_ms, "shutdownReason": reason.name()})
        }
    };
    let reply = json_reply(&body);
    with_header(reply, "lambda-extension-event-identifier", &uuid::Uuid::new_v4().to_string())
}

fn json_reply(body: &serde_json::Value) -> Reply {
    json(StatusCode::OK, Bytes::from(body.to_string()))
}

fn with_header(mut reply: Reply, name: &'static str, value: &str) -> Reply {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
    reply
}

pub(super) async fn failed(init: bool, request: Request<Incoming>, calls: &mpsc::Sender<Call>) -> Reply {
    let id = match identifier(request.headers()) {
        Ok(id) => id,
        Err(anonymous) => return anonymous.reply(),
    };
    let Some(error_type) = header_text(request.headers(), "lambda-extension-function-error-type") else {
        let message = "Lambda-Extension-Function-Error-Type not found";
        return error(StatusCode::FORBIDDEN, "Extension.MissingHeader", message);
    };
    // What else it has to say is not kept; reading it lets the connection go on.
    drop(whole(request.into_body(), MAX_BODY).await);
    match ask(calls, |reply| ExtensionCall::Failed { id, init, error_type, reply }).await {
        Ok(Ok(())) => accepted(),
        Ok(Err(refusal)) => refused_extension(&refusal),
        Err(reply) => reply,
    }
}

/// A call that does not say whose it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anonymous {
    error_type: &'static str,
    message: &'static str,
}

impl Anonymous {
    pub(super) fn reply(self) -> Reply {
        error(StatusCode::FORBIDDEN, self.error_type, self.message)
    }
}

/// Whose call it is (G1.4).
pub(super) fn identifier(headers: &HeaderMap) -> Result<Arc<str>, Anonymous> {
    let id = header_text(headers, IDENTIFIER).ok_or(Anonymous {
        error_type: "Extension.MissingExtensionIdentifier",
        message: "Missing Lambda-Extension-Identifier header",
    })?;
    let id = uuid::Uuid::parse_str(&id).map_err(|_| Anonymous {
        error_type: "Extension.InvalidExtensionIdentifier",
        message: "Invalid Lambda-Extension-Identifier",
    })?;
    Ok(id.to_string().into())
}

/// Asks the sandbox's owner.
pub(super) async fn ask<T>(
    calls: &mpsc::Sender<Call>,
    call: impl FnOnce(oneshot::Sender<T>) -> ExtensionCall,
) -> Result<T, Reply> {
    let (reply, answer) = oneshot::channel();
    calls.send(Call::Extension(call(reply))).await.map_err(|_| gone())?;
    answer.await.map_err(|_| gone())
}
