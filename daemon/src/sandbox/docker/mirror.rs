//! A volume on an engine elsewhere that holds what folders of this machine hold, kept up by archives of what changed.
//!
//! ```text
//!  volume ─▶ carrier: a container that is made and never started ─▶ all files ─▶ (changed files)* ─▶ both removed
//! ```
//! Function containers mount the volume read-only; the carrier alone may write to it, and only through it does the engine
//! take archives. Who prepares the next version of a function brings the volume up to date, as an edit does to a folder
//! that is mounted. Where files went the volume is made anew, since an archive cannot say so.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions, VolumeCreateRequest};
use bollard::query_parameters::{RemoveVolumeOptions, UploadToContainerOptionsBuilder};
use tokio_util::io::ReaderStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::shutdown::Phase;

use super::super::engine::{Engine, told};
use super::super::{Delay, StartError};
use super::manifest::{Change, Manifest};
use super::{container, creation, removal};

/// Where the carrier has the volume; AWS's images have this folder.
const PLACE: &str = "/var/task";

/// What one volume is a mirror of, on which engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    engine: String,
    folders: Vec<PathBuf>,
}

type Slot = Arc<tokio::sync::Mutex<Weak<Mirror>>>;

/// The mirrors that there are; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Mirrors {
    slots: Arc<Mutex<HashMap<Key, Slot>>>,
    tasks: Phase,
}

/// Whose a mirror is: the image of its carrier, and the labels of both.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    pub(super) image: String,
    pub(super) labels: HashMap<String, String>,
}

impl Mirrors {
    /// None yet; their removal is a task of this phase.
    pub(super) fn new(tasks: Phase) -> Mirrors {
        Mirrors { slots: Arc::default(), tasks }
    }

    /// A mirror of what these folders hold now, a later one over an earlier one. Functions that share them share it.
    ///
    /// # Errors
    /// A file cannot be read, or the engine does not take it.
    pub(super) async fn of(
        &self,
        engine: &Engine,
        folders: Vec<PathBuf>,
        owner: &Owner,
        delay: &Delay,
    ) -> Result<Arc<Mirror>, StartError> {
        let slot = self.slot(Key { engine: engine.address.clone(), folders: folders.clone() });
        let mut current = slot.lock().await;
        if let Some(mirror) = current.upgrade()
            && mirror.catch_up(&folders).await?
        {
            return Ok(mirror);
        }
        delay.expect("a copy of its files on the engine");
        let mirror = Arc::new(Mirror::make(engine, &self.tasks, owner).await?);
        mirror.fill(&folders).await?;
        *current = Arc::downgrade(&mirror);
        Ok(mirror)
    }

    fn slot(&self, key: Key) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        // What nobody holds any more, and nobody is about to.
        slots
            .retain(|_, slot| Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|slot| slot.strong_count() > 0));
        slots.entry(key).or_default().clone()
    }
}

/// One volume. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Mirror {
    docker: Docker,
    volume: String,
    carrier: String,
    /// What it holds; `None` while that is not certain.
    holds: tokio::sync::Mutex<Option<Manifest>>,
    _guard: DropGuard,
}

impl Mirror {
    /// As a mount of a function's container.
    #[must_use]
    pub(super) fn mount(&self, target: &str) -> Mount {
        mount(&self.volume, target, true)
    }

    async fn make(engine: &Engine, tasks: &Phase, owner: &Owner) -> Result<Mirror, StartError> {
        let docker = engine.docker.clone();
        let refused =
            |problem: Error| StartError::place(format!("the engine makes no volume for files: {}", told(&problem)));
        let request = VolumeCreateRequest { labels: Some(owner.labels.clone()), ..VolumeCreateRequest::default() };
        let volume = docker.create_volume(request).await.map_err(refused)?.name;
        let gone = CancellationToken::new();
        let (named, looked_after) = tokio::sync::oneshot::channel();
        let end = look_after(docker.clone(), volume.clone(), looked_after, gone.clone(), tasks.token());
        tasks.spawn(format!("the removal of volume {volume}"), end);
        let guard = gone.drop_guard();
        let body = carrier(&volume, owner);
        let carrier = creation::create(&docker, tasks, body).await.map_err(refused)?;
        drop(named.send(carrier.clone()));
        Ok(Mirror { docker, volume, carrier, holds: tokio::sync::Mutex::default(), _guard: guard })
    }

    /// Sends all that the folders hold.
    async fn fill(&self, folders: &[PathBuf]) -> Result<(), StartError> {
        let mut holds = self.holds.lock().await;
        let next = gathered(folders, Manifest::default()).await?.1;
        *holds = Some(self.send(next, None).await?);
        Ok(())
    }

    /// Sends what changed in the folders; `false` where it must be made anew.
    async fn catch_up(&self, folders: &[PathBuf]) -> Result<bool, StartError> {
        let mut holds = self.holds.lock().await;
        // Until all is there it is not known what is.
        let Some(before) = holds.take() else { return Ok(false) };
        let (before, next) = gathered(folders, before).await?;
        *holds = match before.change_to(&next) {
            Change::Anew => None,
            Change::Send(places) if places.is_empty() => Some(next),
            Change::Send(places) => match self.send(next, Some(places)).await {
                Ok(sent) => Some(sent),
                Err(problem) => {
                    tracing::warn!(volume = self.volume, %problem, "changed files are sent anew, with all others");
                    None
                }
            },
        };
        Ok(holds.is_some())
    }

    /// Sends some of the files, or all of them.
    async fn send(&self, manifest: Manifest, places: Option<Vec<PathBuf>>) -> Result<Manifest, StartError> {
        let packed = tokio::task::spawn_blocking(move || {
            let places = places.unwrap_or_else(|| manifest.all());
            let archive = manifest.archive(&places)?;
            Ok::<_, io::Error>((archive.metadata()?.len(), places.len(), archive, manifest))
        });
        let (bytes, files, archive, manifest) = blocking(packed.await)?;
        let body = bollard::body_try_stream(ReaderStream::new(tokio::fs::File::from_std(archive)));
        let options = UploadToContainerOptionsBuilder::new().path(PLACE).build();
        let sent = self.docker.upload_to_container(&self.carrier, Some(options), body).await;
        sent.map_err(|problem| StartError::place(format!("the engine did not take the files: {}", told(&problem))))?;
        tracing::info!(volume = self.volume, files, bytes, "sent files to the engine");
        Ok(manifest)
    }
}

/// What is known of the folders from before, and what they hold now.
async fn gathered(folders: &[PathBuf], before: Manifest) -> Result<(Manifest, Manifest), StartError> {
    let folders = folders.to_vec();
    let read = tokio::task::spawn_blocking(move || {
        let now = Manifest::of(&folders, &before)?;
        Ok::<_, io::Error>((before, now))
    });
    blocking(read.await)
}

fn blocking<T>(done: Result<io::Result<T>, tokio::task::JoinError>) -> Result<T, StartError> {
    let done = done.map_err(|_| StartError::place("the preparation was interrupted".to_owned()))?;
    done.map_err(|problem| StartError::place(format!("a function's files cannot be read: {problem}")))
}

fn mount(volume: &str, target: &str, read_only: bool) -> Mount {
    Mount {
        source: Some(volume.to_owned()),
        target: Some(target.to_owned()),
        typ: Some(MountType::VOLUME),
        read_only: Some(read_only),
        // What the image has there is not copied into it.
        volume_options: Some(MountVolumeOptions { no_copy: Some(true), ..MountVolumeOptions::default() }),
        ..Mount::default()
    }
}

fn carrier(volume: &str, owner: &Owner) -> ContainerCreateBody {
    let host = HostConfig {
        network_mode: Some("none".to_owned()),
        mounts: Some(vec![mount(volume, PLACE, false)]),
        ..HostConfig::default()
    };
    ContainerCreateBody {
        image: Some(owner.image.clone()),
        labels: Some(owner.labels.clone()),
        // It is never run, and the engine wants to hear what.
        cmd: Some(vec!["never".to_owned()]),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

/// Removes carrier and volume when nobody needs them any more, or the daemon ends.
async fn look_after(
    docker: Docker,
    volume: String,
    carrier: tokio::sync::oneshot::Receiver<String>,
    gone: CancellationToken,
    end: CancellationToken,
) {
    tokio::select! {
        () = gone.cancelled() => {}
        () = end.cancelled() => {}
    }
    // Where none was made its sender has gone, or goes.
    if let Ok(carrier) = carrier.await {
        removal::until_done("a container for files", &end, || container::remove(&docker, &carrier)).await;
    }
    removal::until_done(&format!("volume {volume}"), &end, || remove(&docker, &volume)).await;
}

/// Removes a volume, if no container has it any more.
pub(super) async fn remove(docker: &Docker, volume: &str) -> Result<(), Error> {
    match docker.remove_volume(volume, None::<RemoveVolumeOptions>).await {
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(()),
        removed => removed,
    }
}
