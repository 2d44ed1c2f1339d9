//! One address of the data plane: accepts connections and hands each request to the pipeline.
//!
//! hyper serves HTTP/1.1 and HTTP/2 cleartext on the same port. warp's filters see neither the casing of header names
//! nor the socket, so the pipeline is served as a hyper service here; [`super::wire`] adds what hyper does not keep.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::shutdown::Phase;
use crate::watch::Unrest;

use super::access::AccessLog;
use super::connections::{Connections, Place};
use super::crowd::{Crowd, taken_over};
use super::pipeline;
use super::snapshot::Snapshot;
use super::wire::{MOST_HEADERS, SharedHeads, Wire};

/// Connections that may wait to be accepted, as the standard library has it.
const BACKLOG: u32 = 128;
/// Connections that one address has at once; when there are more, those without a request make room.
const MOST_CONNECTIONS: usize = 1_024;
/// A client may take so long to send a whole head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// What is kept of a head, in bytes: over AWS's 10,240, so that the pipeline can answer as AWS does.
const HEAD_BUFFER: usize = 64 * 1024;

/// What all requests of an address share.
#[derive(Debug)]
pub struct Served {
    /// The current generation.
    pub snapshot: ArcSwap<Snapshot>,
    /// Replies carry `X-Samd-Generation`.
    pub tell_generation: AtomicBool,
    /// Who wants to know of requests.
    pub access: AccessLog,
    /// Changes of the project that are about to be published.
    pub changes: Unrest,
}

/// A running listener. Dropping it stops accepting; connections finish what they are at.
#[derive(Debug)]
pub struct Gateway {
    /// Where it listens.
    pub address: SocketAddr,
    served: Arc<Served>,
    /// The listening socket, until it closes.
    socket: Option<OwnedFd>,
    cancel: CancellationToken,
    /// Cancelled when nobody listens on the address any more.
    closed: CancellationToken,
}

impl Gateway {
    /// Serves `snapshot` on `listener`, and what `changes` leads to as soon as it is known of. Connections belong to
    /// `phase`, so that a shutdown can wait for them, and when they are many to the thread of `crowd`.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn serve(
        listener: TcpListener,
        snapshot: Arc<Snapshot>,
        access: AccessLog,
        changes: Unrest,
        (phase, crowd): (&Phase, &Crowd),
    ) -> std::io::Result<Gateway> {
        let address = listener.local_addr()?;
        let socket = Some(listener.as_fd().try_clone_to_owned()?);
        let served =
            Served { snapshot: ArcSwap::new(snapshot), tell_generation: AtomicBool::new(false), access, changes };
        let served = Arc::new(served);
        let cancel = phase.token().child_token();
        let closed = CancellationToken::new();
        let accepting = accept(listener, address, served.clone(), cancel.clone(), (phase.clone(), crowd.clone()));
        let told = closed.clone().drop_guard();
        phase.spawn(format!("the listener on {address}"), async move {
            accepting.await;
            drop(told);
        });
        Ok(Gateway { address, served, socket, cancel, closed })
    }

    /// Stops accepting; returns when the address is free for another.
    pub async fn close(mut self) {
        self.cancel.cancel();
        self.socket = None;
        self.closed.cancelled().await;
    }

    /// A listener on another address of the same port, while this one goes on accepting: one of all addresses and one of
    /// a single one share a port only when both say that they do.
    ///
    /// # Errors
    /// Somebody else has it, or it is not this machine's.
    pub fn beside(&self, address: SocketAddr) -> std::io::Result<TcpListener> {
        if let Some(socket) = &self.socket {
            rustix::net::sockopt::set_socket_reuseport(socket, true)?;
        }
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    }

    /// Every request that comes from now on is served by `snapshot`.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        self.served.snapshot.store(snapshot);
    }

    /// Whether replies say which generation they are of.
    pub fn tell_generation(&self, tell: bool) {
        self.served.tell_generation.store(tell, Ordering::Relaxed);
    }

    /// The current generation.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.served.snapshot.load_full()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    address: SocketAddr,
    served: Arc<Served>,
    cancel: CancellationToken,
    (phase, crowd): (Phase, Crowd),
) {
    let connections = Connections::new(MOST_CONNECTIONS);
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            accepted = async {
                let accepted = listener.accept().await;
                (accepted, connections.place().await)
            } => accepted,
        };
        match accepted {
            (Ok((stream, peer)), place) => {
                let (served, cancel, name) = (served.clone(), cancel.clone(), format!("requests of {peer}"));
                let Some(runtime) = crowd.runtime(place.others) else {
                    phase.spawn(name, welcome(stream, (peer, address), served, Arc::new(place), cancel));
                    continue;
                };
                let stream = stream.into_std();
                phase.spawn_on(&runtime, name, async move {
                    match taken_over(stream) {
                        Ok(stream) => welcome(stream, (peer, address), served, Arc::new(place), cancel).await,
                        Err(problem) => tracing::warn!(%peer, %problem, "a connection could not be served"),
                    }
                });
            }
            (Err(problem), _) => {
                // Out of file descriptors, mostly: connections that end make room.
                tracing::warn!(%address, %problem, "a connection could not be accepted");
                tokio::task::yield_now().await;
            }
        }
    }
}

/// The two ends of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peers {
    /// The client.
    pub client: SocketAddr,
    /// The address that it reached.
    pub server: SocketAddr,
    /// `http` or `https`.
    pub scheme: &'static str,
}

/// Serves a client, over TLS where the current generation asks for it.
async fn welcome(
    stream: TcpStream,
    (client, server): (SocketAddr, SocketAddr),
    served: Arc<Served>,
    place: Arc<Place>,
    cancel: CancellationToken,
) {
    if let Err(problem) = stream.set_nodelay(true) {
        tracing::debug!(%problem, "no TCP_NODELAY on a connection");
    }
    let tls = served.snapshot.load().front.tls.clone();
    let Some(tls) = tls else {
        return connection(stream, Peers { client, server, scheme: "http" }, served, place, cancel).await;
    };
    match tokio::time::timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
        Ok(Ok(stream)) => connection(stream, Peers { client, server, scheme: "https" }, served, place, cancel).await,
        Ok(Err(problem)) => tracing::debug!(%client, %problem, "a TLS handshake failed"),
        Err(_) => tracing::debug!(%client, "a TLS handshake took too long"),
    }
}

async fn connection<S>(stream: S, peers: Peers, served: Arc<Served>, place: Arc<Place>, cancel: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let heads = SharedHeads::default();
    let io = TokioIo::new(Wire::new(stream, heads.clone()));
    let own = place.clone();
    let service = service_fn(move |request| {
        let (served, heads, place) = (served.clone(), heads.clone(), own.clone());
        async move { Ok::<_, Infallible>(pipeline::answer(request, peers, &served, &heads, &place).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // A client that sent its request and hung up is served to the end: its invocation is not cancelled.
        .half_close(true)
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MOST_HEADERS)
        .max_buf_size(HEAD_BUFFER.max(8192));
    builder.http2().timer(TokioTimer::new()).max_header_list_size(u32::try_from(HEAD_BUFFER).unwrap_or(u32::MAX));
    let serving = builder.serve_connection(io, service);
    tokio::pin!(serving);
    let mut draining = false;
    loop {
        tokio::select! {
            ended = serving.as_mut() => {
                if let Err(problem) = ended {
                    tracing::debug!(client = %peers.client, %problem, "a connection ended");
                }
                return;
            }
            () = place.evicted() => {
                tracing::debug!(client = %peers.client, "a connection without a request made room for another");
                return;
            }
            () = cancel.cancelled(), if !draining => {
                draining = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}
