//! Which port a project is served on: the one asked for, else the one it had, else the next free one.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;

/// The first port that is tried for a project that asks for none, as the SAM CLI's.
pub(super) const FIRST: u16 = 3000;
/// Ports that are tried from there on.
const MOST_TRIED: u16 = 2000;

/// Binds the port that was asked for.
///
/// # Errors
/// It is taken, or not this machine's.
pub(super) async fn bind(host: IpAddr, port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::new(host, port)).await
}

/// Binds the port that the project had, or the first free one that no other project of the daemon owns.
///
/// # Errors
/// No port in the range is free.
pub(super) async fn bind_any(host: IpAddr, had: Option<u16>, owned: &BTreeSet<u16>) -> io::Result<TcpListener> {
    if let Some(port) = had
        && let Ok(listener) = bind(host, port).await
    {
        return Ok(listener);
    }
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in (FIRST..FIRST + MOST_TRIED).filter(|port| !owned.contains(port)) {
        match bind(host, port).await {
            Ok(listener) => return Ok(listener),
            Err(problem) => last = problem,
        }
    }
    Err(last)
}
