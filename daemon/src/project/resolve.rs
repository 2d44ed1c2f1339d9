//! Template → project (pure): what should run, every value resolved, every default filled in.
//!
//! | file | what it owns |
//! |---|---|
//! | `function`, `code`, `layer` | functions and layers, of SAM and of plain CloudFormation |
//! | `variables` | names of environment variables that Lambda refuses |
//! | `function_url` | plain CloudFormation's function URLs and who may use them |
//! | `asynchronous` | what happens to asynchronous invocations |
//! | `index` | which function an ARN, a name or an integration's URI means |
//! | `draft` | an API while it is put together |
//! | `document` | OpenAPI documents → drafts |
//! | `integration`, `authorizer`, `reply` | parts of an API that several ways of writing it share |
//! | `serverless`, `events`, `request_model`, `cors`, `auth` | SAM's APIs |
//! | `rest_api`, `http_api` | plain CloudFormation's APIs |
//! | `websocket_api` | WebSocket APIs, SAM's and plain ones |
//! | `usage_plan`, `domain`, `policy` | what stands around an API |
//! | `clash`, `siblings` | routes that several APIs claim, paths that API Gateway refuses beside each other |
//! | `authorizer_check`, `gateway_responses` | what AWS refuses of authorizers and gateway responses |
//!
//! Resolving never stops at the first mistake: everything that can be served is in the project, and what is wrong is in
//! the diagnostics.

mod asynchronous;
mod auth;
mod authorizer;
mod authorizer_check;
mod clash;
mod code;
mod cors;
mod document;
mod domain;
mod draft;
mod events;
mod function;
mod function_url;
mod gateway_responses;
mod http_api;
mod index;
mod integration;
mod layer;
mod policy;
mod reply;
mod request_model;
mod rest_api;
mod serverless;
mod siblings;
mod usage_plan;
mod variables;
mod websocket_api;

use std::rc::Rc;

use self::draft::Draft;
use self::index::Index;
use super::api::ApiKind;
use super::environment::Overrides;
use super::{ApiId, Location, Project, StandIn};
use crate::template::scope::Surroundings;
use crate::template::{Diagnostic, Scope, Template};

/// Resolves a template and everything nested in it.
#[must_use]
pub fn resolve(template: Template, around: Surroundings<'_>, overrides: &Overrides) -> (Project, Vec<Diagnostic>) {
    let root = Rc::new(Scope::root(template, around));
    let scopes = with_nested(&root);
    let mut project = Project::default();
    functions(&scopes, overrides, &mut project);
    apis(&scopes, &mut project);
    for scope in &scopes {
        locate(scope, &mut project);
    }
    let findings = root.findings();
    project.sources = findings.sources();
    let stand_ins = findings.stand_ins().into_iter();
    project.stand_ins = stand_ins.map(|(expression, value)| StandIn { expression, value }).collect();
    let mut diagnostics = findings.diagnostics();
    diagnostics.extend(clash::clashes(&project));
    diagnostics.extend(siblings::refused(&project));
    (project, diagnostics)
}

/// The scope and all that are nested in it, the outer ones first.
fn with_nested<'a>(root: &Rc<Scope<'a>>) -> Vec<Rc<Scope<'a>>> {
    let mut scopes = vec![Rc::clone(root)];
    let mut next = 0;
    while let Some(scope) = scopes.get(next).cloned() {
        let stacks: Vec<&str> = scope.resources().filter(|(_, node)| is_stack(node)).map(|(id, _)| id).collect();
        scopes.extend(stacks.into_iter().filter_map(|id| scope.child(id)));
        next += 1;
    }
    scopes
}

fn is_stack(resource: &crate::template::Node) -> bool {
    let kind = resource.get("Type").and_then(crate::template::Node::as_str);
    matches!(kind, Some("AWS::Serverless::Application" | "AWS::CloudFormation::Stack"))
}

fn functions(scopes: &[Rc<Scope<'_>>], overrides: &Overrides, project: &mut Project) {
    let layers = layer::all(scopes);
    for scope in scopes {
        for function in function::all(scope, &layers, overrides) {
            project.functions.insert(function.id.clone(), function);
        }
    }
    let index = Index::new(&project.functions);
    let urls = function_url::all(scopes, &index);
    let asynchronous: Vec<_> = scopes.iter().flat_map(|scope| asynchronous::all(scope, &index)).collect();
    for (id, config) in asynchronous {
        if let Some(function) = project.functions.get_mut(&id) {
            function.asynchronous = config;
        }
    }
    for (id, url) in urls {
        if let Some(function) = project.functions.get_mut(&id) {
            function.url = Some(url);
        }
    }
}

fn apis(scopes: &[Rc<Scope<'_>>], project: &mut Project) {
    let index = Index::new(&project.functions);
    let mut drafts: Vec<Draft> = Vec::new();
    let mut websockets = Vec::new();
    for scope in scopes {
        serverless::drafts(scope, &index, &mut drafts);
        rest_api::drafts(scope, &index, &mut drafts);
        http_api::drafts(scope, &index, &mut drafts);
        websockets.extend(websocket_api::all(scope, &index));
        project.keys_without_plan.extend(usage_plan::attach(scope, &mut drafts));
        domain::attach(scope, &mut drafts);
    }
    project.websockets = websockets;
    let depth = |id: &ApiId| id.0.matches('/').count();
    let implicit = |id: &ApiId| matches!(id.0.rsplit('/').next(), Some("ServerlessRestApi" | "ServerlessHttpApi"));
    drafts.sort_by_key(|draft| (depth(&draft.api.id), !implicit(&draft.api.id), draft.api.kind == ApiKind::Http));
    for draft in drafts {
        let api = draft.finish();
        // The implicit API stands before a plain one of its name.
        if !project.apis.contains_key(&api.id) {
            project.precedence.push(api.id.clone());
            project.apis.insert(api.id.clone(), api);
        }
    }
}

/// Notes where each resource stands.
fn locate(scope: &Scope<'_>, project: &mut Project) {
    for (key, _) in scope.template.section("Resources") {
        let Location { file, line, column } = key.mark.location();
        project.locations.insert(scope.id(&key.text), Location { file, line, column });
    }
}
