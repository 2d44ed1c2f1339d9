//! The driver that chooses: a container where an engine answers and the image is here, else a process where that can
//! run the function. Why it is a process is a note of the function's.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::lambda::environment::SandboxIdentity;
use crate::project::Function;
use crate::project::settings::ProjectName;

use super::docker::DockerDriver;
use super::{Delay, Description, Driver, Inherited, Launcher, Precedence, StartError, Started};

/// The driver.
#[derive(Debug, Clone)]
pub struct AutoDriver {
    docker: DockerDriver,
    process: Arc<dyn Driver>,
}

impl AutoDriver {
    /// A driver that chooses between these two.
    #[must_use]
    pub fn new(docker: DockerDriver, process: Arc<dyn Driver>) -> AutoDriver {
        AutoDriver { docker, process }
    }

    async fn choose(
        &self,
        project: ProjectName,
        function: Arc<Function>,
        delay: Delay,
    ) -> Result<Arc<dyn Launcher>, StartError> {
        let no_container = match self.docker.prepare_present(&project, function.clone(), &delay).await {
            Ok(launcher) => return Ok(launcher),
            Err(problem) => problem.reason,
        };
        match self.process.prepare(&project, function, delay).await {
            Ok(process) => Ok(Arc::new(Noted::new(process, format!("runs as a process: {no_container}")))),
            Err(StartError { error_type, reason }) => {
                Err(StartError { error_type, reason: format!("{reason} (in a container: {no_container})") })
            }
        }
    }

    async fn runs_as_process(&self, function: &Function) -> bool {
        // A process is prepared for anybody's project alike.
        let nobodys = ProjectName(String::new());
        self.process.prepare(&nobodys, Arc::new(function.clone()), Delay::default()).await.is_ok()
    }
}

impl Driver for AutoDriver {
    fn name(&self) -> &'static str {
        "auto"
    }

    fn prepare(
        &self,
        project: &ProjectName,
        function: Arc<Function>,
        delay: Delay,
    ) -> BoxFuture<'_, Result<Arc<dyn Launcher>, StartError>> {
        self.choose(project.clone(), function, delay).boxed()
    }

    /// The engine or the image may have come or gone since. What no process can run stays what it is: its containers may
    /// go on while their engine is away.
    fn stands_by<'a>(&'a self, function: &'a Function, prepared: &'a Description) -> BoxFuture<'a, bool> {
        async move {
            match (self.docker.has_what_it_takes(function).await, prepared.driver == self.docker.name()) {
                (true, is_container) => is_container,
                (false, true) => !self.runs_as_process(function).await,
                (false, false) => true,
            }
        }
        .boxed()
    }
}

/// A launcher with one note more.
#[derive(Debug)]
struct Noted {
    inner: Arc<dyn Launcher>,
    description: Description,
}

impl Noted {
    fn new(inner: Arc<dyn Launcher>, note: String) -> Noted {
        let mut description = inner.description().clone();
        description.notes.push(note);
        Noted { inner, description }
    }
}

impl Launcher for Noted {
    fn description(&self) -> &Description {
        &self.description
    }

    fn runtime_api_host(&self) -> IpAddr {
        self.inner.runtime_api_host()
    }

    fn runtime_api_address(&self, listener: SocketAddr) -> String {
        self.inner.runtime_api_address(listener)
    }

    fn can_hold(&self) -> bool {
        self.inner.can_hold()
    }

    fn heeds_precedence(&self) -> bool {
        self.inner.heeds_precedence()
    }

    fn serves_in_place(&self) -> bool {
        self.inner.serves_in_place()
    }

    fn inherit(&self, account: Arc<BTreeMap<String, String>>) -> BoxFuture<'_, Option<Inherited>> {
        self.inner.inherit(account)
    }

    fn start(
        &self,
        identity: SandboxIdentity,
        account: Arc<BTreeMap<String, String>>,
        precedence: Precedence,
    ) -> BoxFuture<'_, Result<Started, StartError>> {
        self.inner.start(identity, account, precedence)
    }
}
