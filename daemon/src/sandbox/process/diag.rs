//! One TCP connection's owner, asked of the kernel: a look-up in a hash table, where reading `/proc/net/tcp` walks through
//! all of it and keeps a processor for milliseconds.

use std::mem::MaybeUninit;
use std::net::SocketAddrV4;

use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

/// `SOCK_DIAG_BY_FAMILY`: the request, and its answer (sock_diag(7)).
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
const AF_INET: u8 = 2;
const IPPROTO_TCP: u8 = 6;
/// The header of every message: length, type, flags, sequence, port.
const HEADER: usize = 16;
/// The header, what is asked for, and a socket's id.
const ASKED: usize = HEADER + 8 + 48;
/// The owner in the answer, `idiag_uid`.
const UID: std::ops::Range<usize> = HEADER + 64..HEADER + 68;

/// The user whose socket has `theirs` as its own end and `ours` as the other; `None` where the kernel knows no such
/// socket, or does not answer such questions.
pub(super) fn owner(theirs: SocketAddrV4, ours: SocketAddrV4) -> Option<u32> {
    let flags = SocketFlags::CLOEXEC;
    let kernel = net::socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(netlink::SOCK_DIAG)).ok()?;
    net::send(&kernel, &question(theirs, ours), SendFlags::empty()).ok()?;
    // It is answered before `send` returns.
    let mut answer = [MaybeUninit::uninit(); 512];
    let ((answer, _), _) = net::recv(&kernel, &mut answer, RecvFlags::DONTWAIT).ok()?;
    (answer.get(4..6)? == BY_FAMILY.to_ne_bytes()).then_some(())?;
    Some(u32::from_ne_bytes(answer.get(UID)?.try_into().ok()?))
}

fn question(theirs: SocketAddrV4, ours: SocketAddrV4) -> Vec<u8> {
    let address = |end: SocketAddrV4| [end.ip().octets().as_slice(), &[0; 12]].concat();
    let parts: [&[u8]; 13] = [
        &u32::try_from(ASKED).unwrap_or_default().to_ne_bytes(),
        &BY_FAMILY.to_ne_bytes(),
        &REQUEST.to_ne_bytes(),
        // Sequence and port: the only question, of whoever asks.
        &[0; 8],
        // No extensions.
        &[AF_INET, IPPROTO_TCP, 0, 0],
        // In any state.
        &u32::MAX.to_ne_bytes(),
        &theirs.port().to_be_bytes(),
        &ours.port().to_be_bytes(),
        &address(theirs),
        &address(ours),
        // On any interface.
        &[0; 4],
        // With any cookie.
        &u32::MAX.to_ne_bytes(),
        &u32::MAX.to_ne_bytes(),
    ];
    parts.concat()
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream};

    use super::*;

    fn v4(address: std::io::Result<SocketAddr>) -> SocketAddrV4 {
        match address {
            Ok(SocketAddr::V4(address)) => address,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_connection_is_its_users_and_one_that_is_not_there_is_nobodys() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (theirs, ours) = (v4(client.local_addr()), v4(client.peer_addr()));
        assert_eq!(question(theirs, ours).len(), ASKED);
        assert_eq!(owner(theirs, ours), Some(rustix::process::getuid().as_raw()));
        let nobody = SocketAddrV4::new(*theirs.ip(), 1);
        assert_eq!(owner(nobody, ours), None);
    }
}
