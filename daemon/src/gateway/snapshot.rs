//! What one generation of a project serves: its APIs, their routes, its function URLs, and the workers behind them.
//!
//! A snapshot never changes. Publishing the next one is a single swap; who holds an old one keeps its workers alive.
//! Which API or URL a request is for is decided in [`find`](Snapshot::find).

mod find;
mod kept;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::apigw::function_url::UrlContext;
use crate::apigw::sigv4::Credentials;
use crate::apigw::usage_plan::Usage;
use crate::apigw::validation::Models;
use crate::apigw::{Context, Router, limits, mapping};
use crate::project::api::{ApiKind, Integration, Route};
use crate::project::{Api, ApiId, Function, FunctionId};
use crate::worker;

use super::Surroundings;
use super::authorize::Verdicts;
use super::front::Front;
use super::outbound::Outbound;
use super::url::ServedUrl;

pub use find::{Found, Target};

/// What a generation is made of.
#[derive(Debug)]
pub struct Parts {
    /// Its number.
    pub generation: u64,
    /// The APIs, in order of precedence.
    pub apis: Vec<(Api, Context)>,
    /// How functions run.
    pub functions: HashMap<FunctionId, ServedFunction>,
    /// Functions with a URL.
    pub urls: Vec<ServedUrl>,
    /// WebSocket APIs, which are not served.
    pub websockets: Vec<ApiId>,
    /// Credentials whose signatures are accepted.
    pub credentials: Vec<Credentials>,
    /// What outlasts generations.
    pub surroundings: Arc<Surroundings>,
    /// How it meets its clients.
    pub front: Front,
    /// The generation before, from which verdicts and usage are taken over where what they are of did not change.
    pub before: Option<Arc<Snapshot>>,
}

/// One generation.
#[derive(Debug)]
pub struct Snapshot {
    /// Its number.
    pub generation: u64,
    apis: Vec<ServedApi>,
    together: Router,
    functions: HashMap<FunctionId, ServedFunction>,
    urls: Vec<ServedUrl>,
    /// Host labels of WebSocket APIs.
    websockets: Vec<String>,
    credentials: Vec<Credentials>,
    surroundings: Arc<Surroundings>,
    /// How it meets its clients.
    pub front: Front,
    /// An API has a custom domain.
    has_domains: bool,
}

/// An API as it is served.
#[derive(Debug)]
pub struct ServedApi {
    /// The API.
    pub api: Api,
    /// What is stable of it.
    pub context: Context,
    /// The same under the base paths of its custom domains.
    under: HashMap<String, Context>,
    /// Its host name's first label.
    label: String,
    alone: Router,
    /// Its models, ready to validate with.
    pub models: Models,
    /// What its Lambda authorizers said, by their names.
    pub(super) verdicts: HashMap<String, Arc<Verdicts>>,
    /// What was used of its usage plans.
    pub(super) usage: Arc<Mutex<Usage>>,
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

impl ServedUrl {
    /// A function's URL, where it has one.
    #[must_use]
    pub fn of(function: &Function, account_id: &str) -> Option<ServedUrl> {
        let url = function.url.clone()?;
        let context = UrlContext::new(account_id, &function.id);
        let invokes = url.alias.as_ref().map(|alias| format!("{}:{alias}", function.arn).into());
        Some(ServedUrl {
            function: function.id.clone(),
            url,
            context,
            label: function.id.host_label(),
            invokes,
            // Who reserves nothing at all is refused by his own pool, which has a word for it.
            reserved: function.reserved_concurrency.filter(|reserved| *reserved > 0),
            requests: Mutex::default(),
        })
    }
}

impl ServedApi {
    fn new(api: Api, context: Context) -> ServedApi {
        let paths = api.domains.iter().map(|domain| domain.base_path.clone());
        ServedApi {
            under: paths.map(|path| (path.clone(), context.under(&path))).collect(),
            label: api.id.host_label(),
            alone: Router::alone(&api),
            models: Models::new(&api.models),
            verdicts: HashMap::new(),
            usage: Arc::default(),
            context,
            api,
        }
    }

    /// What of it cannot be served as it is written, one sentence each.
    fn findings(&self) -> Vec<String> {
        let models = self.models.broken().map(|(name, why)| {
            format!("the model {name} is no JSON schema of draft 4 ({why}); bodies that it should check are refused")
        });
        let mapped = self.api.routes.iter().flat_map(|route| mapping_findings(self.api.kind, route));
        models.chain(mapped).chain(limits::findings(&self.api)).collect()
    }
}

/// Parameters of a route that cannot be mapped. A REST API's function is sent none (D1.8).
fn mapping_findings(kind: ApiKind, route: &Route) -> Vec<String> {
    let (request, by_status) = match &route.integration {
        Integration::Lambda(lambda) => (&lambda.request_parameters, &lambda.response_parameters),
        Integration::HttpProxy(proxy) => (&proxy.request_parameters, &proxy.response_parameters),
        Integration::Mock(_) | Integration::Unsupported { .. } => return Vec::new(),
    };
    let problems = match (kind, &route.integration) {
        (ApiKind::Http, _) => std::iter::once(request).chain(by_status.values()).flat_map(mapping::problems).collect(),
        (ApiKind::Rest, Integration::HttpProxy(_)) => mapping::rest_problems(request),
        (ApiKind::Rest, _) => Vec::new(),
    };
    let place = format!("{} {}", route.method.as_str(), route.path.as_str());
    problems.into_iter().map(|problem| format!("{place}: {problem}")).collect()
}

impl Snapshot {
    /// The snapshot of a generation.
    #[must_use]
    pub fn new(parts: Parts) -> Snapshot {
        let mut apis: Vec<ServedApi> =
            parts.apis.into_iter().map(|(api, context)| ServedApi::new(api, context)).collect();
        for served in &mut apis {
            kept::take_over(served, &parts.functions, parts.before.as_deref());
        }
        Snapshot {
            generation: parts.generation,
            together: Router::new(&apis.iter().map(|served| &served.api).collect::<Vec<_>>()),
            has_domains: apis.iter().any(|served| !served.api.domains.is_empty()),
            apis,
            functions: parts.functions,
            urls: parts.urls,
            websockets: parts.websockets.iter().map(ApiId::host_label).collect(),
            credentials: parts.credentials,
            surroundings: parts.surroundings,
            front: parts.front,
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

    /// Credentials whose signatures are accepted.
    #[must_use]
    pub fn credentials(&self) -> &[Credentials] {
        &self.credentials
    }

    /// What outlasts generations.
    #[must_use]
    pub fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    pub(super) fn outbound(&self) -> &Outbound {
        &self.surroundings.outbound
    }

    /// What of the APIs cannot be served as it is written.
    #[must_use]
    pub fn findings(&self) -> Vec<(ApiId, String)> {
        let of = |served: &ServedApi| served.findings().into_iter().map(|text| (served.api.id.clone(), text)).collect();
        self.apis.iter().flat_map::<Vec<_>, _>(of).collect()
    }
}
