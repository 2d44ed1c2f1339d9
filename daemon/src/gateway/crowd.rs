//! The thread that serves crowds: the connections of an address beyond its first few.
//!
//! A thread does one thing after the other. What many connections ask for at once would stand before whatever another
//! project is asked meanwhile; so they wait for each other, on a thread of their own that lets the daemon's one go first.

use std::io;
use std::sync::{Arc, OnceLock};

use rustix::process::setpriority_process;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, RuntimeFlavor};

/// How many connections of an address are no crowd yet: as many as a browser opens to one host.
const FEW: usize = 6;
/// Its niceness.
const NICE: i32 = 5;
/// Threads that read files for it.
const MOST_READERS: usize = 4;

/// The thread, which starts with the first crowd; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Crowd(Arc<OnceLock<Option<Handle>>>);

impl Crowd {
    /// Where a connection is to be served that came when `others` were there; `None` is with everybody else.
    pub(super) fn runtime(&self, others: usize) -> Option<Handle> {
        // Where the daemon has several threads, none of them keeps what waits to itself, and one would be too few for a crowd.
        if others < FEW || Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
            return None;
        }
        self.0.get_or_init(|| thread().inspect_err(not_apart).ok()).clone()
    }
}

/// The readiness of a connection is told where it is served. To be called there.
///
/// # Errors
/// The system refuses to watch it.
pub(super) fn taken_over(stream: io::Result<std::net::TcpStream>) -> io::Result<TcpStream> {
    TcpStream::from_std(stream?)
}

fn not_apart(problem: &io::Error) {
    tracing::warn!(%problem, "many connections to one project are served with those of all others");
}

fn thread() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().max_blocking_threads(MOST_READERS).enable_all().build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new().name("crowd".to_owned()).spawn(move || {
        // Linux takes this for the calling thread alone.
        if let Err(problem) = setpriority_process(None, NICE) {
            tracing::debug!(%problem, "many connections compete for the processors with everybody else");
        }
        runtime.block_on(std::future::pending::<()>());
    })?;
    Ok(handle)
}
