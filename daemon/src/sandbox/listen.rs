//! Listens for sandboxes, also on an address that this machine is about to have: Podman makes the bridge of a network when
//! the first container comes into it, and that one must be told before where the daemon listens.

use std::io;
use std::net::SocketAddr;

use rustix::net::sockopt::set_ip_freebind;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be taken.
const BACKLOG: u32 = 1_024;

/// A listener on an address, whether this machine has it yet or not.
///
/// # Errors
/// The port is taken, or may not be had.
pub async fn at(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(problem) if problem.kind() == io::ErrorKind::AddrNotAvailable && address.is_ipv4() => ahead(address),
        bound => bound,
    }
}

fn ahead(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    set_ip_freebind(&socket, true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_is_not_there_yet_can_be_listened_on() {
        let address: SocketAddr = "198.51.100.7:0".parse().unwrap();
        assert!(TcpListener::bind(address).await.is_err());
        let listener = at(address).await.unwrap();
        assert_eq!(listener.local_addr().unwrap().ip(), address.ip());
        let taken = listener.local_addr().unwrap();
        assert_eq!(at(taken).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
