//! Where events come from: the system's, or a look at the folder now and then where the system has none to give.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Config, ErrorKind, RecursiveMode};

use super::poller::{Poller, Tell};

/// How often a folder is looked at that sends no events.
const LOOK: Duration = Duration::from_millis(500);

/// File systems whose changes by others the system does not tell: NFS, SMB and CIFS, 9p, FUSE (and virtiofs), VirtualBox.
const SILENT: [u64; 7] = [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42, 0x0102_1997, 0x6573_5546, 0x786F_4256];

/// Makes one more receiver of events.
pub(super) type Sink = Box<dyn Fn() -> Tell + Send>;

/// Watches by events, and polls where that cannot be. `E` gives the events.
pub(super) struct Source<E> {
    events: Result<E, notify::Error>,
    poll: Option<Poller>,
    polled: BTreeSet<PathBuf>,
    sink: Sink,
    /// The kind of file system that a folder is on, as the system numbers them.
    kind: fn(&Path) -> Option<u64>,
}

impl<E: notify::Watcher> Source<E> {
    pub(super) fn new(sink: Sink) -> Source<E> {
        Source::on(sink, kind_of)
    }

    /// Where `kind` tells what file system a folder is on.
    pub(super) fn on(sink: Sink, kind: fn(&Path) -> Option<u64>) -> Source<E> {
        let told = sink();
        Source { events: E::new(told, Config::default()), poll: None, polled: BTreeSet::new(), sink, kind }
    }

    /// Watches one folder by events or not at all.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn watch_by_events(&mut self, folder: &Path) -> Result<(), String> {
        match &mut self.events {
            Ok(events) => events.watch(folder, RecursiveMode::NonRecursive).map_err(|problem| explained(&problem)),
            Err(problem) => Err(explained(problem)),
        }
    }

    /// Watches a folder.
    ///
    /// # Errors
    /// One sentence: why it is polled, or that it is not watched at all.
    pub(super) fn watch(&mut self, folder: &Path, mode: RecursiveMode) -> Result<(), String> {
        if (self.kind)(folder).is_some_and(|kind| SILENT.contains(&kind)) {
            return Err(self.poll(folder, mode, "its file system sends no events of changes"));
        }
        let problem = match &mut self.events {
            Ok(events) => match events.watch(folder, mode) {
                Ok(()) => return Ok(()),
                Err(problem) => {
                    // What it could add before it failed is given back.
                    drop(events.unwatch(folder));
                    explained(&problem)
                }
            },
            Err(problem) => explained(problem),
        };
        if !folder.is_dir() {
            // It went away in the meantime; the folder above it tells when it comes back.
            return Ok(());
        }
        Err(self.poll(folder, mode, &problem))
    }

    /// Polls a folder from now on, and says so.
    pub(super) fn poll(&mut self, folder: &Path, mode: RecursiveMode, why: &str) -> String {
        match self.start_polling(folder, mode) {
            Ok(()) => {
                self.polled.insert(folder.to_path_buf());
                format!(
                    "{} is looked at every {} ms instead of being watched: {why}",
                    folder.display(),
                    LOOK.as_millis()
                )
            }
            Err(problem) => format!(
                "{} is not watched: {why}, and polling fails: {problem}; use `samctl reload` after an edit",
                folder.display()
            ),
        }
    }

    fn start_polling(&mut self, folder: &Path, mode: RecursiveMode) -> std::io::Result<()> {
        let poller = match &mut self.poll {
            Some(poller) => poller,
            None => self.poll.insert(Poller::start(LOOK, (self.sink)())?),
        };
        poller.watch(folder, mode);
        Ok(())
    }

    /// Whether a folder is polled.
    pub(super) fn polls(&self, folder: &Path) -> bool {
        self.polled.contains(folder)
    }

    /// Gives a folder up; one that is gone already is no problem.
    pub(super) fn unwatch(&mut self, folder: &Path) {
        if self.polled.remove(folder) {
            if let Some(poller) = &self.poll {
                poller.unwatch(folder);
            }
        } else if let Ok(events) = &mut self.events {
            drop(events.unwatch(folder));
        }
    }
}

/// The system's word, with the limit to raise where it is one.
pub(super) fn explained(problem: &notify::Error) -> String {
    match &problem.kind {
        ErrorKind::MaxFilesWatch => {
            "the system's limit of watched folders is reached; raise it with `sysctl fs.inotify.max_user_watches=524288`"
                .to_owned()
        }
        ErrorKind::Io(error) if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            "the system's limit of watchers is reached; raise it with `sysctl fs.inotify.max_user_instances=512`"
                .to_owned()
        }
        _ => problem.to_string(),
    }
}

fn kind_of(folder: &Path) -> Option<u64> {
    rustix::fs::statfs(folder).ok().map(|system| system.f_type as u64 & 0xFFFF_FFFF)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use notify::INotifyWatcher;

    use super::*;

    fn nfs(_: &Path) -> Option<u64> {
        Some(0x6969)
    }

    #[test]
    fn a_folder_on_a_file_system_without_events_is_polled_and_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let (told, events) = mpsc::channel();
        let sink: Sink = Box::new(move || {
            let told = told.clone();
            Box::new(move |event| drop(told.send(event)))
        });
        let mut source = Source::<INotifyWatcher>::on(sink, nfs);
        let why = source.watch(folder.path(), RecursiveMode::Recursive).unwrap_err();
        assert!(why.contains("sends no events") && source.polls(folder.path()), "{why}");
        let (file, until) = (folder.path().join("app.py"), Instant::now() + Duration::from_secs(30));
        std::fs::write(&file, "1").unwrap();
        let seen = |event: notify::Result<notify::Event>| event.is_ok_and(|event| event.paths.contains(&file));
        while !events.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok_and(seen) {
            assert!(Instant::now() < until, "polling sees nothing");
        }
    }
}
