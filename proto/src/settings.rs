//! A project's settings: how it is served.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::containers::{Containers, ContainersPatch};
use crate::gateway::{GatewayPatch, GatewaySettings};
use crate::secret::ParameterOverride;

/// A setting that can be taken back, by the name of its option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingName {
    /// The template apart from the folder.
    Template,
    /// The address to serve on.
    Host,
    /// The port to serve on; the one that is in use stays in use.
    Port,
    /// The env-vars file.
    EnvVars,
    /// Parameter overrides.
    ParameterOverrides,
    /// Which driver runs functions.
    Sandbox,
    /// When INIT happens.
    Warm,
    /// The region.
    Region,
    /// The profile.
    Profile,
    /// The most sandboxes of a function that reserves no concurrency of its own.
    MaxConcurrency,
    /// When a sandbox that served nothing is stopped.
    IdleExpiry,
    /// Commands of the user's that build functions.
    BuildCommand,
}

/// A change of settings: what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SettingsPatch {
    /// Absolute path of a template, or of a folder in which one is searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Absolute path of the template apart from the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<PathBuf>,
    /// Address to serve on, an IP address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Port to serve on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Absolute path of the env-vars file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_vars: Option<PathBuf>,
    /// Parameter overrides; they replace all earlier ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter_overrides: Option<Vec<ParameterOverride>>,
    /// Which driver runs functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<SandboxChoice>,
    /// When INIT happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm: Option<Warm>,
    /// Region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Named profile of the shared AWS files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The most sandboxes of a function that reserves no concurrency of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
    /// Milliseconds after which a sandbox that served nothing is stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_expiry_ms: Option<u64>,
    /// Whether functions are told the address of the Lambda endpoint, by which they reach each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda_endpoint: Option<bool>,
    /// Whether a samconfig beside the template fills in what these settings leave open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samconfig: Option<bool>,
    /// The functions that run, by logical id or name; an empty list stands for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_functions: Option<Vec<String>>,
    /// How the gateway serves, beyond its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayPatch>,
    /// What concerns containers alone.
    #[serde(skip_serializing_if = "ContainersPatch::is_empty")]
    pub containers: ContainersPatch,
    /// Port on which a debugger may attach to one function; 0 ends debugging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug_port: Option<u16>,
    /// The function to be debugged, by logical id or name; empty: the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug_function: Option<String>,
    /// Arguments for the debugger or the interpreter; empty: the usual ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug_args: Option<String>,
    /// Absolute path of the folder that holds the debugger; empty: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debugger_path: Option<PathBuf>,
    /// Absolute path of a file of variables for the function that is debugged; empty: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_env_vars: Option<PathBuf>,
    /// Whether functions are held to their MemorySize.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<bool>,
    /// Whether sandboxes are frozen between invocations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze: Option<bool>,
    /// Whether replies carry `X-Samd-Generation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tell_generation: Option<bool>,
    /// Whether functions with a build step are built when their sources change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<bool>,
    /// Commands of the user's that build functions; they replace all earlier ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_commands: Option<Vec<BuildCommand>>,
    /// Files of keys that issuers of tokens are pinned to; they replace all earlier ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Vec<PinnedKeys>>,
    /// Settings that are taken back to their defaults, before the others are applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unset: Vec<SettingName>,
}

/// How a function is built, in the user's own words.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildCommand {
    /// The function's logical id.
    pub function: String,
    /// A shell command, run in the project's folder with `ARTIFACTS_DIR` naming the folder to fill.
    pub command: String,
}

/// A command may hold a secret.
impl fmt::Debug for BuildCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuildCommand").field("function", &self.function).finish_non_exhaustive()
    }
}

/// A file of keys, and whose keys they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedKeys {
    /// An authorizer's name, with its API before a slash or without, or an issuer's URL.
    pub subject: String,
    /// Absolute path of a JWKS document.
    pub file: PathBuf,
}

/// Which driver runs functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxChoice {
    /// The function's own runtime as a child process.
    Process,
    /// A container per sandbox.
    Docker,
    /// Containers where an engine answers and the image is there, else processes.
    Auto,
}

/// When INIT happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warm {
    /// At start, before the first request.
    Eager,
    /// On first use.
    Lazy,
}

/// Settings as they stand. Values of parameter overrides stay in the daemon, since they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Absolute path of the template that was named apart from the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<PathBuf>,
    /// Address to serve on.
    pub host: String,
    /// Port that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Absolute path of the env-vars file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env_vars: Option<PathBuf>,
    /// Names of the overridden parameters.
    pub parameter_overrides: Vec<String>,
    /// Which driver runs functions.
    pub sandbox: SandboxChoice,
    /// When INIT happens.
    pub warm: Warm,
    /// Region, when it was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Profile, when it was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The most sandboxes of a function that reserves no concurrency of its own.
    pub max_concurrency: u32,
    /// Milliseconds after which a sandbox that served nothing is stopped.
    pub idle_expiry_ms: u64,
    /// Whether functions are told the address of the Lambda endpoint.
    #[serde(default = "on")]
    pub lambda_endpoint: bool,
    /// Whether a samconfig beside the template fills in what these settings leave open.
    #[serde(default = "on")]
    pub samconfig: bool,
    /// The functions that run, by logical id or name; an empty list stands for all.
    #[serde(default)]
    pub only_functions: Vec<String>,
    /// How the gateway serves, beyond its address.
    #[serde(default)]
    pub gateway: GatewaySettings,
    /// What concerns containers alone.
    #[serde(default, skip_serializing_if = "Containers::is_default")]
    pub containers: Containers,
    /// Port on which a debugger may attach, while one function is debugged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug_port: Option<u16>,
    /// The function to be debugged, when it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug_function: Option<String>,
    /// Arguments for the debugger or the interpreter, when there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug_args: Option<String>,
    /// Absolute path of the folder that holds the debugger, when it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debugger_path: Option<PathBuf>,
    /// Absolute path of the file of variables for the function that is debugged, when it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_env_vars: Option<PathBuf>,
    /// Whether functions are held to their MemorySize.
    #[serde(default = "on")]
    pub memory_limit: bool,
    /// Whether sandboxes are frozen between invocations.
    #[serde(default)]
    pub freeze: bool,
    /// Whether replies carry `X-Samd-Generation`.
    #[serde(default)]
    pub tell_generation: bool,
    /// Whether functions with a build step are built when their sources change.
    #[serde(default)]
    pub build: bool,
    /// Commands of the user's that build functions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub build_commands: Vec<BuildCommand>,
    /// Files of keys that issuers of tokens are pinned to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jwks: Vec<PinnedKeys>,
}

/// Of a daemon from before there was this setting.
fn on() -> bool {
    true
}
