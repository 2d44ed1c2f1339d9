//! How the project stands, for those who ask.

use std::time::SystemTime;

use crate::project::FunctionId;
use crate::supervisor::handle::{ProjectStatus, Refused, RunningStatus};
use crate::supervisor::status;
use crate::supervisor::token::{self, Minted, TokenWanted};
use crate::worker;

use super::refused::Waiting;
use super::{Live, ProjectTask};

impl ProjectTask {
    pub(super) async fn status(&self) -> ProjectStatus {
        let running = match &self.running {
            Some(live) => Some(self.running_status(live).await),
            None => None,
        };
        let notes = self.running.iter().flat_map(|live| status::notes(&live.functions));
        let diagnostics =
            self.diagnostics.iter().chain(&self.unwatched).cloned().chain(notes).chain(self.building.notes());
        let diagnostics = diagnostics.chain(self.waiting.iter().flat_map(Waiting::notes)).collect();
        ProjectStatus { settings: self.settings.clone(), running, diagnostics }
    }

    async fn running_status(&self, live: &Live) -> RunningStatus {
        let functions = status::of_functions(&live.functions).await;
        RunningStatus {
            address: live.gateway.address,
            generation: self.generation,
            since: live.since,
            template: live.template.clone(),
            project: live.project.clone(),
            functions,
            stand_ins: live.project.stand_ins.clone(),
            last_reload: self.last_reload.clone(),
        }
    }

    pub(super) fn worker(&self, function: &FunctionId) -> Result<worker::Handle, Refused> {
        let Some(live) = &self.running else { return Err(Refused::Stopped(self.name().clone())) };
        match live.functions.get(function).map(|running| &running.state) {
            Some(Ok(live)) => Ok(live.worker.clone()),
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
