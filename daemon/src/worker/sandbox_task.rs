//! Owns one sandbox from its release to its end: the child, its Runtime API, its lifecycle, its deadline.
//!
//! ```text
//!             orders (assign, stop)                 calls (of the runtime, of extensions)
//!  actor ───────────────────────────▶  Task::serve  ◀───────────────────────────── Runtime API
//!        ◀─── events (ready, gone) ───     ▲  └── what happens in it, output, deadline, memory
//! ```
//! [`extensions`] has what extensions ask and do, [`ending`] how it all ends.
//! It decides nothing about which invocation goes where, and never starts a second sandbox.

mod ending;
mod extensions;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot};

use crate::lambda::error::{self, Exit};
use crate::lambda::extension::{ExtensionRefusal, Extensions, ShutdownReason};
use crate::lambda::lifecycle::{Lifecycle, Refusal, State};
use crate::lambda::pool::SandboxId;
use crate::lambda::preload::Loaded;
use crate::lambda::telemetry::RuntimeDone;
use crate::lambda::{Failure, Invocation, Outcome};
use crate::project::{Function, serving};
use crate::runtime_api::{Answer, Call, ExtensionEvent, RuntimeApi, Work};
use crate::sandbox::{Happening, Output, Sandbox, StartError, Started};
use crate::shutdown::Phase;

use super::Held;
use super::handle::{Reply, Waiting};
use super::journal::{Ending, Journal};
use super::scribe::Scribe;

/// How often the memory of a working sandbox is looked at.
const MEMORY_TICK: Duration = Duration::from_millis(100);
/// INIT may take so long (F5.2).
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// No event for so long means none is due: a timer that is armed anew before it fires.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// How often it is looked whether a debugger is still attached, once the time is up.
const DEBUG_TICK: Duration = Duration::from_secs(1);

/// What the actor tells a sandbox.
#[derive(Debug)]
pub(super) enum Order {
    Assign(Invocation, oneshot::Sender<Reply>),
    Stop,
}

/// What a sandbox tells the actor.
#[derive(Debug)]
pub(super) enum Event {
    /// Its process is there, under this id where it has one on this machine.
    Started(SandboxId, Option<u32>),
    /// It asks for work.
    Ready(SandboxId),
    /// It has its answer and is about to ask for more work; said before the answer goes out.
    Answered(SandboxId),
    /// Whatever happened to its files before it was ready has been taken over.
    Settled(SandboxId),
    /// What its INIT loaded.
    Loaded(Loaded),
    /// With what it was assigned after its end, and nobody has answered.
    Gone(SandboxId, Cause, Vec<Waiting>),
}

/// Why a sandbox is gone.
#[derive(Debug, Clone)]
pub(super) enum Cause {
    /// It was told to stop, or it ended in the middle of an invocation, which has been answered.
    Ended,
    /// It never got ready; for whoever waits.
    Failed(InitFailure),
}

/// Why INIT failed.
#[derive(Debug, Clone)]
pub(super) enum InitFailure {
    NotStarted(StartError),
    Reported(Failure),
    Exited(Exit),
    TimedOut,
}

impl InitFailure {
    /// As the answer to the invocation `request_id`.
    pub(super) fn answer(&self, request_id: &str, timeout: Duration) -> Failure {
        match self {
            InitFailure::NotStarted(problem) => error::not_started(request_id, problem.error_type, &problem.reason),
            InitFailure::Reported(failure) => failure.clone(),
            InitFailure::Exited(exit) => error::exited(request_id, *exit),
            InitFailure::TimedOut => error::timed_out(request_id, timeout),
        }
    }
}

/// What a sandbox task works for.
pub(super) struct Context {
    pub(super) id: SandboxId,
    pub(super) function: Arc<Function>,
    pub(super) journal: Journal,
    pub(super) events: mpsc::UnboundedSender<Event>,
    pub(super) runtime_version: String,
    /// What it starts besides belongs to this phase.
    pub(super) tasks: Phase,
}

struct Current {
    request_id: Arc<str>,
    reply: Option<oneshot::Sender<Reply>>,
    began: Instant,
}

/// An invocation that has been answered and is not in the log yet.
struct Ended {
    request_id: Arc<str>,
    began: Instant,
    /// Until the answer.
    duration: Duration,
    /// Bytes of the answer.
    produced: u64,
    error_type: Option<String>,
    timed_out: bool,
    /// Subscribers know that the runtime is done; extensions may not be.
    told: bool,
}

struct Task {
    context: Context,
    orders: mpsc::UnboundedReceiver<Order>,
    sandbox: Box<dyn Sandbox>,
    output: Output,
    extension_output: Output,
    api: RuntimeApi,
    life: Lifecycle,
    extensions: Extensions,
    scribe: Scribe,
    pending_next: Option<oneshot::Sender<Result<Work, Refusal>>>,
    /// Extensions that wait for an event, by identifier.
    waiting: HashMap<Arc<str>, oneshot::Sender<Result<ExtensionEvent, ExtensionRefusal>>>,
    current: Option<Current>,
    /// An answered invocation whose stream has not ended.
    streaming: Option<Current>,
    ended: Option<Ended>,
    /// Whose lines the function prints: the invocation's from START to REPORT, nobody's before and after.
    printing: Option<Arc<str>>,
    init: Option<Duration>,
    init_done: bool,
    /// The actor knows that it waits for an invocation.
    announced: bool,
    runtime_started: bool,
    runtime_ended: bool,
    frozen: bool,
    /// Until when extensions have to be done, in milliseconds since the epoch, and why.
    shutdown: Option<(u64, ShutdownReason)>,
    began: Instant,
    deadline: Instant,
    peak: u64,
    peak_read: Option<Instant>,
}

/// Why the loop ended.
enum End {
    Stopped,
    Exit(Exit),
    TimedOut,
    InitTimedOut,
    InitError(Failure),
    Extension(StartError),
}

/// Runs a sandbox from its release to its end.
pub(super) async fn run(held: Held, context: Context, orders: mpsc::UnboundedReceiver<Order>) {
    let mut task = Task::new(held, context, orders);
    // Without an actor the orders end too, and with them this task.
    drop(task.context.events.send(Event::Started(task.context.id, task.sandbox.pid())));
    task.scribe.init_start(&task.context.runtime_version);
    task.life.release();
    task.sandbox.release();
    let end = task.serve().await;
    task.finish(end).await;
}

impl Task {
    fn new(held: Held, context: Context, orders: mpsc::UnboundedReceiver<Order>) -> Task {
        let Held { started: Started { sandbox, output, extension_output, place, .. }, api, .. } = held;
        let now = Instant::now();
        Task {
            scribe: Scribe::new(context.function.clone(), context.journal.clone(), context.tasks.clone(), place),
            context,
            orders,
            sandbox,
            output,
            extension_output,
            api,
            life: Lifecycle::held(),
            extensions: Extensions::default(),
            pending_next: None,
            waiting: HashMap::new(),
            current: None,
            streaming: None,
            ended: None,
            printing: None,
            init: None,
            init_done: false,
            announced: false,
            runtime_started: false,
            runtime_ended: false,
            frozen: false,
            shutdown: None,
            began: now,
            deadline: now + INIT_LIMIT,
            peak: 0,
            peak_read: None,
        }
    }

    async fn serve(&mut self) -> End {
        let timer = tokio::time::sleep(FAR);
        tokio::pin!(timer);
        loop {
            if self.ended.as_ref().is_some_and(|ended| !ended.told) {
                // Whoever forwards the answer goes first.
                tokio::task::yield_now().await;
            }
            self.settle();
            let wake = self.wake_at();
            if timer.deadline().into_std() != wake {
                timer.as_mut().reset(wake.into());
            }
            tokio::select! {
                biased;
                // An extension is known before it calls.
                happening = self.sandbox.happening() => match happening {
                    Happening::Extension(notice) => if let Some(end) = self.noticed(notice) { return end },
                    Happening::Exit(exit) => {
                        self.runtime_ended = true;
                        return self.last_words().await.unwrap_or(End::Exit(exit));
                    }
                },
                call = self.api.calls.recv() => match call {
                    Some(call) => if let Some(end) = self.call(call) { return end },
                    None => return End::Stopped,
                },
                order = self.orders.recv() => match order {
                    Some(Order::Assign(invocation, reply)) => self.assign(invocation, reply).await,
                    Some(Order::Stop) | None => return End::Stopped,
                },
                () = self.output.readable() => self.take_output(),
                () = self.extension_output.readable() => self.take_extension_output(),
                () = &mut timer => if let Some(end) = self.tick() { return end },
            }
        }
    }

    /// The next moment at which something is due: the deadline, or a look at the memory before it.
    fn wake_at(&self) -> Instant {
        let works = ending::is_working(self.life.state()) || self.streaming.is_some() || self.ended.is_some();
        if works || !self.init_done { self.deadline.min(self.memory_due()) } else { self.began + FAR }
    }

    fn memory_due(&self) -> Instant {
        let last = self.peak_read.unwrap_or(self.began);
        let began = self.current.as_ref().map_or(last, |current| current.began.max(last));
        began + MEMORY_TICK
    }

    fn tick(&mut self) -> Option<End> {
        let now = Instant::now();
        if now >= self.deadline && self.is_debugged() {
            self.deadline = now + DEBUG_TICK;
        }
        if now >= self.deadline && self.sandbox.has_ended() {
            // What ended it came before the deadline, and is about to be told.
            self.deadline = now + MEMORY_TICK;
            return None;
        }
        // A machine that is busy may come to look at both at once.
        if self.takes_too_much(now) {
            return Some(End::Exit(Exit::OutOfMemory));
        }
        let late = if self.init_done { End::TimedOut } else { End::InitTimedOut };
        (now >= self.deadline).then_some(late)
    }

    fn takes_too_much(&mut self, now: Instant) -> bool {
        let usage = self.measure(now);
        let most = u64::from(self.context.function.memory_mb) << 20;
        let serving = &self.context.function.serving;
        // The debugger's own memory is not the function's.
        serving.debug.is_none() && !serving.unlimited_memory && usage > most
    }

    /// Time does not count while someone looks at it, nor while INIT waits for him.
    fn is_debugged(&self) -> bool {
        self.context.function.serving.debug.is_some() && (!self.init_done || self.sandbox.is_debugged())
    }

    fn measure(&mut self, now: Instant) -> u64 {
        let usage = self.sandbox.memory();
        self.peak = self.peak.max(usage.peak);
        self.peak_read = Some(now);
        usage.current
    }

    fn take_output(&mut self) {
        let (scribe, printing) = (&mut self.scribe, self.printing.as_ref());
        self.output.take_lines(&mut |line| scribe.printed(line, printing));
    }

    fn take_extension_output(&mut self) {
        let scribe = &mut self.scribe;
        self.extension_output.take_lines(&mut |line| scribe.extension_printed(line));
    }

    /// What has been printed, to its last byte.
    fn take_rest(&mut self) {
        let (scribe, printing) = (&mut self.scribe, self.printing.as_ref());
        self.output.take_rest(&mut |line| scribe.printed(line, printing));
        self.extension_output.take_rest(&mut |line| scribe.extension_printed(line));
    }

    fn call(&mut self, call: Call) -> Option<End> {
        match call {
            Call::Next { reply } => self.next(reply),
            Call::Response { request_id, answer, reply } => self.response(&request_id, answer, reply),
            Call::StreamEnd { bytes } => self.stream_ended(bytes),
            Call::Loaded(loaded) => drop(self.context.events.send(Event::Loaded(loaded))),
            Call::Extension(call) => return self.extension_call(call),
            Call::Error { request_id, error_type, body, reply } => {
                let failure = Failure {
                    error_type: error::normalise_type(error_type.as_deref()),
                    payload: body,
                    timed_out: false,
                };
                let taken = self.life.answer(&request_id);
                let good = taken.is_ok();
                tell(reply, taken);
                if good {
                    self.answered(Outcome::Failed(failure));
                }
            }
            Call::InitError { error_type, body, reply } => {
                let taken = self.life.init_error();
                let good = taken.is_ok();
                tell(reply, taken);
                if good {
                    let error_type = error::normalise_type(error_type.as_deref());
                    return Some(End::InitError(Failure { error_type, payload: body, timed_out: false }));
                }
            }
        }
        None
    }

    fn next(&mut self, reply: oneshot::Sender<Result<Work, Refusal>>) {
        let first = *self.life.state() == State::Init;
        if let Err(refusal) = self.life.next_asked() {
            tell(reply, Err(refusal));
            return;
        }
        self.pending_next = Some(reply);
        if first {
            self.take_output();
            self.scribe.init_runtime_done();
        }
        self.went_on();
    }

    /// The runtime or an extension has done what it had to: INIT, or an invocation, may be over.
    fn went_on(&mut self) {
        let waits = *self.life.state() == State::Ready && self.extensions.are_idle();
        // A runtime that asks twice is ready once.
        if !waits || self.announced || self.shutdown.is_some() {
            return;
        }
        if !self.init_done {
            self.init_is_done();
        }
        self.announced = true;
        if self.context.function.serving.freeze {
            self.sandbox.freeze();
            self.frozen = true;
        }
        // Without an actor the orders end too, and with them this task.
        drop(self.context.events.send(Event::Ready(self.context.id)));
    }

    fn init_is_done(&mut self) {
        let duration = self.began.elapsed();
        self.init_done = true;
        self.init = Some(duration);
        self.take_extension_output();
        self.extensions.close();
        self.scribe.init_done(self.extensions.registered(), duration);
    }

    async fn thaw(&mut self) {
        if std::mem::take(&mut self.frozen) {
            self.sandbox.thaw().await;
        }
    }

    async fn assign(&mut self, invocation: Invocation, reply: oneshot::Sender<Reply>) {
        let request_id: Arc<str> = invocation.request_id.as_str().into();
        if !self.life.assign(&request_id) {
            tell(reply, Reply::Whole(Outcome::Unavailable { reason: "the sandbox was not ready".to_owned() }));
            return;
        }
        self.announced = false;
        self.thaw().await;
        self.scribe.start(&request_id, &invocation.trace_id);
        self.printing = Some(request_id.clone());
        let began = Instant::now();
        self.deadline = began + self.context.function.timeout;
        let deadline_ms = deadline_ms(self.time_to_tell());
        self.tell_of_invocation(&invocation, &request_id, deadline_ms);
        self.current = Some(Current { request_id, reply: Some(reply), began });
        let work = Work { invocation, deadline_ms };
        if let Some(next) = self.pending_next.take() {
            // A runtime whose connection broke asks again or ends; the deadline covers both.
            drop(next.send(Ok(work)));
        }
    }

    /// How long the function may believe to have.
    fn time_to_tell(&self) -> Duration {
        let debugged = self.context.function.serving.debug.is_some() && self.sandbox.is_debugged();
        if debugged { serving::DEBUGGED } else { self.context.function.timeout }
    }

    fn response(&mut self, request_id: &str, answer: Answer, reply: oneshot::Sender<Result<(), Refusal>>) {
        let taken = self.life.answer(request_id);
        let good = taken.is_ok();
        tell(reply, taken);
        if !good {
            return;
        }
        match answer {
            Answer::Whole(body) => self.answered(Outcome::Returned(body)),
            Answer::TooLarge => self.answered(Outcome::Failed(error::response_too_large())),
            Answer::InvalidMode => self.answered(Outcome::Failed(error::invalid_response_mode(request_id))),
            Answer::Stream { content_type, chunks } => {
                if let Some(mut current) = self.current.take() {
                    if let Some(reply) = current.reply.take() {
                        tell(reply, Reply::Stream { content_type, chunks });
                    }
                    self.streaming = Some(current);
                }
            }
        }
    }

    /// The runtime has answered and is about to ask for more.
    fn answered(&mut self, outcome: Outcome) {
        drop(self.context.events.send(Event::Answered(self.context.id)));
        self.complete(outcome);
    }

    /// The answer goes out first; the log is written when the next thing happens here, or at the end.
    fn complete(&mut self, outcome: Outcome) {
        let Some(mut current) = self.current.take() else { return };
        let (failure, produced) = match &outcome {
            Outcome::Failed(failure) => (Some((failure.error_type.clone(), failure.timed_out)), failure.payload.len()),
            Outcome::Returned(payload) => (None, payload.len()),
            Outcome::Throttled { .. } | Outcome::Unavailable { .. } => (None, 0),
        };
        if let Some(reply) = current.reply.take() {
            tell(reply, Reply::Whole(outcome));
        }
        self.has_ended(current, produced as u64, failure);
    }

    fn stream_ended(&mut self, bytes: u64) {
        if let Some(current) = self.streaming.take() {
            self.has_ended(current, bytes, None);
        }
    }

    fn has_ended(&mut self, current: Current, produced: u64, failure: Option<(String, bool)>) {
        let Current { request_id, began, .. } = current;
        let (error_type, timed_out) = failure.map_or((None, false), |(error_type, late)| (Some(error_type), late));
        let duration = began.elapsed();
        self.ended = Some(Ended { request_id, began, duration, produced, error_type, timed_out, told: false });
    }

    /// An answered invocation is over when the extensions are done with it too.
    fn settle(&mut self) {
        let Some(mut ended) = self.ended.take() else { return };
        if !ended.told {
            self.runtime_done(&ended);
            ended.told = true;
        }
        if self.extensions.are_idle() {
            self.log_end(ended);
        } else {
            self.ended = Some(ended);
        }
    }

    fn runtime_done(&mut self, ended: &Ended) {
        // A last line without an end is the invocation's as well, and not the next one's.
        let (scribe, printing) = (&mut self.scribe, self.printing.as_ref());
        self.output.take_rest(&mut |line| scribe.printed(line, printing));
        let error_type = ended.error_type.as_deref();
        let status = match error_type {
            None => "success",
            Some(_) if ended.timed_out => "timeout",
            Some("Runtime.Unknown") => "error",
            Some(other) if other.starts_with("Function.") => "error",
            Some(_) => "failure",
        };
        let (request_id, duration, produced) = (&*ended.request_id, ended.duration, ended.produced);
        self.scribe.runtime_done(&RuntimeDone { request_id, duration, produced, status, error_type });
    }

    fn log_end(&mut self, ended: Ended) {
        let Ended { request_id, began, mut duration, error_type, timed_out, .. } = ended;
        let now = Instant::now();
        if self.peak_read.is_none_or(|last| now.duration_since(last) >= MEMORY_TICK) {
            self.measure(now);
        }
        if !self.extensions.is_empty() {
            // Their part is billed as well.
            duration = now.duration_since(began);
            self.take_output();
            self.take_extension_output();
        }
        let ending = Ending { duration, init: self.init.take(), max_memory: self.peak, error_type, timed_out };
        self.scribe.end(&request_id, &ending);
        self.printing = None;
    }
}

/// Answers someone who may have gone away; then nobody misses it.
fn tell<T>(reply: oneshot::Sender<T>, value: T) {
    drop(reply.send(value));
}

fn deadline_ms(timeout: Duration) -> u64 {
    let at = SystemTime::now() + timeout;
    at.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
