//! Events: what one says together, and what it says of other resources.

use super::super::intrinsic::is_intrinsic;
use super::super::node::{Mark, Node};
use super::super::schema::{Path, Report};
use super::super::{Template, globals};
use super::{Judged, has_something, may_have_more};

/// Judges the properties of an event.
pub(in crate::template) fn judge(
    template: &Template,
    kind: &str,
    properties: &Node,
    (mark, path): (&Mark, &Path<'_>),
    report: &Report<'_>,
) {
    let event = Judged { properties, mark, path, report };
    match kind {
        "Schedule" | "ScheduleV2" | "EventBridgeRule" | "CloudWatchEvent" => scheduled(&event),
        "Api" => request_parameters(&event),
        "HttpApi" => authorization(&event, template),
        "S3" => bucket(&event, template),
        "SelfManagedKafka" => {
            for name in ["KafkaBootstrapServers", "Topics", "SourceAccessConfigurations"] {
                if !event.get(name).is_some_and(has_something) {
                    event.error(name, format!("an event of type SelfManagedKafka needs {name}"));
                }
            }
        }
        "Cognito" if event.text("UserPool").is_some() => {
            event.error("UserPool", "UserPool is a Ref of a user pool in this template");
        }
        _ => {}
    }
}

fn scheduled(event: &Judged<'_>) {
    event.excludes("State", "Enabled");
    let Some(config) = event.get("DeadLetterConfig").filter(|node| node.as_map().is_some() && !is_intrinsic(node))
    else {
        return;
    };
    match (config.get("Arn"), config.get("Type")) {
        (None, None) => event.error("DeadLetterConfig", "DeadLetterConfig needs an Arn, or the Type SQS"),
        (Some(_), Some(_)) => event.error("DeadLetterConfig", "DeadLetterConfig has either an Arn or a Type"),
        (None, Some(kind)) if !is_intrinsic(kind) && kind.as_str() != Some("SQS") => {
            event.error("DeadLetterConfig", "the Type of a DeadLetterConfig is SQS");
        }
        _ => {}
    }
}

/// Each names a part of the request: `method.request.header.Authorization`.
fn request_parameters(event: &Judged<'_>) {
    const PLACES: [&str; 3] = ["querystring", "path", "header"];
    for item in event.get("RequestParameters").and_then(Node::as_list).unwrap_or_default() {
        let named = match item.as_map() {
            Some(map) => map.iter().next().map(|(key, value)| (key.text.to_string(), Some(value))),
            None => item.as_str().map(|text| (text.to_owned(), None)),
        };
        let place = named.as_ref().and_then(|(name, _)| name.strip_prefix("method.request.")?.split('.').next());
        if place.is_none_or(|place| !PLACES.contains(&place)) {
            let message = "a request parameter is method.request.querystring, .path or .header and its name";
            event.error("RequestParameters", message);
        }
        let settings = named.and_then(|(_, value)| value?.as_map().cloned()).unwrap_or_default();
        if settings.iter().any(|(key, _)| !matches!(&*key.text, "Required" | "Caching")) {
            event.error("RequestParameters", "a request parameter is Required, Caching, or both");
        }
    }
}

/// SAM writes the notification into the bucket's own resource.
fn bucket(event: &Judged<'_>, template: &Template) {
    let Some(bucket) = event.get("Bucket") else { return };
    let is_here = bucket.get("Ref").and_then(Node::as_str).is_some_and(|id| template.resource(id).is_some());
    if !is_here && !may_have_more(template) {
        event.error("Bucket", "the Bucket of an event is a Ref of a bucket in this template");
    }
}

/// What an event of an HTTP API says of authorization is about an authorizer.
fn authorization(event: &Judged<'_>, template: &Template) {
    let Some(auth) = event.get("Auth").filter(|auth| auth.as_map().is_some() && has_something(auth)) else { return };
    if is_intrinsic(auth) || auth.get("Authorizer").is_some() {
        return;
    }
    let api = match event.get("ApiId") {
        None => globals::of_kind(template, "HttpApi"),
        Some(id) => {
            let id = id.as_str().or_else(|| id.get("Ref")?.as_str());
            let api = id.and_then(|id| template.resource(id));
            let api = api.filter(|api| api.get("Type").and_then(Node::as_str) == Some("AWS::Serverless::HttpApi"));
            let Some(api) = api else { return };
            Some(globals::merged(template, api))
        }
    };
    let of_api = api.as_ref().and_then(|api| api.get("Auth"));
    if !of_api.is_some_and(|auth| is_intrinsic(auth) || auth.get("DefaultAuthorizer").is_some()) {
        event.error("Auth", "Auth needs an Authorizer, or a DefaultAuthorizer of the HTTP API");
    }
}
