//! Finds the container engine that answers, and keeps the connection to it. Says once when there is none.
//!
//! Where one is looked for is decided by `places`, how it is spoken to by `transport` (with `tls` and `ssh`), and where its
//! machine is by `whereabouts`; this file asks each place in turn. It never starts an engine, and knows nothing of functions.

mod places;
mod ssh;
mod tls;
mod transport;
mod whereabouts;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::models::{IpamConfig, SystemInfo, SystemVersion};
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;
use rustix::process::{Resource, getrlimit};
use tokio::sync::Mutex;

use transport::Transport;

pub use places::{Place, Surroundings};
pub use transport::told;
pub use whereabouts::{Route, Whereabouts};

/// An engine that does not answer within this is not there.
const PATIENCE: Duration = Duration::from_secs(3);
/// The same where ssh has to find its way first.
const PATIENCE_WITH_SSH: Duration = Duration::from_secs(12);
/// An engine that went away is asked again after so long.
const BETWEEN: Duration = Duration::from_millis(500);
/// The networks that containers are in unless told otherwise: Docker's and Podman's.
const NETWORKS: [&str; 2] = ["bridge", "podman"];

/// An engine that answered.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Its API.
    pub docker: Docker,
    /// Where it was found, as in `unix:///var/run/docker.sock`.
    pub address: String,
    /// The network that containers are put in.
    pub network: String,
    /// Where its machine is.
    pub whereabouts: Whereabouts,
    /// A network's bridge comes with the first container in it, as with Podman; before that this machine has not its address.
    pub makes_bridges_late: bool,
    /// The memory of its machine, in bytes.
    pub memory: u64,
    /// It has no rights but its user's, and to its containers that user is root.
    pub is_rootless: bool,
    /// The most processes that a user may have, where it would ask for more: Podman does, also without the right to.
    pub most_processes: Option<i64>,
}

impl Engine {
    /// Whether the process ids that it tells are this machine's.
    #[must_use]
    pub fn shares_processes(&self) -> bool {
        self.whereabouts == Whereabouts::Here
    }

    /// Waits until it goes away.
    pub async fn gone(&self) {
        // Nothing is wanted of its events but their end.
        let filters = HashMap::from([("type", vec!["daemon"])]);
        let options = EventsOptionsBuilder::new().filters(&filters).build();
        loop {
            let mut events = std::pin::pin!(self.docker.events(Some(options.clone())));
            while let Some(Ok(_)) = events.next().await {}
            if self.docker.ping().await.is_err() {
                return;
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }

    /// This machine's address in a network, on which containers reach the daemon.
    ///
    /// # Errors
    /// There is no such network, or it has no gateway.
    pub async fn gateway(&self, network: &str) -> Result<IpAddr, String> {
        let inspected = self.docker.inspect_network(network, None).await;
        let inspected = inspected.map_err(|problem| format!("the network {network} cannot be used: {problem}"))?;
        let subnets = inspected.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        subnets.iter().find_map(gateway_of).ok_or_else(|| format!("the network {network} has no gateway"))
    }
}

/// Why there is no engine: what was asked, and what each said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no container engine answers ({})", .0.join("; "))]
pub struct NoEngine(pub Vec<String>);

/// The way to the engine; cheap to clone.
#[derive(Debug, Clone)]
pub struct Engines {
    surroundings: Arc<Surroundings>,
    state: Arc<Mutex<Found>>,
}

#[derive(Debug, Default)]
struct Found {
    engine: Option<(Engine, Transport)>,
    told: bool,
}

impl Engines {
    /// Engines are looked for when one is first asked for.
    #[must_use]
    pub fn new(surroundings: Surroundings) -> Engines {
        Engines { surroundings: Arc::new(surroundings), state: Arc::default() }
    }

    /// The sockets of this machine on which an engine may come to answer.
    #[must_use]
    pub fn sockets(&self) -> Vec<PathBuf> {
        let places = places::places(&self.surroundings).into_iter();
        places.filter_map(|place| place.address.strip_prefix("unix://").map(PathBuf::from)).collect()
    }

    /// The engine in use while it answers, else the first one that does.
    ///
    /// # Errors
    /// [`NoEngine`].
    pub async fn current(&self) -> Result<Engine, NoEngine> {
        let mut found = self.state.lock().await;
        if let Some((engine, transport)) = &found.engine {
            match answers(transport, &engine.address).await {
                Ok(()) => return Ok(engine.clone()),
                Err(problem) => tracing::warn!(engine = %engine.address, %problem, "the container engine went away"),
            }
        }
        found.engine = None;
        match discover(&self.surroundings).await {
            Ok((engine, transport)) => {
                tracing::info!(engine = %engine.address, network = %engine.network, whereabouts = %engine.whereabouts, "found a container engine");
                found.engine = Some((engine.clone(), transport));
                found.told = false;
                Ok(engine)
            }
            Err(none) => {
                if !found.told {
                    tracing::info!(%none, "functions run as processes where they can");
                }
                found.told = true;
                Err(none)
            }
        }
    }
}

async fn discover(surroundings: &Surroundings) -> Result<(Engine, Transport), NoEngine> {
    let mut said = Vec::new();
    for place in places::places(surroundings) {
        match open(&place, surroundings.engine_setting()).await {
            Ok(found) => return Ok(found),
            Err(problem) => said.push(format!("{place}: {problem}")),
        }
    }
    Err(NoEngine(said))
}

async fn open(place: &Place, setting: Option<&str>) -> Result<(Engine, Transport), String> {
    let mut transport = Transport::to(place)?;
    answers(&transport, &place.address).await?;
    let negotiated = transport.docker.clone().negotiate_version().await;
    transport.docker = negotiated.map_err(|problem| transport.explain(&problem))?;
    let docker = transport.docker.clone();
    let network = own_network(&docker).await?;
    let info = docker.info().await.unwrap_or_default();
    let whereabouts = whereabouts::of(&place.address, setting, &info).await?;
    let memory = info.mem_total.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
    let is_podman_here = whereabouts == Whereabouts::Here && is_podman(&docker.version().await.unwrap_or_default());
    // Podman did not always say so, and its socket is its user's.
    let is_rootless = is_rootless(&info) || (is_podman_here && is_a_users(&place.address));
    let engine = Engine {
        docker,
        address: place.address.clone(),
        network,
        whereabouts,
        makes_bridges_late: is_podman_here && !is_rootless,
        is_rootless,
        memory,
        most_processes: is_podman_here.then(most_processes).flatten(),
    };
    Ok((engine, transport))
}

/// As many as this process may have, and no more than the kernel has numbers for: another process of this machine may give
/// that on.
fn most_processes() -> Option<i64> {
    let numbers = std::fs::read_to_string("/proc/sys/kernel/pid_max").ok()?.trim().parse().ok()?;
    i64::try_from(getrlimit(Resource::Nproc).maximum.map_or(numbers, |most| most.min(numbers))).ok()
}

/// A rootless engine's networks are in a namespace of its own, and their addresses never become this machine's.
fn is_rootless(info: &SystemInfo) -> bool {
    info.security_options.iter().flatten().any(|option| option.contains("rootless"))
}

fn is_a_users(address: &str) -> bool {
    let socket = address.strip_prefix("unix://").and_then(|socket| std::fs::metadata(socket).ok());
    socket.is_some_and(|socket| socket.uid() != 0)
}

fn is_podman(version: &SystemVersion) -> bool {
    version.components.iter().flatten().any(|component| component.name.contains("Podman"))
}

async fn answers(transport: &Transport, address: &str) -> Result<(), String> {
    let patience = if address.starts_with("ssh://") { PATIENCE_WITH_SSH } else { PATIENCE };
    match tokio::time::timeout(patience, transport.docker.ping()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(problem)) => Err(transport.explain(&problem)),
        Err(_) => Err(format!("no answer within {} s", patience.as_secs())),
    }
}

/// Waits until an engine answers that went away. Nobody tells of that where it is on another machine, so it is asked.
pub async fn back(docker: &Docker) {
    while docker.ping().await.is_err() {
        tokio::time::sleep(BETWEEN).await;
    }
}

async fn own_network(docker: &Docker) -> Result<String, String> {
    let mut problems = Vec::new();
    for name in NETWORKS {
        match docker.inspect_network(name, None).await {
            Ok(_) => return Ok(name.to_owned()),
            Err(problem) => problems.push(told(&problem)),
        }
    }
    Err(problems.join(", "))
}

/// An engine that never was told of a gateway takes the subnet's first address and does not say so.
fn gateway_of(subnet: &IpamConfig) -> Option<IpAddr> {
    if let Some(gateway) = &subnet.gateway {
        return gateway.parse().ok().filter(IpAddr::is_ipv4);
    }
    let (network, _) = subnet.subnet.as_ref()?.split_once('/')?;
    let network: Ipv4Addr = network.parse().ok()?;
    Some(IpAddr::V4(Ipv4Addr::from_bits(network.to_bits().checked_add(1)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_is_the_one_named_or_the_first_address() {
        let subnet = |subnet: &str, gateway: Option<&str>| IpamConfig {
            subnet: Some(subnet.to_owned()),
            gateway: gateway.map(str::to_owned),
            ..IpamConfig::default()
        };
        let of = |config: IpamConfig| gateway_of(&config).map(|address| address.to_string());
        assert_eq!(of(subnet("172.17.0.0/16", None)).as_deref(), Some("172.17.0.1"));
        assert_eq!(of(subnet("172.17.0.0/16", Some("172.17.9.9"))).as_deref(), Some("172.17.9.9"));
        assert_eq!(of(subnet("fd00::/64", None)), None);
    }

    #[tokio::test]
    async fn a_missing_engine_names_every_place_that_was_asked() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let named = [("DOCKER_HOST".to_owned(), format!("unix://{}", socket.display()))];
        let surroundings = Surroundings { variables: named.into(), home: None };
        let none = discover(&surroundings).await.unwrap_err();
        assert!(none.to_string().contains("docker.sock (DOCKER_HOST): "), "{none}");
    }
}
