//! Projects: how they are started and changed, and how they stand.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Diagnostic;
use crate::reload::ReloadReport;
use crate::route::Route;
use crate::secret::{Environment, Text};
use crate::settings::{Settings, SettingsPatch};

/// Request of `start`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StartRequest {
    /// The name under which the project is steered.
    pub name: String,
    /// What to set; a new project needs its path.
    #[serde(default)]
    pub settings: SettingsPatch,
    /// The caller's environment.
    #[serde(default)]
    pub environment: Environment,
}

/// Request of `stop`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRequest {
    /// The project.
    pub name: String,
}

/// Request of `remove`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveRequest {
    /// The project.
    pub name: String,
}

/// Request of `set`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SetRequest {
    /// The project.
    pub name: String,
    /// What to set.
    #[serde(default)]
    pub settings: SettingsPatch,
}

/// Request of `list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRequest {}

/// Request of `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRequest {
    /// The project.
    pub name: String,
}

/// The answer where there is nothing to say but that it is done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

/// Response of `list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListResponse {
    /// The projects by name.
    pub projects: Vec<ProjectSummary>,
}

/// A project in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectSummary {
    /// Its name.
    pub name: String,
    /// Absolute path of its template or folder.
    pub path: PathBuf,
    /// Whether it runs.
    pub state: ProjectState,
    /// Where it is served, when it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Number of the configuration that serves, when it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// How many functions it has, when it runs.
    #[serde(default)]
    pub functions: usize,
    /// How many errors the last reading of its files had; what serves may then be older than the files.
    #[serde(default)]
    pub errors: usize,
    /// How many warnings it had.
    #[serde(default)]
    pub warnings: usize,
}

/// Whether a project runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectState {
    /// It is served.
    Running,
    /// Its settings are kept and nothing runs.
    Stopped,
}

/// Response of `start`, `set` and `status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectStatus {
    /// Its name.
    pub name: String,
    /// Absolute path of its template or folder.
    pub path: PathBuf,
    /// Its settings.
    pub settings: Settings,
    /// What runs; absent when it is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Running>,
    /// Findings of the last reading of its files, also of one whose result does not serve.
    pub diagnostics: Vec<Diagnostic>,
}

/// A project that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// Where it is served, as in `http://127.0.0.1:3000`.
    pub url: String,
    /// Number of the configuration that serves, from 1.
    pub generation: u64,
    /// When it became active, in milliseconds since 1970.
    pub since_ms: u64,
    /// The template in use.
    pub template: PathBuf,
    /// Why this one, as one clause.
    pub template_reason: String,
    /// Routes, the way they are served.
    pub routes: Vec<Route>,
    /// Functions as they run.
    pub functions: Vec<FunctionStatus>,
    /// Values that only a deployment could know, and what stands in for them.
    pub stand_ins: Vec<StandIn>,
    /// API keys that usage plans admit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub api_keys: Vec<ApiKey>,
    /// The last change of configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reload: Option<ReloadReport>,
}

/// A function as it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionStatus {
    /// Logical id.
    pub id: String,
    /// Other names that it goes by: its logical id without nested stacks, the CDK's id, its name in Lambda.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// Its runtime, as in `python3.12`, or `image`.
    pub runtime: String,
    /// Its handler, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// Milliseconds that one invocation may take.
    pub timeout_ms: u64,
    /// MemorySize in MB.
    pub memory_mb: u32,
    /// Driver in use.
    pub driver: String,
    /// The interpreter or image that runs it, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// Sandboxes that exist.
    pub sandboxes: Vec<SandboxStatus>,
    /// Invocations that wait.
    pub waiting: usize,
}

/// A sandbox as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxStatus {
    /// Process id, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// `held`, `starting`, `idle`, `busy`, `stopping`.
    pub state: String,
    /// Invocations served.
    pub served: u64,
}

/// An API key, as a client sends it in `x-api-key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Logical id.
    pub id: String,
    /// Its value: the template's, or one that stays the same.
    pub value: Text,
    /// Whether it is enabled.
    pub enabled: bool,
    /// The usage plans that admit it; with none it is answered 403.
    pub plans: Vec<String>,
}

/// A value that could not be known locally.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandIn {
    /// What the template asks for, as in `Table.StreamArn`.
    pub expression: String,
    /// What is used.
    pub value: String,
}
