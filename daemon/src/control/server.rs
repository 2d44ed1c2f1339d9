//! Accepts connections of the control port and serves the endpoints on them, within limits of its own.
//!
//! Owns the accept loop, the number of connections and the order in which they end. It knows nothing of endpoints.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use warp::filters::BoxedFilter;
use warp::reply::Response;

/// Connections at once; a further one waits in the listener's backlog.
const MAX_CONNECTIONS: usize = 256;
/// How long a client may take for a request's head, and a connection may stay idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long answers under way may take once the daemon stops.
const DRAIN: Duration = Duration::from_secs(2);
/// How long to wait after a failed accept: too many open files, as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `filter` on `listener` until `cancel`; then ends connections and the tasks among `tasks`.
pub(super) async fn run(
    listener: TcpListener,
    filter: BoxedFilter<(Response,)>,
    cancel: CancellationToken,
    tasks: TaskTracker,
) {
    let connections = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Some((stream, slot)) = next_connection(&listener, &slots, &cancel).await {
        connections.spawn(connection(stream, filter.clone(), cancel.clone(), slot));
    }
    drop(listener);
    connections.close();
    tasks.close();
    let ended = async {
        connections.wait().await;
        tasks.wait().await;
    };
    if tokio::time::timeout(DRAIN, ended).await.is_err() {
        let (open, under_way) = (connections.len(), tasks.len());
        tracing::warn!(open, under_way, "the control port stops without waiting any longer");
    }
}

/// The next connection with its slot; `None` once the daemon stops.
async fn next_connection(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    cancel: &CancellationToken,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let accepted = async {
        let slot = slots.clone().acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return Some((stream, slot)),
                Err(error) => {
                    tracing::warn!(%error, "the control port could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = cancel.cancelled() => None,
        next = accepted => next,
    }
}

/// Serves one connection; when the daemon stops, the answer under way is the last one.
async fn connection(
    stream: TcpStream,
    filter: BoxedFilter<(Response,)>,
    cancel: CancellationToken,
    _slot: OwnedSemaphorePermit,
) {
    let service = TowerToHyperService::new(warp::service(filter));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = cancel.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of the control port ended early");
    }
}
