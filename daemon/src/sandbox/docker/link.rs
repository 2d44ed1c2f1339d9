//! How containers of one function reach the daemon, and whom the daemon takes for them (pure but for asking the engine).
//!
//! On a bridge network of this machine a container is known by its address. Where the engine runs in a virtual machine,
//! or the user names the way himself, addresses are translated on it, and then this machine's own are let in too.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::project::containers::Hosting;
use crate::runtime_api::Admit;

use super::super::StartError;
use super::super::engine::Engine;

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
        let gateway = match (network.as_str(), &hosting.host, engine.is_in_virtual_machine) {
            ("host", _, _) => Some(LOCALHOST),
            (_, None, false) => Some(engine.gateway(&network).await.map_err(|problem| StartError::entry(&problem))?),
            _ => None,
        };
        let link = Link::chosen(network, gateway, hosting);
        let bound = TcpListener::bind(SocketAddr::new(link.listen, 0)).await;
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
        Link { network, listen: hosting.host_interface.unwrap_or(listen), host, translated }
    }

    fn cannot_listen(&self, problem: &std::io::Error) -> StartError {
        StartError::place(format!(
            "the network {} has the gateway {}, on which this machine cannot listen ({problem}); where the engine is \
             rootless or elsewhere, name the way with --container-host and --container-host-interface",
            self.network, self.listen
        ))
    }

    /// Whom the daemon takes for the container with this address in its network.
    #[must_use]
    pub(super) fn admit(&self, container: Option<IpAddr>) -> Admit {
        let translated = self.translated;
        std::sync::Arc::new(move |peer: SocketAddr, here: SocketAddr| {
            Some(peer.ip()) == container || (translated && (peer.ip().is_loopback() || peer.ip() == here.ip()))
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
}
