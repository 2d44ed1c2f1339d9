//! File events → what was touched.
//!
//! Folders are watched, not files, since editors replace files by renaming. Events are gathered until it is quiet for a
//! moment: a millisecond when every file that was written has been closed, longer while one is still being written, so
//! that nobody is served a half-written file. What it tells carries no content; who acts on it reads the disk again.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// So long nothing may happen before what was gathered is told.
const QUIET: Duration = Duration::from_millis(1);
/// So long a file that is being written may keep others waiting.
const UNFINISHED: Duration = Duration::from_millis(40);
/// What goes on without a pause (an installation, say) is told in parts.
const MOST_WAIT: Duration = Duration::from_millis(500);

/// Folders whose content no runtime loads as the user's code.
const IGNORED_FOLDERS: [&str; 6] = ["__pycache__", ".git", ".hg", ".svn", ".pytest_cache", ".mypy_cache"];
/// Ends of the names of editors' own files.
const IGNORED_ENDS: [&str; 6] = [".pyc", ".swp", ".swx", ".swo", "~", ".tmp~"];
/// Names of editors' own files: vim's probe, and the Finder's.
const IGNORED_NAMES: [&str; 2] = ["4913", ".DS_Store"];

/// Paths that were touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// The paths, sorted.
    pub paths: Vec<PathBuf>,
    /// When the first event came.
    pub noticed: Instant,
}

/// A running watch; it ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    _watcher: RecommendedWatcher,
    gathering: tokio::task::AbortHandle,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.gathering.abort();
    }
}

impl Watch {
    /// Watches `paths` (files and folders) and tells `told`.
    ///
    /// # Errors
    /// The system refuses; the message says which limit to raise where it is one.
    pub fn start(paths: Vec<PathBuf>, told: mpsc::Sender<Touched>) -> Result<Watch, String> {
        let (events, seen) = mpsc::unbounded_channel();
        let mut watcher = notify::recommended_watcher(move |event| drop(events.send(event)))
            .map_err(|problem| explained(&problem))?;
        let wanted = Wanted::of(&paths);
        for folder in &wanted.whole {
            watch(&mut watcher, folder, RecursiveMode::Recursive)?;
        }
        for folder in wanted.parents.difference(&wanted.whole) {
            watch(&mut watcher, folder, RecursiveMode::NonRecursive)?;
        }
        let gathering = tokio::spawn(gather(seen, wanted, told)).abort_handle();
        Ok(Watch { _watcher: watcher, gathering })
    }
}

fn watch(watcher: &mut RecommendedWatcher, folder: &Path, mode: RecursiveMode) -> Result<(), String> {
    if !folder.is_dir() {
        return Ok(());
    }
    watcher.watch(folder, mode).map_err(|problem| format!("{}: {}", folder.display(), explained(&problem)))
}

fn explained(problem: &notify::Error) -> String {
    match problem.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "the system's limit of watched folders is reached; raise it with `sysctl fs.inotify.max_user_watches=524288`"
                .to_owned()
        }
        _ => problem.to_string(),
    }
}

/// What is watched, and which of its events count.
#[derive(Debug)]
struct Wanted {
    whole: BTreeSet<PathBuf>,
    parents: BTreeSet<PathBuf>,
    files: HashSet<PathBuf>,
}

impl Wanted {
    /// A folder is watched whole. Of any path the folder around it is watched too, since what is there may be replaced.
    fn of(paths: &[PathBuf]) -> Wanted {
        let whole: BTreeSet<PathBuf> = paths.iter().filter(|path| path.is_dir()).cloned().collect();
        let parents = paths.iter().filter_map(|path| path.parent()).map(Path::to_path_buf).collect();
        Wanted { whole, parents, files: paths.iter().cloned().collect() }
    }

    fn counts(&self, path: &Path) -> bool {
        self.files.contains(path) || (self.whole.iter().any(|folder| path.starts_with(folder)) && !is_ignored(path))
    }
}

fn is_ignored(path: &Path) -> bool {
    let mut folders = path.components().filter_map(|part| part.as_os_str().to_str());
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    folders.any(|folder| IGNORED_FOLDERS.contains(&folder))
        || IGNORED_NAMES.contains(&name)
        || name.starts_with(".#")
        || IGNORED_ENDS.iter().any(|end| name.ends_with(end))
}

/// What an event says about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// It is as it shall be.
    Done,
    /// Someone is writing it.
    Unfinished,
    Nothing,
}

fn says(kind: EventKind) -> Says {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Says::Done,
        EventKind::Access(_) => Says::Nothing,
        EventKind::Create(CreateKind::File) | EventKind::Modify(ModifyKind::Data(_)) => Says::Unfinished,
        EventKind::Modify(ModifyKind::Metadata(_)) => Says::Nothing,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => {
            Says::Done
        }
    }
}

/// What has been gathered since it was last told.
#[derive(Debug, Default)]
struct Gathered {
    paths: BTreeSet<PathBuf>,
    unfinished: HashSet<PathBuf>,
    first: Option<Instant>,
}

impl Gathered {
    fn add(&mut self, event: notify::Result<Event>, wanted: &Wanted, now: Instant) {
        let Ok(event) = event else {
            // Events were lost: whatever is watched may have changed.
            self.paths.extend(wanted.files.iter().cloned());
            self.first.get_or_insert(now);
            return;
        };
        if event.need_rescan() {
            self.paths.extend(wanted.files.iter().cloned());
            self.first.get_or_insert(now);
        }
        let says = says(event.kind);
        for path in event.paths.into_iter().filter(|path| says != Says::Nothing && wanted.counts(path)) {
            if says == Says::Unfinished {
                self.unfinished.insert(path.clone());
            } else {
                self.unfinished.remove(&path);
            }
            self.paths.insert(path);
            self.first.get_or_insert(now);
        }
    }

    fn patience(&self, now: Instant) -> Duration {
        let left = self.first.map_or(MOST_WAIT, |first| (first + MOST_WAIT).saturating_duration_since(now));
        let quiet = if self.unfinished.is_empty() { QUIET } else { UNFINISHED };
        quiet.min(left)
    }

    fn take(&mut self) -> Option<Touched> {
        let noticed = self.first.take()?;
        self.unfinished.clear();
        Some(Touched { paths: std::mem::take(&mut self.paths).into_iter().collect(), noticed })
    }
}

async fn gather(
    mut events: mpsc::UnboundedReceiver<notify::Result<Event>>,
    wanted: Wanted,
    told: mpsc::Sender<Touched>,
) {
    let mut gathered = Gathered::default();
    loop {
        if gathered.first.is_none() {
            let Some(event) = events.recv().await else { return };
            gathered.add(event, &wanted, Instant::now());
            continue;
        }
        match tokio::time::timeout(gathered.patience(Instant::now()), events.recv()).await {
            Ok(Some(event)) => gathered.add(event, &wanted, Instant::now()),
            Ok(None) => return,
            Err(_) => {
                if let Some(touched) = gathered.take()
                    && told.send(touched).await.is_err()
                {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_and_editors_files_do_not_count() {
        for path in ["/p/__pycache__/a.py", "/p/.git/index", "/p/a.py~", "/p/.a.py.swp", "/p/4913", "/p/.#a.py"] {
            assert!(is_ignored(Path::new(path)), "{path}");
        }
        assert!(!is_ignored(Path::new("/p/node_modules/x/index.js")));
    }

    #[test]
    fn a_file_counts_until_its_writer_has_closed_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.py");
        let wanted = Wanted::of(&[folder.path().to_path_buf()]);
        let mut gathered = Gathered::default();
        let now = Instant::now();
        let event = |kind| Ok(Event::new(kind).add_path(file.clone()));
        gathered.add(event(EventKind::Modify(ModifyKind::Data(notify::event::DataChange::Any))), &wanted, now);
        assert_eq!(gathered.patience(now), UNFINISHED);
        gathered.add(event(EventKind::Access(AccessKind::Close(AccessMode::Write))), &wanted, now);
        assert_eq!(gathered.patience(now), QUIET);
        assert_eq!(gathered.take().unwrap().paths, [file]);
        assert_eq!(gathered.take(), None);
    }
}
