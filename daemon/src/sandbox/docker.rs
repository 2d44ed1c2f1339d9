//! The docker driver: a warm container per sandbox, in AWS's base image or the user's own.
//!
//! ```text
//!  prepare: engine → image → code and layers as folders        start: gate → create → start → address
//!                                                                        │
//!                                              /bin/sh waits at the gate ┴─ released → the image's own entry point
//! ```
//! The daemon is the container's Runtime API: the image's entry point starts the runtime itself when
//! `AWS_LAMBDA_RUNTIME_API` is set. No call to the engine is made while requests are served, but
//! with `--freeze`, for which it resumes the container.
//! How files come into containers is `delivery`'s alone: by mounts, or into volumes on another machine (`mirror`, which
//! knows by its `manifest` what changed). Each container is made by `creation`, under a name of its own. What others do to
//! containers is heard by `lookout`, what cannot be removed yet is `removal`'s, and how one ends is `end`'s. What a killed
//! daemon left is taken over (`heirs`) or taken away (`reap`).

mod attached;
mod companions;
mod container;
mod creation;
mod delivery;
mod end;
mod entry;
mod gate;
mod heirs;
mod layers;
mod link;
mod lookout;
mod manifest;
mod mirror;
mod plan;
mod reap;
mod removal;
mod tmp;
mod variables;
mod waiting;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bollard::models::ImageInspect;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::lambda::environment::{LAMBDA_ENDPOINT, SandboxIdentity};
use crate::project::function::{Function, Package, Runtime};
use crate::project::settings::ProjectName;
use crate::shutdown::Phase;

use self::container::Keeper;
use self::delivery::{Delivery, Folders, Laid};
use self::entry::{Begin, Entry};
use self::gate::{Gate, Where};
use self::heirs::{Heir, Marks, Ties};
use self::link::Link;
use self::mirror::{Mirrors, Owner};
use self::plan::{Labels, Plan};
use self::tmp::Tmp;
use self::waiting::Waiting;
use super::doors::Doors;
use super::engine::{Engine, Engines, Whereabouts};
use super::image::{self, Images};
use super::progress::Board;
use super::{Delay, Description, Driver, Inherited, Launcher, Precedence, StartError, Started, debug};

pub use heirs::Heirs;
pub use lookout::Lookout;
pub use reap::reap;

/// The driver's name.
const NAME: &str = "docker";

/// The driver.
#[derive(Debug, Clone)]
pub struct DockerDriver {
    engines: Engines,
    images: Images,
    mirrors: Mirrors,
    place: Place,
}

/// What of this daemon's the containers need.
#[derive(Debug, Clone)]
pub struct Place {
    /// The state folder: the mark of this daemon's containers, and where their gates are.
    pub state: PathBuf,
    /// Where archives are unpacked.
    pub cache: PathBuf,
    /// The phase that ends when the last container is gone.
    pub tasks: Phase,
    /// Where containers reach the Lambda endpoint.
    pub doors: Doors,
    /// Containers that an earlier daemon left.
    pub heirs: Heirs,
    /// Hears what others do to containers.
    pub lookout: Lookout,
}

impl DockerDriver {
    /// A driver for whichever engine answers, which tells of pulls and builds on `board`.
    #[must_use]
    pub fn new(engines: Engines, place: Place, board: Board) -> DockerDriver {
        DockerDriver { engines, images: Images::new(board), mirrors: Mirrors::new(place.tasks.clone()), place }
    }

    /// Prepares a function whose image is here already; `Err` says what is missing.
    ///
    /// # Errors
    /// No engine answers, the image is not here, or as [`Driver::prepare`].
    pub async fn prepare_present(
        &self,
        project: &ProjectName,
        function: Arc<Function>,
        delay: &Delay,
    ) -> Result<Arc<dyn Launcher>, StartError> {
        let engine = self.engine().await?;
        let image = match &function.package {
            // Nothing else can run it, so it is worth the wait.
            Package::Image { .. } => self.images.of(&engine, project, &function, delay).await?,
            Package::Zip { .. } => {
                let name = image::name(&function)?;
                let image = self.images.present(&engine, &name, "use --sandbox docker, which does").await?;
                (name, image, None)
            }
        };
        self.launcher(engine, project, function, image, delay).await
    }

    /// Whether [`DockerDriver::prepare_present`] finds an engine and an image.
    pub async fn has_what_it_takes(&self, function: &Function) -> bool {
        let Ok(engine) = self.engine().await else { return false };
        match (&function.package, image::name(function)) {
            (Package::Image { .. }, _) => true,
            (Package::Zip { .. }, Ok(name)) => self.images.local(&engine, &name).await.is_ok_and(|here| here.is_some()),
            (Package::Zip { .. }, Err(_)) => false,
        }
    }

    async fn engine(&self) -> Result<Engine, StartError> {
        self.engines.current().await.map_err(|none| StartError::place(none.to_string()))
    }

    async fn launcher(
        &self,
        engine: Engine,
        project: &ProjectName,
        function: Arc<Function>,
        (name, image, behind): (String, ImageInspect, Option<String>),
        delay: &Delay,
    ) -> Result<Arc<dyn Launcher>, StartError> {
        let is_built = matches!(&function.package, Package::Image { build: Some(_), .. });
        let link = Link::of(&engine, &function.hosting).await?;
        let delivery = Delivery::of(&engine, &function.hosting, &self.mirrors);
        let (work, cache, way) = (function.clone(), self.place.cache.clone(), delivery.clone());
        let folders = tokio::task::spawn_blocking(move || way.find(&work, &cache)).await;
        let folders = folders.map_err(|_| StartError::place("the preparation was interrupted".to_owned()))??;
        let labels =
            Labels { state: self.place.state.clone(), project: project.clone(), function: function.id.clone() };
        let owner = Owner { image: image.id.clone().unwrap_or_else(|| name.clone()), labels: labels.map() };
        let laid = delivery.lay(&engine, &function, &folders, (&owner, delay)).await?;
        let tmp = Tmp::of(&function, &engine);
        let mut description = describe(&function, &name, &image, behind);
        description.notes.extend(tmp.note(&function));
        description.notes.extend(debugged_elsewhere(&function, &engine));
        Ok(Arc::new(DockerLauncher {
            tmp,
            description,
            entry: Entry::of(&function, &image),
            link,
            waiting: Arc::new(Waiting::of(&function)),
            engine,
            function,
            image_id: image.id.clone().unwrap_or_default(),
            // The name of one that is built here may stand for another image later.
            image: image.id.filter(|_| is_built).unwrap_or(name),
            folders,
            laid,
            is_gated: delivery.has_gates(),
            labels,
            place: self.place.clone(),
        }))
    }
}

impl Driver for DockerDriver {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(
        &self,
        project: &ProjectName,
        function: Arc<Function>,
        delay: Delay,
    ) -> BoxFuture<'_, Result<Arc<dyn Launcher>, StartError>> {
        let project = project.clone();
        async move {
            let engine = self.engine().await?;
            let image = self.images.of(&engine, &project, &function, &delay).await?;
            self.launcher(engine, &project, function, image, &delay).await
        }
        .boxed()
    }
}

fn describe(function: &Function, name: &str, image: &ImageInspect, behind: Option<String>) -> Description {
    let platform = image::platform(function.architecture);
    let wanted = platform.rsplit('/').next().unwrap_or_default();
    let is = image.architecture.as_deref().unwrap_or(wanted);
    let other = (is != wanted).then(|| format!("image {name} is made for {is}, and the function asks for {wanted}"));
    let runtime_version = match &function.package {
        Package::Zip { runtime: Runtime::Python { minor }, .. } => format!("python:3.{minor}"),
        Package::Zip { runtime: Runtime::Node { major }, .. } => format!("nodejs:{major}"),
        Package::Zip { runtime, .. } => runtime.to_string(),
        Package::Image { .. } => name.to_owned(),
    };
    let own_entry = match &function.package {
        Package::Image { .. } if !Entry::of(function, image).is_gated() => Some(format!(
            "image {name} starts by an entry point of its own, so extensions in its /opt/extensions are not started"
        )),
        Package::Image { .. } | Package::Zip { .. } => None,
    };
    let note = behind.as_ref().map(|why| format!("the last good image goes on: {why}"));
    let notes = other.into_iter().chain(note).chain(debug::note(function)).chain(own_entry).collect();
    Description { executable: name.to_owned(), runtime_version, notes, behind, driver: NAME }
}

fn debugged_elsewhere(function: &Function, engine: &Engine) -> Option<String> {
    let debug = function.serving.debug.as_ref()?;
    let port = debug.port;
    let what = format!(
        "the debugger's port {port} is on the engine's machine alone; reach it with `ssh -L {port}:127.0.0.1:{port}`"
    );
    matches!(engine.whereabouts, Whereabouts::Elsewhere(_)).then_some(what)
}

/// Starts containers of one function.
#[derive(Debug)]
struct DockerLauncher {
    engine: Engine,
    function: Arc<Function>,
    image: String,
    image_id: String,
    entry: Entry,
    folders: Folders,
    laid: Laid,
    /// The engine sees the gates, which are in the state folder; else the container's streams are its gate.
    is_gated: bool,
    labels: Labels,
    tmp: Tmp,
    link: Link,
    waiting: Arc<Waiting>,
    place: Place,
    description: Description,
}

/// What a container is made of, but for its gate.
#[derive(Debug, Clone)]
struct Made {
    begin: Begin,
    variables: BTreeMap<String, String>,
    /// The port of the daemon's on which it reaches the Lambda endpoint.
    endpoint: Option<u16>,
    generation: u64,
}

impl DockerLauncher {
    async fn start_container(
        &self,
        identity: SandboxIdentity,
        account: Arc<BTreeMap<String, String>>,
    ) -> Result<Started, StartError> {
        if !matches!(self.engine.whereabouts, Whereabouts::Elsewhere(_)) {
            debug::port_is_free(&self.function, IpAddr::V4(Ipv4Addr::LOCALHOST)).await?;
        }
        let made = self.made_of(&identity, &account).await?;
        let waits = made.begin.gate == Some(Where::Attached);
        let gate = made.begin.gate.filter(|_| !waits);
        let gate = gate.map(|place| Gate::open(&self.place.state, place)).transpose()?;
        let ties = self.ties(&made, gate.as_ref(), &identity);
        let mut body = self.plan(made.clone(), gate.as_ref().map(Gate::folder)).body();
        if let Some(ties) = ties {
            let fingerprint = self.marks().fingerprint(&body);
            heirs::bequeath(&mut body, fingerprint, &ties);
        }
        let keeper = Keeper::create(&self.engine, &self.place.tasks, body, self.laid.mirrors.clone()).await?;
        keeper.start((gate, waits), self.folders.code.as_deref(), self).await
    }

    /// What a container is made of, but for its gate.
    async fn made_of(
        &self,
        identity: &SandboxIdentity,
        account: &BTreeMap<String, String>,
    ) -> Result<Made, StartError> {
        let begin = self.entry.begin(self.folders.code.as_deref(), &self.folders.layers, self.gate_place())?;
        let mut variables = variables::of(&self.function, account, identity);
        let endpoint = self.lead_to_endpoint(&mut variables).await?;
        if let Some(place) = begin.gate {
            variables::lead_to_gate(&mut variables, place);
        }
        Ok(Made { begin, variables, endpoint, generation: identity.generation })
    }

    fn plan<'a>(&'a self, made: Made, gate: Option<&'a Path>) -> Plan<'a> {
        Plan {
            function: &self.function,
            image: &self.image,
            begin: made.begin,
            variables: made.variables,
            laid: &self.laid,
            gate,
            network: &self.link.network,
            labels: &self.labels,
            generation: made.generation,
            tmp: self.tmp,
            most_processes: self.engine.most_processes,
        }
    }

    fn marks(&self) -> Marks<'_> {
        Marks { image: &self.image_id, host: &self.link.host, code: self.folders.code.as_deref() }
    }

    /// What the next daemon needs to take the container over; `None` for one that it cannot.
    fn ties<'a>(&self, made: &Made, gate: Option<&'a Gate>, identity: &SandboxIdentity) -> Option<Ties<'a>> {
        let gate = gate.filter(|_| self.may_be_inherited(made))?.folder();
        let port = identity.runtime_api.rsplit_once(':')?.1.parse().ok()?;
        let lambda_endpoint = made.endpoint.map(|port| SocketAddr::new(self.link.listen, port));
        Some(Ties { gate, runtime_api: SocketAddr::new(self.link.listen, port), lambda_endpoint })
    }

    /// Whether a container waits in its interpreter, and has loaded nothing that may be another thing when it goes on.
    fn may_be_inherited(&self, made: &Made) -> bool {
        made.begin.gate.is_some_and(Where::is_in_interpreter) && self.folders.layers.is_empty()
    }

    async fn heir(&self, account: &BTreeMap<String, String>) -> Option<Heir> {
        if self.place.heirs.left() == 0 {
            return None;
        }
        let anyone = SandboxIdentity { runtime_api: String::new(), log_stream: String::new(), generation: 0 };
        let made = self.made_of(&anyone, account).await.ok().filter(|made| self.may_be_inherited(made))?;
        self.place.heirs.claim(&self.marks().fingerprint(&self.plan(made, None).body()))
    }

    async fn inherited(&self, account: &BTreeMap<String, String>) -> Option<Inherited> {
        let Heir { keeper, gate, listener, .. } = self.heir(account).await?;
        let started = keeper.take_over(gate, self.folders.code.as_deref(), self).await?;
        tracing::info!(function = %self.function.id, "took over a container that an earlier daemon left waiting");
        Some(Inherited { started, listener })
    }

    /// The runtime follows its extensions, and a debugger comes before all that the interpreter does.
    fn gate_place(&self) -> Where {
        if !self.is_gated {
            return Where::Attached;
        }
        match (companions::may_be_there(&self.function, &self.folders.layers), &self.function.serving.debug) {
            (true, _) => Where::Extensions,
            (false, Some(_)) => Where::Program,
            (false, None) => self.waiting.place(),
        }
    }

    /// The Lambda endpoint is on a loopback address, which in a container is the container's own.
    /// Returns the port of the daemon's that it leads to, where it does.
    async fn lead_to_endpoint(&self, variables: &mut BTreeMap<String, String>) -> Result<Option<u16>, StartError> {
        let Some(endpoint) = variables.get_mut(LAMBDA_ENDPOINT) else { return Ok(None) };
        if self.function.environment.0.contains_key(LAMBDA_ENDPOINT) {
            return Ok(None);
        }
        let link = &self.link;
        let port = self.place.doors.at(link.listen, link.admit_hidden(), |port| link.address(port)).await;
        let port = port.map_err(|problem| {
            StartError::place(format!("the Lambda endpoint cannot listen on {}: {problem}", link.listen))
        })?;
        let path = endpoint.splitn(4, '/').nth(3).unwrap_or_default();
        *endpoint = format!("http://{}/{path}", link.address(port));
        Ok(Some(port))
    }
}

impl Launcher for DockerLauncher {
    fn description(&self) -> &Description {
        &self.description
    }

    fn runtime_api_host(&self) -> IpAddr {
        self.link.listen
    }

    fn runtime_api_address(&self, listener: SocketAddr) -> String {
        self.link.address(listener.port())
    }

    fn can_hold(&self) -> bool {
        self.entry.is_gated()
    }

    fn heeds_precedence(&self) -> bool {
        false
    }

    fn serves_in_place(&self) -> bool {
        self.laid.in_place
    }

    fn inherit(&self, account: Arc<BTreeMap<String, String>>) -> BoxFuture<'_, Option<Inherited>> {
        async move { self.inherited(&account).await }.boxed()
    }

    fn start(
        &self,
        identity: SandboxIdentity,
        account: Arc<BTreeMap<String, String>>,
        _precedence: Precedence,
    ) -> BoxFuture<'_, Result<Started, StartError>> {
        self.start_container(identity, account).boxed()
    }
}
