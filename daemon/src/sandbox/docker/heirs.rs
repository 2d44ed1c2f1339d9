//! Containers that a killed daemon left waiting in their interpreter, for the one that comes after it to take over.
//!
//! ```text
//!  made: fingerprint, addresses as labels ─▶ the daemon dies ─▶ found: gate and addresses held again
//!                                                                  ├─ a function would be given just the same ─▶ its
//!                                                                  └─ nobody claims it ─▶ removed
//! ```
//! A container that serves is not among them: AWS's runtime clients end when the connection breaks on which they wait for
//! the next invocation, and so does a program before whose start the gate stands. Layers are not watched while no daemon
//! runs, and an interpreter may have loaded something of them: a container with layers is no heir either. An orderly end
//! leaves no container at all.

use std::collections::HashMap;
use std::fs::Metadata;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bollard::models::{ContainerCreateBody, ContainerSummary};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

use crate::shutdown::Phase;

use super::super::doors::Doors;
use super::super::engine::Engine;
use super::container::Keeper;
use super::gate::{self, Gate};
use super::plan;

/// What the container was made of: two with the same are the same but for who they are.
const FINGERPRINT: &str = "samd.fingerprint";
/// Its gate's folder.
const GATE: &str = "samd.gate";
/// Where its Runtime API listens.
const RUNTIME_API: &str = "samd.runtime-api";
/// Where the Lambda endpoint listens for it, where it is told one of the daemon's.
const LAMBDA_ENDPOINT: &str = "samd.lambda-endpoint";

/// Variables that are a container's own.
const OWN_VARIABLES: [&str; 2] = ["AWS_LAMBDA_RUNTIME_API=", "AWS_LAMBDA_LOG_STREAM_NAME="];

/// What a container is, beside what it is made with.
pub(super) struct Marks<'a> {
    /// The image's own name, which stays when its tag moves on.
    pub(super) image: &'a str,
    /// The host under which it reaches the daemon.
    pub(super) host: &'a str,
    /// The folder of code that it stands on.
    pub(super) code: Option<&'a Path>,
}

impl Marks<'_> {
    /// The fingerprint of a container that is made with `body`.
    #[must_use]
    pub(super) fn fingerprint(&self, body: &ContainerCreateBody) -> String {
        let mut body = body.clone();
        for variables in body.env.iter_mut() {
            variables.retain(|variable| !OWN_VARIABLES.iter().any(|own| variable.starts_with(own)));
        }
        for mounts in body.host_config.iter_mut().filter_map(|host| host.mounts.as_mut()) {
            mounts.retain(|mount| mount.target.as_deref() != Some(gate::INSIDE));
        }
        let mut labels: Vec<_> = body.labels.take().unwrap_or_default().into_iter().collect();
        // The same container may be made in another generation, and would be no other one.
        labels.retain(|(name, _)| name != plan::GENERATION);
        labels.sort();
        let code = self.code.and_then(|code| code.metadata().ok()).map(|code: Metadata| (code.dev(), code.ino()));
        let all = json!([body, labels, self.image, self.host, code, env!("CARGO_PKG_VERSION")]);
        Sha256::digest(all.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Where the next daemon finds what a container is tied to.
pub(super) struct Ties<'a> {
    pub(super) gate: &'a Path,
    pub(super) runtime_api: SocketAddr,
    pub(super) lambda_endpoint: Option<SocketAddr>,
}

/// Lets the container that is made with `body` be found by the next daemon.
pub(super) fn bequeath(body: &mut ContainerCreateBody, fingerprint: String, ties: &Ties<'_>) {
    let labels = body.labels.get_or_insert_default();
    labels.insert(FINGERPRINT.to_owned(), fingerprint);
    labels.insert(GATE.to_owned(), ties.gate.display().to_string());
    labels.insert(RUNTIME_API.to_owned(), ties.runtime_api.to_string());
    if let Some(endpoint) = ties.lambda_endpoint {
        labels.insert(LAMBDA_ENDPOINT.to_owned(), endpoint.to_string());
    }
}

/// A container that may be taken over. Dropping it removes it.
pub(super) struct Heir {
    pub(super) keeper: Keeper,
    pub(super) gate: Gate,
    /// On the address that it knows.
    pub(super) listener: TcpListener,
    fingerprint: String,
}

impl Heir {
    /// Holds again what the container is tied to; `None` where it is none that could be taken over.
    pub(super) async fn find(engine: &Engine, tasks: &Phase, state: &Path, found: &ContainerSummary) -> Option<Heir> {
        let labels = found.labels.as_ref()?;
        let (id, fingerprint) = (found.id.clone()?, labels.get(FINGERPRINT)?.clone());
        let folder = PathBuf::from(labels.get(GATE)?);
        let address: SocketAddr = labels.get(RUNTIME_API)?.parse().ok()?;
        if folder.parent() != Some(&*gate::folder_of(state)) {
            return None;
        }
        let listener = TcpListener::bind(address).await.ok()?;
        let gate = Gate::find(folder).ok()?;
        Some(Heir { keeper: Keeper::found(engine, tasks, id), gate, listener, fingerprint })
    }
}

/// Where the Lambda endpoint listened for a container.
#[must_use]
pub(super) fn door(found: &ContainerSummary) -> Option<(IpAddr, u16)> {
    let address: SocketAddr = found.labels.as_ref()?.get(LAMBDA_ENDPOINT)?.parse().ok()?;
    Some((address.ip(), address.port()))
}

/// The heirs that nobody has claimed yet; cheap to clone.
#[derive(Clone, Default)]
pub struct Heirs(Arc<Mutex<HashMap<String, Heir>>>);

impl std::fmt::Debug for Heirs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heirs").field("left", &self.left()).finish()
    }
}

impl Heirs {
    /// How many there are.
    #[must_use]
    pub fn left(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Lets them go that nobody has claimed: what is restored by now has claimed its own.
    pub fn dismiss(&self) {
        let left = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if !left.is_empty() {
            tracing::info!(containers = left.len(), "removing containers of an earlier daemon that nothing matches");
        }
    }

    /// One more; `doors` is told where it expects the Lambda endpoint.
    pub(super) fn add(&self, heir: Heir, door: Option<(IpAddr, u16)>, doors: &Doors) {
        if let Some((address, port)) = door {
            doors.prefer(address, port);
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(heir.fingerprint.clone(), heir);
    }

    /// Whether one of them waits at the gate in this folder.
    #[must_use]
    pub(super) fn has_gate(&self, folder: &Path) -> bool {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        left.values().any(|heir| heir.gate.folder() == folder)
    }

    /// The one with this fingerprint.
    pub(super) fn claim(&self, fingerprint: &str) -> Option<Heir> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::{HostConfig, Mount};

    fn body(api: &str, gate: &str, color: &str) -> ContainerCreateBody {
        let mount = |source: &str, target: &str| Mount {
            source: Some(source.to_owned()),
            target: Some(target.to_owned()),
            ..Mount::default()
        };
        ContainerCreateBody {
            env: Some(vec![format!("AWS_LAMBDA_RUNTIME_API={api}"), format!("COLOR={color}")]),
            host_config: Some(HostConfig {
                mounts: Some(vec![mount("/src", "/var/task"), mount(gate, gate::INSIDE)]),
                ..HostConfig::default()
            }),
            labels: Some(HashMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())])),
            ..ContainerCreateBody::default()
        }
    }

    #[test]
    fn the_fingerprint_holds_all_but_what_is_a_containers_own() {
        let code = tempfile::tempdir().unwrap();
        let marks = Marks { image: "sha256:1", host: "172.17.0.1", code: Some(code.path()) };
        let first = marks.fingerprint(&body("172.17.0.1:1", "/gates/1", "red"));
        assert_eq!(first, marks.fingerprint(&body("172.17.0.1:2", "/gates/2", "red")));
        assert_ne!(first, marks.fingerprint(&body("172.17.0.1:1", "/gates/1", "blue")));
        let mut later = body("172.17.0.1:1", "/gates/1", "red");
        later.labels.get_or_insert_default().insert(plan::GENERATION.to_owned(), "7".to_owned());
        assert_eq!(first, marks.fingerprint(&later), "of another generation");
        let other = Marks { image: "sha256:2", ..marks };
        assert_ne!(first, other.fingerprint(&body("172.17.0.1:1", "/gates/1", "red")));
        let elsewhere = tempfile::tempdir().unwrap();
        let other = Marks { image: "sha256:1", host: "172.17.0.1", code: Some(elsewhere.path()) };
        assert_ne!(first, other.fingerprint(&body("172.17.0.1:1", "/gates/1", "red")));
    }
}
