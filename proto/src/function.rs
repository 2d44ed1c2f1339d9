//! Functions as a template has them.

use serde::{Deserialize, Serialize};

use crate::Diagnostic;
use crate::template::TemplateQuery;

/// Request of `functions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionsRequest {
    /// The project.
    pub name: String,
}

/// Request of `functions-of-template`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionsOfTemplateRequest {
    /// The template.
    #[serde(flatten)]
    pub template: TemplateQuery,
}

/// Response of `functions` and `functions-of-template`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionsResponse {
    /// The functions by logical id.
    pub functions: Vec<Function>,
    /// Findings about the template.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
}

/// A function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Logical id; `Stack/Id` in a nested template.
    pub id: String,
    /// FunctionName, or the logical id.
    pub name: String,
    /// Its runtime, as in `python3.12`, or `image`.
    pub runtime: String,
    /// Its handler, where it has one.
    pub handler: Option<String>,
    /// Milliseconds that one invocation may take.
    pub timeout_ms: u64,
    /// MemorySize in MB.
    pub memory_mb: u32,
    /// How many routes lead to it, a function URL among them.
    pub routes: usize,
    /// Events that the template has and samd does not serve.
    pub other_events: Vec<Event>,
}

/// An event that invokes a function on AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its name in the template.
    pub name: String,
    /// Its type: `Schedule`, `SQS`, `S3`, …
    #[serde(rename = "type")]
    pub kind: String,
}
