//! Events: what one says together, and what it says of other resources.

use super::super::intrinsic::is_intrinsic;
use super::super::node::{Mark, Node, Value};
use super::super::schema::{Path, Report};
use super::super::{Template, globals};
use super::{Judged, api, document, may_have_more, source};

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
        "Api" => {
            named_api(&event, "RestApiId");
            request_parameters(&event);
            restricted(&event, template);
        }
        "HttpApi" => {
            named_api(&event, "ApiId");
            authorization(&event, template);
            scopes(&event);
            documented(&event, template);
        }
        "S3" => bucket(&event, template),
        "Cognito" => user_pool(&event, template),
        "SNS" => subscription(&event),
        kind => source::judge(&event, kind),
    }
}

fn scheduled(event: &Judged<'_>) {
    if event.get("State").is_some_and(Node::says_something) && event.get("Enabled").is_some() {
        event.error("State", "State and Enabled exclude each other");
    }
    if event.get("OmitName").and_then(Node::as_bool) == Some(true)
        && event.get("Name").is_some_and(Node::says_something)
    {
        event.error("Name", "OmitName leaves out the Name that is stated");
    }
    let Some(config) = event.get("DeadLetterConfig").filter(|node| node.as_map().is_some() && !is_intrinsic(node))
    else {
        return;
    };
    let queue = config.get("QueueLogicalId").filter(|id| !matches!(id.value, Value::String(_)));
    if let Some(queue) = queue.filter(|_| config.get("Arn").is_none()) {
        event.report.error("QueueLogicalId is text", &queue.mark, &event.path.to("DeadLetterConfig"));
    }
    let stated = |name: &str| config.as_map().and_then(|config| config.get(name));
    match (stated("Arn"), stated("Type")) {
        (None, None) => event.error("DeadLetterConfig", "DeadLetterConfig needs an Arn, or the Type SQS"),
        (Some(_), Some(_)) => event.error("DeadLetterConfig", "DeadLetterConfig has either an Arn or a Type"),
        (None, Some(kind)) if !is_intrinsic(kind) && kind.as_str() != Some("SQS") => {
            event.error("DeadLetterConfig", "the Type of a DeadLetterConfig is SQS");
        }
        _ => {}
    }
}

/// SAM finds the API by a logical id: no function but a Ref of it may stand there.
fn named_api(event: &Judged<'_>, name: &str) {
    let Some(call) = event.get(name).filter(|node| is_intrinsic(node) && !event.report.is_answered) else { return };
    let meant = call.get("Ref").and_then(Node::as_str);
    if call.get("Fn::Transform").is_none() && meant.is_none_or(|meant| meant == "AWS::NoValue") {
        event.error(name, format!("{name} is a Ref of the API: SAM resolves no other function there"));
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
        let place = named.as_ref().and_then(|(name, _)| Some(name.strip_prefix("method.request.")?.split_once('.')?.0));
        if place.is_none_or(|place| !PLACES.contains(&place)) {
            let message = "a request parameter is method.request.querystring, .path or .header and its name";
            event.error("RequestParameters", message);
        }
        let value = named.and_then(|(_, value)| value);
        if value.is_some_and(|value| value.as_map().is_none()) {
            event.error("RequestParameters", "a request parameter is a name, or a mapping of Required and Caching");
        }
        let settings = value.and_then(|value| value.as_map().cloned()).unwrap_or_default();
        if settings.iter().any(|(key, _)| !matches!(&*key.text, "Required" | "Caching")) {
            event.error("RequestParameters", "a request parameter is Required, Caching, or both");
        }
    }
}

/// SAM writes the notification into the bucket's own resource.
fn bucket(event: &Judged<'_>, template: &Template) {
    let Some(bucket) = event.get("Bucket") else { return };
    let resource = bucket.get("Ref").and_then(Node::as_str).and_then(|id| template.resource(id));
    let kind = resource.and_then(|resource| resource.get("Type")).and_then(Node::as_str);
    if kind != Some("AWS::S3::Bucket") && (kind.is_some() || !may_have_more(template)) {
        event.error("Bucket", "the Bucket of an event is a Ref of a bucket in this template");
    }
    let properties = resource.and_then(Node::as_map).and_then(|resource| resource.get("Properties"));
    if properties.is_some_and(|properties| properties.as_map().is_none()) {
        event.error("Bucket", "the Properties of the bucket are a mapping, for SAM to add the notification to");
    }
    let configurations = ["Properties", "NotificationConfiguration", "LambdaConfigurations"];
    let notified = resource.and_then(|resource| resource.at(&configurations));
    if let Some(node) = notified.filter(|node| node.as_list().is_none() && !is_intrinsic(node)) {
        let message = format!("LambdaConfigurations is a list, and here it is {}", node.value.kind());
        event.report.error(message, &node.mark, &event.path.to("Bucket"));
    }
}

/// SAM writes the trigger into the user pool's own resource.
fn user_pool(event: &Judged<'_>, template: &Template) {
    let Some(pool) = event.get("UserPool") else { return };
    let resource = pool.get("Ref").and_then(Node::as_str).and_then(|id| template.resource(id));
    let Some(resource) = resource else {
        if !may_have_more(template) {
            event.error("UserPool", "UserPool is a Ref of a user pool in this template");
        }
        return;
    };
    for trigger in event.get("Trigger").map(Node::strings).unwrap_or_default() {
        if resource.at(&["Properties", "LambdaConfig", &trigger]).is_some() {
            event.error("Trigger", format!("the user pool has the trigger {trigger} already"));
        }
    }
}

/// A subscription through a queue names the queue twice.
fn subscription(event: &Judged<'_>) {
    let Some(queue) = event.get("SqsSubscription").filter(|node| node.says_something() && !is_intrinsic(node)) else {
        return;
    };
    let is_named = |name: &str| queue.get(name).is_some_and(Node::says_something);
    if queue.as_map().is_some() && !(is_named("QueueArn") && is_named("QueueUrl")) {
        event.error("SqsSubscription", "SqsSubscription needs QueueArn and QueueUrl, or is true");
    }
}

/// SAM writes the route into the document of the API that is named.
fn documented(event: &Judged<'_>, template: &Template) {
    let Some(id) = event.get("ApiId").and_then(|id| id.as_str().or_else(|| id.get("Ref")?.as_str())) else { return };
    let Some(api) = template.resource(id) else { return };
    if api.get("Type").and_then(Node::as_str) != Some("AWS::Serverless::HttpApi") {
        return;
    }
    let body = globals::merged(template, api).get("DefinitionBody").filter(|body| body.says_something()).cloned();
    let Some(body) = body.filter(|body| !is_intrinsic(body) && body.get("Fn::Transform").is_none()) else { return };
    if !document::is_document(&body, &["openapi"]) {
        let message =
            format!("the DefinitionBody of {id} has no openapi of version 3 and paths, so that no route can be added");
        event.error("ApiId", message);
    }
}

/// Scopes are asked of an authorizer, and are a list.
fn scopes(event: &Judged<'_>) {
    let Some(scopes) = event.at(&["Auth", "AuthorizationScopes"]).filter(|node| node.says_something()) else { return };
    if scopes.as_list().is_none() && scopes.get("Fn::Transform").is_none() && !event.report.is_answered {
        let message = "AuthorizationScopes is a list, written out";
        event.report.error(message, &scopes.mark, &event.path.to("Auth").to("AuthorizationScopes"));
    }
}

/// Who may call a route of a REST API.
fn restricted(event: &Judged<'_>, template: &Template) {
    scopes(event);
    let scoped = event.at(&["Auth", "AuthorizationScopes"]).is_some_and(Node::says_something);
    let is_authorized = event.at(&["Auth", "Authorizer"]).is_some_and(Node::says_something);
    if scoped && !is_authorized && !event.get("Auth").is_some_and(is_intrinsic) {
        event.error("Auth", "AuthorizationScopes needs an Authorizer beside it");
    }
    if let Some(policy) = event.at(&["Auth", "ResourcePolicy"]) {
        api::policy_lists(policy, template, &event.path.to("Auth").to("ResourcePolicy"), event.report);
    }
    let authorizer = event.at(&["Auth", "Authorizer"]).filter(|node| is_intrinsic(node));
    if authorizer.is_some_and(|node| !event.report.is_answered && node.get("Fn::Transform").is_none()) {
        event.error("Auth", "Authorizer is the name of one, written out: no function may stand for it");
    }
}

/// What an event of an HTTP API says of authorization is about an authorizer.
fn authorization(event: &Judged<'_>, template: &Template) {
    let Some(auth) = event.get("Auth").filter(|auth| auth.as_map().is_some() && auth.says_something()) else { return };
    if is_intrinsic(auth) || auth.get("Authorizer").is_some_and(Node::says_something) {
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
