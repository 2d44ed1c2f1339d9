//! A project as it stands, for those who ask while its task is at work: reading never waits for a change, however long an
//! image takes to come.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::project::settings::Settings;
use crate::project::{FunctionId, Project};
use crate::sandbox::progress::{Progress, Step};
use crate::template::{Diagnostic, Severity};

use super::handle::{ProjectStatus, ReloadReport, RunningStatus};
use super::reconcile::Running;
use super::status;

/// What a project's task shows of itself.
#[derive(Debug, Clone)]
pub(super) struct View {
    /// Its settings.
    pub(super) settings: Settings,
    /// What runs.
    pub(super) running: Option<RunningView>,
    /// What was found when its files were last read.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Images and other things that its functions wait for.
    pub(super) awaited: BTreeSet<String>,
}

/// What runs of a project.
#[derive(Debug, Clone)]
pub(super) struct RunningView {
    pub(super) address: SocketAddr,
    pub(super) generation: u64,
    pub(super) since: SystemTime,
    pub(super) template: (PathBuf, String),
    pub(super) project: Arc<Project>,
    pub(super) functions: BTreeMap<FunctionId, Running>,
    pub(super) last_reload: Option<ReloadReport>,
}

impl View {
    /// The status, with what the workers say of themselves and what is being done about images.
    pub(super) async fn status(self, under_way: &[Progress]) -> ProjectStatus {
        let notes = self.running.iter().flat_map(|running| status::notes(&running.functions)).collect::<Vec<_>>();
        let images = under_way.iter().filter(|progress| self.awaited.contains(&progress.image)).map(note);
        let diagnostics = self.diagnostics.into_iter().chain(notes).chain(images).collect();
        let running = match self.running {
            Some(running) => Some(running.status().await),
            None => None,
        };
        ProjectStatus { settings: self.settings, running, diagnostics }
    }
}

impl RunningView {
    async fn status(self) -> RunningStatus {
        RunningStatus {
            address: self.address,
            generation: self.generation,
            since: self.since,
            template: self.template,
            functions: status::of_functions(&self.functions).await,
            stand_ins: self.project.stand_ins.clone(),
            project: self.project,
            last_reload: self.last_reload,
        }
    }
}

fn note(progress: &Progress) -> Diagnostic {
    let image = &progress.image;
    let text = match &progress.step {
        Step::Pulling(pull) => format!("image {image} is being pulled: {pull}"),
        Step::Building { line } => format!("image {image} is being built: {line}"),
        Step::Ready => format!("image {image} is here"),
        Step::Failed { reason } => reason.clone(),
    };
    Diagnostic::new(Severity::Note, text)
}
