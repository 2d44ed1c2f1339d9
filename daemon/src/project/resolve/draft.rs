//! An API while it is put together: routes that do not yet know what protects them, and the schemes that may.
//!
//! SAM's rules apply one after another (routes, CORS mocks, default authorizer, default API key); only when all have, is
//! each route's security looked up among the schemes.

use std::collections::BTreeMap;

use crate::project::api::{Api, Authorization, Authorizer, Integration, Method, Route, RoutePath, Validation};
use crate::template::Mark;
use crate::template::hashed::{HashedMap, HashedSet};
use crate::template::openapi::Requirement;

/// An API under construction.
pub(super) struct Draft {
    /// What is known already; `routes` and `authorizers` are filled by [`Draft::finish`].
    pub(super) api: Api,
    /// Routes in order.
    pub(super) routes: Vec<RouteDraft>,
    /// Where each path and method stands in `routes`.
    places: HashedMap<(String, Method), usize>,
    /// Paths in order, also those that have no route of their own.
    pub(super) paths: Vec<String>,
    known_paths: HashedSet<String>,
    /// Security schemes by name.
    pub(super) schemes: BTreeMap<String, Scheme>,
}

/// A route under construction.
#[derive(Clone)]
pub(super) struct RouteDraft {
    pub(super) path: String,
    pub(super) method: Method,
    /// `None` for a method that no integration stands behind yet.
    pub(super) integration: Option<Integration>,
    /// What it asks for; `None` leaves it to the API's defaults.
    pub(super) security: Option<Vec<Requirement>>,
    pub(super) operation_name: Option<String>,
    pub(super) validation: Validation,
    pub(super) mark: Mark,
}

/// What a name in `security` stands for.
#[derive(Clone)]
pub(super) enum Scheme {
    /// An API key.
    ApiKey,
    /// Signature Version 4.
    Iam,
    /// An authorizer.
    Authorizer(Authorizer),
    /// A scheme without a meaning for API Gateway: it protects nothing.
    Ignored,
}

impl Draft {
    pub(super) fn new(api: Api) -> Draft {
        let (routes, paths, schemes) = (Vec::new(), Vec::new(), BTreeMap::new());
        Draft { api, routes, places: HashedMap::default(), paths, known_paths: HashedSet::default(), schemes }
    }

    /// The route of a path and method.
    pub(super) fn route_mut(&mut self, path: &str, method: &Method) -> Option<&mut RouteDraft> {
        let at = *self.places.get(&(path.to_owned(), method.clone()))?;
        self.routes.get_mut(at)
    }

    /// Notes a path, whether or not a route follows.
    pub(super) fn add_path(&mut self, path: &str) {
        if self.known_paths.insert(path.to_owned()) {
            self.paths.push(path.to_owned());
        }
    }

    /// Adds a route at the end; one of the same path and method is replaced.
    pub(super) fn push(&mut self, route: RouteDraft) {
        self.add_path(&route.path);
        if let Some(same) = self.route_mut(&route.path, &route.method) {
            *same = route;
            return;
        }
        self.places.insert((route.path.clone(), route.method.clone()), self.routes.len());
        self.routes.push(route);
    }

    /// The finished API. Methods without an integration are left out: AWS refuses to deploy them.
    pub(super) fn finish(mut self) -> Api {
        let routes = std::mem::take(&mut self.routes);
        self.api.routes = routes.into_iter().filter_map(|route| finished(route, &self.schemes)).collect();
        let authorizers = self.schemes.into_iter().filter_map(|(name, scheme)| match scheme {
            Scheme::Authorizer(authorizer) => Some((name, authorizer)),
            Scheme::ApiKey | Scheme::Iam | Scheme::Ignored => None,
        });
        self.api.authorizers = authorizers.collect();
        for (name, reason) in unknown(&self.api) {
            self.api.authorizers.insert(name, Authorizer::Unsupported { reason });
        }
        self.api
    }
}

/// Authorizers that routes name and the API does not have: they must refuse, never let pass.
fn unknown(api: &Api) -> Vec<(String, String)> {
    let named = api.routes.iter().filter_map(|route| match &route.authorization {
        Authorization::Authorizer { name, .. } => Some(name),
        Authorization::None | Authorization::Iam => None,
    });
    let missing = named.filter(|name| !api.authorizers.contains_key(*name));
    missing.map(|name| (name.clone(), format!("the API has no authorizer {name}"))).collect()
}

fn finished(route: RouteDraft, schemes: &BTreeMap<String, Scheme>) -> Option<Route> {
    let security = route.security.unwrap_or_default();
    let path = if route.path == "$default" { RoutePath::Default } else { RoutePath::Template(route.path) };
    Some(Route {
        method: route.method,
        path,
        integration: route.integration?,
        authorization: authorization(&security, schemes),
        api_key_required: security.iter().any(|entry| is_api_key(&entry.name, schemes)),
        operation_name: route.operation_name,
        validation: route.validation,
    })
}

pub(super) fn is_api_key(name: &str, schemes: &BTreeMap<String, Scheme>) -> bool {
    match schemes.get(name) {
        Some(scheme) => matches!(scheme, Scheme::ApiKey),
        None => name == "api_key",
    }
}

fn authorization(security: &[Requirement], schemes: &BTreeMap<String, Scheme>) -> Authorization {
    for entry in security {
        match schemes.get(&entry.name) {
            Some(Scheme::Iam) => return Authorization::Iam,
            Some(Scheme::Authorizer(_)) => return by_authorizer(entry),
            Some(Scheme::ApiKey | Scheme::Ignored) => {}
            None if entry.name == "AWS_IAM" => return Authorization::Iam,
            None if matches!(entry.name.as_str(), "NONE" | "api_key" | "api_key_false") => {}
            None => return by_authorizer(entry),
        }
    }
    Authorization::None
}

fn by_authorizer(entry: &Requirement) -> Authorization {
    Authorization::Authorizer { name: entry.name.clone(), scopes: entry.scopes.clone() }
}
