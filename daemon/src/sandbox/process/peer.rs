//! Who may talk to a sandbox's Runtime API.

use std::net::{SocketAddr, SocketAddrV4};

use super::diag;

/// Only this machine's processes may talk to a sandbox's Runtime API, and of these only the daemon's own user's: the
/// kernel says whose the other end is.
#[must_use]
pub(super) fn is_own_peer(peer: SocketAddr, local: SocketAddr) -> bool {
    let (SocketAddr::V4(peer), SocketAddr::V4(local)) = (peer, local) else { return false };
    // A kernel need not answer such questions; each has the table.
    let owner = diag::owner(peer, local).or_else(|| match std::fs::read_to_string("/proc/net/tcp") {
        Ok(table) => owner_in(&table, peer, local),
        Err(_) => peer.ip().is_loopback().then(own),
    });
    owner == Some(own())
}

fn own() -> u32 {
    rustix::process::getuid().as_raw()
}

/// The owner of a connection by the kernel's table of all.
fn owner_in(table: &str, theirs: SocketAddrV4, ours: SocketAddrV4) -> Option<u32> {
    let end =
        |address: SocketAddrV4| format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port());
    let (theirs, ours) = (end(theirs), end(ours));
    let owner = table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields.get(1) == Some(&theirs.as_str()) && fields.get(2) == Some(&ours.as_str()))
            .then(|| fields.get(7).copied())?
    });
    owner?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_table_tells_the_same_as_the_kernels_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (peer, local) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        assert!(is_own_peer(peer, local));
        let (SocketAddr::V4(peer), SocketAddr::V4(local)) = (peer, local) else { panic!("no IPv4") };
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        assert_eq!(owner_in(&table, peer, local), Some(own()));
        assert_eq!(owner_in(&table, local, SocketAddrV4::new(*peer.ip(), 1)), None);
    }
}
