//! What a caller sends, checked, as values that cannot be wrong.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use samd_proto as wire;
use samd_proto::secret::ParameterOverride;
use samd_proto::template::TemplateQuery;
use samd_proto::{ApiError, ErrorCode};

use super::containers;
use crate::project::gateway::{GatewayPatch, Tls};
use crate::project::issuers::Pin;
use crate::project::settings::{ProjectName, SandboxChoice, SettingName, Settings, Warm};
use crate::supervisor::handle::{CallerEnvironment, DebugPatch, Patch};

/// The longest name of a project.
const MAX_NAME: usize = 64;

/// A name that is fit for file names, host names and terminals.
pub(in crate::control) fn project_name(name: String) -> Result<ProjectName, ApiError> {
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

fn setting(name: wire::settings::SettingName) -> SettingName {
    match name {
        wire::settings::SettingName::Template => SettingName::Template,
        wire::settings::SettingName::Host => SettingName::Host,
        wire::settings::SettingName::Port => SettingName::Port,
        wire::settings::SettingName::EnvVars => SettingName::EnvVars,
        wire::settings::SettingName::ParameterOverrides => SettingName::ParameterOverrides,
        wire::settings::SettingName::Sandbox => SettingName::Sandbox,
        wire::settings::SettingName::Warm => SettingName::Warm,
        wire::settings::SettingName::Region => SettingName::Region,
        wire::settings::SettingName::Profile => SettingName::Profile,
        wire::settings::SettingName::MaxConcurrency => SettingName::MaxConcurrency,
        wire::settings::SettingName::IdleExpiry => SettingName::IdleExpiry,
        wire::settings::SettingName::BuildCommand => SettingName::BuildCommand,
    }
}

/// A change of settings.
pub(in crate::control) fn patch(patch: wire::settings::SettingsPatch) -> Result<Patch, ApiError> {
    Ok(Patch {
        path: absolute("path", patch.path)?,
        template: absolute("template", patch.template)?,
        port: patch.port,
        host: patch.host.as_deref().map(host).transpose()?,
        env_vars: absolute("env_vars", patch.env_vars)?,
        parameter_overrides: patch.parameter_overrides.map(overrides),
        sandbox: patch.sandbox.map(|choice| match choice {
            wire::settings::SandboxChoice::Process => SandboxChoice::Process,
            wire::settings::SandboxChoice::Docker => SandboxChoice::Docker,
            wire::settings::SandboxChoice::Auto => SandboxChoice::Auto,
        }),
        warm: patch.warm.map(|warm| match warm {
            wire::settings::Warm::Eager => Warm::Eager,
            wire::settings::Warm::Lazy => Warm::Lazy,
        }),
        region: patch.region,
        profile: patch.profile,
        max_concurrency: patch.max_concurrency.map(at_least_one).transpose()?,
        idle_expiry: patch.idle_expiry_ms.map(Duration::from_millis),
        lambda_endpoint: patch.lambda_endpoint,
        samconfig: patch.samconfig,
        only_functions: patch.only_functions,
        gateway: patch.gateway.map(gateway).transpose()?.unwrap_or_default(),
        containers: containers::asked(patch.containers)?,
        debug: DebugPatch {
            port: patch.debug_port.map(|port| Some(port).filter(|port| *port != 0)),
            function: patch.debug_function.map(|name| Some(name).filter(|name| !name.is_empty())),
            args: patch.debug_args.map(|args| Some(args).filter(|args| !args.trim().is_empty())),
            debugger_path: patch.debugger_path.map(|path| place("debugger_path", path)).transpose()?,
            env_vars: patch.container_env_vars.map(|path| place("container_env_vars", path)).transpose()?,
        },
        memory_limit: patch.memory_limit,
        freeze: patch.freeze,
        tell_generation: patch.tell_generation,
        build: patch.build,
        build_commands: patch
            .build_commands
            .map(|commands| commands.into_iter().map(|build| (build.function, build.command)).collect()),
        unset: patch.unset.into_iter().map(setting).collect(),
        jwks: patch.jwks.map(|pins| pins.into_iter().map(pin).collect()).transpose()?,
    })
}

fn gateway(patch: wire::gateway::GatewayPatch) -> Result<GatewayPatch, ApiError> {
    let tls = |tls: wire::gateway::Tls| -> Result<Tls, ApiError> {
        Ok(Tls {
            certificate: absolute("tls.certificate", Some(tls.certificate))?.unwrap_or_default(),
            key: absolute("tls.key", Some(tls.key))?.unwrap_or_default(),
        })
    };
    Ok(GatewayPatch {
        tls: patch.tls.map(tls).transpose()?,
        static_dir: absolute("static_dir", patch.static_dir)?,
        disable_authorizer: patch.disable_authorizer,
        binary_types: patch.binary_types,
    })
}

/// The settings with which a template is read that nobody starts.
pub(in crate::control) fn template_query(query: TemplateQuery) -> Result<(Settings, CallerEnvironment), ApiError> {
    let path = absolute("path", Some(query.path))?.unwrap_or_default();
    let mut settings = Settings::new(ProjectName("template".to_owned()), path);
    settings.env_vars = absolute("env_vars", query.env_vars)?;
    settings.parameter_overrides = overrides(query.parameter_overrides);
    settings.region = query.region;
    settings.profile = query.profile;
    Ok((settings, CallerEnvironment(query.environment.0)))
}

/// An empty path takes the setting back.
fn place(field: &str, path: PathBuf) -> Result<Option<PathBuf>, ApiError> {
    if path.as_os_str().is_empty() { Ok(None) } else { absolute(field, Some(path)) }
}

fn pin(keys: wire::settings::PinnedKeys) -> Result<Pin, ApiError> {
    let file = absolute("jwks.file", Some(keys.file))?.unwrap_or_default();
    Ok(Pin { subject: keys.subject, file })
}

/// The daemon has a working folder of its own, so a relative path would mean something else here than to the caller.
pub(super) fn absolute(field: &str, path: Option<PathBuf>) -> Result<Option<PathBuf>, ApiError> {
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
pub(in crate::control) fn time(milliseconds: u64) -> Result<SystemTime, ApiError> {
    SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_millis(milliseconds))
        .ok_or_else(|| bad_request("since_ms is out of range"))
}

pub(super) fn bad_request(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::BadRequest, message)
}
