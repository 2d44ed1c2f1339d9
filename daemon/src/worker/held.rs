//! A sandbox that waits at the gate.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::oneshot;

use crate::lambda::environment::{self, SandboxIdentity};
use crate::lambda::preload::Preload;
use crate::project::Function;
use crate::runtime_api::{Admit, RuntimeApi};
use crate::sandbox::{Inherited, Launcher, Precedence, StartError, Started, listen};

/// A sandbox that waits at the gate: started, with its Runtime API, but without the function's code.
pub struct Held {
    pub(super) started: Started,
    pub(super) api: RuntimeApi,
    precedence: Precedence,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("pid", &self.started.sandbox.pid()).finish_non_exhaustive()
    }
}

impl Held {
    /// Starts a sandbox as far as the gate.
    ///
    /// # Errors
    /// What the driver says, or that no port could be had.
    pub async fn start(
        function: &Function,
        launcher: &dyn Launcher,
        account: Arc<BTreeMap<String, String>>,
        generation: u64,
        precedence: Precedence,
    ) -> Result<Held, StartError> {
        let (door, admit) = oneshot::channel();
        let api = serve(launcher, admit).await.map_err(|problem| StartError {
            error_type: "Sandbox.Failure",
            reason: format!("no port could be had for a sandbox's Runtime API: {problem}"),
        })?;
        let identity = SandboxIdentity { runtime_api: api.told.clone(), log_stream: log_stream(function), generation };
        let started = launcher.start(identity, account, precedence).await?;
        let mut held = Held::of(started, api, door);
        match precedence {
            Precedence::Equal => {}
            Precedence::Behind => held.stand_back(),
            // It was started as one.
            Precedence::Last => held.precedence = precedence,
        }
        Ok(held)
    }

    /// A sandbox that an earlier daemon left waiting at the gate, and that is as good as one that is started now.
    pub async fn inherit(launcher: &dyn Launcher, account: Arc<BTreeMap<String, String>>) -> Option<Held> {
        let Inherited { started, listener } = launcher.inherit(account).await?;
        let (door, admit) = oneshot::channel();
        let told = launcher.runtime_api_address(listener.local_addr().ok()?);
        let api = RuntimeApi::serve(listener, told, admit).ok()?;
        Some(Held::of(started, api, door))
    }

    fn of(mut started: Started, api: RuntimeApi, door: oneshot::Sender<Admit>) -> Held {
        // A listener that has gone has nobody to let in.
        drop(door.send(std::mem::replace(&mut started.admit, Arc::new(|_, _| false))));
        Held { started, api, precedence: Precedence::Equal }
    }

    /// Has it load modules while it waits.
    pub fn preload(&mut self, preload: &Preload) {
        if !preload.modules().is_empty() {
            self.started.sandbox.preload(preload.modules());
        }
    }

    /// Waits until it waits at the gate.
    pub async fn settled(mut self) -> Held {
        self.started.sandbox.settled().await;
        self
    }

    /// Has it leave the processors to others.
    pub fn stand_back(&mut self) {
        self.started.sandbox.stand_back();
        self.precedence = self.precedence.max(Precedence::Behind);
    }

    /// How it competes for the processors.
    #[must_use]
    pub fn precedence(&self) -> Precedence {
        self.precedence
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.started.sandbox.pid()
    }

    /// Whether it has not ended while it waited, and would find what one that is started now would find.
    pub fn is_alive(&mut self) -> bool {
        use futures_util::FutureExt;
        self.started.sandbox.is_fresh() && self.started.sandbox.wait().now_or_never().is_none()
    }
}

async fn serve(launcher: &dyn Launcher, admit: oneshot::Receiver<Admit>) -> std::io::Result<RuntimeApi> {
    let listener = listen::at(SocketAddr::new(launcher.runtime_api_host(), 0)).await?;
    let told = launcher.runtime_api_address(listener.local_addr()?);
    RuntimeApi::serve(listener, told, admit)
}

/// `YYYY/MM/DD/[$LATEST]<32 hex>` (F7.4).
fn log_stream(function: &Function) -> String {
    let today = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let date = today.split('T').next().unwrap_or_default().replace('-', "/");
    format!("{date}/[{}]{}", environment::version(function), uuid::Uuid::new_v4().simple())
}
