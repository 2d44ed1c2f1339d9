//! Which API, or which function URL, a request is for.
//!
//! ```text
//! <Function>.lambda-url.localhost   the function's URL
//! a custom domain                   the API that its base path leads to
//! <Api>.localhost                   that API alone, where slashes count as on AWS
//! <Api>.execute-api.localhost       the same with its stage before the path, as on AWS's own host name
//! any other host                    all APIs together, in order of precedence
//! ```

use super::{ServedApi, Snapshot};
use crate::apigw::domain::{self, Lookup};
use crate::apigw::{Context, Match, Request, Router};
use crate::gateway::url::ServedUrl;
use crate::project::api::{ApiKind, Route, RoutePath};

/// What a request is for.
#[derive(Debug)]
pub enum Target<'a> {
    /// An API.
    Api(Found<'a>),
    /// An API whose host is known and leads nowhere.
    Closed(Found<'a>),
    /// A path that API Gateway keeps for its own health checks (A1.10).
    Health(ApiKind),
    /// A function URL.
    Url(&'a ServedUrl),
    /// A function URL that there is not.
    NoUrl,
    /// A WebSocket API.
    WebSocket,
    /// The project has no API at all.
    Nothing,
}

/// The route that takes a request, and the API that it belongs to.
#[derive(Debug)]
pub struct Found<'a> {
    /// The API that the request is for; on the shared address the one whose route took it, else the first.
    pub api: &'a ServedApi,
    /// Its context, under a custom domain's base path where the request came by one.
    pub context: &'a Context,
    /// The route and its parameters.
    pub route: Option<(&'a Route, Match)>,
    /// The path without that base path, where there is one.
    pub rest: Option<String>,
}

impl<'a> Found<'a> {
    fn new(api: &'a ServedApi, matched: Option<Match>) -> Found<'a> {
        let route = matched.and_then(|matched| api.api.routes.get(matched.route).map(|route| (route, matched)));
        Found { api, context: &api.context, route, rest: None }
    }
}

impl Snapshot {
    /// Finds what a request is for.
    #[must_use]
    pub fn find(&self, request: &Request) -> Target<'_> {
        let host = request.header("host").unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        if let Some(label) = below(name, ".lambda-url.localhost") {
            let url = self.urls.iter().find(|url| url.label.eq_ignore_ascii_case(label));
            return url.map_or(Target::NoUrl, Target::Url);
        }
        if let Some(label) = below(name, ".execute-api.localhost") {
            return match self.labelled(label) {
                Some(api) if domain::is_reserved(&request.path) => Target::Health(api.api.kind),
                Some(api) => staged(api, request),
                None => Target::Nothing,
            };
        }
        if let Some(target) = self.by_domain(host, request) {
            return target;
        }
        if self.is_for_a_websocket(name, request) {
            return Target::WebSocket;
        }
        match below(name, ".localhost").and_then(|label| self.labelled(label)) {
            Some(api) if api.api.default_endpoint_disabled => Target::Closed(Found::new(api, None)),
            Some(api) => Target::Api(Found::new(api, alone(api, request, &request.path))),
            None => self.shared(request),
        }
    }

    /// On the shared address a handshake is for a WebSocket API, where there is one.
    fn is_for_a_websocket(&self, host: &str, request: &Request) -> bool {
        let label = below(host, ".localhost");
        let is_asked = || request.header("upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
        match label.filter(|label| self.labelled(label).is_none()) {
            Some(label) => self.websockets.iter().any(|known| known.eq_ignore_ascii_case(label)),
            None => !self.websockets.is_empty() && label.is_none() && is_asked(),
        }
    }

    fn labelled(&self, label: &str) -> Option<&ServedApi> {
        self.apis.iter().find(|api| api.label.eq_ignore_ascii_case(label))
    }

    fn by_domain(&self, host: &str, request: &Request) -> Option<Target<'_>> {
        if !self.has_domains {
            return None;
        }
        let apis: Vec<_> = self.apis.iter().map(|served| &served.api).collect();
        match domain::find(&apis, host, &request.path) {
            Lookup::NoDomain => None,
            Lookup::Unmapped => {
                let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
                let has = |api: &&ServedApi| api.api.domains.iter().any(|one| one.name.eq_ignore_ascii_case(name));
                self.apis.iter().find(has).map(|api| match domain::is_reserved(&request.path) {
                    true => Target::Health(api.api.kind),
                    false => Target::Closed(Found::new(api, None)),
                })
            }
            Lookup::Mapped { api, base_path, path } => {
                let api = self.apis.get(api)?;
                if domain::is_reserved(&request.path) {
                    return Some(Target::Health(api.api.kind));
                }
                let context = api.under.get(&base_path).unwrap_or(&api.context);
                let found = Found::new(api, alone(api, request, &path));
                Some(Target::Api(Found { context, rest: Some(path), ..found }))
            }
        }
    }

    fn shared(&self, request: &Request) -> Target<'_> {
        let found = self.together(request);
        if let Some(api) = self.asked_before(request, found.as_ref()) {
            return Target::Api(Found::new(api, None));
        }
        match found {
            Some(matched) => self.apis.get(matched.api).map(|api| Found::new(api, Some(matched))),
            None => self.apis.first().map(|api| Found::new(api, None)),
        }
        .map_or(Target::Nothing, Target::Api)
    }

    /// Only REST APIs know a method by another name (A3.9).
    fn together(&self, request: &Request) -> Option<Match> {
        let kind = |found: &Match| self.apis.get(found.api).map(|api| api.api.kind);
        let named = request.routing_method();
        if *named == *request.method {
            return self.together.find(&request.method, &request.path);
        }
        let rest = self.together.find(&named, &request.path).filter(|found| kind(found) == Some(ApiKind::Rest));
        rest.or_else(|| {
            let sent = self.together.find(&request.method, &request.path);
            sent.filter(|found| kind(found) == Some(ApiKind::Http))
        })
    }

    /// A preflight that no route takes is for the API whose route the browser will ask for, where that API answers
    /// preflights itself (B5.1).
    fn asked_before(&self, request: &Request, found: Option<&Match>) -> Option<&ServedApi> {
        if request.method != "OPTIONS" || request.header("origin").is_none() || self.is_named(found) {
            return None;
        }
        let wanted = request.header("access-control-request-method")?;
        let api = self.apis.get(self.together.find(wanted, &request.path)?.api)?;
        api.api.cors.is_some().then_some(api)
    }

    /// Whether a route of its own takes the request, and not the `$default` one that takes everything.
    fn is_named(&self, found: Option<&Match>) -> bool {
        let route = found.and_then(|found| self.apis.get(found.api)?.api.routes.get(found.route));
        route.is_some_and(|route| route.path != RoutePath::Default)
    }
}

/// The default endpoint, whose paths begin with the stage.
fn staged<'a>(api: &'a ServedApi, request: &Request) -> Target<'a> {
    match domain::below_stage(&api.api, &request.path) {
        Some(rest) if !api.api.default_endpoint_disabled => {
            let found = Found::new(api, alone(api, request, rest));
            Target::Api(Found { rest: Some(rest.to_owned()), ..found })
        }
        Some(_) | None => Target::Closed(Found::new(api, None)),
    }
}

fn alone(api: &ServedApi, request: &Request, path: &str) -> Option<Match> {
    let router: &Router = &api.alone;
    match api.api.kind {
        ApiKind::Rest => router.find(&request.routing_method(), path),
        ApiKind::Http => router.find(&request.method, path),
    }
}

/// What stands before `suffix`, in any case.
fn below<'n>(name: &'n str, suffix: &str) -> Option<&'n str> {
    let label = name.get(..name.len().checked_sub(suffix.len())?)?;
    name.get(label.len()..)?.eq_ignore_ascii_case(suffix).then_some(label)
}
