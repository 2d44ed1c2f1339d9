//! Hears when a container engine comes or goes, and has projects choose anew that leave it to the daemon where their
//! functions run.
//!
//! ```text
//!  none ── a socket is touched, and an engine answers ──▶ there ── its events end, and it is not back soon ──▶ none
//!    └─────────────────── each time: projects with `--sandbox auto` choose anew ──────────────────────────┘
//! ```
//! An engine that is reached by TCP or ssh has no socket here, and nobody tells of its coming: it counts from the next
//! command. It never starts an engine, and decides nothing about functions.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc;

use crate::project::settings::SandboxChoice;
use crate::sandbox::engine::{self, Engine, Engines};
use crate::supervisor::{self, Patch};
use crate::watch::{self, Scope, Told, Watch, Watcher};

/// Touches that may wait; one is as good as many.
const TOUCHES: usize = 4;
/// An engine that is back within this was restarted, and has not gone.
const RESTART: Duration = Duration::from_secs(3);
/// A socket is there before its engine answers: it is asked so often, and so long after each other.
const TRIES: u32 = 60;
const BETWEEN: Duration = Duration::from_millis(500);

/// Follows engines for as long as the daemon runs.
pub(super) async fn follow(engines: Engines, watcher: Watcher, supervisor: supervisor::Handle) {
    let sockets: Vec<PathBuf> = engines.sockets().iter().map(|socket| resolved(socket)).collect();
    if sockets.is_empty() {
        return;
    }
    let (told, mut touched) = mpsc::channel(TOUCHES);
    let _watches = watch(&watcher, &sockets, told).await;
    let mut there = engines.current().await.ok();
    loop {
        let before = there.is_some();
        there = match there {
            Some(engine) => after_its_end(engine, &engines).await,
            None => match touched.recv().await {
                Some(_) => arrived(&engines, &sockets).await,
                None => return,
            },
        };
        if before != there.is_some() {
            choose_anew(&supervisor).await;
        }
    }
}

async fn watch(watcher: &Watcher, sockets: &[PathBuf], told: mpsc::Sender<Told>) -> Vec<Watch> {
    let (subject, since) = (watcher.subject(), watch::now());
    let watched = sockets.iter().map(|socket| {
        let root = socket.parent().unwrap_or(socket).to_path_buf();
        watcher.watch(subject.clone(), Scope { paths: vec![socket.clone()], root, since }, told.clone())
    });
    join_all(watched).await
}

/// The same place without links as far as it is there: the system knows a watched folder by one name.
fn resolved(socket: &Path) -> PathBuf {
    let there = socket.ancestors().skip(1).find_map(|folder| Some((folder, folder.canonicalize().ok()?)));
    let below = there.and_then(|(folder, real)| Some(real.join(socket.strip_prefix(folder).ok()?)));
    below.unwrap_or_else(|| socket.to_path_buf())
}

/// Waits until an engine has gone; returns the one that is there then.
async fn after_its_end(engine: Engine, engines: &Engines) -> Option<Engine> {
    engine.gone().await;
    if tokio::time::timeout(RESTART, engine::back(&engine.docker)).await.is_ok() {
        return Some(engine);
    }
    engines.current().await.ok()
}

async fn arrived(engines: &Engines, sockets: &[PathBuf]) -> Option<Engine> {
    for _ in 0..TRIES {
        if !sockets.iter().any(|socket| socket.exists()) {
            return None;
        }
        match engines.current().await {
            Ok(engine) => return Some(engine),
            Err(_) => tokio::time::sleep(BETWEEN).await,
        }
    }
    None
}

/// Those whose sandboxes are still right keep them.
async fn choose_anew(supervisor: &supervisor::Handle) {
    let projects = supervisor.list().await.unwrap_or_default();
    for settings in projects.into_iter().map(|project| project.settings) {
        if settings.sandbox == SandboxChoice::Auto
            && let Err(refused) = supervisor.set(settings.name.clone(), Patch::default()).await
        {
            tracing::error!(project = %settings.name, %refused, "where its functions run could not be chosen anew");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_watched_under_the_real_name_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap().join("run");
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, folder.path().join("var")).unwrap();
        assert_eq!(resolved(&folder.path().join("var/engine.sock")), real.join("engine.sock"));
        assert_eq!(resolved(&folder.path().join("var/user/7/engine.sock")), real.join("user/7/engine.sock"));
    }
}
