//! Listeners of the daemon's that its containers alone may come through: the Lambda endpoint, where loopback addresses do
//! not reach.
//!
//! A door is opened when the first container on a network needs it, and stays; who serves it is told then. It knows which
//! containers there are, and not what they ask.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::listen;
use crate::runtime_api::Admit;

/// A listener that was opened.
pub struct Door {
    /// Where it listens.
    pub listener: TcpListener,
    /// The host and port that containers are told.
    pub told: String,
    /// Whom to let in.
    pub admit: Admit,
}

/// Opens doors; cheap to clone.
#[derive(Debug, Clone)]
pub struct Doors {
    state: Arc<tokio::sync::Mutex<BTreeMap<IpAddr, u16>>>,
    preferred: Arc<Mutex<BTreeMap<IpAddr, u16>>>,
    guests: Guests,
    opened: mpsc::UnboundedSender<Door>,
}

impl Doors {
    /// Doors, and where they come out to be served: at most one for each address of this machine.
    #[must_use]
    pub fn new() -> (Doors, mpsc::UnboundedReceiver<Door>) {
        let (opened, queue) = mpsc::unbounded_channel();
        (Doors { state: Arc::default(), preferred: Arc::default(), guests: Guests::default(), opened }, queue)
    }

    /// A door at this address is opened on this port, where it is free: containers know it.
    pub fn prefer(&self, address: IpAddr, port: u16) {
        self.preferred.lock().unwrap_or_else(PoisonError::into_inner).insert(address, port);
    }

    async fn listen(&self, address: IpAddr) -> io::Result<TcpListener> {
        let preferred = self.preferred.lock().unwrap_or_else(PoisonError::into_inner).get(&address).copied();
        if let Some(port) = preferred
            && let Ok(listener) = TcpListener::bind(SocketAddr::new(address, port)).await
        {
            return Ok(listener);
        }
        listen::at(SocketAddr::new(address, 0)).await
    }

    /// The port of the door at an address of this machine. `hidden` knows guests whose addresses the network hides, `told`
    /// makes of a port what containers are told.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn at(&self, address: IpAddr, hidden: Admit, told: impl Fn(u16) -> String) -> io::Result<u16> {
        let mut open = self.state.lock().await;
        if let Some(port) = open.get(&address) {
            return Ok(*port);
        }
        let listener = self.listen(address).await?;
        let port = listener.local_addr()?.port();
        let guests = self.guests.clone();
        let admit: Admit =
            Arc::new(move |peer: SocketAddr, here: SocketAddr| guests.knows(peer.ip()) || hidden(peer, here));
        // A daemon that stops serves none.
        drop(self.opened.send(Door { listener, told: told(port), admit }));
        open.insert(address, port);
        Ok(port)
    }

    /// Lets a container in for as long as the guest is kept.
    #[must_use]
    pub fn let_in(&self, address: Option<IpAddr>) -> Guest {
        if let Some(address) = address {
            self.guests.0.lock().unwrap_or_else(PoisonError::into_inner).insert(address);
        }
        Guest { address, guests: self.guests.clone() }
    }
}

/// Addresses of containers that run.
#[derive(Debug, Clone, Default)]
struct Guests(Arc<Mutex<HashSet<IpAddr>>>);

impl Guests {
    fn knows(&self, address: IpAddr) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&address)
    }
}

/// A container that is let in; no longer, when this is dropped.
#[derive(Debug)]
pub struct Guest {
    address: Option<IpAddr>,
    guests: Guests,
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            self.guests.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_door_is_opened_once_and_lets_in_whoever_is_a_guest_now() {
        let (doors, mut opened) = Doors::new();
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let nobody: Admit = Arc::new(|_, _| false);
        let port = doors.at(here, nobody.clone(), |port| format!("here:{port}")).await.unwrap();
        assert_eq!(doors.at(here, nobody, |port| port.to_string()).await.unwrap(), port);
        let door = opened.recv().await.unwrap();
        assert!(opened.try_recv().is_err());
        assert_eq!(door.told, format!("here:{port}"));
        let (peer, local) = (SocketAddr::new("172.17.0.9".parse().unwrap(), 1), SocketAddr::new(here, port));
        assert!(!(door.admit)(peer, local) && !(door.admit)(local, local));
        let guest = doors.let_in(Some(peer.ip()));
        assert!((door.admit)(peer, local));
        drop(guest);
        assert!(!(door.admit)(peer, local));
    }
}
