//! What functions get of the caller's AWS account.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::credentials;
use crate::lambda::environment;
use crate::template::Diagnostic;

use super::ProjectTask;
use super::cause::Cause;

/// What functions get of the caller's AWS account.
#[derive(Clone)]
pub(super) struct Account {
    pub(super) variables: Arc<BTreeMap<String, String>>,
    pub(super) region: String,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl ProjectTask {
    /// Credentials and region are asked for again at each command, and kept while files change.
    pub(super) async fn account(&self, cause: &Cause) -> Account {
        if let (Some(live), false) = (&self.running, cause.touched.is_empty()) {
            return live.account.clone();
        }
        let home = std::env::home_dir();
        let request = credentials::Request {
            profile: self.settings.profile.as_deref(),
            region: self.settings.region.as_deref(),
            home: home.as_deref(),
        };
        let resolved = credentials::resolve(request, &self.caller.0).await;
        let mut variables = resolved.variables();
        if self.settings.lambda_endpoint {
            let url = format!("http://{}/{}", self.shared.lambda_endpoint, self.name());
            variables.insert(environment::LAMBDA_ENDPOINT.to_owned(), url);
        }
        Account { variables: Arc::new(variables), region: resolved.region.clone(), diagnostics: resolved.diagnostics }
    }
}
