//! Makes what runs equal to what should run, make before break (design, section 2).
//!
//! New workers are created and listeners bound before anything old is let go; publishing the snapshot is one swap that
//! cannot fail; the old workers end when their last request has gone. It is told what differs and decides nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::apigw::Context;
use crate::apigw::caller::IamIdentity;
use crate::apigw::sigv4::Credentials;
use crate::gateway::access::AccessLog;
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
use crate::sandbox::{Delay, Driver, Launcher};
use crate::watch::Subject;
use crate::worker::{self, Handover, room};

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
    /// How it runs, or why it does not.
    pub state: State,
}

/// How a function runs.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// By a worker.
    Live(Live),
    /// Not yet: invocations wait in a room.
    Coming { room: worker::Handle, what: String },
    /// Not at all, and why.
    Broken(String),
}

impl Running {
    /// What runs of it.
    pub(super) fn live(&self) -> Option<&Live> {
        match &self.state {
            State::Live(live) => Some(live),
            State::Coming { .. } | State::Broken(_) => None,
        }
    }

    /// The way to it, or why it cannot run.
    pub(super) fn worker(&self) -> Result<&worker::Handle, &String> {
        match &self.state {
            State::Live(live) => Ok(&live.worker),
            State::Coming { room, .. } => Ok(room),
            State::Broken(reason) => Err(reason),
        }
    }
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

impl Prepared {
    /// Why it is not what was asked for.
    pub(super) fn problem(&self) -> Option<String> {
        match &self.launcher {
            Ok((launcher, _)) => launcher.description().behind.clone(),
            Err(reason) => Some(reason.clone()),
        }
    }

    /// Whether something runs of it, if not what was asked for.
    pub(super) fn can_run(&self) -> bool {
        self.launcher.is_ok()
    }
}

/// How far the preparation of a function is.
pub(super) enum Preparation {
    /// It is done.
    Here(Prepared),
    /// It takes its time, since `what` has to come first.
    Coming { what: String, rest: BoxFuture<'static, Prepared> },
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
    /// Brings here what a function needs, as far as that is quickly done. Nothing that runs is changed.
    pub(super) async fn prepare(&self, function: &Function, old: Option<&Running>) -> Preparation {
        let function = Arc::new(function.clone());
        let driver = self.shared.driver(self.settings.sandbox);
        if let Some(launcher) = self.kept(&function, old, driver.name()) {
            return Preparation::Here(Prepared { function, chosen_by: driver.name(), launcher: Ok((launcher, true)) });
        }
        let delay = Delay::default();
        let mut rest = self.new_launcher(function, driver, delay.clone());
        tokio::select! {
            biased;
            prepared = &mut rest => Preparation::Here(prepared),
            what = delay.expected() => Preparation::Coming { what, rest },
        }
    }

    /// A function that something else has to come for first: what runs of it goes on, and where nothing does, invocations
    /// wait.
    pub(super) fn await_for(&self, function: &Function, old: Option<&Running>, what: &str) -> Running {
        let room = match old.map(|old| (old, &old.state)) {
            Some((old, State::Live(_))) => return old.clone(),
            Some((_, State::Coming { room, .. })) => room.clone(),
            Some((_, State::Broken(_))) | None => room::waiting(&self.shared.requests),
        };
        let state = State::Coming { room, what: what.to_owned() };
        Running { function: Arc::new(function.clone()), state }
    }

    /// A worker for a function, in the place of `old` where there is one. The predecessor's waiting sandbox is taken
    /// over when it was started for the same thing, and so is that of an earlier daemon; where it had sandboxes, one is
    /// started at once.
    pub(super) async fn replace(&self, prepared: Prepared, old: Option<&Running>, kept: Kept<'_>) -> Running {
        let Prepared { function, chosen_by, launcher } = prepared;
        let (launcher, reusable) = match launcher {
            Ok(found) => found,
            Err(reason) => {
                if let Some(Running { state: State::Coming { room, .. }, .. }) = old {
                    room.retire(room::refusing(&self.shared.requests, reason.clone()));
                }
                return Running { function, state: State::Broken(reason) };
            }
        };
        let old = old.and_then(|old| old.worker().ok());
        let Handover { held, preload, in_use, waiting } = match old {
            Some(worker) => worker.hand_over().await,
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
        if let Some(old) = old {
            old.retire(worker.clone());
        }
        worker.adopt(waiting);
        Running { function, state: State::Live(Live { worker, launcher, chosen_by }) }
    }

    /// What was prepared for the predecessor serves again when nothing but files in place changed.
    fn kept(&self, function: &Function, old: Option<&Running>, driver: &str) -> Option<Arc<dyn Launcher>> {
        let old = old.filter(|old| *old.function == *function)?;
        let live = old.live()?;
        let serves = live.launcher.serves_in_place() && live.chosen_by == driver;
        serves.then(|| live.launcher.clone())
    }

    fn new_launcher(
        &self,
        function: Arc<Function>,
        driver: Arc<dyn Driver>,
        delay: Delay,
    ) -> BoxFuture<'static, Prepared> {
        let caller = layers::Caller { account: self.account.clone(), endpoint: self.lambda_endpoint.clone() };
        let (layers, project) = (self.shared.layers.clone(), self.settings.name.clone());
        async move {
            let launcher = async {
                let local = layers.localised(&function, &caller, &delay).await?;
                driver.prepare(&project, local, delay).await.map_err(|problem| problem.reason)
            };
            let launcher = launcher.await.map(|launcher| (launcher, false));
            Prepared { function, chosen_by: driver.name(), launcher }
        }
        .boxed()
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
pub(super) fn roster(functions: &BTreeMap<FunctionId, Running>, logs: &LogHub, access: &AccessLog) -> Roster {
    let listed = |running: &Running| Listed {
        function: running.function.clone(),
        worker: running.worker().cloned().map_err(Clone::clone),
    };
    let functions = functions.iter().map(|(id, running)| (id.clone(), listed(running))).collect();
    Roster { functions, logs: logs.clone(), access: access.clone() }
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
    match running.worker() {
        Ok(worker) => ServedFunction::Worker { worker: worker.clone(), arn: invoked_arn(&running.function) },
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
