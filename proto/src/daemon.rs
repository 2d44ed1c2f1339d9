//! The daemon itself.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Request of `daemon-status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonStatusRequest {}

/// Request of `daemon-stop`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonStopRequest {}

/// Response of `daemon-status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// samd's version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// When it started, in milliseconds since 1970.
    pub started_ms: u64,
    /// The control port's address.
    pub control: String,
    /// The Lambda endpoint's URL, when it is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda_endpoint: Option<String>,
    /// Its state folder.
    pub state_dir: PathBuf,
    /// Projects that run.
    pub running: usize,
    /// Projects that it knows.
    pub projects: usize,
}
