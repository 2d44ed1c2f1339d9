//! Changes of configuration: asking for one, and being told of them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Diagnostic;
use crate::image::ImageProgress;

/// Request of `reload`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadRequest {
    /// The project.
    pub name: String,
    /// Functions whose sandboxes are replaced, changed or not; none names all.
    #[serde(default)]
    pub functions: Vec<String>,
    /// Answer when it is over instead of when it has begun.
    #[serde(default)]
    pub wait: bool,
}

/// Response of `reload`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadResponse {
    /// How it ended; absent when nobody waited for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReloadReport>,
}

/// What a change of configuration did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadReport {
    /// The project.
    pub project: String,
    /// The configuration that serves now.
    pub generation: u64,
    /// When it ended, in milliseconds since 1970.
    pub at_ms: u64,
    /// Microseconds from the first file event (or the call) to its end.
    pub duration_us: u64,
    /// Files that set it off.
    pub files: Vec<PathBuf>,
    /// How it ended.
    pub outcome: ReloadOutcome,
}

/// How a change of configuration ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReloadOutcome {
    /// What runs is now as asked for.
    Applied {
        /// Functions by id.
        functions: Changes,
        /// Routes, as in `GET /users`.
        routes: Changes,
    },
    /// Nothing differed.
    Unchanged,
    /// The last good configuration keeps serving.
    Rejected {
        /// Why.
        diagnostics: Vec<Diagnostic>,
    },
}

/// Names of what a change touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Changes {
    /// New ones.
    pub added: Vec<String>,
    /// Replaced ones.
    pub changed: Vec<String>,
    /// Gone ones.
    pub removed: Vec<String>,
}

/// Request of `events`: the last change of each project, and with `follow` those that come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventsRequest {
    /// Of this project alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Go on with what comes.
    pub follow: bool,
}

/// One event of `events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReloadEvent {
    /// A change of configuration ended.
    Reload(Box<ReloadReport>),
    /// An image is being pulled or built; told to those who follow.
    Image(ImageProgress),
    /// The reader was too slow and missed some.
    Lagged {
        /// How many.
        lost: u64,
    },
    /// An event of a newer daemon.
    #[serde(other)]
    Unknown,
}
