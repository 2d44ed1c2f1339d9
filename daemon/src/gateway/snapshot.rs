//! What one generation of a project serves: its APIs, their routes, and the workers behind them.
//!
//! A snapshot never changes. Publishing the next one is a single swap; who holds an old one keeps its workers alive.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::apigw::router::Match;
use crate::apigw::usage_plan::Usage;
use crate::apigw::validation::Models;
use crate::apigw::{Context, Router};
use crate::project::api::Route;
use crate::project::{Api, FunctionId};
use crate::worker;

use super::authorize::Verdicts;

/// One generation.
#[derive(Debug)]
pub struct Snapshot {
    /// Its number.
    pub generation: u64,
    apis: Vec<ServedApi>,
    together: Router,
    functions: HashMap<FunctionId, ServedFunction>,
}

/// An API as it is served.
#[derive(Debug)]
pub struct ServedApi {
    /// The API.
    pub api: Api,
    /// What is stable of it.
    pub context: Context,
    /// Its host name's first label, lower case.
    label: String,
    alone: Router,
    /// Its models, ready to validate with.
    pub models: Models,
    /// What its authorizers said.
    pub verdicts: Verdicts,
    /// What was used of its usage plans.
    pub usage: Mutex<Usage>,
}

/// A function as it is served.
#[derive(Debug, Clone)]
pub enum ServedFunction {
    /// It has a worker.
    Worker {
        /// The worker.
        worker: worker::Handle,
        /// ARN under which APIs invoke it: the alias where there is one.
        arn: Arc<str>,
    },
    /// It cannot run here; requests are answered with the reason.
    Broken {
        /// One sentence.
        reason: String,
    },
}

/// The route that takes a request, and the API that it belongs to.
#[derive(Debug)]
pub struct Found<'a> {
    /// The API that the request is for; on the shared address the one whose route took it, else the first.
    pub api: &'a ServedApi,
    /// The route and its parameters.
    pub route: Option<(&'a Route, Match)>,
}

impl Snapshot {
    /// A snapshot of `apis`, in order of precedence.
    #[must_use]
    pub fn new(generation: u64, apis: Vec<(Api, Context)>, functions: HashMap<FunctionId, ServedFunction>) -> Snapshot {
        let together = Router::new(&apis.iter().map(|(api, _)| api).collect::<Vec<_>>());
        let served = apis.into_iter().map(|(api, context)| ServedApi {
            label: api.id.0.replace('/', "-").to_ascii_lowercase(),
            alone: Router::alone(&api),
            models: Models::new(&api.models),
            verdicts: Verdicts::default(),
            usage: Mutex::default(),
            context,
            api,
        });
        Snapshot { generation, apis: served.collect(), together, functions }
    }

    /// A snapshot that serves nothing.
    #[must_use]
    pub fn empty() -> Snapshot {
        Snapshot::new(0, Vec::new(), HashMap::new())
    }

    /// Finds the API and route for a request. `None` when the project has no API at all.
    #[must_use]
    pub fn find(&self, host: &str, method: &str, path: &str) -> Option<Found<'_>> {
        if let Some(api) = self.named_by(host) {
            return Some(found(api, api.alone.find(method, path)));
        }
        match self.together.find(method, path) {
            Some(matched) => self.apis.get(matched.api).map(|api| found(api, Some(matched))),
            None => self.apis.first().map(|api| found(api, None)),
        }
    }

    /// A function by id.
    #[must_use]
    pub fn function(&self, id: &FunctionId) -> Option<&ServedFunction> {
        self.functions.get(id)
    }

    /// The APIs, in order of precedence.
    #[must_use]
    pub fn apis(&self) -> &[ServedApi] {
        &self.apis
    }

    /// `<ApiLogicalId>.localhost:<port>` is one API alone.
    fn named_by(&self, host: &str) -> Option<&ServedApi> {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let label = name.get(..name.len().checked_sub(".localhost".len())?)?;
        if !name.get(label.len()..)?.eq_ignore_ascii_case(".localhost") {
            return None;
        }
        self.apis.iter().find(|api| api.label.eq_ignore_ascii_case(label))
    }
}

fn found(api: &ServedApi, matched: Option<Match>) -> Found<'_> {
    let route = matched.and_then(|matched| api.api.routes.get(matched.route).map(|route| (route, matched)));
    Found { api, route }
}
