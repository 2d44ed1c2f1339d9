//! Owns one sandbox from its release to its end: the child, its Runtime API, its lifecycle, its deadline.
//!
//! ```text
//!             orders (assign, stop)                 calls (next, response, error)
//!  actor ───────────────────────────▶  Task::run  ◀─────────────────────────────── Runtime API
//!        ◀─── events (ready, gone) ───     ▲  └── exit, output, deadline, memory
//! ```
//! It decides nothing about which invocation goes where, and never starts a second sandbox.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::lambda::environment::{self, SandboxIdentity};
use crate::lambda::error::{self, Exit};
use crate::lambda::lifecycle::{Lifecycle, Refusal, State};
use crate::lambda::pool::SandboxId;
use crate::lambda::preload::{Loaded, Preload};
use crate::lambda::{Failure, Invocation, Outcome};
use crate::project::Function;
use crate::runtime_api::{Admit, Answer, Call, RuntimeApi, Work};
use crate::sandbox::{Launcher, Output, Sandbox, StartError, Started};

use super::handle::Reply;
use super::journal::{Ending, Journal};

/// How often the memory of a working sandbox is looked at.
const MEMORY_TICK: Duration = Duration::from_millis(100);
/// How long the connections of a runtime that has ended may take to deliver what it last said.
const LAST_WORDS: Duration = Duration::from_millis(250);
/// INIT may take so long (F5.2).
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// No event for so long means none is due: a timer that is armed anew before it fires.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A sandbox that waits at the gate: started, with its Runtime API, but without the function's code.
pub struct Held {
    started: Started,
    api: RuntimeApi,
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
    ) -> Result<Held, StartError> {
        let (door, admit) = oneshot::channel();
        let api = listen(launcher, admit).await.map_err(|problem| StartError {
            error_type: "Sandbox.Failure",
            reason: format!("no port could be had for a sandbox's Runtime API: {problem}"),
        })?;
        let identity = SandboxIdentity { runtime_api: api.address.to_string(), log_stream: log_stream(function) };
        let mut started = launcher.start(identity, account).await?;
        // A listener that has gone has nobody to let in.
        drop(door.send(std::mem::replace(&mut started.admit, Arc::new(|_, _| false))));
        Ok(Held { started, api })
    }

    /// Has it load modules while it waits.
    pub fn preload(&mut self, preload: &Preload) {
        if !preload.modules().is_empty() {
            self.started.sandbox.preload(preload.modules());
        }
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

async fn listen(launcher: &dyn Launcher, admit: oneshot::Receiver<Admit>) -> std::io::Result<RuntimeApi> {
    let listener = TcpListener::bind(SocketAddr::new(launcher.runtime_api_host(), 0)).await?;
    RuntimeApi::serve(listener, admit)
}

/// `YYYY/MM/DD/[$LATEST]<32 hex>` (F7.4).
fn log_stream(function: &Function) -> String {
    let today = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let date = today.split('T').next().unwrap_or_default().replace('-', "/");
    format!("{date}/[{}]{}", environment::version(function), uuid::Uuid::new_v4().simple())
}

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
    Gone(SandboxId, Cause),
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
}

struct Current {
    request_id: Arc<str>,
    reply: Option<oneshot::Sender<Reply>>,
    began: Instant,
}

/// An invocation that has been answered and is not in the log yet.
struct Ended {
    request_id: Arc<str>,
    duration: Duration,
    error_type: Option<String>,
    timed_out: bool,
}

struct Task {
    context: Context,
    sandbox: Box<dyn Sandbox>,
    output: Output,
    api: RuntimeApi,
    life: Lifecycle,
    pending_next: Option<oneshot::Sender<Result<Work, Refusal>>>,
    current: Option<Current>,
    /// An answered invocation whose stream has not ended.
    streaming: Option<Current>,
    ended: Option<Ended>,
    /// Whose lines the function prints: the invocation's from START to REPORT, nobody's before and after.
    printing: Option<Arc<str>>,
    init: Option<Duration>,
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
}

/// Runs a sandbox from its release to its end.
pub(super) async fn run(held: Held, context: Context, orders: mpsc::UnboundedReceiver<Order>) {
    let Held { started: Started { sandbox, output, .. }, api } = held;
    let now = Instant::now();
    let mut task = Task {
        context,
        sandbox,
        output,
        api,
        life: Lifecycle::held(),
        pending_next: None,
        current: None,
        streaming: None,
        ended: None,
        printing: None,
        init: None,
        began: now,
        deadline: now + INIT_LIMIT,
        peak: 0,
        peak_read: None,
    };
    // Without an actor the orders end too, and with them this task.
    drop(task.context.events.send(Event::Started(task.context.id, task.sandbox.pid())));
    task.context.journal.init_start(&task.context.runtime_version);
    task.life.release();
    task.sandbox.release();
    let end = task.serve(orders).await;
    task.finish(end).await;
}

impl Task {
    async fn serve(&mut self, mut orders: mpsc::UnboundedReceiver<Order>) -> End {
        let timer = tokio::time::sleep(FAR);
        tokio::pin!(timer);
        loop {
            if let Some(ended) = self.ended.take() {
                // Whoever forwards the answer goes first.
                tokio::task::yield_now().await;
                self.log_end(ended);
            }
            let wake = self.wake_at();
            if timer.deadline().into_std() != wake {
                timer.as_mut().reset(wake.into());
            }
            tokio::select! {
                biased;
                call = self.api.calls.recv() => match call {
                    Some(call) => if let Some(end) = self.call(call) { return end },
                    None => return End::Stopped,
                },
                order = orders.recv() => match order {
                    Some(Order::Assign(invocation, reply)) => self.assign(invocation, reply),
                    Some(Order::Stop) | None => return End::Stopped,
                },
                exit = self.sandbox.wait() => {
                    if let Some(end) = self.last_words().await { return end }
                    return End::Exit(exit);
                }
                () = self.output.readable() => self.take_output(),
                () = &mut timer => if let Some(end) = self.tick() { return end },
            }
        }
    }

    /// The next moment at which something is due: the deadline, or a look at the memory before it.
    fn wake_at(&self) -> Instant {
        match self.life.state() {
            State::Running { .. } | State::Init => self.deadline.min(self.memory_due()),
            State::Held | State::Ready | State::Answered | State::Failed => {
                if self.streaming.is_some() {
                    self.deadline.min(self.memory_due())
                } else {
                    self.began + FAR
                }
            }
        }
    }

    fn memory_due(&self) -> Instant {
        let last = self.peak_read.unwrap_or(self.began);
        let began = self.current.as_ref().map_or(last, |current| current.began.max(last));
        began + MEMORY_TICK
    }

    fn tick(&mut self) -> Option<End> {
        let now = Instant::now();
        if now >= self.deadline {
            return match self.life.state() {
                State::Init => Some(End::InitTimedOut),
                _ => Some(End::TimedOut),
            };
        }
        let usage = self.measure(now);
        let most = u64::from(self.context.function.memory_mb) << 20;
        (usage > most).then_some(End::Exit(Exit::OutOfMemory))
    }

    fn measure(&mut self, now: Instant) -> u64 {
        let usage = self.sandbox.memory();
        self.peak = self.peak.max(usage.peak);
        self.peak_read = Some(now);
        usage.current
    }

    fn take_output(&mut self) {
        let (journal, printing) = (&self.context.journal, self.printing.as_ref());
        self.output.take_lines(&mut |line| journal.printed(line, printing));
    }

    fn call(&mut self, call: Call) -> Option<End> {
        match call {
            Call::Next { reply } => self.next(reply),
            Call::Response { request_id, answer, reply } => self.response(&request_id, answer, reply),
            Call::StreamEnd { .. } => self.stream_ended(),
            Call::Loaded(loaded) => drop(self.context.events.send(Event::Loaded(loaded))),
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
        let waited = *self.life.state() == State::Ready;
        if let Err(refusal) = self.life.next_asked() {
            tell(reply, Err(refusal));
            return;
        }
        self.pending_next = Some(reply);
        if first {
            self.init = Some(self.began.elapsed());
            self.take_output();
        }
        if !waited {
            // A runtime that asks twice is ready once. Without an actor the orders end too, and with them this task.
            drop(self.context.events.send(Event::Ready(self.context.id)));
        }
    }

    fn assign(&mut self, invocation: Invocation, reply: oneshot::Sender<Reply>) {
        let request_id: Arc<str> = invocation.request_id.as_str().into();
        if !self.life.assign(&request_id) {
            tell(reply, Reply::Whole(Outcome::Unavailable { reason: "the sandbox was not ready".to_owned() }));
            return;
        }
        self.context.journal.start(&request_id);
        self.printing = Some(request_id.clone());
        let began = Instant::now();
        self.deadline = began + self.context.function.timeout;
        self.current = Some(Current { request_id, reply: Some(reply), began });
        let work = Work { invocation, deadline_ms: deadline_ms(self.context.function.timeout) };
        if let Some(next) = self.pending_next.take() {
            // A runtime whose connection broke asks again or ends; the deadline covers both.
            drop(next.send(Ok(work)));
        }
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
        let (error_type, timed_out) = match &outcome {
            Outcome::Failed(failure) => (Some(failure.error_type.clone()), failure.timed_out),
            Outcome::Returned(_) | Outcome::Throttled { .. } | Outcome::Unavailable { .. } => (None, false),
        };
        if let Some(reply) = current.reply.take() {
            tell(reply, Reply::Whole(outcome));
        }
        self.has_ended(&current, error_type, timed_out);
    }

    fn stream_ended(&mut self) {
        if let Some(current) = self.streaming.take() {
            self.has_ended(&current, None, false);
        }
    }

    fn has_ended(&mut self, current: &Current, error_type: Option<String>, timed_out: bool) {
        let (request_id, duration) = (current.request_id.clone(), current.began.elapsed());
        self.ended = Some(Ended { request_id, duration, error_type, timed_out });
    }

    fn log_end(&mut self, ended: Ended) {
        let Ended { request_id, duration, error_type, timed_out } = ended;
        let now = Instant::now();
        if self.peak_read.is_none_or(|last| now.duration_since(last) >= MEMORY_TICK) {
            self.measure(now);
        }
        self.take_output();
        let ending = Ending { duration, init: self.init.take(), max_memory: self.peak, error_type, timed_out };
        self.context.journal.end(&request_id, &ending);
        self.printing = None;
    }

    /// A runtime that answered and exited at once may have its last call still on the way.
    async fn last_words(&mut self) -> Option<End> {
        self.api.close();
        let until = tokio::time::Instant::now() + LAST_WORDS;
        while let Ok(Some(call)) = tokio::time::timeout_at(until, self.api.calls.recv()).await {
            if let Some(end) = self.call(call) {
                return Some(end);
            }
        }
        None
    }

    async fn finish(mut self, end: End) {
        self.measure(Instant::now());
        self.sandbox.kill();
        let journal = self.context.journal.clone();
        let printing = self.printing.clone();
        self.output.take_rest(&mut |line| journal.printed(line, printing.as_ref()));
        let cause = self.cause(end);
        if let Some(ended) = self.ended.take() {
            self.log_end(ended);
        }
        self.sandbox.wait().await;
        self.sandbox.sweep().await;
        self.output.take_rest(&mut |line| journal.printed(line, None));
        drop(self.context.events.send(Event::Gone(self.context.id, cause)));
    }

    fn cause(&mut self, end: End) -> Cause {
        let in_init = matches!(self.life.state(), State::Held | State::Init | State::Failed);
        match end {
            End::InitError(failure) => Cause::Failed(InitFailure::Reported(failure)),
            End::InitTimedOut => Cause::Failed(InitFailure::TimedOut),
            End::Exit(exit) if in_init => Cause::Failed(InitFailure::Exited(exit)),
            End::Exit(exit) => {
                self.end_current(|id| error::exited(id, exit));
                Cause::Ended
            }
            End::TimedOut => {
                let timeout = self.context.function.timeout;
                self.end_current(|id| error::timed_out(id, timeout));
                Cause::Ended
            }
            End::Stopped => {
                self.end_current(|id| error::not_started(id, "Sandbox.Failure", "the sandbox was stopped"));
                Cause::Ended
            }
        }
    }

    fn end_current(&mut self, failure: impl FnOnce(&str) -> Failure) {
        if let Some(current) = self.streaming.take() {
            let failure = failure(&current.request_id);
            self.has_ended(&current, Some(failure.error_type), failure.timed_out);
        } else if let Some(current) = &self.current {
            let failure = failure(&current.request_id);
            self.complete(Outcome::Failed(failure));
        }
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
