//! The files of keys that issuers of tokens are pinned to (effects): read, checked, handed to the authorizers.

use std::sync::Arc;

use super::read;
use crate::project::Project;
use crate::project::issuers::{self, Pin};
use crate::template::Diagnostic;

/// Pins the authorizers of a project; the files become sources, so that a change of one is a change of the project.
///
/// # Errors
/// A file cannot be read or has no keys.
pub(super) fn pin(project: &mut Project, pins: &[Pin]) -> Result<Vec<Diagnostic>, Diagnostic> {
    let mut findings = Vec::new();
    for pin in pins {
        let wrong = |why: String| Diagnostic::error(format!("the key file {} {why}", pin.file.display()));
        let text = read(&pin.file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        if let Some(why) = issuers::wrong_with_keys(&text) {
            return Err(wrong(format!("is no JWKS document: {why}")));
        }
        findings.extend(issuers::pin(project, pin, &Arc::from(text)));
        project.sources.push(pin.file.clone());
    }
    Ok(findings)
}
