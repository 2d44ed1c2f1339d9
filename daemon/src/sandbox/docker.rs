//! The docker driver: a warm container per sandbox, in AWS's base image or the user's own.
//!
//! ```text
//!  prepare: engine → image → code and layers as folders        start: gate → create → start → address
//!                                                                        │
//!                                              /bin/sh waits at the gate ┴─ released → the image's own entry point
//! ```
//! The daemon is the container's Runtime API: the image's entry point starts the runtime itself when
//! `AWS_LAMBDA_RUNTIME_API` is set. No call to the engine is made while requests are served.

mod container;
mod entry;
mod gate;
mod layers;
mod plan;
mod reap;
#[cfg(test)]
mod testing;
mod variables;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bollard::models::ImageInspect;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::lambda::environment::SandboxIdentity;
use crate::project::function::{Code, Function, Package, Runtime};
use crate::project::settings::ProjectName;
use crate::shutdown::Phase;

use self::container::Keeper;
use self::entry::Entry;
use self::plan::{Labels, Plan};
use super::engine::{Engine, Engines};
use super::image::{self, Images};
use super::{Description, Driver, Launcher, StartError, Started, files};

pub use reap::reap;

/// The driver's name.
const NAME: &str = "docker";

/// The driver.
#[derive(Debug, Clone)]
pub struct DockerDriver {
    engines: Engines,
    images: Images,
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
}

impl DockerDriver {
    /// A driver for whichever engine answers.
    #[must_use]
    pub fn new(engines: Engines, place: Place) -> DockerDriver {
        DockerDriver { engines, images: Images::default(), place }
    }

    /// Prepares a function whose image is here already; `Err` says what is missing.
    ///
    /// # Errors
    /// No engine answers, the image is not here, or as [`Driver::prepare`].
    pub async fn prepare_present(
        &self,
        project: &ProjectName,
        function: Arc<Function>,
    ) -> Result<Arc<dyn Launcher>, StartError> {
        let engine = self.engine().await?;
        let name = image::name(&function)?;
        let image = self.images.local(&engine, &name).await?.ok_or_else(|| {
            StartError::place(format!("image {name} is not here; pull it, or use --sandbox docker, which does"))
        })?;
        self.launcher(engine, project, function, name, image).await
    }

    async fn engine(&self) -> Result<Engine, StartError> {
        self.engines.current().await.map_err(|none| StartError::place(none.to_string()))
    }

    async fn launcher(
        &self,
        engine: Engine,
        project: &ProjectName,
        function: Arc<Function>,
        name: String,
        image: ImageInspect,
    ) -> Result<Arc<dyn Launcher>, StartError> {
        let (work, cache) = (function.clone(), self.place.cache.clone());
        let folders = tokio::task::spawn_blocking(move || Folders::find(&work, &cache)).await;
        let folders = folders.map_err(|_| StartError::place("the preparation was interrupted".to_owned()))??;
        let labels =
            Labels { state: self.place.state.clone(), project: project.clone(), function: function.id.clone() };
        Ok(Arc::new(DockerLauncher {
            entry: Entry::of(&function, &image),
            description: describe(&function, &name, &image),
            engine,
            function,
            image: name,
            folders,
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
    ) -> BoxFuture<'_, Result<Arc<dyn Launcher>, StartError>> {
        let project = project.clone();
        async move {
            let engine = self.engine().await?;
            let name = image::name(&function)?;
            let image = self.images.ensure(&engine, &name, image::platform(function.architecture)).await?;
            self.launcher(engine, &project, function, name, image).await
        }
        .boxed()
    }
}

fn describe(function: &Function, name: &str, image: &ImageInspect) -> Description {
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
    let debugging = function
        .serving
        .debug
        .as_ref()
        .map(|_| "a function in a container runs without a debugger; debug it with --sandbox process".to_owned());
    let notes = other.into_iter().chain(debugging).collect();
    Description { executable: name.to_owned(), runtime_version, notes, driver: NAME }
}

/// What is laid into the container.
#[derive(Debug, Clone, Default)]
struct Folders {
    /// At `/var/task`.
    code: Option<PathBuf>,
    /// At `/opt`.
    layers: Option<PathBuf>,
    /// Both are the user's own folders.
    in_place: bool,
}

impl Folders {
    fn find(function: &Function, cache: &std::path::Path) -> Result<Folders, StartError> {
        let Package::Zip { code, runtime, layers, .. } = &function.package else { return Ok(Folders::default()) };
        let folders = files::layers(layers, cache)?;
        let layers_in_place = folders.is_empty() || (folders.len() == 1 && !folders[0].starts_with(cache));
        Ok(Folders {
            code: Some(files::code(code, runtime, cache)?),
            layers: layers::merged(&folders, cache)?,
            in_place: matches!(code, Code::Folder(_)) && layers_in_place,
        })
    }
}

/// Starts containers of one function.
#[derive(Debug)]
struct DockerLauncher {
    engine: Engine,
    function: Arc<Function>,
    image: String,
    entry: Entry,
    folders: Folders,
    labels: Labels,
    place: Place,
    description: Description,
}

impl DockerLauncher {
    async fn start_container(
        &self,
        identity: SandboxIdentity,
        account: Arc<BTreeMap<String, String>>,
    ) -> Result<Started, StartError> {
        let begin = self.entry.begin(self.folders.code.as_deref(), self.folders.layers.as_deref())?;
        let gate = match begin.gated {
            true => Some(gate::Gate::open(&self.place.state)?),
            false => None,
        };
        let plan = Plan {
            function: &self.function,
            image: &self.image,
            begin,
            variables: variables::of(&self.function, &account, &identity),
            code: self.folders.code.as_deref(),
            layers: self.folders.layers.as_deref(),
            gate: gate.as_ref().map(gate::Gate::folder),
            network: &self.engine.network,
            labels: &self.labels,
        };
        Keeper::create(&self.engine, &self.place.tasks, plan.body())
            .await?
            .start(gate, self.folders.code.as_deref())
            .await
    }
}

impl Launcher for DockerLauncher {
    fn description(&self) -> &Description {
        &self.description
    }

    fn runtime_api_host(&self) -> IpAddr {
        self.engine.gateway
    }

    fn can_hold(&self) -> bool {
        self.entry.is_gated()
    }

    fn serves_in_place(&self) -> bool {
        self.folders.in_place
    }

    fn start(
        &self,
        identity: SandboxIdentity,
        account: Arc<BTreeMap<String, String>>,
    ) -> BoxFuture<'_, Result<Started, StartError>> {
        self.start_container(identity, account).boxed()
    }
}
