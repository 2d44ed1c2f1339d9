//! The extensions of one sandbox, as the Extensions API knows them (G1).
//!
//! ```text
//!  Launched ──register──▶ Registered ──next──▶ Waiting ──invoke──▶ Working
//!      │                      │                 ▲  └────────next─────┘
//!      └──────────────────────┴── init error, exit error ──▶ Failed, and at its process's end: Ended
//! ```
//! External extensions are launched by the platform and known by their file's name; whoever else registers is internal.
//! It says who may call what, when the runtime may start, when INIT and an invocation are over, and how long a shutdown
//! may take; it holds no process, no connection and no clock.

use std::sync::Arc;
use std::time::Duration;

/// Extensions that a sandbox may have.
const MOST: usize = 10;
/// How long a shutdown may take when external extensions are registered (G1.8).
const EXTERNAL_BUDGET: Duration = Duration::from_secs(2);
/// How long, when all of them are internal.
const INTERNAL_BUDGET: Duration = Duration::from_millis(500);
/// The runtime's share of a budget that it divides with external extensions.
const RUNTIME_SHARE: Duration = Duration::from_millis(300);

/// What an extension may ask to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// Invocations.
    Invoke,
    /// The end.
    Shutdown,
}

impl EventKind {
    /// As on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Invoke => "INVOKE",
            EventKind::Shutdown => "SHUTDOWN",
        }
    }
}

/// Why a sandbox is shut down, as on the wire (G1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownReason {
    /// It is not needed any more.
    Spindown,
    /// The function's timeout passed.
    Timeout,
    /// The runtime, or an extension, failed.
    Failure,
}

impl ShutdownReason {
    /// As on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ShutdownReason::Spindown => "spindown",
            ShutdownReason::Timeout => "timeout",
            ShutdownReason::Failure => "failure",
        }
    }
}

/// Where an extension is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Launched,
    Registered,
    Waiting,
    Working,
    Failed,
    Ended,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Launched => "Started",
            State::Registered => "Registered",
            State::Waiting => "Ready",
            State::Working => "Running",
            State::Failed => "InitError",
            State::Ended => "Exited",
        }
    }
}

#[derive(Debug, Clone)]
struct Extension {
    name: Arc<str>,
    id: Option<Arc<str>>,
    external: bool,
    events: Vec<EventKind>,
    state: State,
}

/// Why a call of an extension is refused (G1.3, G1.4); all are 403.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtensionRefusal {
    /// `Lambda-Extension-Name` is missing or empty.
    #[error("Empty extension name")]
    EmptyName,
    /// An event that there is not.
    #[error("{0}: ErrorInvalidEventType")]
    InvalidEvent(String),
    /// An internal extension asked to be told of the end.
    #[error("SHUTDOWN: ShutdownEventNotSupportedForInternalExtension")]
    ShutdownOfInternal,
    /// INIT is over.
    #[error("Extension registration closed already")]
    RegistrationClosed,
    /// The name is taken.
    #[error("Extension with this name already registered")]
    AlreadyRegistered,
    /// There are as many as there may be.
    #[error("Extension limit ({MOST}) reached")]
    TooMany,
    /// Nobody has this identifier.
    #[error("Unknown extension {0}")]
    UnknownIdentifier(String),
    /// The call does not fit the extension's state.
    #[error("State transition from {from} to {to} failed for extension {name}. Error: State transition is not allowed")]
    InvalidState {
        /// Which extension.
        name: Arc<str>,
        /// The state's name.
        from: &'static str,
        /// The state asked for.
        to: &'static str,
    },
}

impl ExtensionRefusal {
    /// `errorType` on the wire.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            ExtensionRefusal::EmptyName => "Extension.InvalidExtensionName",
            ExtensionRefusal::InvalidEvent(_) | ExtensionRefusal::ShutdownOfInternal => "Extension.InvalidEventType",
            ExtensionRefusal::RegistrationClosed => "Extension.RegistrationClosed",
            ExtensionRefusal::AlreadyRegistered | ExtensionRefusal::InvalidState { .. } => {
                "Extension.InvalidExtensionState"
            }
            ExtensionRefusal::TooMany => "Extension.TooManyExtensions",
            ExtensionRefusal::UnknownIdentifier(_) => "Extension.UnknownExtensionIdentifier",
        }
    }
}

/// An extension as it stands, for logs and telemetry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub name: Arc<str>,
    /// What it is told of.
    pub events: Vec<EventKind>,
}

/// All extensions of a sandbox.
#[derive(Debug, Clone, Default)]
pub struct Extensions {
    all: Vec<Extension>,
    /// Some are being launched, and it is not known yet which.
    launching: bool,
    closed: bool,
}

impl Extensions {
    /// The platform launched an external extension.
    pub fn launched(&mut self, name: &str) {
        let (name, state) = (name.into(), State::Launched);
        self.all.push(Extension { name, id: None, external: true, events: Vec::new(), state });
        self.launching = true;
    }

    /// All external extensions have been launched.
    pub fn launch_complete(&mut self) {
        self.launching = false;
    }

    /// Whether the runtime may start: every external extension has registered.
    #[must_use]
    pub fn all_registered(&self) -> bool {
        !self.launching && self.all.iter().all(|extension| extension.state != State::Launched)
    }

    /// An extension registers under `id`.
    ///
    /// # Errors
    /// [`ExtensionRefusal`], by G1.3.
    pub fn register(&mut self, name: &str, events: &[String], id: Arc<str>) -> Result<(), ExtensionRefusal> {
        if name.is_empty() {
            return Err(ExtensionRefusal::EmptyName);
        }
        let known = self.all.iter().position(|extension| &*extension.name == name);
        let external = known.is_some_and(|place| self.all[place].external);
        let events = parsed(events, external)?;
        if let Some(extension) = known.and_then(|place| self.all.get_mut(place)) {
            if extension.state != State::Launched {
                return Err(ExtensionRefusal::AlreadyRegistered);
            }
            (extension.state, extension.id, extension.events) = (State::Registered, Some(id), events);
            return Ok(());
        }
        if self.closed {
            return Err(ExtensionRefusal::RegistrationClosed);
        }
        if self.all.len() >= MOST {
            return Err(ExtensionRefusal::TooMany);
        }
        let (name, id, state) = (name.into(), Some(id), State::Registered);
        self.all.push(Extension { name, id, external: false, events, state });
        Ok(())
    }

    /// The name behind an identifier.
    ///
    /// # Errors
    /// Nobody has it.
    pub fn name(&self, id: &str) -> Result<Arc<str>, ExtensionRefusal> {
        let known = self.all.iter().find(|extension| extension.id.as_deref() == Some(id));
        known.map(|extension| extension.name.clone()).ok_or_else(|| ExtensionRefusal::UnknownIdentifier(id.to_owned()))
    }

    /// An extension asks for the next event: it has done what it had to.
    ///
    /// # Errors
    /// Nobody has the identifier, or it has reported that it failed.
    pub fn next_asked(&mut self, id: &str) -> Result<(), ExtensionRefusal> {
        let extension = self.find(id)?;
        match extension.state {
            State::Registered | State::Waiting | State::Working => {
                extension.state = State::Waiting;
                Ok(())
            }
            State::Launched | State::Failed | State::Ended => Err(refused(extension, "Ready")),
        }
    }

    /// An extension reports that it cannot begin. Gives its name.
    ///
    /// # Errors
    /// Nobody has the identifier, or it began long ago.
    pub fn init_error(&mut self, id: &str) -> Result<Arc<str>, ExtensionRefusal> {
        let extension = self.find(id)?;
        match extension.state {
            State::Registered => Ok(fail(extension)),
            State::Launched | State::Waiting | State::Working | State::Failed | State::Ended => {
                Err(refused(extension, "InitError"))
            }
        }
    }

    /// An extension reports that it cannot go on. Gives its name.
    ///
    /// # Errors
    /// Nobody has the identifier, or it has failed already.
    pub fn exit_error(&mut self, id: &str) -> Result<Arc<str>, ExtensionRefusal> {
        let extension = self.find(id)?;
        match extension.state {
            State::Registered | State::Waiting | State::Working => Ok(fail(extension)),
            State::Launched | State::Failed | State::Ended => Err(refused(extension, "ExitError")),
        }
    }

    /// The process of an external extension has ended.
    pub fn ended(&mut self, name: &str) {
        if let Some(extension) = self.all.iter_mut().find(|extension| extension.external && &*extension.name == name) {
            extension.state = State::Ended;
        }
    }

    /// INIT is over: nobody registers any more.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether INIT is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether nobody has anything to do: INIT, or an invocation, is over as far as extensions go.
    #[must_use]
    pub fn are_idle(&self) -> bool {
        !self.launching && self.all.iter().all(|extension| matches!(extension.state, State::Waiting | State::Ended))
    }

    /// An invocation begins: the identifiers of those who are told of it.
    pub fn invoke(&mut self) -> Vec<Arc<str>> {
        let told = self
            .all
            .iter_mut()
            .filter(|extension| extension.state == State::Waiting && extension.events.contains(&EventKind::Invoke));
        told.filter_map(|extension| {
            extension.state = State::Working;
            extension.id.clone()
        })
        .collect()
    }

    /// How long a shutdown may take: in all, and how much of it the runtime may use up (G1.8).
    #[must_use]
    pub fn budget(&self) -> (Duration, Duration) {
        let mut registered = self.all.iter().filter(|extension| extension.id.is_some()).peekable();
        match (registered.peek().is_some(), registered.any(|extension| extension.external)) {
            (false, _) => (Duration::ZERO, Duration::ZERO),
            (true, true) => (EXTERNAL_BUDGET, RUNTIME_SHARE),
            (true, false) => (INTERNAL_BUDGET, INTERNAL_BUDGET),
        }
    }

    /// Whether an extension that asked for it has still to hear of the shutdown and end.
    #[must_use]
    pub fn await_shutdown(&self) -> bool {
        self.all.iter().any(|extension| {
            extension.external && extension.state != State::Ended && extension.events.contains(&EventKind::Shutdown)
        })
    }

    /// Whether it is told of the end.
    #[must_use]
    pub fn hears_of_shutdown(&self, id: &str) -> bool {
        let known = self.all.iter().find(|extension| extension.id.as_deref() == Some(id));
        known.is_some_and(|extension| extension.events.contains(&EventKind::Shutdown))
    }

    /// Those who registered.
    pub fn registered(&self) -> impl Iterator<Item = Standing> {
        let all = self.all.iter().filter(|extension| extension.id.is_some());
        all.map(|extension| Standing { name: extension.name.clone(), events: extension.events.clone() })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn find(&mut self, id: &str) -> Result<&mut Extension, ExtensionRefusal> {
        let known = self.all.iter_mut().find(|extension| extension.id.as_deref() == Some(id));
        known.ok_or_else(|| ExtensionRefusal::UnknownIdentifier(id.to_owned()))
    }
}

fn fail(extension: &mut Extension) -> Arc<str> {
    extension.state = State::Failed;
    extension.name.clone()
}

fn refused(extension: &Extension, to: &'static str) -> ExtensionRefusal {
    ExtensionRefusal::InvalidState { name: extension.name.clone(), from: extension.state.name(), to }
}

fn parsed(events: &[String], external: bool) -> Result<Vec<EventKind>, ExtensionRefusal> {
    let mut kinds = Vec::new();
    for event in events {
        let kind = match event.as_str() {
            "INVOKE" => EventKind::Invoke,
            "SHUTDOWN" if external => EventKind::Shutdown,
            "SHUTDOWN" => return Err(ExtensionRefusal::ShutdownOfInternal),
            other => return Err(ExtensionRefusal::InvalidEvent(other.to_owned())),
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// An external extension that hears of everything and an internal one that hears of invocations.
    fn two() -> Extensions {
        let mut all = Extensions::default();
        all.launched("out");
        all.launch_complete();
        all.register("out", &events(&["INVOKE", "SHUTDOWN"]), "1".into()).unwrap();
        all.register("in", &events(&["INVOKE"]), "2".into()).unwrap();
        all
    }

    #[test]
    fn the_runtime_starts_when_all_external_extensions_have_registered() {
        let mut all = Extensions::default();
        assert!(all.all_registered());
        all.launched("a");
        all.launched("b");
        all.launch_complete();
        all.register("a", &[], "1".into()).unwrap();
        assert!(!all.all_registered());
        all.register("b", &[], "2".into()).unwrap();
        assert!(all.all_registered() && !all.are_idle());
        all.next_asked("1").unwrap();
        all.next_asked("2").unwrap();
        assert!(all.are_idle());
    }

    #[test]
    fn an_invocation_is_over_when_all_who_were_told_ask_again() {
        let mut all = two();
        all.next_asked("1").unwrap();
        all.next_asked("2").unwrap();
        let told = all.invoke();
        assert_eq!(told.iter().map(|id| &**id).collect::<Vec<_>>(), ["1", "2"]);
        all.next_asked("1").unwrap();
        assert!(!all.are_idle());
        all.next_asked("2").unwrap();
        assert!(all.are_idle());
    }

    #[test]
    fn registrations_are_refused_by_name_event_and_time() {
        let mut all = two();
        let mut refused = |name: &str, wanted: &[&str]| {
            let refusal = all.register(name, &events(wanted), "9".into()).unwrap_err();
            (refusal.error_type(), refusal.to_string())
        };
        assert_eq!(refused("", &[]), ("Extension.InvalidExtensionName", "Empty extension name".to_owned()));
        assert_eq!(
            refused("out", &["INVOKE"]),
            ("Extension.InvalidExtensionState", "Extension with this name already registered".to_owned())
        );
        assert_eq!(
            refused("other", &["SHUTDOWN"]),
            ("Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension".to_owned())
        );
        assert_eq!(refused("other", &["FOO"]), ("Extension.InvalidEventType", "FOO: ErrorInvalidEventType".to_owned()));
        for number in 2..MOST {
            all.register(&format!("in-{number}"), &[], number.to_string().into()).unwrap();
        }
        assert_eq!(all.register("one-more", &[], "x".into()), Err(ExtensionRefusal::TooMany));
        all.close();
        assert_eq!(all.register("late", &[], "x".into()), Err(ExtensionRefusal::RegistrationClosed));
    }

    #[test]
    fn an_init_error_comes_before_the_first_next_alone() {
        let mut all = two();
        assert_eq!(&*all.init_error("1").unwrap(), "out");
        assert!(all.next_asked("1").is_err());
        all.next_asked("2").unwrap();
        let refusal = all.init_error("2").unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "State transition from Ready to InitError failed for extension in. Error: State transition is not allowed"
        );
        assert_eq!(&*all.exit_error("2").unwrap(), "in");
        assert_eq!(all.exit_error("3"), Err(ExtensionRefusal::UnknownIdentifier("3".into())));
    }

    #[test]
    fn a_shutdown_has_awss_budgets() {
        let ms = |(all, runtime): (Duration, Duration)| (all.as_millis(), runtime.as_millis());
        assert_eq!(ms(Extensions::default().budget()), (0, 0));
        let mut internal = Extensions::default();
        internal.register("in", &[], "1".into()).unwrap();
        assert_eq!(ms(internal.budget()), (500, 500));
        let mut both = two();
        assert_eq!(ms(both.budget()), (2_000, 300));
        assert!(both.await_shutdown() && both.hears_of_shutdown("1") && !both.hears_of_shutdown("2"));
        both.ended("out");
        assert!(!both.await_shutdown());
    }
}
