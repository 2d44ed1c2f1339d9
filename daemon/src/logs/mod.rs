//! What functions print: a ring per project, and a broadcast for followers.
//!
//! Lines are kept with what is known of them and made into entries by the reader, so that logging costs the request path
//! next to nothing.
//! It never blocks a writer: a slow follower loses entries and is told so.

mod ring;
pub mod tail;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio::sync::broadcast;

use crate::feed::Feed;
use crate::project::FunctionId;
use ring::Ring;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// When it was written.
    pub time: SystemTime,
    /// Whose it is.
    pub function: Arc<FunctionId>,
    /// The line without its newline, as AWS would write it to the log stream.
    pub line: Arc<str>,
    /// Who wrote it.
    pub source: LogSource,
    /// The invocation that it belongs to; what INIT prints belongs to none.
    pub request_id: Option<Arc<str>>,
}

/// A line to be entered.
#[derive(Debug, Clone, Copy)]
pub struct Printed<'a> {
    /// When it was written.
    pub time: SystemTime,
    /// Whose it is.
    pub function: &'a Arc<FunctionId>,
    /// The line without its newline.
    pub line: &'a str,
    /// Who wrote it.
    pub source: LogSource,
    /// The invocation that it belongs to.
    pub request_id: Option<&'a Arc<str>>,
}

impl Printed<'_> {
    fn entry(&self) -> LogEntry {
        LogEntry {
            time: self.time,
            function: self.function.clone(),
            line: self.line.into(),
            source: self.source,
            request_id: self.request_id.cloned(),
        }
    }
}

/// Who wrote an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogSource {
    /// The function, on standard output or standard error.
    Function,
    /// The platform: START, END, REPORT and the like.
    Platform,
}

/// Which entries are asked for.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// Of this function alone.
    pub function: Option<FunctionId>,
    /// Not older than this.
    pub since: Option<SystemTime>,
    /// Go on with what comes.
    pub follow: bool,
    /// And with the requests that come.
    pub requests: bool,
}

impl LogQuery {
    /// Whether an entry is asked for.
    #[must_use]
    pub fn matches(&self, entry: &LogEntry) -> bool {
        self.function.as_ref().is_none_or(|function| *function == *entry.function)
            && self.since.is_none_or(|since| entry.time >= since)
    }
}

/// A project's log; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct LogHub {
    ring: Arc<Mutex<Ring>>,
    followers: Feed<LogEntry>,
}

impl LogHub {
    /// Appends a line; the oldest give way.
    pub fn push(&self, printed: &Printed<'_>) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        self.followers.tell(|| printed.entry());
        ring.push(printed);
    }

    /// The past that `query` asks for, and the future when it follows; no entry falls between the two.
    #[must_use]
    pub fn read(&self, query: &LogQuery) -> (Vec<LogEntry>, Option<broadcast::Receiver<LogEntry>>) {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let future = query.follow.then(|| self.followers.follow());
        (ring.entries().filter(|entry| query.matches(entry)).collect(), future)
    }
}
