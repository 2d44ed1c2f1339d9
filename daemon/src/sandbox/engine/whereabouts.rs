//! Where an engine's machine is, which decides how files get into its containers and how these reach the daemon.
//!
//! A socket of this machine is this machine's engine, or its virtual machine's where the engine says so. `ssh://` and TCP
//! to another address lead elsewhere. TCP to a loopback address may lead anywhere, through a forwarded port: it is this
//! machine's engine when it runs under the same kernel and host name. `SAMD_ENGINE=local|remote` goes before all of this.

use std::fmt;
use std::fs;
use std::net::{IpAddr, SocketAddr};

use bollard::models::SystemInfo;
use tokio::net::{UdpSocket, lookup_host};

/// Names the user's own word.
pub(super) const SETTING: &str = "SAMD_ENGINE";
/// A connection to this port is never made: the kernel is only asked for its way.
const ANY_PORT: u16 = 9;

/// Where an engine's machine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whereabouts {
    /// This machine: its folders, its processes, its networks.
    Here,
    /// A virtual machine that sees this machine's folders and no more, as Docker Desktop's.
    VirtualMachine,
    /// Another machine, which sees nothing of this one.
    Elsewhere(Route),
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Whereabouts::Here => "this machine",
            Whereabouts::VirtualMachine => "a virtual machine",
            Whereabouts::Elsewhere(_) => "another machine",
        })
    }
}

/// The way between this machine and another one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// The other one's addresses.
    pub theirs: Vec<IpAddr>,
    /// This one's, as the other one sees it unless something in between translates.
    pub ours: Option<IpAddr>,
}

/// This machine, as an engine would describe it.
struct Machine {
    name: String,
    kernel: String,
}

impl Machine {
    fn this() -> Machine {
        let read = |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
        Machine { name: read("hostname").trim().to_owned(), kernel: read("osrelease").trim().to_owned() }
    }

    fn is_described_by(&self, info: &SystemInfo) -> bool {
        !self.name.is_empty()
            && info.name.as_ref() == Some(&self.name)
            && info.kernel_version.as_ref() == Some(&self.kernel)
    }
}

/// Where the engine is that answers at an address and says this of itself; `setting` is the user's own word.
///
/// # Errors
/// The user's word is none that is known.
pub(super) async fn of(address: &str, setting: Option<&str>, info: &SystemInfo) -> Result<Whereabouts, String> {
    match is_elsewhere(address, setting, info, &Machine::this())? {
        true => Ok(Whereabouts::Elsewhere(Route::to(host(address)).await)),
        false if is_in_virtual_machine(info) => Ok(Whereabouts::VirtualMachine),
        false => Ok(Whereabouts::Here),
    }
}

fn is_elsewhere(address: &str, setting: Option<&str>, info: &SystemInfo, this: &Machine) -> Result<bool, String> {
    let scheme = address.split_once("://").map_or("", |(scheme, _)| scheme);
    Ok(match (setting, scheme) {
        (Some("remote"), _) => true,
        (Some("local"), _) | (None, "unix") => false,
        (Some(other), _) => return Err(format!("{SETTING} is {other}; it may be local or remote")),
        (None, "ssh") => true,
        (None, _) if is_loopback(host(address)) => !is_in_virtual_machine(info) && !this.is_described_by(info),
        (None, _) => true,
    })
}

/// Docker Desktop says what it is.
fn is_in_virtual_machine(info: &SystemInfo) -> bool {
    info.operating_system.as_ref().is_some_and(|system| system.contains("Docker Desktop"))
}

/// The host in an address; empty where it is a path.
fn host(address: &str) -> &str {
    let Some((scheme, rest)) = address.split_once("://") else { return "" };
    if scheme == "unix" {
        return "";
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let name = match place.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        _ => place,
    };
    name.trim_start_matches('[').trim_end_matches(']')
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Route {
    /// The way to a host. A name that only ssh knows has no address, and then the user names the way.
    async fn to(host: &str) -> Route {
        let found: Vec<SocketAddr> = match lookup_host((host, ANY_PORT)).await {
            Ok(found) if !host.is_empty() => found.collect(),
            Ok(_) | Err(_) => return Route::default(),
        };
        let mut ours = None;
        for there in &found {
            if ours.is_none() {
                ours = way_to(*there).await;
            }
        }
        // A loopback address of ours means another machine there.
        let ours = ours.filter(|ours| !ours.is_loopback());
        Route { theirs: found.iter().map(SocketAddr::ip).collect(), ours }
    }
}

/// The address of ours from which packets to another one would come.
async fn way_to(there: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = if there.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).await.ok()?;
    socket.connect(there).await.ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn this() -> Machine {
        Machine { name: "desk".into(), kernel: "6.1.0".into() }
    }

    fn info(name: &str, kernel: &str, system: &str) -> SystemInfo {
        SystemInfo {
            name: Some(name.to_owned()),
            kernel_version: Some(kernel.to_owned()),
            operating_system: Some(system.to_owned()),
            ..SystemInfo::default()
        }
    }

    fn elsewhere(address: &str, setting: Option<&str>, info: &SystemInfo) -> bool {
        is_elsewhere(address, setting, info, &this()).unwrap()
    }

    #[test]
    fn a_loopback_port_is_this_machines_engine_only_if_that_says_the_same_of_its_machine() {
        let (same, other) = (info("desk", "6.1.0", "Debian"), info("colima", "6.1.0", "Ubuntu"));
        assert!(!elsewhere("tcp://127.0.0.1:2375", None, &same));
        assert!(elsewhere("tcp://localhost:2375", None, &other));
        assert!(elsewhere("tcp://[::1]:2376/", None, &info("desk", "6.8.0", "Debian")));
        assert!(!elsewhere("tcp://localhost:2375", None, &info("docker-desktop", "6.8", "Docker Desktop")));
    }

    #[test]
    fn the_scheme_and_the_host_decide_unless_the_user_does() {
        let same = info("desk", "6.1.0", "Debian");
        assert!(elsewhere("tcp://10.1.2.3:2376", None, &same) && elsewhere("ssh://me@desk", None, &same));
        assert!(!elsewhere("unix:///run/docker.sock", None, &info("vm", "1", "Alpine")));
        assert!(elsewhere("unix:///run/docker.sock", Some("remote"), &same));
        assert!(!elsewhere("tcp://10.1.2.3:2376", Some("local"), &same));
        let problem = is_elsewhere("unix:///s", Some("far"), &same, &this()).unwrap_err();
        assert!(problem.contains("local or remote"), "{problem}");
    }

    #[tokio::test]
    async fn the_way_to_a_host_has_both_ends_where_it_is_no_loopback() {
        assert_eq!(host("ssh://me@build:22"), "build");
        assert_eq!(host("tcp://[fd00::1]:2375"), "fd00::1");
        let near = Route::to("127.0.0.1").await;
        assert_eq!((near.theirs, near.ours), (vec![IpAddr::from([127, 0, 0, 1])], None));
        assert_eq!(Route::to("").await, Route::default());
    }
}
