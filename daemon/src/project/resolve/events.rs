//! The events of functions and state machines that become routes (rule I2).

use std::time::Duration;

use super::draft::RouteDraft;
use super::index::Index;
use super::serverless::{Events, ServerlessApi};
use super::{integration, policy, reply, request_model};
use crate::project::api::{ApiKind, Integration, Method, Validation};
use crate::project::{Function, FunctionId};
use crate::template::openapi::{Requirement, method_name};
use crate::template::properties::Properties;
use crate::template::{Node, Scope};

/// An event that becomes a route.
struct Event<'p> {
    name: &'p str,
    properties: Properties<'p>,
    path: String,
    method: Method,
}

/// Puts the events of a template's functions and state machines into its APIs.
pub(super) fn apply(scope: &Scope<'_>, index: &Index<'_>, apis: &mut [ServerlessApi]) {
    for (id, resource) in scope.resources() {
        let machine = match scope.type_of(id) {
            Some("AWS::Serverless::Function") => false,
            Some("AWS::Serverless::StateMachine") => true,
            _ => continue,
        };
        let node = scope.properties(resource);
        let properties = Properties::new(&node, format!("Resources.{id}.Properties"), scope.findings());
        let function = index.function(&FunctionId(scope.id(id)));
        for (name, event) in properties.map("Events").iter().flat_map(Properties::entries) {
            let kind = match event.text("Type").as_deref() {
                Some("Api") => ApiKind::Rest,
                Some("HttpApi") if !machine => ApiKind::Http,
                _ => continue,
            };
            let target = if machine {
                Target::StateMachine(id)
            } else {
                function.map_or(Target::StateMachine(id), Target::Function)
            };
            add(scope, kind, name, &event, &target, apis);
        }
    }
}

/// What stands behind an event's route.
enum Target<'t> {
    Function(&'t Function),
    StateMachine(&'t str),
}

impl Target<'_> {
    fn integration(&self, kind: ApiKind, event: &Event<'_>) -> Integration {
        match self {
            Target::Function(function) => {
                let streaming = reply::is_streaming(&event.properties, "ResponseTransferMode");
                let mut lambda = integration::of_event(function, kind, streaming);
                if let Some(version) = event.properties.text("PayloadFormatVersion") {
                    lambda.payload = integration::payload(kind, &version);
                }
                lambda.timeout = timeout(&event.properties).unwrap_or(lambda.timeout);
                Integration::Lambda(lambda)
            }
            Target::StateMachine(id) => Integration::Unsupported {
                kind: "aws".to_owned(),
                function: None,
                reason: format!("The route starts the state machine {id}, which samd does not run."),
            },
        }
    }
}

fn timeout(properties: &Properties<'_>) -> Option<Duration> {
    properties.get("TimeoutInMillis").filter(|node| node.says_something())?;
    let millis = properties.number("TimeoutInMillis", 50, 900_000)?;
    u64::try_from(millis).ok().map(Duration::from_millis)
}

fn add(
    scope: &Scope<'_>,
    kind: ApiKind,
    name: &str,
    event: &Properties<'_>,
    target: &Target<'_>,
    apis: &mut [ServerlessApi],
) {
    // An HttpApi event may have no properties at all.
    let none = Node::map(Vec::new(), &event.node.mark);
    let properties = match event.map("Properties") {
        Some(properties) => properties,
        None => Properties::new(&none, format!("{}.Properties", event.path), scope.findings()),
    };
    let Some((path, method)) = place(kind, &properties) else { return };
    let event = Event { name, path, method, properties };
    let property = if kind == ApiKind::Rest { "RestApiId" } else { "ApiId" };
    let implicit = scope.id(if kind == ApiKind::Rest { "ServerlessRestApi" } else { "ServerlessHttpApi" });
    let id = event.properties.text(property);
    let wanted = |api: &&mut ServerlessApi| match &id {
        Some(id) => api.draft.api.id.0 == *id || api.draft.api.id.0 == scope.id(id),
        None => api.draft.api.id.0 == implicit,
    };
    match apis.iter_mut().find(wanted) {
        Some(api) if api.draft.api.kind == kind => route(api, &event, target),
        // An API whose condition does not hold takes its routes along.
        None if id.as_deref().is_some_and(|id| is_switched_off(scope, id, kind)) => {}
        Some(_) | None => unknown_api(scope, &event, property, kind, id.as_deref().unwrap_or_default()),
    }
}

fn is_switched_off(scope: &Scope<'_>, id: &str, kind: ApiKind) -> bool {
    let wanted = if kind == ApiKind::Rest { "AWS::Serverless::Api" } else { "AWS::Serverless::HttpApi" };
    let local = id.strip_prefix(&scope.prefix).unwrap_or(id);
    scope.type_of(local) == Some(wanted) && scope.resource(local).is_none()
}

/// Of another resource SAM makes no route, and takes it that the resource has one; a name that nothing has is a mistake.
fn unknown_api(scope: &Scope<'_>, event: &Event<'_>, property: &str, kind: ApiKind, id: &str) {
    let (wanted, other) = match kind {
        ApiKind::Rest => ("AWS::Serverless::Api", "AWS::Serverless::HttpApi"),
        ApiKind::Http => ("AWS::Serverless::HttpApi", "AWS::Serverless::Api"),
    };
    let resource = scope.template.resource(id.strip_prefix(&scope.prefix).unwrap_or(id));
    let named = resource.map(|resource| resource.get("Type").and_then(Node::as_str).unwrap_or_default());
    let message = format!("the event {} names {id}, which is no {wanted} of this template", event.name);
    let body = resource.and_then(|api| api.at(&["Properties", "DefinitionBody"]));
    let is_openapi = body.is_some_and(|body| body.get("openapi").is_some());
    if named.is_some_and(|named| named != other || (kind == ApiKind::Http && is_openapi)) {
        event.properties.warning(property, format!("{message}: SAM makes no route there"));
    } else {
        event.properties.error(property, message);
    }
}

/// The event's path and method; an HttpApi event without both is the default route.
fn place(kind: ApiKind, properties: &Properties<'_>) -> Option<(String, Method)> {
    let said = |name| properties.text(name).filter(|text| kind == ApiKind::Rest || !text.is_empty());
    let (path, method) = (said("Path"), said("Method"));
    let (path, method) = match (path, method, kind) {
        (None, None, ApiKind::Http) => ("$default".to_owned(), "ANY".to_owned()),
        (Some(path), Some(method), _) => (path, method),
        (path, _, _) => {
            let missing = if path.is_none() { "Path" } else { "Method" };
            properties.error(missing, format!("the event has no {missing}"));
            return None;
        }
    };
    let method = Method::parse(&method_name(&method));
    say_unknown(&method, properties);
    Some((path, method))
}

fn say_slashless(event: &Event<'_>) {
    let path = &event.path;
    if !path.starts_with('/') && path != "$default" {
        let message = format!("a path begins with a slash, and {path:?} does not; here it is served as /{path}");
        event.properties.warning("Path", message);
    }
}

/// API Gateway has names for seven methods (A6.4).
fn say_unknown(method: &Method, properties: &Properties<'_>) {
    let Method::One(name) = method else { return };
    if !Method::OF_ANY.contains(&name.as_str()) {
        let known = Method::OF_ANY.join(", ");
        properties.warning("Method", format!("API Gateway knows no method {name}, only {known} and ANY"));
    }
}

fn route(api: &mut ServerlessApi, event: &Event<'_>, target: &Target<'_>) {
    let kind = api.draft.api.kind;
    if let Some(lists) = event.properties.map("Auth").and_then(|auth| auth.map("ResourcePolicy")) {
        let resource = policy::resource(&api.draft.api.stage, event.method.as_str(), &event.path);
        policy::of_sam(&lists, &resource, &mut api.draft.api);
    }
    match api.events {
        Events::Ignored => return ignored(api, event),
        Events::Unknown => return,
        Events::Added | Events::Merged => {}
    }
    say_slashless(event);
    let mut draft = RouteDraft {
        path: event.path.clone(),
        method: event.method.clone(),
        integration: Some(target.integration(kind, event)),
        security: super::auth::of_event(kind, event.name, &event.properties, &api.node),
        operation_name: None,
        validation: request_model::validation(&event.properties, &api.node),
        mark: event.properties.node.mark.clone(),
    };
    let existing = api.draft.route_mut(&event.path, &event.method);
    match existing {
        None => {}
        Some(existing) if api.events == Events::Merged => {
            complete(existing, draft, kind, event);
            return;
        }
        Some(existing) if existing.integration.is_none() => {
            draft.operation_name = existing.operation_name.take();
        }
        Some(existing) => {
            let first = existing.mark.location();
            let message =
                format!("{} {} is defined twice; the first stands at {first}", event.method.as_str(), event.path);
            event.properties.error("Path", message);
            return;
        }
    }
    api.draft.push(draft);
}

/// An event on a route that the definition has: on a REST API the event's part wins, on an HTTP API the definition's.
fn complete(existing: &mut RouteDraft, event: RouteDraft, kind: ApiKind, source: &Event<'_>) {
    let keep = kind == ApiKind::Http && existing.integration.is_some();
    if keep {
        adjust(existing, source);
    } else {
        existing.integration = event.integration;
    }
    match (&mut existing.security, event.security) {
        (Some(security), Some(more)) if kind == ApiKind::Http => security.extend(more),
        (security, Some(more)) => *security = Some(more),
        (_, None) => {}
    }
    let Validation { body, parameters, required, models } = event.validation;
    let validation = &mut existing.validation;
    validation.body |= body;
    validation.parameters |= parameters;
    if !required.is_empty() {
        validation.required = required;
    }
    validation.models.extend(models);
}

/// What an event changes in an integration that the definition states.
fn adjust(existing: &mut RouteDraft, event: &Event<'_>) {
    if let Some(Integration::Lambda(lambda)) = &mut existing.integration {
        lambda.timeout = timeout(&event.properties).unwrap_or(lambda.timeout);
        if let Some(version) = event.properties.text("PayloadFormatVersion") {
            lambda.payload = integration::payload(ApiKind::Http, &version);
        }
    }
}

/// The API's own definition says which routes there are; that this event is none of them is worth a word. With
/// `OverrideApiAuth` the event still changes who may call.
fn ignored(api: &mut ServerlessApi, event: &Event<'_>) {
    let overrides = event.properties.map("Auth").and_then(|auth| auth.flag("OverrideApiAuth")).unwrap_or(false);
    let kind = api.draft.api.kind;
    let stated = || super::auth::of_event(kind, event.name, &event.properties, &api.node);
    let security = overrides.then(stated).flatten();
    match api.draft.route_mut(&event.path, &event.method) {
        Some(existing) => {
            if let Some(security) = security {
                existing.security.get_or_insert_default().extend(security);
            }
        }
        None => {
            let message = format!(
                "{} {} is not in the definition of {}, so this event makes no route",
                event.method.as_str(),
                event.path,
                api.draft.api.id
            );
            event.properties.warning("Path", message);
        }
    }
}

/// The events of a function that samd does not serve: `(name, type)`.
pub(super) fn unserved(properties: &Properties<'_>) -> Vec<(String, String)> {
    let events = properties.map("Events");
    let events = events.iter().flat_map(Properties::entries);
    let typed = events.filter_map(|(name, event)| Some((name.to_owned(), event.text("Type")?)));
    typed.filter(|(_, kind)| kind != "Api" && kind != "HttpApi").collect()
}

/// The security that an event asks for, as `Requirement`s in the order of the translator.
pub(super) fn requirement(name: &str, scopes: Vec<String>) -> Requirement {
    Requirement { name: name.to_owned(), scopes }
}
