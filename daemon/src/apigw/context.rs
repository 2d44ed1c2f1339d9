//! What a request is seen against: the API's stable ids, the route that takes it, the caller once he is known.
//!
//! [`Exchange`] is what every rule of this room gets to look at; it borrows and never changes.

use sha2::{Digest, Sha256};

use super::{Caller, Match, Request};
use crate::project::api::{Api, ApiKind, Route};

/// What is stable of an API as long as its logical ids are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The account that owns the API, 12 digits.
    pub account_id: String,
    /// Region, for ARNs.
    pub region: String,
    /// Partition, for ARNs: `aws`.
    pub partition: String,
    /// `requestContext.apiId`: ten lower case letters and digits, derived from the logical id.
    pub api_id: String,
    /// `requestContext.deploymentId`: six lower case letters and digits.
    pub deployment_id: String,
    /// `requestContext.resourceId` of each route; routes of one path share one.
    pub resource_ids: Vec<String>,
    /// The part of `requestContext.path` before the path: `/Prod` on a REST API's own endpoint, the base path on a custom
    /// domain, empty on HTTP's `$default` stage.
    pub path_prefix: String,
    /// Base path of the custom domain, with a slash before it; the `path` of REST events has it. Empty for none.
    pub base_path: String,
}

impl Context {
    /// The context of an API that is reached at its own endpoint.
    #[must_use]
    pub fn new(account_id: &str, region: &str, api: &Api) -> Context {
        let id = &api.id.0;
        Context {
            account_id: account_id.to_owned(),
            region: region.to_owned(),
            partition: partition(region).to_owned(),
            api_id: identifier(&["api", id], 10),
            deployment_id: identifier(&["deployment", id], 6),
            resource_ids: api
                .routes
                .iter()
                .map(|route| identifier(&["resource", id, route.path.as_str()], 6))
                .collect(),
            path_prefix: if api.stage == "$default" { String::new() } else { format!("/{}", api.stage) },
            base_path: String::new(),
        }
    }

    /// The same API reached through a custom domain's base path (A10.2): it stands in place of the stage.
    #[must_use]
    pub fn under(&self, base_path: &str) -> Context {
        let base_path = if base_path.is_empty() { String::new() } else { format!("/{base_path}") };
        Context { path_prefix: base_path.clone(), base_path, ..self.clone() }
    }
}

/// A request on its way through an API.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// The API's stable ids.
    pub context: &'a Context,
    /// The API.
    pub api: &'a Api,
    /// The route that takes the request and its parameters; `None` where no route does.
    pub found: Option<(&'a Route, &'a Match)>,
    /// The request.
    pub request: &'a Request,
    /// Who calls, as far as authorizers and API keys told.
    pub caller: &'a Caller,
}

impl<'a> Exchange<'a> {
    /// The Host header's value; empty where the client sent none.
    #[must_use]
    pub fn domain_name(&self) -> &'a str {
        self.request.header("host").unwrap_or_default()
    }

    /// The first label of the domain name, or the whole of an IP address.
    #[must_use]
    pub fn domain_prefix(&self) -> &'a str {
        let host = self.domain_name();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let address = name.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok();
        if address { name } else { name.split('.').next().unwrap_or(name) }
    }

    /// The route's `resourcePath` or `$default`; empty where no route takes the request.
    #[must_use]
    pub fn resource_path(&self) -> &'a str {
        self.found.map_or("", |(route, _)| route.path.as_str())
    }

    /// HTTP's route key: `GET /pets/{id}` or `$default`.
    #[must_use]
    pub fn route_key(&self) -> String {
        match self.found {
            Some((route, _)) if route.path.as_str() == "$default" => "$default".to_owned(),
            Some((route, _)) => format!("{} {}", route.method.as_str(), route.path.as_str()),
            None => String::new(),
        }
    }

    /// `requestContext.path`: as sent, with the stage or base path before it.
    #[must_use]
    pub fn path_with_prefix(&self) -> String {
        format!("{}{}", self.context.path_prefix, self.request.path)
    }

    /// `requestContext.requestId`: a UUID on REST, the short id on HTTP.
    #[must_use]
    pub fn request_id(&self) -> &'a str {
        match self.api.kind {
            ApiKind::Rest => &self.request.request_id,
            ApiKind::Http => &self.request.extended_request_id,
        }
    }

    pub(crate) fn resource_id(&self) -> &'a str {
        let place = self.found.map(|(_, found)| found.route);
        place.and_then(|route| self.context.resource_ids.get(route)).map_or("", String::as_str)
    }
}

fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// A well-formed id of lower case letters and digits that only depends on `parts`.
pub(crate) fn identifier(parts: &[&str], length: usize) -> String {
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    digest.iter().cycle().take(length).map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}
