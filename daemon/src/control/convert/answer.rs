//! What the supervisor answers, as messages without secrets.

use std::net::SocketAddr;

use samd_proto as wire;
use samd_proto::{ApiError, ErrorCode};

use super::containers;
use super::{milliseconds, whole_milliseconds};
use crate::control::routes;
use crate::gateway::access::Access;
use crate::logs::{LogEntry, LogSource};
use crate::project::api::ApiKey;
use crate::project::function::Package;
use crate::project::gateway::{GatewaySettings, Tls};
use crate::project::issuers::Pin;
use crate::project::settings::{SandboxChoice, Settings, Warm};
use crate::project::{Function, Project, StandIn};
use crate::sandbox::progress::{Progress, Pull, Step};
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
        url: running.map(|running| url(Origin::of(&status.settings, running.address))),
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
        running: status.running.as_ref().map(|live| running(live, &status.settings)),
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
        samconfig: settings.samconfig,
        only_functions: settings.only_functions.clone(),
        gateway: gateway(&settings.gateway),
        containers: containers::told(&settings.containers),
        debug_port: settings.debug.port,
        debug_function: settings.debug.function.clone(),
        debug_args: settings.debug.args.clone(),
        debugger_path: settings.debug.debugger_path.clone(),
        container_env_vars: settings.debug.env_vars.clone(),
        memory_limit: settings.memory_limit,
        freeze: settings.freeze,
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

fn gateway(settings: &GatewaySettings) -> wire::gateway::GatewaySettings {
    let tls = |tls: &Tls| wire::gateway::Tls { certificate: tls.certificate.clone(), key: tls.key.clone() };
    wire::gateway::GatewaySettings {
        tls: settings.tls.as_ref().map(tls),
        static_dir: settings.static_dir.clone(),
        disable_authorizer: settings.disable_authorizer,
        binary_types: settings.binary_types.clone(),
    }
}

fn running(running: &RunningStatus, settings: &Settings) -> wire::project::Running {
    let origin = Origin::of(settings, running.address);
    wire::project::Running {
        url: url(origin),
        generation: running.generation,
        since_ms: milliseconds(running.since),
        template: running.template.0.clone(),
        template_reason: running.template.1.clone(),
        routes: routes::of(&running.project, origin),
        functions: running
            .functions
            .iter()
            .map(|status| function(status, running.project.functions.get(&status.id)))
            .collect(),
        stand_ins: running.stand_ins.iter().map(stand_in).collect(),
        api_keys: api_keys(&running.project),
        last_reload: running.last_reload.as_ref().map(reload_report),
    }
}

/// Each key once, with all plans that admit it; those of no plan at the end.
fn api_keys(project: &Project) -> Vec<wire::project::ApiKey> {
    let shown = |key: &ApiKey, plans: Vec<String>| wire::project::ApiKey {
        id: key.id.clone(),
        value: wire::secret::Text(key.value.clone()),
        enabled: key.enabled,
        plans,
    };
    let mut keys: Vec<wire::project::ApiKey> = Vec::new();
    for plan in project.apis.values().flat_map(|api| &api.usage_plans) {
        for key in &plan.keys {
            match keys.iter_mut().find(|known| known.id == key.id) {
                Some(known) if known.plans.contains(&plan.id) => {}
                Some(known) => known.plans.push(plan.id.clone()),
                None => keys.push(shown(key, vec![plan.id.clone()])),
            }
        }
    }
    keys.extend(project.keys_without_plan.iter().map(|key| shown(key, Vec::new())));
    keys
}

/// A function as it runs, with what the project says of it; while a reload is under way the two may differ for a moment.
fn function(status: &FunctionStatus, function: Option<&Function>) -> wire::project::FunctionStatus {
    wire::project::FunctionStatus {
        id: status.id.0.clone(),
        also: function.map(|function| function.other_names().map(str::to_owned).collect()).unwrap_or_default(),
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

/// A step on the way to an image.
pub(in crate::control) fn image_event(progress: &Progress) -> wire::reload::ReloadEvent {
    let (step, pull, text) = match &progress.step {
        Step::Pulling(pull) => (wire::image::ImageStep::Pulling, *pull, None),
        Step::Building { line } => (wire::image::ImageStep::Building, Pull::default(), Some(line.clone())),
        Step::Ready => (wire::image::ImageStep::Ready, Pull::default(), None),
        Step::Failed { reason } => (wire::image::ImageStep::Failed, Pull::default(), Some(reason.clone())),
    };
    wire::reload::ReloadEvent::Image(wire::image::ImageProgress {
        image: progress.image.clone(),
        step,
        layers: pull.layers,
        layers_done: pull.layers_done,
        bytes: pull.bytes,
        bytes_total: pull.bytes_total,
        text,
    })
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

/// A request that was answered.
pub(in crate::control) fn request_line(access: &Access) -> wire::log::RequestLine {
    wire::log::RequestLine {
        time_ms: milliseconds(access.time),
        client: access.client.to_string(),
        method: access.method.clone(),
        target: access.target.clone(),
        version: access.version.clone(),
        status: access.status,
        duration_us: u64::try_from(access.duration.as_micros()).unwrap_or(u64::MAX),
    }
}

/// What the URLs of a running project begin with.
#[derive(Debug, Clone, Copy)]
pub(in crate::control) struct Origin {
    /// `http` or `https`.
    pub(in crate::control) scheme: &'static str,
    /// Where it is served.
    pub(in crate::control) address: SocketAddr,
}

impl Origin {
    /// Of a project with these settings at this address.
    pub(in crate::control) fn of(settings: &Settings, address: SocketAddr) -> Origin {
        Origin { scheme: if settings.gateway.tls.is_some() { "https" } else { "http" }, address }
    }
}

/// Where a project is reached from this machine: an address that stands for all becomes the loopback one.
pub(in crate::control) fn url(Origin { scheme, address }: Origin) -> String {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(match address.ip() {
            std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("{scheme}://{reachable}")
}
