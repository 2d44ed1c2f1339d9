//! What the user asked for when a project was started: where it is and how to serve it.
//!
//! Settings outlast the daemon (the store keeps them); the caller's AWS credentials do not and are not among them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use super::containers::ContainerSettings;
use super::gateway::GatewaySettings;
use super::issuers::Pin;

/// The name under which a project is steered, unique in one daemon.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectName(pub String);

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A project's settings. `Debug` shows no override value, since these may be secrets.
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// Its name.
    pub name: ProjectName,
    /// Absolute path of a template, or of a folder in which one is searched.
    pub path: PathBuf,
    /// Absolute path of the template when it was named apart from the folder (`--template`).
    pub template: Option<PathBuf>,
    /// Address to serve on; loopback unless asked otherwise.
    pub host: IpAddr,
    /// Port that was asked for; `None` takes the next free one and keeps it.
    pub port: Option<u16>,
    /// Env-vars file: the SAM CLI's JSON, or dotenv.
    pub env_vars: Option<PathBuf>,
    /// Parameter overrides, in order.
    pub parameter_overrides: Vec<(String, String)>,
    /// Which driver runs functions.
    pub sandbox: SandboxChoice,
    /// When INIT happens.
    pub warm: Warm,
    /// Region; `None` takes the caller's, the profile's, else us-east-1.
    pub region: Option<String>,
    /// Named profile of the shared AWS files.
    pub profile: Option<String>,
    /// The most sandboxes of a function that reserves no concurrency of its own.
    pub max_concurrency: u32,
    /// A sandbox that served nothing for so long is stopped.
    pub idle_expiry: Duration,
    /// Functions are told the address of the Lambda endpoint, by which they reach each other.
    pub lambda_endpoint: bool,
    /// A samconfig beside the template fills in what these settings leave open.
    pub samconfig: bool,
    /// The functions that run, by logical id or name; none named, all run.
    pub only_functions: Vec<String>,
    /// How the gateway serves, beyond its address.
    pub gateway: GatewaySettings,
    /// What concerns containers alone.
    pub containers: ContainerSettings,
    /// Replies carry `X-Samd-Generation`.
    pub tell_generation: bool,
    /// Functions with a build step are built when their sources change.
    pub build: bool,
    /// Shell commands of the user's that build functions, by logical id.
    pub build_commands: BTreeMap<String, String>,
    /// Files of keys that issuers of tokens are pinned to.
    pub jwks: Vec<Pin>,
    /// Which function is debugged, and how.
    pub debug: DebugSettings,
    /// Functions are held to their MemorySize.
    pub memory_limit: bool,
    /// Sandboxes are frozen between invocations, as at AWS.
    pub freeze: bool,
}

/// What the user said of debugging, under the SAM CLI's names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DebugSettings {
    /// Port on which a debugger may attach (`--debug-port`); without one nothing is debugged.
    pub port: Option<u16>,
    /// The function, by logical id or name (`--debug-function`); `None` is the only one.
    pub function: Option<String>,
    /// Arguments for the debugger or the interpreter (`--debug-args`).
    pub args: Option<String>,
    /// Absolute path of the folder that holds the debugger (`--debugger-path`).
    pub debugger_path: Option<PathBuf>,
    /// Absolute path of a file of variables for the function (`--container-env-vars`).
    pub env_vars: Option<PathBuf>,
}

/// A setting that can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingName {
    /// [`Settings::template`].
    Template,
    /// [`Settings::host`].
    Host,
    /// [`Settings::port`].
    Port,
    /// [`Settings::env_vars`].
    EnvVars,
    /// [`Settings::parameter_overrides`].
    ParameterOverrides,
    /// [`Settings::sandbox`].
    Sandbox,
    /// [`Settings::warm`].
    Warm,
    /// [`Settings::region`].
    Region,
    /// [`Settings::profile`].
    Profile,
    /// [`Settings::max_concurrency`].
    MaxConcurrency,
    /// [`Settings::idle_expiry`].
    IdleExpiry,
    /// [`Settings::build_commands`].
    BuildCommand,
}

/// Default of [`Settings::max_concurrency`].
pub const DEFAULT_MAX_CONCURRENCY: u32 = 10;
/// Default of [`Settings::idle_expiry`].
pub const DEFAULT_IDLE_EXPIRY: Duration = Duration::from_secs(15 * 60);

impl Settings {
    /// Settings of a project at `path` with every default.
    #[must_use]
    pub fn new(name: ProjectName, path: PathBuf) -> Settings {
        Settings {
            name,
            path,
            template: None,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: None,
            env_vars: None,
            parameter_overrides: Vec::new(),
            sandbox: SandboxChoice::Auto,
            warm: Warm::Lazy,
            region: None,
            profile: None,
            max_concurrency: DEFAULT_MAX_CONCURRENCY,
            idle_expiry: DEFAULT_IDLE_EXPIRY,
            lambda_endpoint: true,
            samconfig: true,
            only_functions: Vec::new(),
            gateway: GatewaySettings::default(),
            containers: ContainerSettings::default(),
            tell_generation: false,
            build: false,
            build_commands: BTreeMap::new(),
            jwks: Vec::new(),
            debug: DebugSettings::default(),
            memory_limit: true,
            freeze: false,
        }
    }

    /// Takes a setting back to its default.
    pub fn reset(&mut self, setting: SettingName) {
        let fresh = Settings::new(self.name.clone(), PathBuf::new());
        match setting {
            SettingName::Template => self.template = fresh.template,
            SettingName::Host => self.host = fresh.host,
            SettingName::Port => self.port = fresh.port,
            SettingName::EnvVars => self.env_vars = fresh.env_vars,
            SettingName::ParameterOverrides => self.parameter_overrides = fresh.parameter_overrides,
            SettingName::Sandbox => self.sandbox = fresh.sandbox,
            SettingName::Warm => self.warm = fresh.warm,
            SettingName::Region => self.region = fresh.region,
            SettingName::Profile => self.profile = fresh.profile,
            SettingName::MaxConcurrency => self.max_concurrency = fresh.max_concurrency,
            SettingName::IdleExpiry => self.idle_expiry = fresh.idle_expiry,
            SettingName::BuildCommand => self.build_commands = fresh.build_commands,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let overrides: Vec<&str> = self.parameter_overrides.iter().map(|(key, _)| key.as_str()).collect();
        f.debug_struct("Settings")
            .field("name", &self.name)
            .field("path", &self.path)
            .field("template", &self.template)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("env_vars", &self.env_vars)
            .field("parameter_overrides", &overrides)
            .field("sandbox", &self.sandbox)
            .field("warm", &self.warm)
            .field("region", &self.region)
            .field("profile", &self.profile)
            .field("max_concurrency", &self.max_concurrency)
            .field("idle_expiry", &self.idle_expiry)
            .field("lambda_endpoint", &self.lambda_endpoint)
            .field("samconfig", &self.samconfig)
            .field("only_functions", &self.only_functions)
            .field("gateway", &self.gateway)
            .field("containers", &self.containers)
            .field("tell_generation", &self.tell_generation)
            .field("build", &self.build)
            .field("build_commands", &self.build_commands.keys())
            .field("jwks", &self.jwks)
            .field("debug", &self.debug)
            .field("memory_limit", &self.memory_limit)
            .field("freeze", &self.freeze)
            .finish()
    }
}

/// Which driver runs functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SandboxChoice {
    /// The function's own runtime as a child process.
    Process,
    /// A container per sandbox.
    Docker,
    #[default]
    /// Containers where an engine answers and the image is there, else processes.
    Auto,
}

/// When INIT happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warm {
    /// At start, before the first request.
    Eager,
    /// On first use.
    Lazy,
}
