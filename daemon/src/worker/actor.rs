//! The worker's actor: turns the pool's actions into orders to sandbox tasks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::lambda::pool::{Action, Limits, Pool, SandboxId};
use crate::lambda::preload::{Loaded, Preload};
use crate::lambda::recurrence::Recurrence;
use crate::lambda::{Invocation, Outcome};
use crate::logs::LogHub;
use crate::project::Function;
use crate::sandbox::{Launcher, Precedence, StartError};
use crate::shutdown::Phase;
use crate::watch::Subject;
use crate::worker::handle::SandboxStatus;

use super::Held;
use super::handle::{Handle, Handover, Message, Reply, Waiting};
use super::journal::{Ending, Journal};
use super::sandbox_task::{self, Cause, Context, Event, InitFailure, Order};

/// Messages that may wait; a full mailbox is a throttle.
const MAILBOX: usize = 1_024;

/// An INIT failure is held back for so long: it may be of a file that was being saved, and then the version that comes
/// with the rest of it is the one that answers.
const SECOND_THOUGHT: Duration = Duration::from_millis(150);
/// So long a sandbox that comes last may take to start.
const PATIENCE: Duration = Duration::from_secs(1);

/// So long after an edit one sandbox has the machine for itself.
const FIRST: Duration = Duration::from_millis(100);

/// What a worker is made of.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The function.
    pub function: Arc<Function>,
    /// Starts its sandboxes.
    pub launcher: Arc<dyn Launcher>,
    /// The account's variables: credentials and endpoints.
    pub account: Arc<BTreeMap<String, String>>,
    /// The project's generation that brought this version.
    pub generation: u64,
    /// Where it logs.
    pub logs: LogHub,
    /// The daemon's bound on concurrent starts.
    pub starts: Arc<Semaphore>,
    /// The pool's limits.
    pub limits: Limits,
    /// Tells when what is known of its files is up to date.
    pub files: Subject,
    /// Keep one sandbox waiting at the gate.
    pub spare: bool,
    /// What that one loads while it waits, as far as the function's earlier versions told.
    pub preload: Preload,
    /// The phase that the worker's tasks belong to, so that a shutdown can wait for them.
    pub tasks: Phase,
}

impl Spec {
    /// Starts one of its sandboxes.
    async fn start(&self, precedence: Precedence) -> Result<Held, StartError> {
        Held::start(&self.function, &*self.launcher, self.account.clone(), self.generation, precedence).await
    }
}

/// Starts a worker; `held` is a sandbox that its predecessor had waiting at the gate.
#[must_use]
pub fn spawn(spec: Spec, held: Option<Held>) -> Handle {
    let (mailbox, messages) = mpsc::channel(MAILBOX);
    let debugged = spec.function.serving.debug.is_some();
    let (events, event_queue) = mpsc::unbounded_channel();
    let (spares, spare_queue) = mpsc::channel(1);
    let actor = Actor {
        pool: Pool::new(spec.limits),
        crashes: Recurrence::default(),
        journal: Journal::new(spec.function.clone(), spec.logs.clone()),
        sandboxes: HashMap::new(),
        preload: spec.preload.clone(),
        spare: held,
        making_spare: false,
        spares,
        events,
        waits_for_ready: Vec::new(),
        suspended: Vec::new(),
        successor: None,
        actions: Vec::new(),
        tasks: spec.tasks.clone(),
        spec,
    };
    let (phase, name) = (actor.tasks.clone(), format!("function {}", actor.spec.function.id));
    phase.spawn(name, actor.run(messages, event_queue, spare_queue));
    Handle::new(mailbox).debugged(debugged)
}

struct Slot {
    orders: mpsc::UnboundedSender<Order>,
    pid: Option<u32>,
    state: &'static str,
    served: u64,
    precedence: Precedence,
    began: Instant,
}

impl Slot {
    /// Whether its INIT is done.
    fn is_ready(&self) -> bool {
        matches!(self.state, "idle" | "busy")
    }
}

struct Actor {
    spec: Spec,
    pool: Pool<Waiting>,
    crashes: Recurrence,
    journal: Journal,
    sandboxes: HashMap<SandboxId, Slot>,
    spare: Option<Held>,
    preload: Preload,
    making_spare: bool,
    spares: mpsc::Sender<Option<Held>>,
    events: mpsc::UnboundedSender<Event>,
    waits_for_ready: Vec<oneshot::Sender<Result<(), String>>>,
    /// Invocations whose INIT failed a moment ago, and until when a newer version may take them.
    suspended: Vec<(Instant, Waiting, InitFailure)>,
    successor: Option<Handle>,
    actions: Vec<Action<Waiting>>,
    tasks: Phase,
}

impl Actor {
    async fn run(
        mut self,
        mut messages: mpsc::Receiver<Message>,
        mut events: mpsc::UnboundedReceiver<Event>,
        mut spares: mpsc::Receiver<Option<Held>>,
    ) {
        let mut open = true;
        loop {
            let now = Instant::now();
            let expiry = self.pool.expire(now, &mut self.actions);
            let wake = self.answer_suspended(now).into_iter().chain(expiry).chain(self.overtake(now)).min();
            self.act();
            if !open {
                self.spare = None;
                let done = self.pool.drain(&mut self.actions);
                self.act();
                if done && self.sandboxes.is_empty() && self.suspended.is_empty() {
                    return;
                }
            }
            tokio::select! {
                message = messages.recv(), if open => match message {
                    Some(message) => {
                        // What a sandbox said before its answer went out stands before what the answer led to.
                        while let Ok(event) = events.try_recv() {
                            self.event(event);
                        }
                        self.act();
                        self.message(message);
                    }
                    None => open = false,
                },
                Some(event) = events.recv() => self.event(event),
                Some(spare) = spares.recv() => {
                    self.making_spare = false;
                    self.spare = spare;
                    self.preload();
                }
                () = sleep_until(wake) => {}
            }
            self.act();
        }
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Invoke { invocation, reply } => match &self.successor {
                Some(successor) => successor.forward(invocation, reply),
                None => self.pool.invoke((invocation, reply), &mut self.actions),
            },
            Message::Pace => self.pool.pace(Instant::now() + FIRST, &mut self.actions),
            Message::Warm { count, ready } => self.warm(count, ready),
            Message::Limit(limits) => self.pool.limit(limits, &mut self.actions),
            Message::HandOver { reply } => {
                let handover = self.hand_over();
                // A supervisor that is gone has nobody to serve them with.
                drop(reply.send(handover));
            }
            Message::Retire { successor } => {
                self.waits_for_ready.drain(..).for_each(|ready| successor.forward_ready(ready));
                self.successor = Some(successor);
            }
            Message::Status { reply } => {
                drop(reply.send((self.status(), self.pool.waiting())));
            }
        }
    }

    fn tell_when_ready(&mut self, ready: oneshot::Sender<Result<(), String>>) {
        if self.sandboxes.values().any(Slot::is_ready) {
            drop(ready.send(Ok(())));
        } else if self.pool.size() == 0 {
            drop(ready.send(Err("it reserves no concurrency, so nothing is started for it".to_owned())));
        } else {
            self.waits_for_ready.push(ready);
        }
    }

    fn warm(&mut self, count: u32, ready: oneshot::Sender<Result<(), String>>) {
        if let Some(successor) = &self.successor {
            successor.forward_ready(ready);
            return;
        }
        self.pool.warm(count, &mut self.actions);
        self.tell_when_ready(ready);
    }

    fn hand_over(&mut self) -> Handover {
        let held = self.spare.take().filter(|held| held.precedence() == Precedence::Equal);
        let held = held.and_then(|mut held| held.is_alive().then_some(held));
        let in_use = self.pool.size() > 0;
        let suspended = self.suspended.drain(..).map(|(_, waiting, _)| waiting);
        let waiting = suspended.chain(self.pool.hand_over(&mut self.actions)).collect();
        Handover { held, preload: self.preload.clone(), in_use, waiting }
    }

    fn loaded(&mut self, loaded: Loaded) {
        if self.preload.learn(loaded) {
            self.preload();
        }
    }

    /// What a spare has loaded already costs it nothing.
    fn preload(&mut self) {
        if let Some(held) = &mut self.spare {
            held.preload(&self.preload);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Started(id, pid) => {
                if let Some(slot) = self.sandboxes.get_mut(&id) {
                    slot.pid = pid;
                }
            }
            Event::Loaded(loaded) => self.loaded(loaded),
            Event::Answered(id) => self.pool.answered(id, Instant::now()),
            Event::Ready(id) => match self.sandboxes.get(&id).map(|slot| slot.state) {
                Some("starting") => self.initialised(id),
                Some("stopping") | None => {}
                Some(_) => self.ready(id),
            },
            Event::Settled(id) => {
                if self.sandboxes.get(&id).is_some_and(|slot| slot.state == "starting") {
                    self.ready(id);
                }
            }
            Event::Gone(id, cause, unserved) => self.gone(id, cause, unserved),
        }
    }

    /// Its code may be newer than this version: of an edit that came while it was started. It serves nobody before that
    /// edit has been noticed and taken over, so that nobody sees the new code first and the old one after it.
    fn initialised(&mut self, id: SandboxId) {
        let (files, events) = (self.spec.files.clone(), self.events.clone());
        self.tasks.spawn(format!("a new sandbox of {}", self.spec.function.id), async move {
            files.settled().await;
            drop(events.send(Event::Settled(id)));
        });
    }

    fn ready(&mut self, id: SandboxId) {
        let usual = self.precedence(self.pool.is_front(id));
        let mut is_hindered = false;
        if let Some(slot) = self.sandboxes.get_mut(&id) {
            slot.served += u64::from(slot.state == "busy");
            slot.state = "idle";
            is_hindered = slot.precedence > usual;
        }
        for waiting in self.waits_for_ready.drain(..) {
            drop(waiting.send(Ok(())));
        }
        self.pool.ready(id, Instant::now(), &mut self.actions);
        // Started in a loop of crashes that is over: nobody can put it back among the others.
        if is_hindered && !self.crashes.goes_on(Instant::now()) {
            self.pool.replace(id, &mut self.actions);
        }
        self.make_spare();
    }

    fn gone(&mut self, id: SandboxId, cause: Cause, unserved: Vec<Waiting>) {
        if self.sandboxes.remove(&id).is_some_and(|slot| slot.state != "stopping") {
            self.crashes.ended(Instant::now());
        }
        let waiting = self.pool.gone(id, &mut self.actions);
        for waiting in unserved {
            self.pool.invoke(waiting, &mut self.actions);
        }
        let Cause::Failed(failure) = cause else {
            // It was lost in use, yet the pool says that someone waited for its INIT: serve him by another.
            if let Some(waiting) = waiting {
                self.pool.invoke(waiting, &mut self.actions);
            }
            return;
        };
        self.init_failed(waiting, failure);
    }

    /// The failure goes to one who waits, and stands in the log whether anyone waits or not.
    fn init_failed(&mut self, waiting: Option<Waiting>, failure: InitFailure) {
        let request_id = waiting.as_ref().map_or("", |(invocation, _)| invocation.request_id.as_str());
        let answer = failure.answer(request_id, self.spec.function.timeout);
        let text = String::from_utf8_lossy(&answer.payload).into_owned();
        for ready in self.waits_for_ready.drain(..) {
            drop(ready.send(Err(text.clone())));
        }
        self.journal.note(&format!("INIT_REPORT Phase: init\tStatus: error\tError Type: {}", answer.error_type));
        self.journal.note(&text);
        if let Some(waiting) = waiting {
            self.suspended.push((Instant::now() + SECOND_THOUGHT, waiting, failure));
        }
    }

    /// Answers those for whom no newer version came, and says when to look again.
    fn answer_suspended(&mut self, now: Instant) -> Option<Instant> {
        let due = self.suspended.extract_if(.., |(until, _, _)| *until <= now).collect::<Vec<_>>();
        for (_, (invocation, reply), failure) in due {
            let answer = failure.answer(&invocation.request_id, self.spec.function.timeout);
            let request_id = invocation.request_id.as_str().into();
            self.journal.start(&request_id);
            let ending = Ending {
                error_type: Some(answer.error_type.clone()),
                timed_out: answer.timed_out,
                ..Ending::default()
            };
            self.journal.end(&request_id, &ending);
            // A client that hung up does not miss it.
            drop(reply.send(Reply::Whole(Outcome::Failed(answer))));
        }
        self.suspended.iter().map(|(until, _, _)| *until).min()
    }

    /// On a busy machine what comes last may get nowhere: another is started that only lets others go first, and it is
    /// said when to look again.
    fn overtake(&mut self, now: Instant) -> Option<Instant> {
        let starting = self.sandboxes.iter().filter(|(_, slot)| slot.state == "starting");
        let last = starting.filter(|(_, slot)| slot.precedence == Precedence::Last);
        let (starved, hopeful): (Vec<_>, Vec<_>) =
            last.map(|(id, slot)| (*id, slot.began + PATIENCE)).partition(|(_, until)| *until <= now);
        for (id, _) in starved {
            self.crashes.starved(now);
            self.pool.replace(id, &mut self.actions);
        }
        hopeful.into_iter().map(|(_, until)| until).min()
    }

    fn act(&mut self) {
        // Acting may bring new actions, never without end: a sandbox that has ended is assigned nothing twice.
        while !self.actions.is_empty() {
            for action in std::mem::take(&mut self.actions) {
                match action {
                    Action::Start(id) => self.start(id),
                    Action::Assign(id, (invocation, reply)) => self.assign(id, invocation, reply),
                    Action::Stop(id) => self.stop(id),
                    Action::Throttle((_, reply)) => {
                        let reason = "ReservedFunctionConcurrentInvocationLimitExceeded";
                        drop(reply.send(Reply::Whole(Outcome::Throttled { reason })));
                    }
                }
            }
        }
    }

    fn assign(&mut self, id: SandboxId, invocation: Invocation, reply: oneshot::Sender<Reply>) {
        let Some(slot) = self.sandboxes.get_mut(&id) else { return };
        slot.state = "busy";
        if let Err(mpsc::error::SendError(Order::Assign(invocation, reply))) =
            slot.orders.send(Order::Assign(invocation, reply))
        {
            // Its end is about to be told; another one serves it.
            self.pool.invoke((invocation, reply), &mut self.actions);
        }
    }

    fn stop(&mut self, id: SandboxId) {
        if let Some(slot) = self.sandboxes.get_mut(&id) {
            slot.state = "stopping";
            drop(slot.orders.send(Order::Stop));
        }
    }

    fn start(&mut self, id: SandboxId) {
        let (orders, order_queue) = mpsc::unbounded_channel();
        let precedence = self.precedence(self.pool.is_front(id));
        let spare = self.spare.take().filter(|held| held.precedence() <= precedence);
        let mut spare = spare.and_then(|mut held| held.is_alive().then_some(held));
        if let Some(held) = spare.as_mut().filter(|held| held.precedence() < precedence) {
            held.stand_back();
        }
        let pid = spare.as_ref().and_then(Held::pid);
        self.sandboxes
            .insert(id, Slot { orders, pid, state: "starting", served: 0, precedence, began: Instant::now() });
        let context = Context {
            id,
            function: self.spec.function.clone(),
            journal: self.journal.clone(),
            events: self.events.clone(),
            runtime_version: self.spec.launcher.description().runtime_version.clone(),
            tasks: self.tasks.clone(),
        };
        let name = format!("a sandbox of {}", self.spec.function.id);
        match spare {
            Some(held) => drop(self.tasks.spawn(name, sandbox_task::run(held, context, order_queue))),
            None => drop(self.tasks.spawn(name, start_and_run(self.spec.clone(), precedence, context, order_queue))),
        }
    }

    /// Whoever crashes again and again, and a function's further sandboxes, take what others leave of the processors: a
    /// crash loop or a load on one function is not to be felt by the next.
    fn precedence(&self, is_front: bool) -> Precedence {
        let now = Instant::now();
        if !self.spec.launcher.heeds_precedence() {
            Precedence::Equal
        } else if self.crashes.comes_last(now) {
            Precedence::Last
        } else if self.crashes.goes_on(now) || !is_front {
            Precedence::Behind
        } else {
            Precedence::Equal
        }
    }

    /// A sandbox is made to wait at the gate once another one is ready, so that the two do not compete.
    fn make_spare(&mut self) {
        if !self.spec.spare || self.making_spare || self.spare.is_some() || !self.spec.launcher.can_hold() {
            return;
        }
        self.making_spare = true;
        let precedence = self.precedence(true);
        let (spec, spares) = (self.spec.clone(), self.spares.clone());
        self.tasks.spawn(format!("a spare sandbox of {}", self.spec.function.id), async move {
            let held = match spec.starts.acquire().await {
                Ok(_permit) => match spec.start(precedence).await {
                    Ok(held) => Some(held.settled().await),
                    Err(_) => None,
                },
                Err(_) => None,
            };
            // The worker may have ended; dropping the sandbox kills it.
            drop(spares.send(held).await);
        });
    }

    fn status(&self) -> Vec<SandboxStatus> {
        let held = self.spare.iter().map(|held| SandboxStatus { pid: held.pid(), state: "held", served: 0 });
        let running = self.sandboxes.values();
        running
            .map(|slot| SandboxStatus { pid: slot.pid, state: slot.state, served: slot.served })
            .chain(held)
            .collect()
    }
}

/// Starts a sandbox within the daemon's bound and runs it.
async fn start_and_run(spec: Spec, precedence: Precedence, context: Context, orders: mpsc::UnboundedReceiver<Order>) {
    let started = match spec.starts.acquire().await {
        Ok(_permit) => spec.start(precedence).await,
        Err(_) => return,
    };
    match started {
        Ok(held) => sandbox_task::run(held, context, orders).await,
        Err(problem) => {
            let cause = Cause::Failed(InitFailure::NotStarted(problem));
            drop(context.events.send(Event::Gone(context.id, cause, Vec::new())));
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
