//! Connections of a listener: accepted within a bound, served until they end or the daemon stops.
//!
//! It knows nothing of what is asked on them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulConnection;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How long to wait after a failed accept: too many open files, as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listener with a bound on its connections; a further one waits in the listen queue.
#[derive(Debug)]
pub(crate) struct Door {
    listener: TcpListener,
    /// What it leads to, for the log.
    name: &'static str,
    slots: Arc<Semaphore>,
}

/// A connection that was accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    /// Makes room for another one when it is dropped.
    pub(crate) slot: OwnedSemaphorePermit,
}

impl Door {
    /// A door for at most `most` connections at once.
    pub(crate) fn new(listener: TcpListener, name: &'static str, most: usize) -> Door {
        Door { listener, name, slots: Arc::new(Semaphore::new(most)) }
    }

    /// The next connection; `None` once `cancel` is.
    pub(crate) async fn next(&self, cancel: &CancellationToken) -> Option<Accepted> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            accepted = self.accept() => accepted,
        }
    }

    async fn accept(&self) -> Option<Accepted> {
        let slot = self.slots.clone().acquire_owned().await.ok()?;
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => return Some(Accepted { stream, peer, slot }),
                Err(problem) => {
                    tracing::warn!(%problem, "{} could not accept a connection", self.name);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Serves a connection to its end; once `cancel` is, the answer under way is the last one.
///
/// # Errors
/// What ended it early.
pub(crate) async fn serve<C: GracefulConnection>(connection: C, cancel: &CancellationToken) -> Result<(), C::Error> {
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => ended,
        () = cancel.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}
