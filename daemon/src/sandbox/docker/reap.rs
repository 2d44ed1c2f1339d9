//! Takes away what a killed daemon left: containers with the label of its state folder, and their gates.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use bollard::query_parameters::ListContainersOptionsBuilder;
use futures_util::future::join_all;

use super::super::engine::Engines;
use super::container::remove;
use super::{gate, plan};

/// Removes all containers of the daemon of this state folder, whose lock the caller holds. Returns how many there were;
/// none where no engine answers.
pub async fn reap(engines: &Engines, state: &Path) -> usize {
    if let Err(problem) = remove_gates(state) {
        tracing::warn!(%problem, "old gates of containers could not be removed");
    }
    let Ok(engine) = engines.current().await else { return 0 };
    let label = format!("{}={}", plan::STATE, state.display());
    let filters = HashMap::from([("label", vec![label.as_str()])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let left = match engine.docker.list_containers(Some(options)).await {
        Ok(left) => left,
        Err(problem) => {
            tracing::warn!(%problem, "the engine does not tell which containers there are");
            return 0;
        }
    };
    let ids: Vec<String> = left.into_iter().filter_map(|container| container.id).collect();
    join_all(ids.iter().map(|id| remove(&engine.docker, id))).await;
    ids.len()
}

fn remove_gates(state: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(gate::folder_of(state)) {
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => Err(problem),
        _ => Ok(()),
    }
}
