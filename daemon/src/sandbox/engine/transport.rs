//! The way to an engine's API: a socket of this machine, TCP with or without TLS, or the docker command at the other end of
//! ssh.
//!
//! Connections are kept for the next call, since a handshake with a distant machine costs several of its answers.

use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;

use super::places::Place;
use super::ssh::{self, Ssh};
use super::tls;

/// Seconds that one call may take to be answered; starting a container on a busy machine is slow.
const CALL: u64 = 120;
/// An idle connection is kept so long.
const IDLE: Duration = Duration::from_secs(30);
/// What stands between forgets a connection on which nothing is said, and containers are watched by such ones.
const KEEPALIVE: Duration = Duration::from_secs(30);
const PORT: u16 = 2375;
const TLS_PORT: u16 = 2376;

/// The way to an engine.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    pub(super) docker: Docker,
    /// What ssh said last.
    said: Arc<Mutex<Option<String>>>,
    /// What TLS is made of, for who must mend it.
    tls: Option<String>,
}

impl Transport {
    /// The way to the engine at a place; nothing is said to it yet.
    ///
    /// # Errors
    /// It is no address, or a certificate cannot be read.
    pub(super) fn to(place: &Place) -> Result<Transport, String> {
        let said = Arc::default();
        let (docker, tls) = match place.address.split_once("://") {
            Some(("unix", path)) => (Docker::connect_with_unix(path, CALL, API_DEFAULT_VERSION), None),
            Some(("tcp", host)) if place.tls.is_some() => secured(place, host)?,
            Some(("https", host)) => secured(place, host)?,
            Some(("tcp" | "http", host)) => (over(tcp(), "http", &with_port(host, PORT)), None),
            Some(("ssh", _)) => {
                let way = ssh::Way::of(&place.address)?;
                (over(Ssh::new(way, Arc::clone(&said)), "http", "docker.invalid"), None)
            }
            Some((scheme, _)) => return Err(format!("{scheme}:// is not supported; use unix://, tcp:// or ssh://")),
            None => return Err("this is no address; write unix:///path, tcp://host:port or ssh://user@host".to_owned()),
        };
        Ok(Transport { docker: docker.map_err(|problem| told(&problem))?, said, tls })
    }

    /// A problem with all that is known of it.
    pub(super) fn explain(&self, problem: &Error) -> String {
        let mut text = told(problem);
        if let Some(tls) = self.tls.as_ref().filter(|_| is_of_tls(&text)) {
            text = format!("TLS with {tls} is refused: {text}");
        }
        match self.said.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(said) => format!("{text}; ssh says: {said}"),
            None => text,
        }
    }
}

fn secured(place: &Place, host: &str) -> Result<(Result<Docker, Error>, Option<String>), String> {
    let config = tls::config(place.tls.as_ref())?;
    let connector =
        hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1().wrap_connector(
            {
                let mut tcp = tcp();
                tcp.enforce_http(false);
                tcp
            },
        );
    let used =
        place.tls.as_ref().map_or_else(|| "the system's certificate authorities".to_owned(), ToString::to_string);
    Ok((over(connector, "https", &with_port(host, TLS_PORT)), Some(used)))
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp
}

fn over<C>(connector: C, scheme: &str, host: &str) -> Result<Docker, Error>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build(connector);
    let transport = move |request: BollardRequest| {
        let client = client.clone();
        async move { client.request(request).await.map_err(Error::from) }
    };
    Docker::connect_with_custom_transport(transport, Some(format!("{scheme}://{host}")), CALL, API_DEFAULT_VERSION)
}

fn with_port(host: &str, port: u16) -> String {
    let host = host.trim_end_matches('/');
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok() && !host.ends_with(']'));
    if has_port { host.to_owned() } else { format!("{host}:{port}") }
}

/// An error with its causes, each once: the outer ones often say no more than that there was one.
#[must_use]
pub fn told(problem: &Error) -> String {
    let mut all = vec![problem.to_string()];
    let mut cause = problem.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !all.iter().any(|said| said.contains(&text)) {
            all.push(text);
        }
        cause = inner.source();
    }
    all.join(": ")
}

fn is_of_tls(problem: &str) -> bool {
    ["certificate", "alert", "TLS", "InvalidMessage"].iter().any(|word| problem.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_of_an_engine_is_refused_with_the_reason() {
        for (address, part) in [
            ("npipe:////./pipe/docker_engine", "npipe:// is not supported"),
            ("somewhere", "no address"),
            ("ssh://", "no host"),
        ] {
            let place = Place { address: address.to_owned(), why: "DOCKER_HOST", tls: None };
            let problem = Transport::to(&place).unwrap_err();
            assert!(problem.contains(part), "{address}: {problem}");
        }
    }

    #[test]
    fn a_port_that_is_left_out_is_dockers() {
        assert_eq!(with_port("build/", PORT), "build:2375");
        assert_eq!(with_port("build:99", PORT), "build:99");
        assert_eq!(with_port("[::1]", TLS_PORT), "[::1]:2376");
        assert_eq!(with_port("[::1]:7", TLS_PORT), "[::1]:7");
    }
}
