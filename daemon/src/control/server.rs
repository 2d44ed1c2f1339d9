//! Serves the endpoints on connections of the control port, within limits of its own.
//!
//! Owns the order in which they end. It knows nothing of endpoints.

use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::connections::{self, Accepted, Door};

/// Connections at once.
const MOST_CONNECTIONS: usize = 256;
/// How long a client may take for a request's head, and a connection may stay idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long answers under way may take once the daemon stops.
const DRAIN: Duration = Duration::from_secs(2);

/// Serves `filter` on `listener` until `cancel`; then ends connections and the tasks among `tasks`.
pub(super) async fn run(
    listener: TcpListener,
    filter: BoxedFilter<(Response,)>,
    cancel: CancellationToken,
    tasks: TaskTracker,
) {
    let open = TaskTracker::new();
    let door = Door::new(listener, "the control port", MOST_CONNECTIONS);
    while let Some(accepted) = door.next(&cancel).await {
        open.spawn(connection(accepted, filter.clone(), cancel.clone()));
    }
    drop(door);
    open.close();
    tasks.close();
    let ended = async {
        open.wait().await;
        tasks.wait().await;
    };
    if tokio::time::timeout(DRAIN, ended).await.is_err() {
        let (open, under_way) = (open.len(), tasks.len());
        tracing::warn!(open, under_way, "the control port stops without waiting any longer");
    }
}

async fn connection(accepted: Accepted, filter: BoxedFilter<(Response,)>, cancel: CancellationToken) {
    let Accepted { stream, slot: _slot, .. } = accepted;
    let service = TowerToHyperService::new(warp::service(filter));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connections::serve(connection, &cancel).await {
        tracing::debug!(%error, "a connection of the control port ended early");
    }
}
