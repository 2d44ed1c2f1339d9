//! Writes a function's log: what it prints, and the platform's lines around each invocation (F7).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::lambda::extension::Standing;
use crate::lambda::report::{self, Report};
use crate::logs::{LogHub, LogSource, Printed};
use crate::project::{Function, FunctionId};

/// One function's way to its project's log.
#[derive(Debug, Clone)]
pub struct Journal {
    function: Arc<Function>,
    /// Its id, which all entries share.
    id: Arc<FunctionId>,
    hub: LogHub,
}

/// How an invocation went, for its last lines.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    /// From the hand-over to the answer.
    pub duration: Duration,
    /// INIT, on the first invocation of a sandbox.
    pub init: Option<Duration>,
    /// Most memory used, in bytes.
    pub max_memory: u64,
    /// The type of its error.
    pub error_type: Option<String>,
    /// The function's timeout passed.
    pub timed_out: bool,
}

impl Ending {
    /// How it went, when not well.
    #[must_use]
    pub fn status(&self) -> Option<(&str, Option<&str>)> {
        match (&self.error_type, self.timed_out) {
            (_, true) => Some(("timeout", None)),
            (Some(error_type), false) => Some(("error", Some(error_type.as_str()))),
            (None, false) => None,
        }
    }
}

impl Journal {
    /// The log of `function` in `hub`.
    #[must_use]
    pub fn new(function: Arc<Function>, hub: LogHub) -> Journal {
        Journal { id: Arc::new(function.id.clone()), function, hub }
    }

    /// A line that the function printed during an invocation, or outside of any.
    pub fn printed(&self, line: &str, request_id: Option<&Arc<str>>) {
        self.push(line, LogSource::Function, request_id);
    }

    /// INIT begins.
    pub fn init_start(&self, runtime_version: &str) {
        self.push(&report::init_start(&self.function, runtime_version, &now()), LogSource::Platform, None);
    }

    /// An invocation begins.
    pub fn start(&self, request_id: &Arc<str>) {
        let line = report::start(&self.function, request_id, &now());
        self.push(&line, LogSource::Platform, Some(request_id));
    }

    /// An invocation has ended.
    pub fn end(&self, request_id: &Arc<str>, ending: &Ending) {
        let push = |line: &str| self.push(line, LogSource::Platform, Some(request_id));
        if ending.timed_out {
            push(&report::timed_out(request_id, self.function.timeout, &now()));
        }
        let status = ending.status();
        let report =
            Report { request_id, duration: ending.duration, init: ending.init, max_memory: ending.max_memory, status };
        for line in report::end(&self.function, &report, &now()) {
            push(&line);
        }
    }

    /// An extension is ready.
    pub fn extension(&self, standing: &Standing) {
        self.push(&report::extension(&self.function, standing, &now()), LogSource::Platform, None);
    }

    /// Something about the sandbox that the user should read beside the function's own lines.
    pub fn note(&self, line: &str) {
        self.push(line, LogSource::Platform, None);
    }

    fn push(&self, line: &str, source: LogSource, request_id: Option<&Arc<str>>) {
        self.hub.push(&Printed { time: SystemTime::now(), function: &self.id, line, source, request_id });
    }
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}
