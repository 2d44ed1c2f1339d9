//! File events → what was touched.
//!
//! ```text
//!  notify ──event──▶ hub (one thread: who watches what) ──▶ gather (a task per project) ──▶ Told
//!                     └ polls folders that send no events      └ drops what has the content it had
//! ```
//! Whoever must not miss a change asks [`Subject::settled`], which goes the same way and comes out behind all that happened
//! before. Folders are watched, not files, since editors replace files by renaming. What is told carries no content; who acts on
//! it reads the disk again. Nothing here knows what a function or a template is.

mod cookies;
mod digests;
mod gather;
mod gathered;
mod hub;
mod ignored;
mod poller;
mod source;
mod unrest;
mod wanted;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{Semaphore, mpsc, oneshot};

use self::hub::Order;
use self::wanted::Wanted;

pub use self::unrest::{Noticed, Unrest};

/// Paths that were touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// The paths, sorted.
    pub paths: Vec<PathBuf>,
    /// When the first event came.
    pub noticed: Instant,
}

/// So long at most anyone waits for files to be settled; a crowd of them may be written for longer.
const SETTLING: Duration = Duration::from_secs(1);

/// What a watch tells.
#[derive(Debug)]
pub enum Told {
    /// Files changed; what comes with them is dropped when that is acted upon.
    Touched(Touched, Noticed),
    /// A folder is looked at now and then instead of being watched, or not at all: one sentence says which, why and what
    /// to do.
    Degraded(String),
    /// Everything that happened before this was asked for has been told; to be answered when it is acted upon.
    Settled(oneshot::Sender<()>),
}

/// Whose files are watched: the same across all of its watches.
#[derive(Debug, Clone)]
pub struct Subject {
    id: u64,
    way: Arc<Way>,
    unrest: Unrest,
}

impl Subject {
    /// Whether something happened to its files that has not been acted upon yet.
    #[must_use]
    pub fn unrest(&self) -> Unrest {
        self.unrest.clone()
    }

    /// Waits until everything that has happened to its files so far was told and acted upon, within reason.
    pub async fn settled(&self) {
        let (reply, settled) = oneshot::channel();
        drop(self.way.orders.send(Order::Settle { subject: self.id, reply }));
        // Where nothing is watched nobody answers, and there is nothing to wait for.
        drop(tokio::time::timeout(SETTLING, settled).await);
    }
}

/// The time by the clock that files are dated by. It goes on in steps, and lags behind the other where the machine is busy.
#[must_use]
pub fn now() -> SystemTime {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    UNIX_EPOCH + Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// What is to be watched.
#[derive(Debug)]
pub struct Scope {
    /// Files and folders; what is not there yet is told when it comes.
    pub paths: Vec<PathBuf>,
    /// The project's folder: its `.samdignore` counts, and folders between it and the paths may come and go.
    pub root: PathBuf,
    /// What changed from here on is told, also when it was before the watch could begin; by [`now`].
    pub since: SystemTime,
}

/// The one watcher of the daemon; cheap to clone. Its thread ends when the last clone and watch are gone.
#[derive(Debug, Clone)]
pub struct Watcher {
    way: Arc<Way>,
}

/// The way to the hub's thread.
#[derive(Debug)]
struct Way {
    orders: std::sync::mpsc::Sender<Order>,
    next: AtomicU64,
    /// One project's files are indexed at a time, so that many projects do not slow down the daemon's start.
    indexing: Arc<Semaphore>,
}

impl Drop for Way {
    fn drop(&mut self) {
        // A thread that has ended needs no telling.
        drop(self.orders.send(Order::Stop));
    }
}

/// A running watch; it ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    id: u64,
    way: Arc<Way>,
    gathering: tokio::task::AbortHandle,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.gathering.abort();
        drop(self.way.orders.send(Order::Forget(self.id)));
    }
}

impl Watcher {
    /// Starts the watcher's thread, which keeps `cookies` as a folder of its own.
    #[must_use]
    pub fn start(cookies: PathBuf) -> Watcher {
        let (orders, queue) = std::sync::mpsc::channel();
        hub::spawn(orders.clone(), queue, cookies);
        Watcher { way: Arc::new(Way { orders, next: AtomicU64::new(0), indexing: Arc::new(Semaphore::new(1)) }) }
    }

    /// One more to watch files for.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject { id: self.way.next.fetch_add(1, Ordering::Relaxed), way: self.way.clone(), unrest: Unrest::default() }
    }

    /// Watches for a subject, and tells; returns when it is watched.
    pub async fn watch(&self, subject: Subject, scope: Scope, told: mpsc::Sender<Told>) -> Watch {
        let Scope { paths, root, since } = scope;
        let id = self.way.next.fetch_add(1, Ordering::Relaxed);
        let wanted = Arc::new(Wanted::new(paths, root));
        let (noticed, seen) = mpsc::unbounded_channel();
        let (armed, is_armed) = oneshot::channel();
        drop(self.way.orders.send(Order::Watch { id, subject: subject.id, wanted: wanted.clone(), noticed, armed }));
        if is_armed.await.is_err() {
            let problem = "files are not watched: the watcher has ended; use `samctl reload` after an edit".to_owned();
            drop(told.send(Told::Degraded(problem)).await);
        }
        let gathering = gather::run(seen, wanted, since, (told, subject.unrest), self.way.indexing.clone());
        Watch { id, way: self.way.clone(), gathering: tokio::spawn(gathering).abort_handle() }
    }
}

impl Watch {
    /// Watches something else from now on; returns when it is watched. What was noticed before is told all the same, and
    /// what was known of files that stay watched is not forgotten.
    pub async fn turn_to(&self, scope: Scope) {
        let Scope { paths, root, since } = scope;
        let (armed, is_armed) = oneshot::channel();
        let wanted = Arc::new(Wanted::new(paths, root));
        drop(self.way.orders.send(Order::Turn { id: self.id, wanted, since, armed }));
        // That the watcher has ended was told when the watch began.
        drop(is_armed.await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_saved_before_a_watch_turned_to_something_else_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (code, more) = (folder.path().join("code"), folder.path().join("samconfig.toml"));
        std::fs::create_dir(&code).unwrap();
        let scope = |paths: &[&PathBuf], since| Scope {
            paths: paths.iter().copied().cloned().collect(),
            root: folder.path().to_path_buf(),
            since,
        };
        let watcher = Watcher::start(folder.path().join("cookies"));
        let (told, mut hears) = mpsc::channel(64);
        // The first file may be saved before the first index is read, which knows it by its times then.
        let watch = watcher.watch(watcher.subject(), scope(&[&code], now()), told).await;
        for number in 0..20 {
            let file = code.join(format!("{number}.py"));
            std::fs::write(&file, "").unwrap();
            let paths: &[&PathBuf] = if number % 2 == 0 { &[&code, &more] } else { &[&code] };
            // Nothing is told because of its times.
            watch.turn_to(scope(paths, now() + Duration::from_millis(200))).await;
            loop {
                match tokio::time::timeout(Duration::from_secs(30), hears.recv()).await {
                    Ok(Some(Told::Touched(touched, _))) if touched.paths.contains(&file) => break,
                    Ok(Some(_)) => {}
                    nothing => panic!("{} was lost: {nothing:?}", file.display()),
                }
            }
        }
    }
}
