//! An orderly end: phases in order, one deadline for all, and a word about what is still being waited for.
//!
//! Owns the cancellation tokens and the task trackers; never knows what a task does. A phase is told to stop by its
//! token, and is over when its last task has ended. Each phase may reserve time for itself, so that a request that never
//! ends cannot use up the time in which sandboxes are killed and the store is closed.
//!
//! ```text
//! signal → [requests: stop accepting, drain] → [sandboxes: stop] → [store: close] → exit
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often a wait is told of.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// One phase; cheap to clone. Tasks that belong to it are spawned through it.
#[derive(Debug, Clone)]
pub struct Phase {
    name: &'static str,
    reserve: Duration,
    token: CancellationToken,
    tracker: TaskTracker,
    tasks: Arc<Mutex<Tasks>>,
}

#[derive(Debug, Default)]
struct Tasks {
    next: u64,
    names: BTreeMap<u64, String>,
}

/// Takes a task's name off the list when the task ends, however it ends.
struct Listed {
    tasks: Arc<Mutex<Tasks>>,
    id: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).names.remove(&self.id);
    }
}

impl Phase {
    fn new(name: &'static str, reserve: Duration) -> Phase {
        Phase { name, reserve, token: CancellationToken::new(), tracker: TaskTracker::new(), tasks: Arc::default() }
    }

    /// Cancelled when the phase begins: time to stop.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Spawns a task that the phase waits for. `name` completes the sentence "still waiting for …".
    pub fn spawn<F>(&self, name: impl Into<String>, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_on(&Handle::current(), name, task)
    }

    /// Spawns such a task on another runtime than this one.
    pub fn spawn_on<F>(&self, runtime: &Handle, name: impl Into<String>, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let listed = self.list(name.into());
        let task = async move {
            let _listed = listed;
            task.await
        };
        self.tracker.spawn_on(task, runtime)
    }

    /// Names of the tasks that have not ended, oldest first.
    #[must_use]
    pub fn waiting(&self) -> Vec<String> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).names.values().cloned().collect()
    }

    fn list(&self, name: String) -> Listed {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let id = tasks.next;
        tasks.next += 1;
        tasks.names.insert(id, name);
        Listed { tasks: self.tasks.clone(), id }
    }
}

/// What the daemon still waits for, told now and then and once more when time is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The phase.
    pub phase: &'static str,
    /// Its tasks that have not ended.
    pub tasks: Vec<String>,
    /// The phase's time is up; the next one begins.
    pub given_up: bool,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.given_up { "gave up waiting for" } else { "still waiting for" };
        write!(f, "{verb} {} ({})", self.tasks.join(", "), self.phase)
    }
}

/// The phases of one daemon, in the order in which they end.
#[derive(Debug, Default)]
pub struct Shutdown {
    phases: Vec<Phase>,
}

impl Shutdown {
    /// Adds a phase after those that are there. `reserve` is the time that earlier phases must leave to it.
    pub fn phase(&mut self, name: &'static str, reserve: Duration) -> Phase {
        let phase = Phase::new(name, reserve);
        self.phases.push(phase.clone());
        phase
    }

    /// Ends the phases one after the other within `limit`, telling what is being waited for. What it returns was not
    /// over in time; an empty list is a clean end. Every phase is told to stop, whatever happened before it.
    pub async fn run(self, limit: Duration, mut tell: impl FnMut(&Waiting)) -> Vec<Waiting> {
        let start = Instant::now();
        let reserves: Vec<Duration> = self.phases.iter().map(|phase| phase.reserve).collect();
        let mut given_up = Vec::new();
        for (phase, end) in self.phases.iter().zip(ends(limit, &reserves)) {
            phase.token.cancel();
            phase.tracker.close();
            if let Some(waiting) = wait(phase, start + end, &mut tell).await {
                tell(&waiting);
                given_up.push(waiting);
            }
        }
        given_up
    }
}

/// When each phase must be over, from the start: the limit less what later phases reserve.
fn ends(limit: Duration, reserves: &[Duration]) -> Vec<Duration> {
    (1..=reserves.len()).map(|next| limit.saturating_sub(reserves[next..].iter().sum())).collect()
}

/// Waits for a phase; `Some` when its time is up.
async fn wait(phase: &Phase, end: Instant, tell: &mut impl FnMut(&Waiting)) -> Option<Waiting> {
    let waiting = |given_up| Waiting { phase: phase.name, tasks: phase.waiting(), given_up };
    loop {
        let next = end.min(Instant::now() + TELL_EVERY);
        if tokio::time::timeout_at(next, phase.tracker.wait()).await.is_ok() {
            return None;
        }
        if next == end {
            return Some(waiting(true));
        }
        tell(&waiting(false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_earlier_phase_leaves_later_ones_their_time() {
        assert_eq!(ends(10 * SECOND, &[SECOND, 2 * SECOND, SECOND]), [7 * SECOND, 9 * SECOND, 10 * SECOND]);
    }

    #[test]
    fn a_deadline_shorter_than_the_reserves_gives_the_first_phase_nothing() {
        assert_eq!(ends(SECOND, &[SECOND, 2 * SECOND]), [Duration::ZERO, SECOND]);
    }

    fn paused() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    }

    #[test]
    fn phases_end_in_order_and_a_clean_end_says_nothing() {
        paused().block_on(async {
            let mut shutdown = Shutdown::default();
            let order = Arc::new(Mutex::new(Vec::new()));
            for name in ["requests", "sandboxes", "store"] {
                let phase = shutdown.phase(name, SECOND);
                let (token, order) = (phase.token(), order.clone());
                phase.spawn(name, async move {
                    token.cancelled().await;
                    tokio::time::sleep(SECOND / 10).await;
                    order.lock().unwrap().push(name);
                });
            }
            let left = shutdown.run(10 * SECOND, |waiting| panic!("told {waiting}")).await;
            assert_eq!(left, []);
            assert_eq!(*order.lock().unwrap(), ["requests", "sandboxes", "store"]);
        });
    }

    #[test]
    fn what_never_ends_is_named_and_the_next_phase_still_has_its_time() {
        paused().block_on(async {
            let mut shutdown = Shutdown::default();
            let requests = shutdown.phase("requests", Duration::ZERO);
            let sandboxes = shutdown.phase("sandboxes", 2 * SECOND);
            requests.spawn("GET /slow", std::future::pending::<()>());
            let token = sandboxes.token();
            sandboxes.spawn("sandbox 7", async move {
                token.cancelled().await;
                tokio::time::sleep(SECOND).await;
            });
            let mut told = Vec::new();
            let start = Instant::now();
            let left = shutdown.run(7 * SECOND, |waiting| told.push(waiting.to_string())).await;
            assert_eq!(start.elapsed(), 6 * SECOND);
            assert_eq!(told.first().unwrap(), "still waiting for GET /slow (requests)");
            assert_eq!(told.last().unwrap(), "gave up waiting for GET /slow (requests)");
            assert_eq!(left.len(), 1);
        });
    }

    #[test]
    fn a_task_that_panics_is_waited_for_no_longer() {
        paused().block_on(async {
            let mut shutdown = Shutdown::default();
            let phase = shutdown.phase("requests", Duration::ZERO);
            let task = phase.spawn("a broken task", async { panic!("as the test wants it") });
            assert!(task.await.is_err());
            assert_eq!(shutdown.run(SECOND, |_| ()).await, []);
        });
    }
}
