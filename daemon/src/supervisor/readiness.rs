//! Waits until functions are initialised, on behalf of whoever asked for that, beside the project's own task: a slow INIT
//! keeps nobody else waiting.

use futures_util::future::join_all;

use crate::project::FunctionId;
use crate::worker;

use super::reconcile::Running;

/// Functions to wait for: their workers, or why there is none.
#[derive(Debug)]
pub(super) struct Readiness {
    functions: Vec<(FunctionId, Result<worker::Handle, String>)>,
}

impl Readiness {
    /// Of these functions.
    pub(super) fn of<'a>(functions: impl Iterator<Item = (&'a FunctionId, &'a Running)>) -> Readiness {
        let worker = |running: &Running| running.worker().cloned().map_err(Clone::clone);
        Readiness { functions: functions.map(|(id, running)| (id.clone(), worker(running))).collect() }
    }

    /// Has each initialised, all at once, within the daemon's bound on starts. Returns those that could not be.
    pub(super) async fn wait(self) -> Vec<(FunctionId, String)> {
        let waiting = self.functions.into_iter().map(|(id, worker)| initialised(id, worker));
        join_all(waiting).await.into_iter().flatten().collect()
    }
}

async fn initialised(id: FunctionId, worker: Result<worker::Handle, String>) -> Option<(FunctionId, String)> {
    let outcome = match worker {
        Ok(worker) => worker.warm(1).await,
        Err(reason) => Err(reason),
    };
    outcome.err().map(|problem| (id, problem))
}
