//! Reading a template without starting anything, as `validate` and `routes --template` ask.
//!
//! The control port does not import the loader: the composition root hands its reading in as a [`TemplateReader`].

use std::sync::Arc;

use samd_proto::template::TemplateQuery;
use samd_proto::{ApiError, ErrorCode};

use super::Context;
use super::convert;
use crate::project::Project;
use crate::project::settings::Settings;
use crate::supervisor::handle::CallerEnvironment;
use crate::template::Diagnostic;

/// Reads the template that settings point to. It may block: it is called apart from the runtime's threads.
pub type TemplateReader = Arc<dyn Fn(Settings, CallerEnvironment) -> Reading + Send + Sync>;

/// What came of reading a template.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The resolved project; `None` when it could not be resolved.
    pub project: Option<Arc<Project>>,
    /// The findings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the template that a request names.
pub(super) async fn read(context: &Context, query: TemplateQuery) -> Result<Reading, ApiError> {
    let (settings, caller) = convert::template_query(query)?;
    let reader = context.templates.clone();
    tokio::task::spawn_blocking(move || reader(settings, caller))
        .await
        .map_err(|error| ApiError::new(ErrorCode::Other, format!("the template's reader failed: {error}")))
}
