//! The thread that starts what comes last: it takes what nobody else wants of the processors, and whatever it starts
//! inherits that from its first instruction on. Nothing can be put back from there without privileges, so it is a thread
//! of its own.

use std::sync::mpsc;
use std::sync::{Arc, OnceLock};

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use tokio::runtime::Handle;

type Job = Box<dyn FnOnce() + Send>;

/// Starts the thread with its first job.
#[derive(Debug, Clone, Default)]
pub(super) struct Last(Arc<OnceLock<Option<mpsc::SyncSender<Job>>>>);

impl Last {
    /// Does a job on the thread, within the caller's runtime; blocks until it is done. Where there is no such thread, or no
    /// longer, it is done here. `None` when the job panicked there.
    pub(super) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let Some(jobs) = self.0.get_or_init(thread) else { return Some(job()) };
        let (done, outcome) = mpsc::sync_channel(1);
        let runtime = Handle::current();
        let job = move || {
            let _within = runtime.enter();
            // Whoever asked waits for it.
            drop(done.send(job()));
        };
        if let Err(mpsc::SendError(job)) = jobs.send(Box::new(job)) {
            job();
        }
        outcome.recv().ok()
    }
}

fn thread() -> Option<mpsc::SyncSender<Job>> {
    // Who waits for room would wait for the end of his job anyway.
    let (jobs, queue) = mpsc::sync_channel::<Job>(1);
    let running = std::thread::Builder::new().name("last".to_owned()).spawn(move || {
        let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        if let Err(problem) = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy) {
            tracing::debug!(?problem, "what crashes again and again competes for the processors with everybody else");
        }
        queue.into_iter().for_each(|job| job());
    });
    running.ok().map(|_| jobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_job_that_panics_is_told_and_those_after_it_are_done_all_the_same() {
        let outcome = tokio::task::spawn_blocking(|| {
            let last = Last::default();
            let panicked = last.run(|| -> u8 { panic!("a job that panics") });
            // The thread may take a moment to go; what it took with it is told in the same way.
            let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
            let tries = std::iter::repeat_with(|| last.run(|| 1_u8)).take_while(|_| std::time::Instant::now() < until);
            (panicked, tries.flatten().next())
        });
        assert_eq!(outcome.await.unwrap(), (None, Some(1)));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn what_it_starts_takes_what_nobody_else_wants_and_this_thread_stays_as_it_was() {
        /// The 41st field of the table of a process: its policy (proc(5)).
        fn policy(stat: &str) -> Option<u32> {
            stat.rsplit(')').next()?.split_whitespace().nth(38)?.parse().ok()
        }
        let told = |last: Last| last.run(|| std::process::Command::new("cat").arg("/proc/self/stat").output());
        let output = tokio::task::spawn_blocking(move || told(Last::default())).await.unwrap().unwrap().unwrap();
        let idle = 5;
        assert_eq!(policy(&String::from_utf8_lossy(&output.stdout)), Some(idle));
        assert_eq!(policy(&std::fs::read_to_string("/proc/thread-self/stat").unwrap()), Some(0));
    }
}
