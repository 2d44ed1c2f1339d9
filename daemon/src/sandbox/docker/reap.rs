//! Takes away what a killed daemon left: containers with the label of its state folder, and their gates, but for those
//! that the new one may take over; also containers that do not run and whose state folder is gone, since no daemon comes
//! back for them. Volumes of files go with the containers that had them.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use bollard::Docker;
use bollard::models::{ContainerSummary, ContainerSummaryStateEnum, Volume};
use bollard::query_parameters::{ListContainersOptionsBuilder, ListVolumesOptionsBuilder};
use futures_util::future::join_all;

use super::super::engine::{Engine, Engines, told};
use super::container::remove;
use super::heirs::{Heir, Heirs};
use super::{Place, gate, heirs, mirror, plan, removal};

/// Removes the containers of the daemon of this state folder, whose lock the caller holds, but for those that become its
/// heirs. Returns how many it removed; none where no engine answers.
pub async fn reap(engines: &Engines, place: &Place) -> usize {
    let removed = match engines.current().await {
        Ok(engine) => reap_at(&engine, place).await,
        Err(_) => 0,
    };
    if let Err(problem) = remove_gates(&place.state, &place.heirs) {
        tracing::warn!(%problem, "old gates of containers could not be removed");
    }
    removed
}

async fn reap_at(engine: &Engine, place: &Place) -> usize {
    let filters = HashMap::from([("label", vec![plan::STATE])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let left = match engine.docker.list_containers(Some(options)).await {
        Ok(left) => left,
        Err(problem) => {
            tracing::warn!(%problem, "the engine does not tell which containers there are");
            return 0;
        }
    };
    let ours = left.iter().filter(|container| is_ours(container, &place.state));
    let kept = join_all(ours.map(async |container| (container, heir(engine, place, container).await))).await;
    let (heirs, others): (Vec<_>, Vec<_>) = kept.into_iter().partition(|(_, heir)| heir.is_some());
    for (container, heir) in heirs {
        heir.into_iter().for_each(|heir| place.heirs.add(heir, heirs::door(container), &place.doors));
    }
    let ids: Vec<&String> = others.iter().filter_map(|(container, _)| container.id.as_ref()).collect();
    let containers = join_all(ids.iter().map(|id| removed(&engine.docker, id))).await.into_iter().flatten().collect();
    let volumes = reap_volumes(engine, &place.state).await;
    remove_later(engine, place, containers, volumes);
    ids.len()
}

/// Gives back a container that is left: an engine may refuse to take away one that is ending just then.
async fn removed(docker: &Docker, id: &str) -> Option<String> {
    let problem = remove(docker, id).await.err()?;
    tracing::debug!(container = id, problem = told(&problem), "a container of an earlier daemon is left");
    Some(id.to_owned())
}

/// Returns those that are left. One that a container still has stays, as that container does.
async fn reap_volumes(engine: &Engine, state: &Path) -> Vec<String> {
    let filters = HashMap::from([("label", vec![plan::STATE])]);
    let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
    let Ok(left) = engine.docker.list_volumes(Some(options)).await else { return Vec::new() };
    let ours = left.volumes.unwrap_or_default().into_iter().filter(|volume| is_our_volume(volume, state));
    let removed = join_all(ours.map(|volume| removed_volume(&engine.docker, volume.name))).await;
    removed.into_iter().flatten().collect()
}

async fn removed_volume(docker: &Docker, name: String) -> Option<String> {
    let problem = mirror::remove(docker, &name).await.err()?;
    tracing::debug!(volume = name, problem = told(&problem), "a volume is left");
    Some(name)
}

/// What could not be removed at once is tried again beside everything else: containers, and then the volumes that they had.
fn remove_later(engine: &Engine, place: &Place, containers: Vec<String>, volumes: Vec<String>) {
    if containers.is_empty() {
        return;
    }
    let (docker, end) = (engine.docker.clone(), place.tasks.token());
    place.tasks.spawn("what an earlier daemon left on the engine", async move {
        for id in containers {
            removal::until_done(&format!("container {id}"), &end, || remove(&docker, &id)).await;
        }
        for volume in volumes {
            removal::until_done(&format!("volume {volume}"), &end, || mirror::remove(&docker, &volume)).await;
        }
    });
}

fn is_our_volume(volume: &Volume, state: &Path) -> bool {
    let whose = volume.labels.get(plan::STATE).map(Path::new);
    whose.is_some_and(|whose| whose == state || fs::exists(whose).is_ok_and(|exists| !exists))
}

async fn heir(engine: &Engine, place: &Place, container: &ContainerSummary) -> Option<Heir> {
    if container.state != Some(ContainerSummaryStateEnum::RUNNING) {
        return None;
    }
    Heir::find(engine, &place.tasks, &place.state, container).await
}

fn is_ours(container: &ContainerSummary, state: &Path) -> bool {
    let Some(whose) = container.labels.as_ref().and_then(|labels| labels.get(plan::STATE)) else { return false };
    // A folder that may not be looked at is somebody's, and so is a container that runs.
    let nobodys = || fs::exists(whose).is_ok_and(|exists| !exists);
    Path::new(whose) == state || (container.state != Some(ContainerSummaryStateEnum::RUNNING) && nobodys())
}

fn remove_gates(state: &Path, heirs: &Heirs) -> io::Result<()> {
    let gates = match fs::read_dir(gate::folder_of(state)) {
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => return Ok(()),
        gates => gates?,
    };
    for gate in gates {
        let gate = gate?.path();
        if !heirs.has_gate(&gate) {
            fs::remove_dir_all(gate)?;
        }
    }
    Ok(())
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
