//! The Lambda service endpoint: what SDKs, the AWS CLI and functions that call each other reach as the Lambda service.
//!
//! Owns its listener and the Lambda API's shapes: paths and names (`target`), errors (`fault`), Invoke (`invoke`),
//! InvokeWithResponseStream (`stream`, `event_stream`), and what can be read of functions (`configuration`). A
//! project's own address is `http://<endpoint>/<project>`, where its functions go before others of the same name; without
//! a project all of them are looked through. Signatures are not checked: whoever reaches the loopback address may invoke,
//! but no web page (`guard`). It never starts a sandbox, and never tells a function's variables.

mod body;
mod configuration;
mod event_stream;
mod fault;
mod find;
mod guard;
mod invoke;
mod jackson;
mod server;
mod stream;
mod target;

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::runtime_api::Admit;
use crate::sandbox::doors::Door;
use crate::shutdown::Phase;
use crate::supervisor::Handle;

/// What requests are answered with.
struct Service {
    supervisor: Handle,
    /// The host and port that clients name.
    host: String,
    /// Whom it serves, where that is not whoever reaches the loopback.
    admit: Option<Admit>,
    /// What outlives its request belongs to it.
    phase: Phase,
}

/// Where the endpoint was asked to be.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The address; `None` leaves it to the endpoint.
    pub address: Option<SocketAddr>,
    /// It may be an address that other machines reach.
    pub open: bool,
}

/// Where an endpoint that listens at `address` is reached from this machine.
#[must_use]
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Binds the endpoint: where it was `asked` to be; else where it `was`, or at `first`, or wherever there is room.
///
/// # Errors
/// The address that was asked for is taken or no loopback address.
pub async fn listen(asked: Asked, was: Option<SocketAddr>, first: &str) -> anyhow::Result<TcpListener> {
    if let Some(address) = asked.address {
        anyhow::ensure!(
            asked.open || address.ip().is_loopback(),
            "the Lambda endpoint runs functions for whoever asks, so it is for loopback addresses alone, and {address} is none"
        );
        let advice = if asked.open { "" } else { "; set SAMD_LAMBDA" };
        let bound = TcpListener::bind(address).await;
        return bound.with_context(|| format!("cannot listen on {address} for the Lambda endpoint{advice}"));
    }
    let was = was.filter(|address| address.ip().is_loopback());
    for address in was.into_iter().chain(first.parse()) {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(problem) if Some(address) == was => {
                tracing::warn!(%address, %problem, "the Lambda endpoint cannot be where it was; SAMD_LAMBDA can set it");
            }
            Err(problem) => tracing::debug!(%address, %problem, "the Lambda endpoint goes elsewhere"),
        }
    }
    TcpListener::bind("127.0.0.1:0").await.context("no port could be had for the Lambda endpoint")
}

/// Serves the endpoint on `listener`; connections belong to `phase`.
///
/// # Errors
/// The listener has no address.
pub fn serve(listener: TcpListener, supervisor: Handle, phase: &Phase) -> std::io::Result<()> {
    let host = listener.local_addr()?.to_string();
    server::start(listener, Service { supervisor, host, admit: None, phase: phase.clone() });
    Ok(())
}

/// Serves the endpoint through doors as they are opened, too.
pub fn serve_doors(mut doors: mpsc::UnboundedReceiver<Door>, supervisor: Handle, phase: &Phase) {
    let (cancel, of_doors) = (phase.token(), phase.clone());
    phase.spawn("the Lambda endpoint's doors", async move {
        while let Some(Some(Door { listener, told, admit })) = cancel.run_until_cancelled(doors.recv()).await {
            tracing::info!(address = told, "the Lambda endpoint for containers");
            let service =
                Service { supervisor: supervisor.clone(), host: told, admit: Some(admit), phase: of_doors.clone() };
            server::start(listener, service);
        }
    });
}
