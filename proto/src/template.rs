//! Reading a template without starting anything.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Diagnostic;
use crate::secret::{Environment, ParameterOverride};

/// Which template is read, and with what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateQuery {
    /// Absolute path of a template, or of a folder in which one is searched.
    pub path: PathBuf,
    /// Parameter overrides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameter_overrides: Vec<ParameterOverride>,
    /// Absolute path of the env-vars file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env_vars: Option<PathBuf>,
    /// Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Named profile of the shared AWS files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The caller's environment.
    #[serde(default)]
    pub environment: Environment,
}

/// Request of `routes-of-template`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutesOfTemplateRequest {
    /// The template.
    #[serde(flatten)]
    pub template: TemplateQuery,
}

/// Request of `validate`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidateRequest {
    /// The template.
    #[serde(flatten)]
    pub template: TemplateQuery,
}

/// Response of `validate`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidateResponse {
    /// Whether it would be served: no finding is an error.
    pub valid: bool,
    /// How many functions it has.
    pub functions: usize,
    /// How many routes it has.
    pub routes: usize,
    /// The findings.
    pub diagnostics: Vec<Diagnostic>,
}
