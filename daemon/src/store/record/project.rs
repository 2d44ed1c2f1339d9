//! A project's record.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::containers::ContainersV1;
use super::gateway::GatewayV1;
use super::{VERSION, millis};
use crate::project::issuers::Pin;
use crate::project::settings::{DebugSettings, ProjectName, SandboxChoice, Settings, Warm};
use crate::store::model::{SavedProject, Wanted};

#[derive(Serialize, Deserialize)]
pub(super) struct ProjectV1 {
    version: u32,
    name: String,
    path: PathBuf,
    template: Option<PathBuf>,
    host: IpAddr,
    asked_port: Option<u16>,
    env_vars: Option<PathBuf>,
    parameter_overrides: Vec<(String, String)>,
    sandbox: SandboxChoiceV1,
    warm: WarmV1,
    region: Option<String>,
    profile: Option<String>,
    max_concurrency: u32,
    idle_expiry_ms: u64,
    wanted: WantedV1,
    generation: u64,
    port: Option<u16>,
    #[serde(default = "on")]
    lambda_endpoint: bool,
    #[serde(default)]
    containers: ContainersV1,
    #[serde(default)]
    debug_port: Option<u16>,
    #[serde(default)]
    debug_function: Option<String>,
    #[serde(default)]
    debug_args: Option<String>,
    #[serde(default)]
    debugger_path: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container_env_vars: Option<PathBuf>,
    #[serde(default = "on")]
    memory_limit: bool,
    #[serde(default)]
    freeze: bool,
    #[serde(default)]
    tell_generation: bool,
    #[serde(default)]
    build: bool,
    #[serde(default)]
    build_commands: BTreeMap<String, String>,
    #[serde(default = "on")]
    samconfig: bool,
    #[serde(default)]
    only_functions: Vec<String>,
    #[serde(default)]
    gateway: GatewayV1,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    jwks: Vec<PinV1>,
}

#[derive(Serialize, Deserialize)]
struct PinV1 {
    subject: String,
    file: PathBuf,
}

/// Of records from before there was this setting.
fn on() -> bool {
    true
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SandboxChoiceV1 {
    Process,
    Docker,
    Auto,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WarmV1 {
    Eager,
    Lazy,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WantedV1 {
    Running,
    Stopped,
}

impl From<&SavedProject> for ProjectV1 {
    fn from(project: &SavedProject) -> ProjectV1 {
        let settings = &project.settings;
        ProjectV1 {
            version: VERSION,
            name: settings.name.0.clone(),
            path: settings.path.clone(),
            template: settings.template.clone(),
            host: settings.host,
            asked_port: settings.port,
            env_vars: settings.env_vars.clone(),
            parameter_overrides: settings.parameter_overrides.clone(),
            sandbox: match settings.sandbox {
                SandboxChoice::Process => SandboxChoiceV1::Process,
                SandboxChoice::Docker => SandboxChoiceV1::Docker,
                SandboxChoice::Auto => SandboxChoiceV1::Auto,
            },
            warm: match settings.warm {
                Warm::Eager => WarmV1::Eager,
                Warm::Lazy => WarmV1::Lazy,
            },
            region: settings.region.clone(),
            profile: settings.profile.clone(),
            max_concurrency: settings.max_concurrency,
            idle_expiry_ms: millis(settings.idle_expiry),
            wanted: match project.wanted {
                Wanted::Running => WantedV1::Running,
                Wanted::Stopped => WantedV1::Stopped,
            },
            generation: project.generation,
            port: project.port,
            lambda_endpoint: settings.lambda_endpoint,
            samconfig: settings.samconfig,
            only_functions: settings.only_functions.clone(),
            gateway: GatewayV1::from(&settings.gateway),
            containers: ContainersV1::from(&settings.containers),
            debug_port: settings.debug.port,
            debug_function: settings.debug.function.clone(),
            debug_args: settings.debug.args.clone(),
            debugger_path: settings.debug.debugger_path.clone(),
            container_env_vars: settings.debug.env_vars.clone(),
            memory_limit: settings.memory_limit,
            freeze: settings.freeze,
            tell_generation: settings.tell_generation,
            build: settings.build,
            build_commands: settings.build_commands.clone(),
            jwks: settings.jwks.iter().cloned().map(|Pin { subject, file }| PinV1 { subject, file }).collect(),
        }
    }
}

impl From<ProjectV1> for SavedProject {
    fn from(record: ProjectV1) -> SavedProject {
        let settings = Settings {
            name: ProjectName(record.name),
            path: record.path,
            template: record.template,
            host: record.host,
            port: record.asked_port,
            env_vars: record.env_vars,
            parameter_overrides: record.parameter_overrides,
            sandbox: match record.sandbox {
                SandboxChoiceV1::Process => SandboxChoice::Process,
                SandboxChoiceV1::Docker => SandboxChoice::Docker,
                SandboxChoiceV1::Auto => SandboxChoice::Auto,
            },
            warm: match record.warm {
                WarmV1::Eager => Warm::Eager,
                WarmV1::Lazy => Warm::Lazy,
            },
            region: record.region,
            profile: record.profile,
            max_concurrency: record.max_concurrency,
            idle_expiry: Duration::from_millis(record.idle_expiry_ms),
            lambda_endpoint: record.lambda_endpoint,
            samconfig: record.samconfig,
            only_functions: record.only_functions,
            gateway: record.gateway.into(),
            containers: record.containers.into(),
            debug: DebugSettings {
                port: record.debug_port,
                function: record.debug_function,
                args: record.debug_args,
                debugger_path: record.debugger_path,
                env_vars: record.container_env_vars,
            },
            memory_limit: record.memory_limit,
            freeze: record.freeze,
            tell_generation: record.tell_generation,
            build: record.build,
            build_commands: record.build_commands,
            jwks: record.jwks.into_iter().map(|PinV1 { subject, file }| Pin { subject, file }).collect(),
        };
        let wanted = match record.wanted {
            WantedV1::Running => Wanted::Running,
            WantedV1::Stopped => Wanted::Stopped,
        };
        SavedProject { settings, wanted, generation: record.generation, port: record.port }
    }
}
