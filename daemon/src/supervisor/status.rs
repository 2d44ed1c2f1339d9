//! How a project stands, gathered for the one who asks.

use std::collections::BTreeMap;

use crate::project::FunctionId;
use crate::template::{Diagnostic, Severity};

use super::handle::FunctionStatus;
use super::reconcile::{Running, State};

/// What the user should know of how functions run, for instance that another version than asked for is used.
pub(super) fn notes(functions: &BTreeMap<FunctionId, Running>) -> Vec<Diagnostic> {
    let live = functions.iter().filter_map(|(id, running)| Some((id, running.live()?)));
    live.flat_map(|(id, live)| {
        let notes = live.launcher.description().notes.iter();
        notes.map(move |note| Diagnostic::new(Severity::Note, note).path(format!("Resources.{id}")))
    })
    .collect()
}

/// The functions as they run.
pub(super) async fn of_functions(functions: &BTreeMap<FunctionId, Running>) -> Vec<FunctionStatus> {
    let mut all = Vec::new();
    for (id, running) in functions {
        all.push(of_function(id, running).await);
    }
    all
}

async fn of_function(id: &FunctionId, running: &Running) -> FunctionStatus {
    match &running.state {
        State::Live(live) => {
            let (sandboxes, waiting) = live.worker.status().await;
            let description = live.launcher.description();
            FunctionStatus {
                id: id.clone(),
                driver: description.driver.to_owned(),
                executable: Some(description.executable.clone()),
                sandboxes,
                waiting,
            }
        }
        State::Coming { room, what } => FunctionStatus {
            id: id.clone(),
            driver: format!("none yet: {what} is on its way"),
            executable: None,
            sandboxes: Vec::new(),
            waiting: room.status().await.1,
        },
        State::Broken(reason) => FunctionStatus {
            id: id.clone(),
            driver: format!("none: {reason}"),
            executable: None,
            sandboxes: Vec::new(),
            waiting: 0,
        },
    }
}
