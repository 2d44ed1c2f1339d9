//! How a project stands, gathered for the one who asks.

use crate::project::FunctionId;

use super::handle::FunctionStatus;
use super::reconcile::Running;

/// A function as it runs.
pub(super) async fn of_function(id: &FunctionId, running: &Running) -> FunctionStatus {
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
