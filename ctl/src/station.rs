//! Where the daemon is: its state folder, its control port, its token.

use std::fs;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use samd_proto::place;

use crate::Surroundings;
use crate::exit::Failure;

/// Where to look for the daemon.
#[derive(Debug, Clone)]
pub(crate) struct Station {
    /// Its state folder, absolute.
    pub(crate) state_dir: PathBuf,
    /// The address that the user named; `None` leaves it to the daemon.
    pub(crate) asked: Option<SocketAddr>,
}

impl Station {
    /// As `--control` and the environment say.
    pub(crate) fn new(control: Option<&str>, surroundings: &Surroundings) -> Result<Station, Failure> {
        let state_dir = place::state_dir(|name| surroundings.variable(name)).ok_or_else(|| {
            Failure::Usage(format!("there is no state folder: neither {} nor HOME is set", place::STATE_VARIABLE))
        })?;
        let variable = surroundings.variable(place::CONTROL_VARIABLE);
        let control = control.map(Into::into).or(variable).filter(|control| !control.is_empty());
        let asked = control.map(|control| parse(&control.to_string_lossy())).transpose()?;
        Ok(Station { state_dir: surroundings.absolute(&state_dir), asked })
    }

    /// The control port's address: the one that was asked for; else, and for port 0, the one that the running daemon
    /// wrote down. `None` when none is there: the default port is not tried unasked, since another user's program may
    /// wait there for the token.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.asked.filter(|address| address.port() != 0).or_else(|| self.written())
    }

    /// The address that a running daemon wrote down.
    pub(crate) fn written(&self) -> Option<SocketAddr> {
        fs::read_to_string(self.file(place::CONTROL_FILE)).ok()?.trim().parse().ok()
    }

    /// The token; `None` when there is no file or it cannot be read, which the daemon's refusal then explains.
    pub(crate) fn token(&self) -> Option<String> {
        let token = fs::read_to_string(self.file(place::TOKEN_FILE)).ok()?;
        Some(token.trim().to_owned()).filter(|token| !token.is_empty())
    }

    /// A file in the state folder.
    pub(crate) fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.state_dir.join(name)
    }
}

/// `127.0.0.1:7263`, `localhost:7263` or `:7263`.
fn parse(text: &str) -> Result<SocketAddr, Failure> {
    let text = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    let full = if text.starts_with(':') { format!("127.0.0.1{text}") } else { text.to_owned() };
    let address = full.to_socket_addrs().ok().and_then(|addresses| {
        let addresses: Vec<SocketAddr> = addresses.collect();
        addresses.iter().find(|address| address.is_ipv4()).or(addresses.first()).copied()
    });
    address.ok_or_else(|| Failure::Usage(format!("`{text}` is no address for the control port; try 127.0.0.1:7263")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn station(folder: &Path, asked: Option<&str>) -> Station {
        Station { state_dir: folder.to_owned(), asked: asked.map(|text| parse(text).unwrap()) }
    }

    #[test]
    fn the_running_daemons_address_counts_unless_the_user_names_one() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(station(folder.path(), None).address(), None, "nobody else is given the token");
        assert_eq!(station(folder.path(), Some("127.0.0.1:0")).address(), None);
        fs::write(folder.path().join("control"), "127.0.0.1:4711\n").unwrap();
        let written = Some("127.0.0.1:4711".parse().unwrap());
        assert_eq!(station(folder.path(), None).address(), written);
        assert_eq!(station(folder.path(), Some("127.0.0.1:0")).address(), written);
        assert_eq!(station(folder.path(), Some(":81")).address(), Some("127.0.0.1:81".parse().unwrap()));
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        assert!(parse("7263").is_err() && parse("127.0.0.1").is_err());
    }
}
