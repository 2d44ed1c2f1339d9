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
use crate::apigw::{Context, Router};
use crate::project::{Api, ApiId, Function, FunctionId};
use crate::worker;

use super::Surroundings;
use super::authorize::Verdicts;
use super::findings;
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
            region: function.region.clone(),
            // Who reserves nothing at all is refused by his own pool, which has a word for it.
            reserved: function.reserved_concurrency.filter(|reserved| *reserved > 0),
            requests: Arc::default(),
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
}

impl Snapshot {
    /// The snapshot of a generation.
    #[must_use]
    pub fn new(mut parts: Parts) -> Snapshot {
        let mut apis: Vec<ServedApi> =
            parts.apis.into_iter().map(|(api, context)| ServedApi::new(api, context)).collect();
        for served in &mut apis {
            kept::take_over(served, &parts.functions, parts.before.as_deref());
        }
        kept::take_over_urls(&mut parts.urls, parts.before.as_deref());
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
        let of = |served: &ServedApi| {
            let found = findings::of_api(&served.api, &served.models).into_iter();
            found.map(|text| (served.api.id.clone(), text)).collect()
        };
        self.apis.iter().flat_map::<Vec<_>, _>(of).collect()
    }
}
