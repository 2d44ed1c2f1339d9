//! How containers of one function reach the daemon, and whom the daemon takes for them (pure but for asking the engine).
//!
//! On a bridge network of this machine a container is known by its address. Where the engine runs in a virtual machine,
//! or the user names the way himself, addresses are translated on it, and then this machine's own are let in too. Where the
//! engine is on another machine, its containers come under that one's address, and reach the daemon on the address that
//! this machine has towards it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::project::containers::Hosting;
use crate::runtime_api::Admit;

use super::super::engine::{Engine, Route, Whereabouts};
use super::super::{StartError, listen};

/// The engine's name for this machine, in containers.
pub(super) const HOST_NAME: &str = "host.docker.internal";
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The way from a container to the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// The network that containers are put in.
    pub(super) network: String,
    /// The address on which the daemon listens.
    pub(super) listen: IpAddr,
    /// The host under which containers reach it.
    pub(super) host: String,
    /// Addresses may be other ones at this end than in the container.
    pub(super) translated: bool,
    /// The addresses of the engine's machine, behind which containers hide, where it is another one.
    pub(super) theirs: Vec<IpAddr>,
}

impl Link {
    /// The way that the user named, else the network's own; the daemon must be able to listen on it.
    ///
    /// # Errors
    /// There is no such network, or no listening on its gateway.
    pub(super) async fn of(engine: &Engine, hosting: &Hosting) -> Result<Link, StartError> {
        let network = hosting.network.clone().unwrap_or_else(|| engine.network.clone());
        if network == "none" || network.starts_with("container:") {
            return Err(StartError::entry(&format!(
                "in the network {network} a container cannot reach its Runtime API; name another with --docker-network"
            )));
        }
        let link = match (&engine.whereabouts, network.as_str(), &hosting.host) {
            (Whereabouts::Elsewhere(route), ..) => Link::elsewhere(network, route, hosting)
                .ok_or_else(|| StartError::place(no_way_from(&engine.address)))?,
            (_, "host", _) => Link::chosen(network, Some(LOCALHOST), hosting),
            (Whereabouts::Here, _, None) => {
                let gateway = engine.gateway(&network).await.map_err(|problem| StartError::entry(&problem))?;
                Link::chosen(network, Some(gateway), hosting)
            }
            (Whereabouts::Here | Whereabouts::VirtualMachine, ..) => Link::chosen(network, None, hosting),
        };
        let address = SocketAddr::new(link.listen, 0);
        let bound =
            if engine.makes_bridges_late { listen::at(address).await } else { TcpListener::bind(address).await };
        bound.map(|_| link.clone()).map_err(|problem| link.cannot_listen(&problem))
    }

    /// `gateway` is this machine's address in the network, where it has one.
    fn chosen(network: String, gateway: Option<IpAddr>, hosting: &Hosting) -> Link {
        let (host, listen) = match (&hosting.host, gateway) {
            (Some(host), _) => (host.clone(), ANY),
            (None, Some(gateway)) => (gateway.to_string(), gateway),
            (None, None) => (HOST_NAME.to_owned(), LOCALHOST),
        };
        let translated = gateway.is_none() || network == "host" || hosting.host.is_some();
        let listen = hosting.host_interface.unwrap_or(listen);
        Link { network, listen, host, translated, theirs: Vec::new() }
    }

    /// The way from another machine; `None` where neither the user nor the kernel knows one. Through a tunnel that the
    /// user names containers come under addresses of this machine.
    fn elsewhere(network: String, route: &Route, hosting: &Hosting) -> Option<Link> {
        let (host, listen) = match (&hosting.host, route.ours) {
            (Some(host), _) => (host.clone(), ANY),
            (None, ours) => (ours?.to_string(), ours?),
        };
        let (translated, theirs) = (hosting.host.is_some(), route.theirs.clone());
        Some(Link { network, listen: hosting.host_interface.unwrap_or(listen), host, translated, theirs })
    }

    fn cannot_listen(&self, problem: &std::io::Error) -> StartError {
        StartError::place(format!(
            "containers in the network {} reach this machine at {}, and it cannot listen on {} ({problem}); where the \
             engine is rootless or elsewhere, name the way with --container-host and --container-host-interface",
            self.network, self.host, self.listen
        ))
    }

    /// Whom the daemon takes for the container with this address in its network.
    #[must_use]
    pub(super) fn admit(&self, container: Option<IpAddr>) -> Admit {
        let hidden = self.admit_hidden();
        std::sync::Arc::new(move |peer: SocketAddr, here: SocketAddr| {
            Some(peer.ip()) == container || hidden(peer, here)
        })
    }

    /// Whom it takes for one whose address the network hides.
    #[must_use]
    pub(super) fn admit_hidden(&self) -> Admit {
        let (translated, theirs) = (self.translated, self.theirs.clone());
        std::sync::Arc::new(move |peer: SocketAddr, here: SocketAddr| {
            theirs.contains(&peer.ip()) || (translated && (peer.ip().is_loopback() || peer.ip() == here.ip()))
        })
    }

    /// The address that a container is told for a port of the daemon's.
    #[must_use]
    pub(super) fn address(&self, port: u16) -> String {
        match self.host.parse::<IpAddr>() {
            Ok(address) => SocketAddr::new(address, port).to_string(),
            Err(_) => format!("{}:{port}", self.host),
        }
    }
}

fn no_way_from(engine: &str) -> String {
    format!(
        "the engine at {engine} is on another machine, and there is no telling under which address its containers reach \
         this one; name it with --container-host (and with --container-host-interface where the daemon is to listen)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 17, 0, 1));

    fn peer(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 4)
    }

    #[test]
    fn on_a_bridge_only_the_containers_address_is_let_in() {
        let link = Link::chosen("bridge".into(), Some(GATEWAY), &Hosting::default());
        assert_eq!((link.listen, link.address(7).as_str()), (GATEWAY, "172.17.0.1:7"));
        let admit = link.admit("172.17.0.2".parse().ok());
        assert!(admit(peer("172.17.0.2"), peer("172.17.0.1")));
        assert!(!admit(peer("172.17.0.3"), peer("172.17.0.1")));
        assert!(!admit(peer("172.17.0.1"), peer("172.17.0.1")) && !admit(peer("127.0.0.1"), peer("172.17.0.1")));
        assert!(!link.admit(None)(peer("172.17.0.3"), peer("172.17.0.1")), "one without an address is nobody");
    }

    #[test]
    fn in_a_virtual_machine_the_engines_name_leads_here() {
        let link = Link::chosen("bridge".into(), None, &Hosting::default());
        assert_eq!((link.listen, link.address(7).as_str()), (LOCALHOST, "host.docker.internal:7"));
        assert!(link.admit(None)(peer("127.0.0.1"), peer("127.0.0.1")));
        assert!(!link.admit(None)(peer("10.0.0.1"), peer("127.0.0.1")));
    }

    #[test]
    fn the_way_that_the_user_names_goes_before_all() {
        let hosting = Hosting { host: Some("samd".into()), ..Hosting::default() };
        let link = Link::chosen("shop".into(), None, &hosting);
        assert_eq!((link.listen, link.address(7).as_str()), (ANY, "samd:7"));
        let hosting = Hosting { host_interface: Some(LOCALHOST), ..hosting };
        assert_eq!(Link::chosen("shop".into(), None, &hosting).listen, LOCALHOST);
    }

    #[test]
    fn from_another_machine_containers_come_under_its_address_to_the_one_that_this_has_towards_it() {
        let (theirs, ours) = ("10.0.0.9".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let route = Route { theirs: vec![theirs], ours: Some(ours) };
        let link = Link::elsewhere("bridge".into(), &route, &Hosting::default()).unwrap();
        assert_eq!((link.listen, link.address(7).as_str()), (ours, "10.0.0.2:7"));
        let admit = link.admit("172.17.0.2".parse().ok());
        assert!(admit(peer("10.0.0.9"), peer("10.0.0.2")) && admit(peer("172.17.0.2"), peer("10.0.0.2")));
        assert!(!admit(peer("10.0.0.3"), peer("10.0.0.2")) && !admit(peer("127.0.0.1"), peer("127.0.0.1")));
        assert_eq!(Link::elsewhere("bridge".into(), &Route::default(), &Hosting::default()), None);
        let named = Hosting { host: Some("desk".into()), ..Hosting::default() };
        let tunnel = Link::elsewhere("bridge".into(), &Route::default(), &named).unwrap();
        assert_eq!((tunnel.listen, tunnel.address(7).as_str(), tunnel.translated), (ANY, "desk:7", true));
    }
}
