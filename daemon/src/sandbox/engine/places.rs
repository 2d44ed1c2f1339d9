//! Where a container engine may be: what the user named, else the usual sockets.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::tls::Material;
use super::whereabouts;

/// Docker's own name for "no context".
const NO_CONTEXT: &str = "default";

/// The variables that decide.
const NAMES: [&str; 8] = [
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "XDG_RUNTIME_DIR",
    whereabouts::SETTING,
];

/// What decides where to look.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The variables that choose an engine, as far as they are set.
    pub variables: BTreeMap<String, String>,
    /// The user's home.
    pub home: Option<PathBuf>,
}

impl Surroundings {
    /// This process's.
    #[must_use]
    pub fn of_this_process() -> Surroundings {
        let set = NAMES.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
        Surroundings { variables: set.collect(), home: std::env::home_dir() }
    }

    /// The user's own word on where the engine is.
    pub(super) fn engine_setting(&self) -> Option<&str> {
        self.variable(whereabouts::SETTING)
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// A place to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// As in `unix:///var/run/docker.sock`.
    pub address: String,
    /// Why there.
    pub why: &'static str,
    /// What TLS with it is made of, where the user says.
    pub tls: Option<Material>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.why)
    }
}

/// The places to ask, in order. What the user named is the only one, as for the docker command.
#[must_use]
pub(super) fn places(surroundings: &Surroundings) -> Vec<Place> {
    if let Some(address) = surroundings.variable("DOCKER_HOST") {
        return vec![Place { address: address.to_owned(), why: "DOCKER_HOST", tls: tls_of_variables(surroundings) }];
    }
    match context(surroundings) {
        Some(place) => vec![place],
        None => sockets(surroundings),
    }
}

/// Any of the three asks for TLS; the files are the docker command's own where no other folder is named.
fn tls_of_variables(surroundings: &Surroundings) -> Option<Material> {
    let asked = ["DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"];
    asked.iter().find(|name| surroundings.variable(name).is_some())?;
    let named = surroundings.variable("DOCKER_CERT_PATH").map(PathBuf::from);
    named.or_else(|| configuration(surroundings)).map(Material)
}

/// The docker command's folder.
fn configuration(surroundings: &Surroundings) -> Option<PathBuf> {
    match surroundings.variable("DOCKER_CONFIG") {
        Some(folder) => Some(PathBuf::from(folder)),
        None => Some(surroundings.home.as_ref()?.join(".docker")),
    }
}

/// The address in the current context's file, and the certificates beside it; the default context has none.
fn context(surroundings: &Surroundings) -> Option<Place> {
    let config = configuration(surroundings)?;
    let name = match surroundings.variable("DOCKER_CONTEXT") {
        Some(name) => name.to_owned(),
        None => json(&config.join("config.json"))?.get("currentContext")?.as_str()?.to_owned(),
    };
    if name == NO_CONTEXT || name.is_empty() {
        return None;
    }
    let folder: String = Sha256::digest(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let meta = json(&config.join("contexts/meta").join(&folder).join("meta.json"))?;
    let address = meta.pointer("/Endpoints/docker/Host")?.as_str()?.to_owned();
    let tls = Some(config.join("contexts/tls").join(folder).join("docker")).filter(|folder| folder.is_dir());
    Some(Place { address, why: "the current docker context", tls: tls.map(Material) })
}

fn json(file: &Path) -> Option<serde_json::Value> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

fn sockets(surroundings: &Surroundings) -> Vec<Place> {
    let runtime = surroundings.variable("XDG_RUNTIME_DIR").map(PathBuf::from);
    let home = surroundings.home.clone();
    let candidates = [
        (Some(PathBuf::from("/var/run/docker.sock")), "Docker"),
        (runtime.clone().map(|folder| folder.join("docker.sock")), "rootless Docker"),
        (home.map(|home| home.join(".docker/run/docker.sock")), "Docker Desktop"),
        (Some(PathBuf::from("/run/podman/podman.sock")), "Podman"),
        (runtime.map(|folder| folder.join("podman/podman.sock")), "rootless Podman"),
    ];
    let known = candidates.into_iter().filter_map(|(path, why)| Some((path?, why)));
    known.map(|(path, why)| Place { address: format!("unix://{}", path.display()), why, tls: None }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings(variables: &[(&str, &str)], home: &Path) -> Surroundings {
        let variables = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Surroundings { variables, home: Some(home.to_path_buf()) }
    }

    fn addresses(surroundings: &Surroundings) -> Vec<String> {
        places(surroundings).into_iter().map(|place| place.address).collect()
    }

    /// The folder of a context is named by the digest of its name.
    fn with_context(home: &Path) {
        let name: String = Sha256::digest(b"colima").iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = home.join(".docker/contexts/meta").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(
            folder.join("meta.json"),
            r#"{"Name":"colima","Endpoints":{"docker":{"Host":"unix:///colima.sock"}}}"#,
        )
        .unwrap();
        fs::write(home.join(".docker/config.json"), r#"{"currentContext":"colima"}"#).unwrap();
    }

    #[test]
    fn what_the_user_named_is_asked_alone() {
        let home = tempfile::tempdir().unwrap();
        with_context(home.path());
        assert_eq!(
            addresses(&surroundings(&[("DOCKER_HOST", "tcp://127.0.0.1:1")], home.path())),
            ["tcp://127.0.0.1:1"]
        );
        assert_eq!(addresses(&surroundings(&[], home.path())), ["unix:///colima.sock"]);
    }

    #[test]
    fn tls_is_made_of_what_the_user_named_it_with() {
        let home = tempfile::tempdir().unwrap();
        let tls = |variables: &[(&str, &str)]| places(&surroundings(variables, home.path()))[0].tls.clone();
        let host = ("DOCKER_HOST", "tcp://build:2376");
        assert_eq!(tls(&[host]), None);
        assert_eq!(tls(&[host, ("DOCKER_TLS_VERIFY", "1")]), Some(Material(home.path().join(".docker"))));
        assert_eq!(tls(&[host, ("DOCKER_CERT_PATH", "/certs")]), Some(Material("/certs".into())));
        with_context(home.path());
        assert_eq!(tls(&[]), None);
        let name: String = Sha256::digest(b"colima").iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = home.path().join(".docker/contexts/tls").join(name).join("docker");
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(tls(&[]), Some(Material(folder)));
    }

    #[test]
    fn the_default_context_means_the_usual_sockets() {
        let home = tempfile::tempdir().unwrap();
        with_context(home.path());
        let found =
            addresses(&surroundings(&[("DOCKER_CONTEXT", "default"), ("XDG_RUNTIME_DIR", "/run/user/7")], home.path()));
        assert_eq!(found[0], "unix:///var/run/docker.sock");
        assert!(found.contains(&"unix:///run/user/7/docker.sock".to_owned()), "{found:?}");
        assert!(found.contains(&"unix:///run/user/7/podman/podman.sock".to_owned()), "{found:?}");
        assert_eq!(addresses(&surroundings(&[], Path::new("/nowhere"))).len(), 3);
    }
}
