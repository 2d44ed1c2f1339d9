//! Between the wire's types and ours, by hand: neither side changes because the other does.
//!
//! What a caller sends is checked here and becomes values that cannot be wrong; what the supervisor answers becomes
//! messages without secrets.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use samd_proto as wire;
use samd_proto::secret::ParameterOverride;
use samd_proto::template::TemplateQuery;
use samd_proto::{ApiError, ErrorCode};

use super::routes;
use crate::logs::{LogEntry, LogSource};
use crate::project::function::Package;
use crate::project::settings::{ProjectName, SandboxChoice, Settings, Warm};
use crate::project::{Function, StandIn};
use crate::supervisor::handle::{
    CallerEnvironment, Changes, FunctionStatus, Patch, ProjectStatus, Refused, ReloadOutcome, ReloadReport,
    RunningStatus, SandboxStatus,
};
use crate::template::Diagnostic;
use crate::template::diagnostic::Severity;

/// The longest name of a project.
const MAX_NAME: usize = 64;

/// A name that is fit for file names, host names and terminals.
pub(super) fn project_name(name: String) -> Result<ProjectName, ApiError> {
    let first = name.chars().next().is_some_and(|character| character.is_ascii_alphanumeric());
    let rest = name.chars().all(|character| character.is_ascii_alphanumeric() || "-_.".contains(character));
    if first && rest && name.len() <= MAX_NAME {
        return Ok(ProjectName(name));
    }
    Err(bad_request(format!(
        "`{}` is no name for a project: letters, digits, `-`, `_` and `.`, at most {MAX_NAME}, a letter or digit first",
        name.escape_debug()
    )))
}

/// A change of settings.
pub(super) fn patch(patch: wire::project::SettingsPatch) -> Result<Patch, ApiError> {
    Ok(Patch {
        path: absolute("path", patch.path)?,
        template: absolute("template", patch.template)?,
        port: patch.port,
        host: patch.host.as_deref().map(host).transpose()?,
        env_vars: absolute("env_vars", patch.env_vars)?,
        parameter_overrides: patch.parameter_overrides.map(overrides),
        sandbox: patch.sandbox.map(|choice| match choice {
            wire::project::SandboxChoice::Process => SandboxChoice::Process,
            wire::project::SandboxChoice::Docker => SandboxChoice::Docker,
            wire::project::SandboxChoice::Auto => SandboxChoice::Auto,
        }),
        warm: patch.warm.map(|warm| match warm {
            wire::project::Warm::Eager => Warm::Eager,
            wire::project::Warm::Lazy => Warm::Lazy,
        }),
        region: patch.region,
        profile: patch.profile,
        max_concurrency: patch.max_concurrency.map(at_least_one).transpose()?,
        idle_expiry: patch.idle_expiry_ms.map(Duration::from_millis),
    })
}

/// The settings with which a template is read that nobody starts.
pub(super) fn template_query(query: TemplateQuery) -> Result<(Settings, CallerEnvironment), ApiError> {
    let path = absolute("path", Some(query.path))?.unwrap_or_default();
    let mut settings = Settings::new(ProjectName("template".to_owned()), path);
    settings.env_vars = absolute("env_vars", query.env_vars)?;
    settings.parameter_overrides = overrides(query.parameter_overrides);
    settings.region = query.region;
    settings.profile = query.profile;
    Ok((settings, CallerEnvironment(query.environment.0)))
}

/// The daemon has a working folder of its own, so a relative path would mean something else here than to the caller.
fn absolute(field: &str, path: Option<PathBuf>) -> Result<Option<PathBuf>, ApiError> {
    match path {
        Some(path) if !path.is_absolute() => {
            Err(bad_request(format!("{field} has to be an absolute path, and `{}` is not", path.display())))
        }
        path => Ok(path),
    }
}

fn host(host: &str) -> Result<std::net::IpAddr, ApiError> {
    let host = if host == "localhost" { "127.0.0.1" } else { host };
    host.parse().map_err(|_| bad_request(format!("host has to be an IP address, and `{host}` is not")))
}

fn at_least_one(concurrency: u32) -> Result<u32, ApiError> {
    if concurrency == 0 {
        return Err(bad_request("max_concurrency has to be at least 1"));
    }
    Ok(concurrency)
}

fn overrides(overrides: Vec<ParameterOverride>) -> Vec<(String, String)> {
    overrides.into_iter().map(|parameter| (parameter.name, parameter.value)).collect()
}

/// A time that a caller gives.
pub(super) fn time(milliseconds: u64) -> Result<SystemTime, ApiError> {
    SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_millis(milliseconds))
        .ok_or_else(|| bad_request("since_ms is out of range"))
}

fn bad_request(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::BadRequest, message)
}

/// Why the supervisor refused.
pub(super) fn refused(refused: Refused) -> ApiError {
    let message = refused.to_string();
    let (code, diagnostics) = match refused {
        Refused::UnknownProject(_) => (ErrorCode::UnknownProject, Vec::new()),
        Refused::UnknownFunction { .. } => (ErrorCode::UnknownFunction, Vec::new()),
        Refused::NameTaken { .. } => (ErrorCode::NameTaken, Vec::new()),
        Refused::Stopped(_) => (ErrorCode::Stopped, Vec::new()),
        Refused::Diagnostics(findings) => (ErrorCode::Diagnostics, findings),
        Refused::Address { .. } => (ErrorCode::Address, Vec::new()),
        Refused::Store(_) => (ErrorCode::Store, Vec::new()),
        Refused::Other(_) => (ErrorCode::Other, Vec::new()),
        Refused::Stopping => (ErrorCode::Stopping, Vec::new()),
    };
    ApiError { code, message, diagnostics: diagnostics.iter().map(diagnostic).collect() }
}

/// A project in short.
pub(super) fn project_summary(status: &ProjectStatus) -> wire::project::ProjectSummary {
    let count = |severity| status.diagnostics.iter().filter(|finding| finding.severity == severity).count();
    let running = status.running.as_ref();
    wire::project::ProjectSummary {
        name: status.settings.name.0.clone(),
        path: status.settings.path.clone(),
        state: match running {
            Some(_) => wire::project::ProjectState::Running,
            None => wire::project::ProjectState::Stopped,
        },
        url: running.map(|running| url(running.address)),
        generation: running.map(|running| running.generation),
        functions: running.map_or(0, |running| running.project.functions.len()),
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
    }
}

/// A project at length.
pub(super) fn project_status(status: &ProjectStatus) -> wire::project::ProjectStatus {
    wire::project::ProjectStatus {
        name: status.settings.name.0.clone(),
        path: status.settings.path.clone(),
        settings: settings(&status.settings),
        running: status.running.as_ref().map(running),
        diagnostics: status.diagnostics.iter().map(diagnostic).collect(),
    }
}

fn settings(settings: &Settings) -> wire::project::Settings {
    wire::project::Settings {
        template: settings.template.clone(),
        host: settings.host.to_string(),
        port: settings.port,
        env_vars: settings.env_vars.clone(),
        parameter_overrides: settings.parameter_overrides.iter().map(|(name, _)| name.clone()).collect(),
        sandbox: match settings.sandbox {
            SandboxChoice::Process => wire::project::SandboxChoice::Process,
            SandboxChoice::Docker => wire::project::SandboxChoice::Docker,
            SandboxChoice::Auto => wire::project::SandboxChoice::Auto,
        },
        warm: match settings.warm {
            Warm::Eager => wire::project::Warm::Eager,
            Warm::Lazy => wire::project::Warm::Lazy,
        },
        region: settings.region.clone(),
        profile: settings.profile.clone(),
        max_concurrency: settings.max_concurrency,
        idle_expiry_ms: whole_milliseconds(settings.idle_expiry),
    }
}

fn running(running: &RunningStatus) -> wire::project::Running {
    wire::project::Running {
        url: url(running.address),
        generation: running.generation,
        since_ms: milliseconds(running.since),
        template: running.template.0.clone(),
        template_reason: running.template.1.clone(),
        routes: routes::of(&running.project, Some(running.address)),
        functions: running
            .functions
            .iter()
            .map(|status| function(status, running.project.functions.get(&status.id)))
            .collect(),
        stand_ins: running.stand_ins.iter().map(stand_in).collect(),
        last_reload: running.last_reload.as_ref().map(reload_report),
    }
}

/// A function as it runs, with what the project says of it; while a reload is under way the two may differ for a moment.
fn function(status: &FunctionStatus, function: Option<&Function>) -> wire::project::FunctionStatus {
    wire::project::FunctionStatus {
        id: status.id.0.clone(),
        runtime: function.map(runtime).unwrap_or_default(),
        handler: function.and_then(handler),
        timeout_ms: function.map_or(0, |function| whole_milliseconds(function.timeout)),
        memory_mb: function.map_or(0, |function| function.memory_mb),
        driver: status.driver.clone(),
        executable: status.executable.clone(),
        sandboxes: status.sandboxes.iter().map(sandbox).collect(),
        waiting: status.waiting,
    }
}

/// `python3.12`, or `image`.
pub(super) fn runtime(function: &Function) -> String {
    match &function.package {
        Package::Zip { runtime, .. } => runtime.to_string(),
        Package::Image { .. } => "image".to_owned(),
    }
}

fn handler(function: &Function) -> Option<String> {
    match &function.package {
        Package::Zip { handler, .. } if !handler.is_empty() => Some(handler.clone()),
        Package::Zip { .. } | Package::Image { .. } => None,
    }
}

fn sandbox(status: &SandboxStatus) -> wire::project::SandboxStatus {
    wire::project::SandboxStatus { pid: status.pid, state: status.state.to_owned(), served: status.served }
}

fn stand_in(stand_in: &StandIn) -> wire::project::StandIn {
    wire::project::StandIn { expression: stand_in.expression.clone(), value: stand_in.value.clone() }
}

/// A finding.
pub(super) fn diagnostic(finding: &Diagnostic) -> wire::Diagnostic {
    wire::Diagnostic {
        severity: match finding.severity {
            Severity::Note => wire::Severity::Note,
            Severity::Warning => wire::Severity::Warning,
            Severity::Error => wire::Severity::Error,
        },
        location: finding.location.as_ref().map(|location| wire::Location {
            file: location.file.clone(),
            line: location.line,
            column: location.column,
        }),
        path: finding.path.clone(),
        message: finding.message.clone(),
        help: finding.help.clone(),
    }
}

/// A change of configuration.
pub(super) fn reload_report(report: &ReloadReport) -> wire::reload::ReloadReport {
    wire::reload::ReloadReport {
        project: report.project.0.clone(),
        generation: report.generation,
        at_ms: milliseconds(report.at),
        duration_us: u64::try_from(report.duration.as_micros()).unwrap_or(u64::MAX),
        files: report.files.iter().map(|file| Path::to_path_buf(file)).collect(),
        outcome: match &report.outcome {
            ReloadOutcome::Applied { functions, routes } => {
                wire::reload::ReloadOutcome::Applied { functions: changes(functions), routes: changes(routes) }
            }
            ReloadOutcome::Unchanged => wire::reload::ReloadOutcome::Unchanged,
            ReloadOutcome::Rejected { diagnostics } => {
                wire::reload::ReloadOutcome::Rejected { diagnostics: diagnostics.iter().map(diagnostic).collect() }
            }
        },
    }
}

/// A change of configuration as an event.
pub(super) fn reload_event(report: &ReloadReport) -> wire::reload::ReloadEvent {
    wire::reload::ReloadEvent::Reload(reload_report(report))
}

fn changes(changes: &Changes) -> wire::reload::Changes {
    wire::reload::Changes {
        added: changes.added.clone(),
        changed: changes.changed.clone(),
        removed: changes.removed.clone(),
    }
}

/// A line of a log.
pub(super) fn log_line(entry: &LogEntry) -> wire::log::LogLine {
    wire::log::LogLine {
        time_ms: milliseconds(entry.time),
        function: entry.function.0.clone(),
        source: match entry.source {
            LogSource::Function => wire::log::LogSource::Function,
            LogSource::Platform => wire::log::LogSource::Platform,
        },
        line: entry.line.to_string(),
    }
}

/// Where a project is reached from this machine: an address that stands for all becomes the loopback one.
pub(super) fn url(address: SocketAddr) -> String {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(match address.ip() {
            std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{reachable}")
}

/// Milliseconds since 1970; a clock before that counts as 1970.
pub(super) fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, whole_milliseconds)
}

fn whole_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
