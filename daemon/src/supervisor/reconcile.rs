//! Makes what runs equal to what should run, make before break (design, section 2).
//!
//! New workers are created and listeners bound before anything old is let go; publishing the snapshot is one swap that
//! cannot fail; the old workers end when their last request has gone. It is told what differs and decides nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::apigw::Context;
use crate::apigw::caller::IamIdentity;
use crate::apigw::sigv4::Credentials;
use crate::gateway::front::Front;
use crate::gateway::snapshot::{Parts, ServedFunction};
use crate::gateway::url::ServedUrl;
use crate::gateway::{Snapshot, Surroundings};
use crate::lambda::pool::Limits;
use crate::lambda::preload::Preload;
use crate::layers;
use crate::logs::LogHub;
use crate::project::serving;
use crate::project::settings::{Settings, Warm};
use crate::project::{Function, FunctionId, Project};
use crate::sandbox::{Driver, Launcher};
use crate::watch::Subject;
use crate::worker::{self, Handover};

use super::actor::Shared;
use super::directory::{Listed, Roster};

/// Invocations that may wait for a sandbox of a function that reserves no concurrency.
const MOST_WAITING: usize = 1_024;

/// The account that local ARNs name.
pub const ACCOUNT: &str = "123456789012";

/// The unique id of whoever signs with the account's credentials.
const CALLER: &str = "AIDASAMDSAMDSAMDSAMD0";

/// A function of a running project.
#[derive(Debug, Clone)]
pub(super) struct Running {
    /// What it was made from.
    pub function: Arc<Function>,
    /// How it runs, or why it cannot.
    pub state: Result<Live, String>,
}

/// A function that has a worker.
#[derive(Debug, Clone)]
pub(super) struct Live {
    /// Its worker.
    pub worker: worker::Handle,
    /// What starts its sandboxes.
    pub launcher: Arc<dyn Launcher>,
    /// The name of the driver that prepared it, which may have left it to another.
    pub chosen_by: &'static str,
}

/// What all workers of a project get.
pub(super) struct Ground<'a> {
    /// The daemon's parts.
    pub shared: &'a Shared,
    /// The project's settings.
    pub settings: &'a Settings,
    /// Whose files its functions run.
    pub subject: &'a Subject,
    /// The project's log.
    pub logs: &'a LogHub,
    /// The account's variables.
    pub account: Arc<BTreeMap<String, String>>,
    /// The generation that is made.
    pub generation: u64,
    /// The Lambda service that layers are fetched from, where the caller names another than AWS's.
    pub lambda_endpoint: Option<String>,
}

/// A function with what starts its sandboxes, or why that is not here.
pub(super) struct Prepared {
    function: Arc<Function>,
    chosen_by: &'static str,
    /// What starts its sandboxes, and whether it is the predecessor's.
    launcher: Result<(Arc<dyn Launcher>, bool), String>,
}

/// What an edit left as it was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept<'a> {
    /// Functions get the same credentials and endpoints.
    pub same_account: bool,
    /// Files that did change.
    pub touched: &'a [PathBuf],
}

impl Kept<'_> {
    /// Whether a sandbox that waits at the gate since before the edit is as good as a new one. It has loaded nothing of
    /// the code yet, but perhaps of the layers.
    fn serves_as_spare(&self, function: &Function) -> bool {
        self.same_account && !self.touched.iter().any(|path| function.uses_as_layer(path))
    }
}

impl Ground<'_> {
    /// Brings here what a function needs. Nothing that runs is changed, and it may take its time.
    pub(super) async fn prepare(&self, function: &Function, old: Option<&Running>) -> Prepared {
        let function = Arc::new(function.clone());
        let driver = self.shared.driver(self.settings.sandbox);
        let launcher = match self.kept(&function, old, driver.name()) {
            Some(launcher) => Ok((launcher, true)),
            None => self.new_launcher(&function, &*driver).await.map(|launcher| (launcher, false)),
        };
        Prepared { function, chosen_by: driver.name(), launcher }
    }

    /// A worker for a function, in the place of `old` where there is one. The predecessor's waiting sandbox is taken
    /// over when it was started for the same thing, and so is that of an earlier daemon; where it had sandboxes, one is
    /// started at once.
    pub(super) async fn replace(&self, prepared: Prepared, old: Option<&Running>, kept: Kept<'_>) -> Running {
        let Prepared { function, chosen_by, launcher } = prepared;
        let (launcher, reusable) = match launcher {
            Ok(found) => found,
            Err(reason) => return Running { function, state: Err(reason) },
        };
        let old = old.and_then(|old| old.state.as_ref().ok());
        let Handover { held, preload, in_use, waiting } = match old {
            Some(live) => live.worker.hand_over().await,
            None => Handover::default(),
        };
        let held = match old {
            Some(_) => held.filter(|_| reusable && kept.serves_as_spare(&function)),
            None if function.serving.debug.is_some() => None,
            None => worker::Held::inherit(&*launcher, self.account.clone()).await,
        };
        let worker = worker::spawn(self.spec(function.clone(), launcher.clone(), preload), held);
        // A debugger attaches before the first request.
        let at_once = self.settings.warm == Warm::Eager || function.serving.debug.is_some();
        if at_once || in_use {
            worker.begin_warm();
        }
        // Nothing is asked of the old one any more when the new one may first answer.
        if let Some(live) = old {
            live.worker.retire(worker.clone());
        }
        worker.adopt(waiting);
        Running { function, state: Ok(Live { worker, launcher, chosen_by }) }
    }

    /// What was prepared for the predecessor serves again when nothing but files in place changed.
    fn kept(&self, function: &Function, old: Option<&Running>, driver: &str) -> Option<Arc<dyn Launcher>> {
        let old = old.filter(|old| *old.function == *function)?;
        let live = old.state.as_ref().ok()?;
        let serves = live.launcher.serves_in_place() && live.chosen_by == driver;
        serves.then(|| live.launcher.clone())
    }

    async fn new_launcher(&self, function: &Arc<Function>, driver: &dyn Driver) -> Result<Arc<dyn Launcher>, String> {
        let caller = layers::Caller { account: self.account.clone(), endpoint: self.lambda_endpoint.clone() };
        let local = self.shared.layers.localised(function, &caller).await?;
        driver.prepare(&self.settings.name, local).await.map_err(|problem| problem.reason)
    }

    fn spec(&self, function: Arc<Function>, launcher: Arc<dyn Launcher>, preload: Preload) -> worker::Spec {
        worker::Spec {
            limits: limits(&function, self.settings),
            // One that waits at the gate would have the debugger's port.
            spare: function.serving.debug.is_none(),
            function,
            launcher,
            account: self.account.clone(),
            generation: self.generation,
            logs: self.logs.clone(),
            starts: self.shared.starts.clone(),
            files: self.subject.clone(),
            preload,
            tasks: self.shared.sandboxes.clone(),
        }
    }
}

/// How many sandboxes a function may have, and how long.
pub(super) fn limits(function: &Function, settings: &Settings) -> Limits {
    if function.serving.debug.is_some() {
        return Limits { sandboxes: 1, waiting: MOST_WAITING, idle_expiry: serving::DEBUGGED };
    }
    match function.reserved_concurrency {
        Some(reserved) => Limits { sandboxes: reserved, waiting: 0, idle_expiry: settings.idle_expiry },
        None => {
            Limits { sandboxes: settings.max_concurrency, waiting: MOST_WAITING, idle_expiry: settings.idle_expiry }
        }
    }
}

/// What those who invoke by name are told of a generation.
#[must_use]
pub(super) fn roster(functions: &BTreeMap<FunctionId, Running>, logs: &LogHub) -> Roster {
    let listed = |running: &Running| Listed {
        function: running.function.clone(),
        worker: running.state.as_ref().map(|live| live.worker.clone()).map_err(Clone::clone),
    };
    let functions = functions.iter().map(|(id, running)| (id.clone(), listed(running))).collect();
    Roster { functions, logs: logs.clone() }
}

/// The snapshot of a generation.
#[must_use]
pub(super) fn snapshot(
    generation: u64,
    project: &Project,
    functions: &BTreeMap<FunctionId, Running>,
    account: &BTreeMap<String, String>,
    (surroundings, front): (Arc<Surroundings>, Front),
    before: Option<Arc<Snapshot>>,
) -> Snapshot {
    let region = project.functions.values().next().map_or("us-east-1", |function| function.region.as_str());
    let in_order = project.precedence.iter().filter_map(|id| project.apis.get(id));
    let apis = in_order.map(|api| (api.clone(), Context::new(ACCOUNT, region, api))).collect();
    Snapshot::new(Parts {
        generation,
        apis,
        functions: functions.iter().map(|(id, running)| (id.clone(), served(running))).collect(),
        websockets: project.websockets.iter().map(|api| api.id.clone()).collect(),
        urls: project.functions.values().filter_map(|function| ServedUrl::of(function, ACCOUNT)).collect(),
        credentials: credentials(account).into_iter().collect(),
        surroundings,
        front,
        before,
    })
}

/// What functions sign with is what AWS_IAM accepts. The owner of the account may call whatever no policy denies.
fn credentials(account: &BTreeMap<String, String>) -> Option<Credentials> {
    let key = account.get("AWS_ACCESS_KEY_ID")?;
    Some(Credentials {
        secret_access_key: account.get("AWS_SECRET_ACCESS_KEY")?.clone(),
        session_token: account.get("AWS_SESSION_TOKEN").cloned(),
        identity: IamIdentity {
            access_key: key.clone(),
            account_id: ACCOUNT.to_owned(),
            caller_id: CALLER.to_owned(),
            user_arn: format!("arn:aws:iam::{ACCOUNT}:user/samd"),
            user_id: CALLER.to_owned(),
        },
    })
}

fn served(running: &Running) -> ServedFunction {
    match &running.state {
        Ok(live) => ServedFunction::Worker { worker: live.worker.clone(), arn: invoked_arn(&running.function) },
        Err(reason) => ServedFunction::Broken { reason: reason.clone() },
    }
}

/// APIs invoke the alias where there is one.
fn invoked_arn(function: &Function) -> Arc<str> {
    match &function.alias {
        Some(alias) => format!("{}:{alias}", function.arn).into(),
        None => function.arn.as_str().into(),
    }
}
