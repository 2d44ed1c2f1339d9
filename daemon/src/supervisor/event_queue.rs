//! Owns asynchronous invocations from their acknowledgement to their end (H3).
//!
//! ```text
//! accept ─▶ store ─▶ waiting (by due time) ─▶ running ─▶ done, or waiting again, or given up
//!                       ▲    └─ parked: its function does not run now ─┐
//!                       └──────────── the directory changed ◀──────────┘
//! ```
//! What is acknowledged is in the store and leaves it when it has ended; a daemon that dies runs it when it is back. What
//! comes after an attempt is decided in [`crate::lambda::retry`].

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use crate::lambda::destination::{self, Finished};
use crate::lambda::retry::{self, History, Next, Rules};
use crate::lambda::{Invocation, Outcome};
use crate::project::asynchronous::MAX_AGE;
use crate::project::settings::ProjectName;
use crate::project::{Function, FunctionId};
use crate::shutdown::Phase;
use crate::store::{Change, SavedInvocation, Store};

use super::directory::{Directory, Listed};
use super::handle::Refused;

/// Memory for the events that wait, in KiB; one more is refused.
const ROOM: usize = 256 * 1024;
/// Events of one function that run at once, so that they leave room for those who wait for an answer.
const AT_ONCE: usize = 8;

/// The way to the queue; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct EventQueue {
    store: Store,
    clock: Clock,
    room: Arc<Semaphore>,
    mailbox: mpsc::UnboundedSender<Message>,
}

/// The time of day, as a paused clock of tokio's moves it.
#[derive(Debug, Clone, Copy)]
struct Clock {
    began: SystemTime,
    since: Instant,
}

impl Clock {
    fn start() -> Clock {
        Clock { began: SystemTime::now(), since: Instant::now() }
    }

    fn now(&self) -> SystemTime {
        self.began + self.since.elapsed()
    }

    /// The moment at which it will be `time`.
    fn instant(&self, time: SystemTime) -> Instant {
        self.since + time.duration_since(self.began).unwrap_or_default()
    }
}

#[derive(Debug)]
enum Message {
    Run(Event),
    Ended(Event, Listed, Outcome),
    Forget(ProjectName),
}

/// An event with its room in memory; those from before a restart have theirs whether there is any or not.
#[derive(Debug)]
struct Event {
    saved: SavedInvocation,
    throttles: u32,
    _room: Option<OwnedSemaphorePermit>,
}

impl Event {
    fn key(&self) -> FunctionKey {
        (self.saved.project.clone(), self.saved.function.clone())
    }

    fn history(&self) -> History {
        History { accepted: self.saved.accepted, errors: self.saved.attempts, throttles: self.throttles }
    }
}

type FunctionKey = (ProjectName, FunctionId);

impl EventQueue {
    /// Starts the queue with what was saved.
    pub(super) fn spawn(store: Store, directory: Directory, phase: &Phase, saved: Vec<SavedInvocation>) -> EventQueue {
        let (mailbox, messages) = mpsc::unbounded_channel();
        let queue = EventQueue { store, clock: Clock::start(), room: Arc::new(Semaphore::new(ROOM)), mailbox };
        let mut actor = Actor {
            queue: queue.clone(),
            directory,
            phase: phase.clone(),
            waiting: BTreeMap::new(),
            parked: Vec::new(),
            running: HashMap::new(),
        };
        for saved in saved {
            let room = queue.room_for(&saved).ok();
            actor.wait(Event { saved, throttles: 0, _room: room });
        }
        phase.spawn("asynchronous invocations", actor.run(messages));
        queue
    }

    /// Saves an event and queues it.
    pub(super) async fn accept(
        &self,
        project: ProjectName,
        function: FunctionId,
        invocation: Invocation,
    ) -> Result<(), Refused> {
        let now = self.clock.now();
        let saved = SavedInvocation { invocation, project, function, accepted: now, attempts: 0, due: now };
        let room = self.room_for(&saved).map_err(|_| Refused::QueueFull)?;
        let kept = self.store.commit(vec![Change::PutInvocation(saved.clone())]).await;
        kept.map_err(|problem| Refused::Store(problem.to_string()))?;
        // A queue that ends leaves the event to the next daemon: it is saved, so it is acknowledged.
        drop(self.mailbox.send(Message::Run(Event { saved, throttles: 0, _room: Some(room) })));
        Ok(())
    }

    /// Gives up what waits for a project that was removed.
    pub(super) fn forget(&self, project: ProjectName) {
        drop(self.mailbox.send(Message::Forget(project)));
    }

    fn room_for(&self, saved: &SavedInvocation) -> Result<OwnedSemaphorePermit, tokio::sync::TryAcquireError> {
        let size = u32::try_from(saved.invocation.event.len() / 1024 + 1).unwrap_or(u32::MAX);
        self.room.clone().try_acquire_many_owned(size)
    }
}

/// What runs of a function, and what waits for it to have room.
#[derive(Debug, Default)]
struct Lane {
    running: usize,
    queue: VecDeque<Event>,
}

struct Actor {
    queue: EventQueue,
    directory: Directory,
    phase: Phase,
    /// By due time and request id.
    waiting: BTreeMap<(SystemTime, String), Event>,
    /// Whose function does not run now.
    parked: Vec<Event>,
    running: HashMap<FunctionKey, Lane>,
}

impl Actor {
    async fn run(mut self, mut messages: mpsc::UnboundedReceiver<Message>) {
        let (cancel, mut changes) = (self.phase.token(), self.directory.changes());
        loop {
            if !cancel.is_cancelled() {
                self.start_due();
            } else if self.running.is_empty() {
                return;
            }
            let wake = self.waiting.keys().next().map(|(due, _)| self.queue.clock.instant(*due));
            tokio::select! {
                () = cancel.cancelled(), if !cancel.is_cancelled() => {}
                Some(message) = messages.recv() => self.message(message, cancel.is_cancelled()),
                Ok(()) = changes.changed() => self.unpark(),
                () = sleep_until(wake), if !cancel.is_cancelled() => {}
            }
        }
    }

    fn message(&mut self, message: Message, stopping: bool) {
        match message {
            Message::Run(event) => self.wait(event),
            Message::Ended(event, listed, outcome) => {
                self.leave(&event.key());
                // Whatever a stopping daemon did to it is not the function's fault: the next daemon runs it again.
                if !stopping || matches!(outcome, Outcome::Returned(_)) {
                    self.ended(event, &listed.function, &outcome);
                }
            }
            Message::Forget(project) => self.forget(&project),
        }
    }

    fn wait(&mut self, event: Event) {
        let key = (event.saved.due, event.saved.invocation.request_id.clone());
        self.waiting.insert(key, event);
    }

    fn unpark(&mut self) {
        for event in std::mem::take(&mut self.parked) {
            self.wait(event);
        }
    }

    fn start_due(&mut self) {
        let now = self.queue.clock.now();
        while let Some(entry) = self.waiting.first_entry()
            && entry.key().0 <= now
        {
            let event = entry.remove();
            self.start(event, now);
        }
    }

    fn start(&mut self, event: Event, now: SystemTime) {
        let Some(listed) = self.directory.function(&event.saved.project, &event.saved.function) else {
            return self.park(event, now);
        };
        if retry::expired(event.history(), Rules::of(&listed.function), now) {
            return self.give_up(event, &listed.function, "EventAgeExceeded", None);
        }
        let lane = self.running.entry(event.key()).or_default();
        if lane.running == AT_ONCE {
            lane.queue.push_back(event);
            return;
        }
        lane.running += 1;
        let mailbox = self.queue.mailbox.clone();
        self.phase.spawn(format!("an event of {}", event.saved.function), async move {
            let outcome = match &listed.worker {
                Ok(worker) => worker.invoke(event.saved.invocation.clone()).await,
                Err(reason) => Outcome::Unavailable { reason: reason.clone() },
            };
            // The actor waits for each attempt's end, so it is there.
            drop(mailbox.send(Message::Ended(event, listed, outcome)));
        });
    }

    /// It runs when its project does; where that takes too long it is given up.
    fn park(&mut self, event: Event, now: SystemTime) {
        let SavedInvocation { project, function, .. } = &event.saved;
        if retry::expired(event.history(), Rules::default(), now) {
            tracing::warn!(%project, %function, id = event.saved.invocation.request_id, "an event is given up: its function did not run for {} s", MAX_AGE.as_secs());
            return self.remove(&event);
        }
        tracing::debug!(%project, %function, "an event waits for its function to run");
        self.parked.push(event);
    }

    /// Makes room in a function's lane, for the next in it.
    fn leave(&mut self, key: &FunctionKey) {
        let Some(lane) = self.running.get_mut(key) else { return };
        lane.running -= 1;
        let next = lane.queue.pop_front();
        let rest = if lane.running == 0 { self.running.remove(key) } else { None };
        for event in next.into_iter().chain(rest.into_iter().flat_map(|lane| lane.queue)) {
            self.wait(event);
        }
    }

    fn ended(&mut self, mut event: Event, function: &Function, outcome: &Outcome) {
        match retry::after(outcome, event.history(), Rules::of(function), self.queue.clock.now()) {
            Next::Done => self.end(event, function, destination::SUCCESS, Some(outcome)),
            Next::GivenUp { condition } => self.give_up(event, function, condition, Some(outcome)),
            Next::Again { due, history } => {
                (event.saved.due, event.throttles) = (due, history.throttles);
                if history.errors != event.saved.attempts {
                    event.saved.attempts = history.errors;
                    self.commit(Change::PutInvocation(event.saved.clone()));
                }
                self.wait(event);
            }
        }
    }

    fn give_up(&mut self, event: Event, function: &Function, condition: &'static str, outcome: Option<&Outcome>) {
        let SavedInvocation { project, invocation, attempts, .. } = &event.saved;
        let told = function.asynchronous.on_failure.as_ref().map_or("nobody", |target| target.0.as_str());
        tracing::warn!(%project, function = %function.id, id = invocation.request_id, condition, errors = attempts, told, "an event is given up");
        self.end(event, function, condition, outcome);
    }

    /// An event has ended, and its function's destination is told: in one change of the store, so that neither is lost
    /// nor told twice.
    fn end(&mut self, event: Event, function: &Function, condition: &str, outcome: Option<&Outcome>) {
        let config = &function.asynchronous;
        let target = if condition == destination::SUCCESS { &config.on_success } else { &config.on_failure };
        let told = target.as_ref().and_then(|target| self.record(&event, function, target, condition, outcome));
        let Some(told) = told else { return self.remove(&event) };
        let id = event.saved.invocation.request_id.clone();
        let changes = vec![Change::PutInvocation(told.saved.clone()), Change::RemoveInvocation(id)];
        self.commit_all(changes, Some(told));
    }

    /// The invocation that tells `target`.
    fn record(
        &self,
        event: &Event,
        function: &Function,
        target: &FunctionId,
        condition: &str,
        outcome: Option<&Outcome>,
    ) -> Option<Event> {
        let SavedInvocation { project, invocation, attempts, .. } = &event.saved;
        let now = self.queue.clock.now();
        let listed = self.directory.function(project, target);
        let Some(listed) = listed else {
            tracing::warn!(%project, function = %function.id, %target, id = invocation.request_id, "a destination does not run now, and is not told");
            return None;
        };
        let attempted = outcome.is_some_and(|outcome| matches!(outcome, Outcome::Returned(_) | Outcome::Failed(_)));
        let record = destination::record(&Finished {
            function,
            request_id: &invocation.request_id,
            event: &invocation.event,
            condition,
            attempts: attempts + u32::from(attempted),
            outcome,
            time: &humantime::format_rfc3339_millis(now).to_string(),
        });
        let told = Invocation {
            request_id: uuid::Uuid::new_v4().to_string(),
            event: record,
            invoked_arn: listed.function.arn.as_str().into(),
            trace_id: invocation.trace_id.clone(),
            client_context: None,
            cognito_identity: None,
            tenant_id: None,
        };
        let (project, function) = (project.clone(), target.clone());
        let saved = SavedInvocation { invocation: told, project, function, accepted: now, attempts: 0, due: now };
        let room = self.queue.room_for(&saved).ok();
        Some(Event { saved, throttles: 0, _room: room })
    }

    fn forget(&mut self, project: &ProjectName) {
        let in_lanes = self.running.values_mut().flat_map(|lane| std::mem::take(&mut lane.queue));
        let waiting = std::mem::take(&mut self.waiting).into_values();
        let all = waiting.chain(std::mem::take(&mut self.parked)).chain(in_lanes);
        let (gone, kept): (Vec<_>, Vec<_>) = all.partition(|event| event.saved.project == *project);
        for event in kept {
            self.wait(event);
        }
        for event in gone {
            self.remove(&event);
        }
    }

    fn remove(&self, event: &Event) {
        self.commit(Change::RemoveInvocation(event.saved.invocation.request_id.clone()));
    }

    fn commit(&self, change: Change) {
        self.commit_all(vec![change], None);
    }

    /// Saves changes, and runs an event that is among them when it is saved.
    fn commit_all(&self, changes: Vec<Change>, then: Option<Event>) {
        let (store, mailbox) = (self.queue.store.clone(), self.queue.mailbox.clone());
        self.phase.spawn("the record of an event", async move {
            if let Err(problem) = store.commit(changes).await {
                tracing::error!(%problem, "how an event ended could not be saved: a restart will run it again");
            }
            if let Some(event) = then {
                // A queue that has ended leaves it to the next daemon.
                drop(mailbox.send(Message::Run(event)));
            }
        });
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
