//! Tells what happens in one sandbox: to the function's log, and to those who subscribed to its telemetry.
//!
//! Until INIT is over it keeps what it told, since who subscribes then is told of what was before.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::lambda::extension::Standing;
use crate::lambda::report::Report;
use crate::lambda::telemetry::{Api, Event, RuntimeDone, Stream, Subscription};
use crate::project::Function;
use crate::shutdown::Phase;

use super::journal::{Ending, Journal};
use super::subscriber::Subscriber;

/// What is kept of INIT at most.
const BACKLOG: usize = 1_000;

/// The scribe of one sandbox.
#[derive(Debug)]
pub(super) struct Scribe {
    journal: Journal,
    function: Arc<Function>,
    tasks: Phase,
    /// Where subscribers listen.
    place: IpAddr,
    subscribers: Vec<Subscriber>,
    backlog: Option<Vec<Event>>,
}

impl Scribe {
    pub(super) fn new(function: Arc<Function>, journal: Journal, tasks: Phase, place: IpAddr) -> Scribe {
        Scribe { journal, function, tasks, place, subscribers: Vec::new(), backlog: Some(Vec::new()) }
    }

    /// A line of the function's, in an invocation or outside of any.
    pub(super) fn printed(&mut self, line: &str, request_id: Option<&Arc<str>>) {
        self.journal.printed(line, request_id);
        self.tell(|function, time| Event::line(function, Stream::Function, line, time));
    }

    /// A line of an external extension's.
    pub(super) fn extension_printed(&mut self, line: &str) {
        self.journal.printed(line, None);
        self.tell(|function, time| Event::line(function, Stream::Extension, line, time));
    }

    pub(super) fn init_start(&mut self, runtime_version: &str) {
        self.journal.init_start(runtime_version);
        self.tell(|function, time| Event::init_start(function, runtime_version, time));
    }

    pub(super) fn init_runtime_done(&mut self) {
        self.tell(|_, time| Event::init_runtime_done(None, time));
    }

    /// INIT is over, well: nobody subscribes any more.
    pub(super) fn init_done(&mut self, extensions: impl Iterator<Item = Standing>, duration: Duration) {
        for extension in extensions {
            self.journal.extension(&extension);
            self.tell(|_, time| Event::extension(&extension, None, time));
        }
        self.tell(|_, time| Event::init_report(duration, None, time));
        self.backlog = None;
    }

    /// INIT is over, and not well.
    pub(super) fn init_failed(&mut self, duration: Duration, error_type: &str) {
        self.tell(|_, time| Event::init_runtime_done(Some(error_type), time));
        self.tell(|_, time| Event::init_report(duration, Some(error_type), time));
    }

    pub(super) fn start(&mut self, request_id: &Arc<str>, trace_id: &str) {
        self.journal.start(request_id);
        self.tell(|function, time| Event::start(function, request_id, trace_id, time));
    }

    pub(super) fn runtime_done(&mut self, done: &RuntimeDone<'_>) {
        self.tell(|_, time| Event::runtime_done(done, time));
    }

    pub(super) fn end(&mut self, request_id: &Arc<str>, ending: &Ending) {
        self.journal.end(request_id, ending);
        let report = Report {
            request_id,
            duration: ending.duration,
            init: ending.init,
            max_memory: ending.max_memory,
            status: ending.status(),
        };
        self.tell(|_, time| Event::end(request_id, time));
        self.tell(|function, time| Event::report(function, &report, time));
    }

    /// Something about the sandbox that the user should read beside the function's own lines.
    pub(super) fn note(&self, line: &str) {
        self.journal.note(line);
    }

    /// An extension subscribes, to the present and to what was before.
    ///
    /// # Errors
    /// It uses the other API already.
    pub(super) fn subscribe(&mut self, name: &Arc<str>, subscription: Subscription) -> Result<(), Api> {
        if let Some(other) =
            self.subscribers.iter().find(|other| other.name == *name && other.api() != subscription.api)
        {
            return Err(other.api());
        }
        // A new subscription takes the place of an earlier one.
        self.subscribers.retain(|other| other.name != *name);
        let subscribed = Event::subscribed(name, &subscription, now());
        let mut subscriber = Subscriber::spawn(name.clone(), subscription, self.place, &self.tasks);
        self.backlog.iter().flatten().for_each(|event| subscriber.tell(event));
        self.subscribers.push(subscriber);
        self.tell(|_, _| subscribed);
        Ok(())
    }

    /// Has what is gathered delivered, and waits for it so long at most.
    pub(super) async fn flush(&mut self, patience: Duration) {
        let all: Vec<_> = self.subscribers.iter_mut().map(Subscriber::flush).collect();
        let delivered = futures_util::future::join_all(all);
        if tokio::time::timeout(patience, delivered).await.is_err() {
            tracing::debug!("a subscriber did not take its last telemetry in time");
        }
    }

    fn tell(&mut self, event: impl FnOnce(&Function, String) -> Event) {
        let keeps = self.backlog.as_ref().is_some_and(|backlog| backlog.len() < BACKLOG);
        if !keeps && self.subscribers.is_empty() {
            return;
        }
        let event = event(&self.function, now());
        self.subscribers.iter_mut().for_each(|subscriber| subscriber.tell(&event));
        if let Some(backlog) = self.backlog.as_mut().filter(|_| keeps) {
            backlog.push(event);
        }
    }
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}
