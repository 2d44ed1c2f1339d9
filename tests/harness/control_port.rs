//! The real control port on a free port, in front of a supervisor that runs nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use samd::control::templates::{Reading, TemplateReader};
use samd::control::token::Token;
use samd::control::{Auth, DaemonInfo};
use samd::project::settings::Settings;
use tokio_util::sync::CancellationToken;

use crate::fake_supervisor::{self, FakeSupervisor};

/// The token of every control port in tests.
pub const TOKEN: &str = "the-token-of-the-tests";
/// How long a test waits for anything.
const DEADLINE: Duration = Duration::from_secs(20);
/// A process id that no process has.
const NO_PROCESS: u32 = 4_194_305;

/// A control port; ends when dropped.
pub struct ControlPort {
    /// Where it listens.
    pub address: SocketAddr,
    /// What stands behind it.
    pub supervisor: FakeSupervisor,
    /// Cancelled once it has been asked to stop.
    pub cancel: CancellationToken,
    state: tempfile::TempDir,
    runtime: Option<tokio::runtime::Runtime>,
    served: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
}

impl ControlPort {
    /// Opens one, with its token and address in a state folder.
    ///
    /// # Panics
    /// When the system refuses.
    #[must_use]
    pub fn open() -> ControlPort {
        let state = tempfile::tempdir().expect("a folder");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let guard = runtime.enter();
        let supervisor = FakeSupervisor::spawn();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("its address");
        std::fs::write(state.path().join("token"), TOKEN).expect("a token file");
        std::fs::write(state.path().join("control"), address.to_string()).expect("a control file");
        let cancel = CancellationToken::new();
        let (auth, info) = (auth(state.path()), info(state.path()));
        let served = tokio::spawn(samd::control::serve(
            listener,
            supervisor.handle.clone(),
            reader(),
            auth,
            info,
            cancel.clone(),
        ));
        drop(guard);
        ControlPort { address, supervisor, cancel, state, runtime: Some(runtime), served: Some(served) }
    }

    /// The state folder.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        self.state.path()
    }

    /// Sends raw bytes and reads until the other side closes.
    ///
    /// # Panics
    /// When the connection fails or nothing comes within the deadline.
    #[must_use]
    pub fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("an answer");
        reply
    }

    /// Posts a body to an endpoint as `samctl` would; status and body come back.
    #[must_use]
    pub fn post(&self, name: &str, body: &str) -> (u16, String) {
        let headers = format!("Authorization: Bearer {TOKEN}\r\n");
        self.post_with(name, &headers, body)
    }

    /// Posts a body with the headers given, each ending in `\r\n`; `Host` is ours.
    ///
    /// # Panics
    /// When the answer is not HTTP.
    #[must_use]
    pub fn post_with(&self, name: &str, headers: &str, body: &str) -> (u16, String) {
        let reply = self.raw(&format!(
            "POST /v1/{name} HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        ));
        let status = reply.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let body = reply.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).expect("a body");
        (status, body)
    }

    /// Waits until `serve` has returned.
    ///
    /// # Panics
    /// When it does not within the deadline, or failed.
    pub fn wait_until_closed(&mut self) {
        let served = self.served.take().expect("waited once");
        let runtime = self.runtime.as_ref().expect("not dropped");
        let ended = runtime.block_on(async { tokio::time::timeout(DEADLINE, served).await });
        ended.expect("it closes in time").expect("it does not panic").expect("it served");
    }
}

impl Drop for ControlPort {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Who may call, with a token file in `folder`.
#[must_use]
pub fn auth(folder: &Path) -> Auth {
    Auth { token: Token::new(TOKEN), token_file: folder.join("token") }
}

/// A daemon that started long ago.
#[must_use]
pub fn info(folder: &Path) -> DaemonInfo {
    DaemonInfo {
        version: "0.0.0-test".to_owned(),
        pid: NO_PROCESS,
        started: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        lambda_endpoint: "127.0.0.1:7264".parse().ok(),
        state_dir: PathBuf::from(folder),
    }
}

/// Reads no file: a path that ends in `broken` has errors, any other is the fake project.
#[must_use]
pub fn reader() -> TemplateReader {
    Arc::new(|settings: Settings, _| {
        if settings.path.ends_with("broken") {
            return Reading { project: None, diagnostics: vec![fake_supervisor::broken(settings.path)] };
        }
        Reading { project: Some(Arc::new(fake_supervisor::project())), diagnostics: Vec::new() }
    })
}
