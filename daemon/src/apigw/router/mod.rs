//! Which route takes a request (A6, B4): a trie by segments for each product, so that ten thousand routes cost no more
//! than ten.
//!
//! Never decides what a request without a route is answered with; that is `gateway_response`'s and `http_error`'s.

mod pattern;
mod trie;

use std::collections::HashMap;

use crate::project::api::{Api, ApiKind, Route, RoutePath};
use pattern::Pattern;
use trie::{Target, Trie, Wanted};

/// The route that takes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Index of the API in the slice that the router was made from.
    pub api: usize,
    /// Index of the route in [`Api::routes`].
    pub route: usize,
    /// Path parameters in the template's order, as sent (not percent-decoded).
    pub path_parameters: Vec<(String, String)>,
}

/// Two APIs that claim the same method of the same path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The method, `ANY` included.
    pub method: String,
    /// The path as the loser writes it.
    pub path: String,
    /// Index of the API that is served.
    pub winner: usize,
    /// Index of the API whose route is hidden.
    pub loser: usize,
}

/// How trailing slashes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slashes {
    /// `/pets/` and `/pets` are one.
    Tolerated,
    /// HTTP APIs tell `/pets/` from `/pets` (B4.4); REST APIs do not (A1.4).
    AsAws,
}

/// Routes of one or several APIs.
#[derive(Debug)]
pub struct Router {
    rest: Trie,
    http: Trie,
    default: Option<(usize, usize)>,
    targets: Vec<Target>,
    clashes: Vec<Clash>,
}

impl Router {
    /// A router over APIs that share an address, in order of precedence; trailing slashes are tolerated.
    #[must_use]
    pub fn new(apis: &[&Api]) -> Router {
        Router::build(apis, Slashes::Tolerated)
    }

    /// A router over one API that has an address of its own, where slashes count as on AWS.
    #[must_use]
    pub fn alone(api: &Api) -> Router {
        Router::build(&[api], Slashes::AsAws)
    }

    /// The route that takes `method` (upper case) of `path` (as sent, without the query).
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Option<Match> {
        let wanted = Wanted::new(method, path);
        let rest = self.rest.most_specific(&wanted, &self.targets);
        let http = self.http.full_before_greedy(&wanted, &self.targets);
        match better(rest, http) {
            Some(target) => Some(target.matched(&wanted)),
            None => self.default.map(|(api, route)| Match { api, route, path_parameters: Vec::new() }),
        }
    }

    /// What is claimed twice, for diagnostics.
    #[must_use]
    pub fn clashes(&self) -> &[Clash] {
        &self.clashes
    }

    fn build(apis: &[&Api], slashes: Slashes) -> Router {
        let mut router = Router {
            rest: Trie::default(),
            http: Trie::default(),
            default: None,
            targets: Vec::new(),
            clashes: Vec::new(),
        };
        let mut claims = HashMap::new();
        for (index, api) in apis.iter().enumerate() {
            router.add(index, api, slashes, &mut claims);
        }
        router
    }

    fn add(&mut self, index: usize, api: &Api, slashes: Slashes, claims: &mut HashMap<(String, String), usize>) {
        for (number, route) in api.routes.iter().enumerate() {
            self.claim(index, route, claims);
            match &route.path {
                RoutePath::Default => self.default = self.default.or(Some((index, number))),
                RoutePath::Template(template) => {
                    let pattern = Pattern::parse(template, api.kind);
                    let strict = slashes == Slashes::AsAws && api.kind == ApiKind::Http;
                    let place = self.targets.len();
                    self.targets.push(Target::new(index, number, &route.method, &pattern, api.kind, strict));
                    self.trie(api.kind).insert(&pattern, place);
                }
            }
        }
    }

    fn claim(&mut self, index: usize, route: &Route, claims: &mut HashMap<(String, String), usize>) {
        let (method, path) = (route.method.as_str().to_owned(), route.path.as_str());
        let winner = *claims.entry((pattern::anonymous(path), method.clone())).or_insert(index);
        if winner != index {
            self.clashes.push(Clash { method, path: path.to_owned(), winner, loser: index });
        }
    }

    fn trie(&mut self, kind: ApiKind) -> &mut Trie {
        match kind {
            ApiKind::Rest => &mut self.rest,
            ApiKind::Http => &mut self.http,
        }
    }
}

/// The more specific of two, whatever product they belong to; the earlier API where they are equal.
fn better<'a>(one: Option<&'a Target>, other: Option<&'a Target>) -> Option<&'a Target> {
    match (one, other) {
        (Some(one), Some(other)) if other.rank() < one.rank() => Some(other),
        (Some(one), _) => Some(one),
        (None, other) => other,
    }
}

#[cfg(test)]
mod tests;
