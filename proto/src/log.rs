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
    /// Tell of the requests that the gateway and the Lambda endpoint answer, too; those that come, since past ones are not kept.
    #[serde(default)]
    pub requests: bool,
}

/// One event of `logs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LogEvent {
    /// A line.
    Line(LogLine),
    /// A request that the gateway or, for the project's functions, the Lambda endpoint answered.
    Request(RequestLine),
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

/// A request that the gateway or, for the project's functions, the Lambda endpoint answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestLine {
    /// When its answer began, in milliseconds since 1970.
    pub time_ms: u64,
    /// The client's IP address.
    pub client: String,
    /// `GET`.
    pub method: String,
    /// Path and query as they were sent.
    pub target: String,
    /// `HTTP/1.1`.
    pub version: String,
    /// The answer's status.
    pub status: u16,
    /// Microseconds until the answer began.
    pub duration_us: u64,
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
