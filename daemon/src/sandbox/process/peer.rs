//! Who may talk to a sandbox's Runtime API.

use std::net::SocketAddr;

/// Only this machine's processes may talk to a sandbox's Runtime API, and of these only the daemon's own user's: the
/// kernel's table of connections says whose the other end is.
#[must_use]
pub(super) fn is_own_peer(peer: SocketAddr, local: SocketAddr) -> bool {
    let (SocketAddr::V4(peer), SocketAddr::V4(local)) = (peer, local) else { return false };
    let end = |address: std::net::SocketAddrV4| {
        format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
    };
    let Ok(table) = std::fs::read_to_string("/proc/net/tcp") else { return peer.ip().is_loopback() };
    let (theirs, ours) = (end(peer), end(local));
    let owner = table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields.get(1) == Some(&theirs.as_str()) && fields.get(2) == Some(&ours.as_str()))
            .then(|| fields.get(7).copied())?
    });
    owner.and_then(|uid| uid.parse::<u32>().ok()) == Some(rustix::process::getuid().as_raw())
}
