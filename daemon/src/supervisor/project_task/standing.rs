//! How the project stands, for those who ask.

use std::sync::PoisonError;
use std::time::SystemTime;

use crate::project::FunctionId;
use crate::supervisor::handle::{ProjectStatus, Refused};
use crate::supervisor::reconcile::Running;
use crate::supervisor::token::{self, Minted, TokenWanted};
use crate::supervisor::view::{RunningView, View};
use crate::worker;

use super::order::Card;
use super::refused::Waiting;
use super::{Live, ProjectTask};

impl ProjectTask {
    pub(super) async fn status(&self) -> ProjectStatus {
        self.view().status(&self.shared.board.current()).await
    }

    /// Lets others see how the project stands.
    pub(super) fn show(&self) {
        let card = Card { path: self.settings.path.clone(), port: self.port, view: self.view() };
        *self.card.lock().unwrap_or_else(PoisonError::into_inner) = card;
    }

    fn view(&self) -> View {
        let running = self.running.as_ref().map(|live| RunningView {
            address: live.gateway.address,
            generation: self.generation,
            since: live.since,
            template: live.template.clone(),
            project: live.project.clone(),
            functions: live.functions.clone(),
            last_reload: self.last_reload.clone(),
        });
        let diagnostics = self.diagnostics.iter().chain(&self.unwatched).cloned().chain(self.building.notes());
        let diagnostics = diagnostics.chain(self.coming.notes());
        let diagnostics = diagnostics.chain(self.waiting.iter().flat_map(Waiting::notes)).collect();
        View { settings: self.settings.clone(), running, diagnostics, awaited: self.coming.awaited() }
    }

    pub(super) fn worker(&self, function: &FunctionId) -> Result<worker::Handle, Refused> {
        let Some(live) = &self.running else { return Err(Refused::Stopped(self.name().clone())) };
        match live.functions.get(function).map(Running::worker) {
            Some(Ok(worker)) => Ok(worker.clone()),
            Some(Err(reason)) => Err(Refused::Other(format!("function {function} cannot run: {reason}"))),
            None => Err(self.unknown(function, live)),
        }
    }

    pub(super) fn token(&mut self, wanted: &TokenWanted) -> Result<Minted, Refused> {
        let Some(live) = &self.running else { return Err(Refused::Stopped(self.name().clone())) };
        let project = live.project.clone();
        token::minted(self.surroundings()?.issuers.minter(), &project, wanted, SystemTime::now())
    }

    pub(super) fn unknown(&self, function: &FunctionId, live: &Live) -> Refused {
        let known: Vec<&str> = live.functions.keys().map(|id| id.0.as_str()).collect();
        Refused::UnknownFunction { project: self.name().clone(), function: function.clone(), known: known.join(", ") }
    }
}
