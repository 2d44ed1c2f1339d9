//! One sandbox's listener: who may connect, and how long connections live.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::Call;
use super::route::answer;
use super::together::{Hold, Together};

/// Calls that may wait for the sandbox's owner.
const CALLS: usize = 16;
/// How the embedded client that asks for the next event together with its answer names itself.
const PIPELINING_CLIENT: &[u8] = b"samd-python/";
/// Where it answers invocations; it waits for the replies to its other calls.
const INVOCATIONS: &str = "/2018-06-01/runtime/invocation/";

/// Whether a peer (first) may talk to the listener at an address of ours (second).
pub type Admit = Arc<dyn Fn(SocketAddr, SocketAddr) -> bool + Send + Sync>;

/// A sandbox's Runtime API; it ends when this is dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    /// Where it listens.
    pub address: SocketAddr,
    /// The address that its sandbox is told, which may be another name for it.
    pub told: String,
    /// What the runtime asks. It ends when the listener is closed and the last connection is gone.
    pub calls: mpsc::Receiver<Call>,
    accepting: tokio::task::AbortHandle,
    _connections: JoinSet<()>,
}

impl RuntimeApi {
    /// Serves on `listener`, to peers that `admit` lets in. Until it is known who that is, connections wait unanswered;
    /// when it never comes, nobody is served.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn serve(listener: TcpListener, told: String, admit: oneshot::Receiver<Admit>) -> std::io::Result<RuntimeApi> {
        let address = listener.local_addr()?;
        let (sender, calls) = mpsc::channel(CALLS);
        let mut connections = JoinSet::new();
        let accepting = connections.spawn(accept(listener, address, told.as_str().into(), sender, admit));
        Ok(RuntimeApi { address, told, calls, accepting, _connections: connections })
    }

    /// Takes no more connections; those that are there go on.
    pub fn close(&self) {
        self.accepting.abort();
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    address: SocketAddr,
    host: Arc<str>,
    calls: mpsc::Sender<Call>,
    admit: oneshot::Receiver<Admit>,
) {
    let Ok(admit) = admit.await else { return };
    loop {
        let Ok((stream, peer)) = listener.accept().await else { continue };
        // Who is at the other end stands in tables of the kernel that may be long.
        let admit = admit.clone();
        if !tokio::task::spawn_blocking(move || admit(peer, address)).await.unwrap_or(false) {
            tracing::warn!(%peer, "refused a connection to a Runtime API that is not its own");
            continue;
        }
        // The task ends with its connection: when the runtime is gone, or when `calls` has no receiver any more.
        tokio::spawn(connection(stream, calls.clone(), host.clone()));
    }
}

async fn connection(stream: TcpStream, calls: mpsc::Sender<Call>, host: Arc<str>) {
    if let Err(problem) = stream.set_nodelay(true) {
        tracing::debug!(%problem, "no TCP_NODELAY on a Runtime API connection");
    }
    let gone = calls.clone();
    let hold = Hold::default();
    let together = Together::new(stream, hold.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let (calls, host, hold) = (calls.clone(), host.clone(), hold.clone());
        let pipelines = pipelines(&request);
        async move {
            let reply = answer(request, &calls, &host).await;
            if pipelines && reply.status() == StatusCode::ACCEPTED {
                hold.next_write();
            }
            Ok::<_, Infallible>(reply)
        }
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .title_case_headers(true)
        .serve_connection(TokioIo::new(together), service);
    tokio::select! {
        outcome = serving => if let Err(problem) = outcome {
            tracing::debug!(%problem, "a Runtime API connection ended");
        },
        () = gone.closed() => {}
    }
}

/// Whether the next request stands right behind this one.
fn pipelines(request: &Request<Incoming>) -> bool {
    let client = request.headers().get(header::USER_AGENT);
    client.is_some_and(|client| client.as_bytes().starts_with(PIPELINING_CLIENT))
        && request.uri().path().starts_with(INVOCATIONS)
}
