//! A project's settings: how it is served.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::containers::{Containers, ContainersPatch};
use crate::secret::ParameterOverride;

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
    /// Whether sandboxes are frozen between invocations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze: Option<bool>,
    /// Files of keys that issuers of tokens are pinned to; they replace all earlier ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Vec<PinnedKeys>>,
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
    /// Whether sandboxes are frozen between invocations.
    #[serde(default)]
    pub freeze: bool,
    /// Files of keys that issuers of tokens are pinned to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jwks: Vec<PinnedKeys>,
}

/// Of a daemon from before there was this setting.
fn on() -> bool {
    true
}
