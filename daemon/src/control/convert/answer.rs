//! What the supervisor answers, as messages without secrets.

use std::net::SocketAddr;

use samd_proto as wire;
use samd_proto::{ApiError, ErrorCode};

use super::{milliseconds, whole_milliseconds};
use crate::control::routes;
use crate::logs::{LogEntry, LogSource};
use crate::project::function::Package;
use crate::project::issuers::Pin;
use crate::project::settings::{SandboxChoice, Settings, Warm};
use crate::project::{Function, StandIn};
use crate::supervisor::handle::{
    Changes, FunctionStatus, ProjectStatus, Refused, ReloadOutcome, ReloadReport, RunningStatus, SandboxStatus,
};
use crate::template::Diagnostic;
use crate::template::diagnostic::Severity;

/// Why the supervisor refused.
pub(in crate::control) fn refused(refused: Refused) -> ApiError {
    let message = refused.to_string();
    let (code, diagnostics) = match refused {
        Refused::UnknownProject(_) => (ErrorCode::UnknownProject, Vec::new()),
        Refused::UnknownFunction { .. } => (ErrorCode::UnknownFunction, Vec::new()),
        Refused::NameTaken { .. } => (ErrorCode::NameTaken, Vec::new()),
        Refused::NoToken(_) => (ErrorCode::BadRequest, Vec::new()),
        Refused::Stopped(_) => (ErrorCode::Stopped, Vec::new()),
        Refused::Diagnostics(findings) => (ErrorCode::Diagnostics, findings),
        Refused::Address { .. } => (ErrorCode::Address, Vec::new()),
        Refused::Store(_) => (ErrorCode::Store, Vec::new()),
        Refused::Other(_) => (ErrorCode::Other, Vec::new()),
        Refused::QueueFull => (ErrorCode::Throttled, Vec::new()),
        Refused::Stopping => (ErrorCode::Stopping, Vec::new()),
    };
    ApiError { code, message, diagnostics: diagnostics.iter().map(diagnostic).collect() }
}

/// A project in short.
pub(in crate::control) fn project_summary(status: &ProjectStatus) -> wire::project::ProjectSummary {
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
pub(in crate::control) fn project_status(status: &ProjectStatus) -> wire::project::ProjectStatus {
    wire::project::ProjectStatus {
        name: status.settings.name.0.clone(),
        path: status.settings.path.clone(),
        settings: settings(&status.settings),
        running: status.running.as_ref().map(running),
        diagnostics: status.diagnostics.iter().map(diagnostic).collect(),
    }
}

fn settings(settings: &Settings) -> wire::settings::Settings {
    wire::settings::Settings {
        template: settings.template.clone(),
        host: settings.host.to_string(),
        port: settings.port,
        env_vars: settings.env_vars.clone(),
        parameter_overrides: settings.parameter_overrides.iter().map(|(name, _)| name.clone()).collect(),
        sandbox: match settings.sandbox {
            SandboxChoice::Process => wire::settings::SandboxChoice::Process,
            SandboxChoice::Docker => wire::settings::SandboxChoice::Docker,
            SandboxChoice::Auto => wire::settings::SandboxChoice::Auto,
        },
        warm: match settings.warm {
            Warm::Eager => wire::settings::Warm::Eager,
            Warm::Lazy => wire::settings::Warm::Lazy,
        },
        region: settings.region.clone(),
        profile: settings.profile.clone(),
        max_concurrency: settings.max_concurrency,
        idle_expiry_ms: whole_milliseconds(settings.idle_expiry),
        lambda_endpoint: settings.lambda_endpoint,
        tell_generation: settings.tell_generation,
        build: settings.build,
        build_commands: settings.build_commands.iter().map(build_command).collect(),
        jwks: settings.jwks.iter().map(pinned_keys).collect(),
    }
}

fn build_command((function, command): (&String, &String)) -> wire::settings::BuildCommand {
    wire::settings::BuildCommand { function: function.clone(), command: command.clone() }
}

fn pinned_keys(pin: &Pin) -> wire::settings::PinnedKeys {
    wire::settings::PinnedKeys { subject: pin.subject.clone(), file: pin.file.clone() }
}

fn running(running: &RunningStatus) -> wire::project::Running {
    wire::project::Running {
        url: url(running.address),
        generation: running.generation,
        since_ms: milliseconds(running.since),
        template: running.template.0.clone(),
        template_reason: running.template.1.clone(),
        routes: routes::of(&running.project, running.address),
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
pub(in crate::control) fn runtime(function: &Function) -> String {
    match &function.package {
        Package::Zip { runtime, .. } => runtime.to_string(),
        Package::Image { .. } => "image".to_owned(),
    }
}

pub(in crate::control) fn handler(function: &Function) -> Option<String> {
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
pub(in crate::control) fn diagnostic(finding: &Diagnostic) -> wire::Diagnostic {
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
pub(in crate::control) fn reload_report(report: &ReloadReport) -> wire::reload::ReloadReport {
    wire::reload::ReloadReport {
        project: report.project.0.clone(),
        generation: report.generation,
        at_ms: milliseconds(report.at),
        duration_us: u64::try_from(report.duration.as_micros()).unwrap_or(u64::MAX),
        files: report.files.iter().map(|file| file.to_path_buf()).collect(),
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
pub(in crate::control) fn reload_event(report: &ReloadReport) -> wire::reload::ReloadEvent {
    wire::reload::ReloadEvent::Reload(Box::new(reload_report(report)))
}

fn changes(changes: &Changes) -> wire::reload::Changes {
    wire::reload::Changes {
        added: changes.added.clone(),
        changed: changes.changed.clone(),
        removed: changes.removed.clone(),
    }
}

/// A line of a log.
pub(in crate::control) fn log_line(entry: &LogEntry) -> wire::log::LogLine {
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
pub(in crate::control) fn url(address: SocketAddr) -> String {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(match address.ip() {
            std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{reachable}")
}
