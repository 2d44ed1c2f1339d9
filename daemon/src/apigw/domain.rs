//! Custom domains (A10.2): which API a Host header leads to, and under which base path; and the two paths that no API gets
//! to see there (A1.10).

use bytes::Bytes;

use super::Reply;
use crate::project::api::{Api, ApiKind};

/// Where a custom domain leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The host is no custom domain of these APIs.
    NoDomain,
    /// The host is one, but no base path fits: answered with [`super::reply::forbidden`].
    Unmapped,
    /// The API, the base path without slashes at its ends, and what is left of the path for routing.
    Mapped {
        /// Index of the API in the slice.
        api: usize,
        /// For [`super::Context::under`].
        base_path: String,
        /// The path without the base path.
        path: String,
    },
}

/// Whether API Gateway keeps the path for its own health checks: at the root of a custom domain, and where the stage would
/// stand on its own host name (A1.10).
#[must_use]
pub fn is_reserved(path: &str) -> bool {
    matches!(path, "/ping" | "/sping")
}

/// What API Gateway answers there, whatever the API's routes are.
#[must_use]
pub fn health(kind: ApiKind) -> Reply {
    let body = match kind {
        ApiKind::Rest => "healthy",
        ApiKind::Http => "Healthy Connection",
    };
    let headers = vec![("Content-Type".to_owned(), "text/plain".to_owned())];
    Reply { status: 200, headers, body: Bytes::from_static(body.as_bytes()) }
}

/// Finds the API of a host and path; of several base paths the longest that fits wins.
#[must_use]
pub fn find(apis: &[&Api], host: &str, path: &str) -> Lookup {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let domains = || apis.iter().enumerate().flat_map(|(index, api)| api.domains.iter().map(move |one| (index, one)));
    let of_host = || domains().filter(|(_, domain)| domain.name.eq_ignore_ascii_case(name));
    let fitting = of_host().filter_map(|(api, domain)| Some((api, &domain.base_path, below(path, &domain.base_path)?)));
    match fitting.max_by_key(|(api, base_path, _)| (base_path.len(), std::cmp::Reverse(*api))) {
        Some((api, base_path, rest)) => Lookup::Mapped { api, base_path: base_path.clone(), path: rest.to_owned() },
        None if of_host().next().is_some() => Lookup::Unmapped,
        None => Lookup::NoDomain,
    }
}

/// The path below a base path, which takes whole segments.
fn below<'a>(path: &'a str, base_path: &str) -> Option<&'a str> {
    if base_path.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix('/')?.strip_prefix(base_path)?;
    match rest {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}

/// A path without the stage that the default endpoint has before it; `None` where another or none is there (A1.1, B4.1).
/// Extra slashes before the stage do not matter, those behind it stay. The `$default` stage has no name in a path.
#[must_use]
pub fn below_stage<'p>(api: &Api, path: &'p str) -> Option<&'p str> {
    if api.stage == "$default" {
        return Some(path);
    }
    let rest = path.trim_start_matches('/').strip_prefix(api.stage.as_str())?;
    match rest.chars().next() {
        None => Some("/"),
        Some('/') => Some(rest),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apigw::testing::api;
    use crate::project::api::{ApiKind, Domain};

    fn mapped(api: usize, base_path: &str, path: &str) -> Lookup {
        Lookup::Mapped { api, base_path: base_path.to_owned(), path: path.to_owned() }
    }

    #[test]
    fn the_longest_base_path_of_the_host_wins() {
        let on = |base_path: &str| {
            let mut api = api(ApiKind::Rest, Vec::new());
            api.domains = vec![Domain { name: "api.example.com".into(), base_path: base_path.into() }];
            api
        };
        let (one, two) = (on("v1"), on("v1/admin"));
        let found = |host: &str, path: &str| find(&[&one, &two], host, path);
        assert_eq!(found("API.example.com:3000", "/v1/pets"), mapped(0, "v1", "/pets"));
        assert_eq!(found("api.example.com", "/v1"), mapped(0, "v1", "/"));
        assert_eq!(found("api.example.com", "/v1/admin/x"), mapped(1, "v1/admin", "/x"));
        assert_eq!(found("api.example.com", "/v1/administrator"), mapped(0, "v1", "/administrator"));
        assert_eq!(found("api.example.com", "/v10"), Lookup::Unmapped);
        assert_eq!(found("localhost:3000", "/v1/pets"), Lookup::NoDomain);
        let root = on("");
        assert_eq!(find(&[&root], "api.example.com", "//x"), mapped(0, "", "//x"));
    }
}
