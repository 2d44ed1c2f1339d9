//! How a project stands, gathered for the one who asks.

use std::collections::BTreeMap;

use crate::project::FunctionId;

use super::handle::FunctionStatus;
use super::reconcile::Running;

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
        Ok(live) => {
            let (sandboxes, waiting) = live.worker.status().await;
            let executable = live.launcher.description().executable.clone();
            FunctionStatus {
                id: id.clone(),
                driver: live.driver.to_owned(),
                executable: Some(executable),
                sandboxes,
                waiting,
            }
        }
        Err(reason) => FunctionStatus {
            id: id.clone(),
            driver: format!("none: {reason}"),
            executable: None,
            sandboxes: Vec::new(),
            waiting: 0,
        },
    }
}
