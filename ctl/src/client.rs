//! Speaks to the control port: one call, or a stream of events.

use std::io::{BufRead, BufReader};
use std::marker::PhantomData;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use samd_proto::{ApiError, Endpoint, ErrorCode, Stream, endpoint};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::exit::Failure;
use crate::station::Station;

/// How long a connection on the loopback may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How long to try again while a daemon restarts.
const RESTART: Duration = Duration::from_secs(2);
/// Asked twice, these would do more, or find done what they are to do.
const ONCE: [&str; 4] =
    [endpoint::Invoke::NAME, endpoint::Stop::NAME, endpoint::Remove::NAME, endpoint::DaemonStop::NAME];
/// The first pause between tries; it doubles.
const PAUSE: Duration = Duration::from_millis(5);
/// The longest pause between tries.
const MAX_PAUSE: Duration = Duration::from_millis(80);
/// The largest answer: a payload of 6 MB as JSON text, with room.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;

/// A daemon that answered.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    address: SocketAddr,
    token: Option<String>,
}

impl Client {
    /// The daemon at `station`, when it answers. While its control file stands it may be restarting, so that it is
    /// tried again for a moment.
    pub(crate) fn connect(station: &Station) -> Result<Client, Failure> {
        let found = retry(Instant::now() + RESTART, || match station.address() {
            None => Attempt::Over,
            Some(address) if answers(address) => Attempt::Found(address),
            Some(_) if station.written().is_some() => Attempt::Again,
            Some(_) => Attempt::Over,
        });
        match found {
            Some(address) => Ok(Client::new(address, station)),
            None => Err(unreachable(station)),
        }
    }

    /// The daemon at `address`, which answers.
    pub(crate) fn new(address: SocketAddr, station: &Station) -> Client {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // The loopback is never reached through a proxy, whatever the environment says.
            .proxy(None)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT))
            .build()
            .new_agent();
        Client { agent, address, token: station.token() }
    }

    /// Asks and waits for the answer.
    pub(crate) fn call<E: Endpoint>(&self, request: &E::Request) -> Result<E::Response, Failure> {
        let mut response = self.post(E::NAME, request)?;
        let text = response
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_vec()
            .map_err(|error| Failure::NoDaemon(format!("the daemon broke off: {error}")))?;
        self.parse(&text)
    }

    /// Asks for a stream of events.
    pub(crate) fn follow<S: Stream>(&self, request: &S::Request) -> Result<Events<S::Event>, Failure> {
        let response = self.post(S::NAME, request)?;
        let reader: Box<dyn BufRead + Send> = Box::new(BufReader::new(response.into_body().into_reader()));
        Ok(Events { reader, event: PhantomData })
    }

    /// Sends a request; a refusal becomes a failure. A daemon that ends may be restarting, so that it is asked again for a
    /// moment: when it says so itself, and when it broke off and nothing is done twice by it.
    fn post(&self, name: &str, request: &impl Serialize) -> Result<ureq::http::Response<ureq::Body>, Failure> {
        let mut problem = None;
        let answer = retry(Instant::now() + RESTART, || match self.post_once(name, request) {
            Ok(response) => Attempt::Found(response),
            Err(failure) => {
                let again = match &failure {
                    Failure::Refused(refusal) => refusal.code == ErrorCode::Stopping,
                    Failure::NoDaemon(_) => !ONCE.contains(&name),
                    Failure::Usage(_) | Failure::Output(_) => false,
                };
                // What a daemon said last says more than that none is there any more.
                if !matches!((&problem, &failure), (Some(Failure::Refused(_)), Failure::NoDaemon(_))) {
                    problem = Some(failure);
                }
                if again { Attempt::Again } else { Attempt::Over }
            }
        });
        let nobody = || Failure::NoDaemon(format!("no samd answers at {}", self.address));
        answer.ok_or_else(|| problem.unwrap_or_else(nobody))
    }

    fn post_once(&self, name: &str, request: &impl Serialize) -> Result<ureq::http::Response<ureq::Body>, Failure> {
        let mut post = self.agent.post(format!("http://{}/v1/{name}", self.address));
        if let Some(token) = &self.token {
            post = post.header("Authorization", format!("Bearer {token}"));
        }
        let mut response = post
            .send_json(request)
            .map_err(|error| Failure::NoDaemon(format!("no samd answers at {}: {error}", self.address)))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let text = response.body_mut().read_to_vec().unwrap_or_default();
        Err(self.parse::<ApiError>(&text).map_or_else(|failure| failure, Failure::Refused))
    }

    fn parse<T: DeserializeOwned>(&self, text: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(text).map_err(|error| {
            Failure::NoDaemon(format!("what answers at {} does not speak samd's protocol: {error}", self.address))
        })
    }
}

/// Events as they come.
pub(crate) struct Events<T> {
    reader: Box<dyn BufRead + Send>,
    event: PhantomData<T>,
}

impl<T: DeserializeOwned> Iterator for Events<T> {
    type Item = Result<T, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(
                serde_json::from_str(&line)
                    .map_err(|error| Failure::NoDaemon(format!("the daemon sent what cannot be read: {error}"))),
            ),
            Err(error) => Some(Err(Failure::NoDaemon(format!("the daemon broke off: {error}")))),
        }
    }
}

/// Whether something listens there.
pub(crate) fn answers(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, CONNECT).is_ok()
}

/// How a try went.
pub(crate) enum Attempt<T> {
    /// As wished.
    Found(T),
    /// It may go better in a moment.
    Again,
    /// It will not get better.
    Over,
}

/// Tries until it is found, over, or the deadline has passed.
pub(crate) fn retry<T>(deadline: Instant, mut attempt: impl FnMut() -> Attempt<T>) -> Option<T> {
    let mut pause = PAUSE;
    loop {
        match attempt() {
            Attempt::Found(found) => return Some(found),
            Attempt::Over => return None,
            Attempt::Again if Instant::now() >= deadline => return None,
            Attempt::Again => {
                #[expect(clippy::disallowed_methods, reason = "a daemon that starts tells nobody when it listens")]
                std::thread::sleep(pause);
            }
        }
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

fn unreachable(station: &Station) -> Failure {
    let place = match station.address() {
        Some(address) => format!("at {address}"),
        None => format!("for the state folder {}", station.state_dir.display()),
    };
    Failure::NoDaemon(format!("no samd answers {place}; `samctl daemon start` starts one"))
}
