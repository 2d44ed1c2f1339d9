//! Finds the container engine that answers, and keeps the connection to it. Says once when there is none.
//!
//! Where one is looked for is decided by `places`; this file asks each of them in turn. It never starts an engine, and
//! knows nothing of functions.

mod places;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bollard::models::{IpamConfig, SystemInfo};
use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::sync::Mutex;

pub use places::{Place, Surroundings};

/// An engine that does not answer within this is not there.
const PATIENCE: Duration = Duration::from_secs(3);
/// Seconds that one call may take to be answered; starting a container on a busy machine is slow.
const CALL: u64 = 120;
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
    /// Its containers see another machine than this one as their host.
    pub is_in_virtual_machine: bool,
    /// The memory of its machine, in bytes.
    pub memory: u64,
}

impl Engine {
    /// Whether the process ids that it tells are this machine's.
    #[must_use]
    pub fn shares_processes(&self) -> bool {
        self.address.starts_with("unix://") && !self.is_in_virtual_machine
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
    engine: Option<Engine>,
    told: bool,
}

impl Engines {
    /// Engines are looked for when one is first asked for.
    #[must_use]
    pub fn new(surroundings: Surroundings) -> Engines {
        Engines { surroundings: Arc::new(surroundings), state: Arc::default() }
    }

    /// The engine in use while it answers, else the first one that does.
    ///
    /// # Errors
    /// [`NoEngine`].
    pub async fn current(&self) -> Result<Engine, NoEngine> {
        let mut found = self.state.lock().await;
        if let Some(engine) = &found.engine
            && answers(&engine.docker).await.is_ok()
        {
            return Ok(engine.clone());
        }
        found.engine = None;
        match discover(&places::places(&self.surroundings)).await {
            Ok(engine) => {
                tracing::info!(engine = %engine.address, network = %engine.network, "found a container engine");
                found.engine = Some(engine.clone());
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

async fn discover(places: &[Place]) -> Result<Engine, NoEngine> {
    let mut said = Vec::new();
    for place in places {
        match open(place).await {
            Ok(engine) => return Ok(engine),
            Err(problem) => said.push(format!("{place}: {problem}")),
        }
    }
    Err(NoEngine(said))
}

async fn open(place: &Place) -> Result<Engine, String> {
    let docker = connect(&place.address)?;
    answers(&docker).await?;
    let docker = docker.negotiate_version().await.map_err(|problem| problem.to_string())?;
    let network = own_network(&docker).await?;
    let info = docker.info().await.unwrap_or_default();
    let memory = info.mem_total.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
    let is_in_virtual_machine = is_in_virtual_machine(&info);
    Ok(Engine { docker, address: place.address.clone(), network, is_in_virtual_machine, memory })
}

/// Only engines of this machine, since functions' folders are mounted into their containers.
fn connect(address: &str) -> Result<Docker, String> {
    let connected = match address.split_once("://") {
        Some(("unix", path)) => Docker::connect_with_unix(path, CALL, API_DEFAULT_VERSION),
        Some(("tcp" | "http", host)) if is_loopback(host) => {
            Docker::connect_with_http(address, CALL, API_DEFAULT_VERSION)
        }
        Some(("tcp" | "http", _)) => return Err("an engine on another machine is not supported yet".to_owned()),
        Some((scheme, _)) => return Err(format!("{scheme}:// is not supported; use unix:// or tcp://")),
        None => return Err("this is no address; write unix:///path or tcp://host:port".to_owned()),
    };
    connected.map_err(|problem| problem.to_string())
}

fn is_loopback(host: &str) -> bool {
    let name = host.trim_end_matches('/').rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn answers(docker: &Docker) -> Result<(), String> {
    match tokio::time::timeout(PATIENCE, docker.ping()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(problem)) => Err(problem.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

async fn own_network(docker: &Docker) -> Result<String, String> {
    let mut problems = Vec::new();
    for name in NETWORKS {
        match docker.inspect_network(name, None).await {
            Ok(_) => return Ok(name.to_owned()),
            Err(problem) => problems.push(problem.to_string()),
        }
    }
    Err(problems.join(", "))
}

/// Docker Desktop says what it is.
fn is_in_virtual_machine(info: &SystemInfo) -> bool {
    info.operating_system.as_ref().is_some_and(|system| system.contains("Docker Desktop"))
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
    fn an_engine_elsewhere_is_refused_with_the_reason() {
        for (address, part) in [
            ("tcp://10.1.2.3:2375", "another machine"),
            ("ssh://me@host", "ssh:// is not supported"),
            ("npipe:////./pipe/docker_engine", "npipe:// is not supported"),
            ("somewhere", "no address"),
        ] {
            let problem = connect(address).unwrap_err();
            assert!(problem.contains(part), "{address}: {problem}");
        }
        assert!(is_loopback("127.0.0.1:2375") && is_loopback("localhost:2375") && is_loopback("[::1]:2375"));
    }

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
        let place = Place { address: format!("unix://{}", socket.display()), why: "DOCKER_HOST" };
        let none = discover(&[place]).await.unwrap_err();
        assert!(none.to_string().contains("docker.sock (DOCKER_HOST): "), "{none}");
    }
}
