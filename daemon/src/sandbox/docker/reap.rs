//! Takes away what a killed daemon left: containers with the label of its state folder, and their gates; also containers
//! that do not run and whose state folder is gone, since no daemon comes back for them.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};
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
    let filters = HashMap::from([("label", vec![plan::STATE])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let left = match engine.docker.list_containers(Some(options)).await {
        Ok(left) => left,
        Err(problem) => {
            tracing::warn!(%problem, "the engine does not tell which containers there are");
            return 0;
        }
    };
    let ours = left.into_iter().filter(|container| is_ours(container, state));
    let ids: Vec<String> = ours.filter_map(|container| container.id).collect();
    join_all(ids.iter().map(|id| remove(&engine.docker, id))).await;
    ids.len()
}

fn is_ours(container: &ContainerSummary, state: &Path) -> bool {
    let Some(whose) = container.labels.as_ref().and_then(|labels| labels.get(plan::STATE)) else { return false };
    // A folder that may not be looked at is somebody's, and so is a container that runs.
    let nobodys = || std::fs::exists(whose).is_ok_and(|exists| !exists);
    Path::new(whose) == state || (container.state != Some(ContainerSummaryStateEnum::RUNNING) && nobodys())
}

fn remove_gates(state: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(gate::folder_of(state)) {
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => Err(problem),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(state: &Path, status: ContainerSummaryStateEnum) -> ContainerSummary {
        let labels = HashMap::from([(plan::STATE.to_owned(), state.display().to_string())]);
        ContainerSummary { labels: Some(labels), state: Some(status), ..ContainerSummary::default() }
    }

    #[test]
    fn another_daemons_containers_are_left_alone_unless_it_cannot_come_back_for_them() {
        use ContainerSummaryStateEnum::{EXITED, RUNNING};
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert!(is_ours(&container(own.path(), RUNNING), own.path()));
        assert!(!is_ours(&container(other.path(), EXITED), own.path()));
        assert!(is_ours(&container(Path::new("/nowhere/state"), EXITED), own.path()));
        assert!(!is_ours(&container(Path::new("/nowhere/state"), RUNNING), own.path()));
        assert!(!is_ours(&ContainerSummary::default(), own.path()));
    }
}
