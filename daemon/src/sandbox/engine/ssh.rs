//! An engine behind ssh, reached as the docker command reaches it: `docker system dial-stdio` at the other end, whose
//! standard input and output are a connection to the engine's socket there.
//!
//! The machine's own ssh is run, with its configuration, keys and agent. It must not need to ask anything: nobody is
//! there to answer.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt, BufReader, Join};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tower_service::Service;

/// Given up after so long, and a silent end is noticed within three times the interval; no question is asked.
const OPTIONS: [&str; 7] = ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=20"];
const DIAL: [&str; 3] = ["docker", "system", "dial-stdio"];

/// Whom ssh is told to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    user: Option<String>,
    pub(super) host: String,
    port: Option<u16>,
}

impl Way {
    /// From `ssh://[user@]host[:port]`.
    ///
    /// # Errors
    /// There is no host in it, or a path, which the docker command refuses as well.
    pub(super) fn of(address: &str) -> Result<Way, String> {
        let uri: Uri = address.parse().map_err(|_| format!("{address} has no host; write ssh://user@host"))?;
        if !matches!(uri.path(), "" | "/") {
            return Err(format!("{address} has a path, of which ssh:// knows none"));
        }
        let authority = uri.authority().ok_or_else(|| format!("{address} has no host; write ssh://user@host"))?;
        let user = authority.as_str().rsplit_once('@').map(|(user, _)| user.to_owned());
        if user.as_ref().is_some_and(|user| user.contains(':')) {
            return Err("ssh:// takes no password; use a key or an agent".to_owned());
        }
        Ok(Way { user, host: authority.host().to_owned(), port: authority.port_u16() })
    }

    fn arguments(&self) -> Vec<String> {
        let user = self.user.iter().flat_map(|user| ["-l".to_owned(), user.clone()]);
        let port = self.port.iter().flat_map(|port| ["-p".to_owned(), port.to_string()]);
        let options = OPTIONS.iter().map(ToString::to_string).chain(user).chain(port);
        // What follows is no option, whatever the host is called.
        let host = ["--".to_owned(), self.host.clone()];
        options.chain(host).chain(DIAL.iter().map(ToString::to_string)).collect()
    }
}

/// Makes connections; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Ssh {
    way: Arc<Way>,
    said: Arc<Mutex<Option<String>>>,
}

impl Ssh {
    /// What ssh complains of is kept in `said`.
    pub(super) fn new(way: Way, said: Arc<Mutex<Option<String>>>) -> Ssh {
        Ssh { way: Arc::new(way), said }
    }

    fn dial(&self) -> io::Result<Dialled> {
        let mut command = Command::new("ssh");
        command.args(self.way.arguments()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A signal from the terminal is for the daemon, which ends its connections itself.
        let spawned = command.process_group(0).kill_on_drop(true).spawn();
        let mut child =
            spawned.map_err(|problem| io::Error::new(problem.kind(), format!("ssh cannot be run: {problem}")))?;
        if let Some(complaints) = child.stderr.take() {
            tokio::spawn(listen(complaints, Arc::clone(&self.said)));
        }
        let ends = child.stdout.take().zip(child.stdin.take());
        let (out, into) = ends.ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(Dialled { io: TokioIo::new(tokio::io::join(out, into)), _child: child })
    }
}

/// Until ssh ends. The last line says why it does.
async fn listen(complaints: ChildStderr, said: Arc<Mutex<Option<String>>>) {
    let mut lines = BufReader::new(complaints).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let line = line.trim().to_owned();
        if !line.is_empty() {
            tracing::debug!(%line, "ssh");
            *said.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
        }
    }
}

impl Service<Uri> for Ssh {
    type Response = Dialled;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Dialled>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let ssh = self.clone();
        Box::pin(async move { ssh.dial() })
    }
}

/// One connection, which ends with its ssh.
pub(super) struct Dialled {
    io: TokioIo<Join<ChildStdout, ChildStdin>>,
    _child: Child,
}

impl Connection for Dialled {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Dialled {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Dialled {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_is_asked_as_the_docker_command_asks_it() {
        let arguments = Way::of("ssh://me@build:2222").unwrap().arguments().join(" ");
        assert!(arguments.ends_with("-l me -p 2222 -- build docker system dial-stdio"), "{arguments}");
        assert!(arguments.contains("BatchMode=yes"));
        let plain = Way::of("ssh://build").unwrap();
        assert_eq!((plain.user, plain.host.as_str(), plain.port), (None, "build", None));
    }

    #[test]
    fn a_host_is_never_an_option_and_a_password_is_not_taken() {
        let way = Way { user: None, host: "-oProxyCommand=x".into(), port: None };
        assert!(way.arguments().join(" ").contains("-- -oProxyCommand=x docker"));
        assert!(Way::of("ssh://me:secret@build").unwrap_err().contains("no password"));
        assert!(Way::of("ssh://build/run/docker.sock").unwrap_err().contains("path"));
    }
}
