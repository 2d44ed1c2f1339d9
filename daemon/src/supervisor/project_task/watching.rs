//! Which of the project's files are watched. One watch goes on from generation to generation: what it has noticed and not
//! told yet is not lost when something else is watched.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::watch::{Scope, Watch};

use super::ProjectTask;

/// What is watched.
pub(super) struct Watched {
    watch: Watch,
    paths: Vec<PathBuf>,
}

impl ProjectTask {
    /// Watches these paths; what changed of them `since` is told too.
    pub(super) async fn watch(&mut self, paths: Vec<PathBuf>, since: SystemTime) {
        if self.watched.as_ref().is_some_and(|watched| watched.paths == paths) {
            return;
        }
        self.unwatched.clear();
        let path = &self.settings.path;
        let root = if path.is_dir() { Some(path.as_path()) } else { path.parent() };
        let scope = Scope { paths: paths.clone(), root: root.unwrap_or(path).to_path_buf(), since };
        let watch = match self.watched.take() {
            Some(Watched { watch, .. }) => {
                watch.turn_to(scope).await;
                watch
            }
            None => self.shared.watcher.watch(self.subject.clone(), scope, self.touches.clone()).await,
        };
        self.watched = Some(Watched { watch, paths });
    }

    /// What keeps the next configuration from serving may be a file that the one that serves does not use.
    pub(super) async fn watch_what_was_looked_at(&mut self, since: SystemTime) {
        let used = self.running.as_ref().map(|live| live.project.watched()).unwrap_or_default();
        let more = self.looked_at.iter().filter(|path| !used.contains(path)).cloned();
        let paths = used.iter().cloned().chain(more).collect();
        self.watch(paths, since).await;
    }
}
