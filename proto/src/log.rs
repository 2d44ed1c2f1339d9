//! What functions print.

use serde::{Deserialize, Serialize};

/// Request of `logs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogsRequest {
    /// The project.
    pub name: String,
    /// Of this function alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Not older than this, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// Go on with what comes.
    #[serde(default)]
    pub follow: bool,
}

/// One event of `logs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LogEvent {
    /// A line.
    Line(LogLine),
    /// The reader was too slow and missed some.
    Lagged {
        /// How many lines.
        lost: u64,
    },
    /// An event of a newer daemon.
    #[serde(other)]
    Unknown,
}

/// A line of a function's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was written, in milliseconds since 1970.
    pub time_ms: u64,
    /// Whose it is.
    pub function: String,
    /// Who wrote it.
    pub source: LogSource,
    /// The line without its newline.
    pub line: String,
}

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// The function, on standard output or standard error.
    Function,
    /// The platform: START, END, REPORT and the like.
    Platform,
}
