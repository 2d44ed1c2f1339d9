//! The control port: HTTP and JSON on a loopback address, for `samctl` and other tools of the same user.
//!
//! Owns the way from a request to a command of the supervisor and back: who may ask (`guard`), what may be asked
//! (`endpoints`, from the types of `samd_proto`), what each means (`handlers`, `streams`, `invoke`), and the
//! translation between the wire's types and ours (`convert`, `routes`). It has a listener and limits of its own, so
//! that a busy data plane never starves it. It never decides what runs, and never keeps a caller's environment.

mod body;
mod convert;
mod endpoints;
mod functions;
mod guard;
mod handlers;
mod invoke;
mod reply;
mod routes;
mod server;
mod streams;
pub mod templates;
pub mod token;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::supervisor::Handle;
pub use samd_proto::place;
use templates::TemplateReader;
use token::Token;

/// Streams (`logs`, `events`) that may be open at once; one more is refused with a message.
const MAX_STREAMS: usize = 128;

/// Who may use the control port.
#[derive(Debug, Clone)]
pub struct Auth {
    /// The bearer token that a request must carry.
    pub token: Token,
    /// Where callers find it; named in refusals, never read here.
    pub token_file: PathBuf,
}

/// What the daemon says about itself.
#[derive(Debug, Clone)]
pub struct DaemonInfo {
    /// Its version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// When it started.
    pub started: SystemTime,
    /// Where the Lambda endpoint is served.
    pub lambda_endpoint: Option<std::net::SocketAddr>,
    /// Its state folder.
    pub state_dir: PathBuf,
}

/// What handlers work with.
struct Context {
    supervisor: Handle,
    templates: TemplateReader,
    info: DaemonInfo,
    /// The listener's real address.
    address: std::net::SocketAddr,
    /// Cancelled by `daemon-stop`; streams end with it.
    cancel: CancellationToken,
    /// Work that outlives its request: reloads and invocations that nobody waits for.
    tasks: TaskTracker,
    streams: Arc<Semaphore>,
}

/// Serves the control port until `cancel` is cancelled, which `daemon-stop` does too: answers under way are finished,
/// within a short deadline.
///
/// # Errors
/// The listener's address cannot be read, or is not a loopback address: the control port can start programs, so it is
/// never offered to the network.
pub async fn serve(
    listener: TcpListener,
    supervisor: Handle,
    templates: TemplateReader,
    auth: Auth,
    info: DaemonInfo,
    cancel: CancellationToken,
) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            format!("the control port is for loopback addresses alone, and {address} is none"),
        ));
    }
    let tasks = TaskTracker::new();
    let context = Arc::new(Context {
        supervisor,
        templates,
        info,
        address,
        cancel: cancel.clone(),
        tasks: tasks.clone(),
        streams: Arc::new(Semaphore::new(MAX_STREAMS)),
    });
    server::run(listener, endpoints::all(&context, &Arc::new(auth)), cancel, tasks).await;
    Ok(())
}
