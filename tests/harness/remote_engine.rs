//! The machine's engine as another machine would offer it: behind TLS on a TCP port, for whoever has the right certificate.
//!
//! It counts what is sent to it, and goes away when it is told to.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// Where the machine's own engine listens.
const SOCKET: &str = "/var/run/docker.sock";
const PIECE: usize = 64 << 10;

/// An authority of one's own, with a certificate for an engine and one for its users in each other's folders.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// Made by openssl.
    ///
    /// # Panics
    /// openssl is not installed, or fails.
    #[must_use]
    pub fn make() -> Certificates {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let place = folder.path();
        openssl(place, "-subj /CN=samd-tests -keyout authority.pem -out ca.pem -addext keyUsage=keyCertSign");
        for (name, who) in [("engine", "subjectAltName=IP:127.0.0.1"), ("user", "extendedKeyUsage=clientAuth")] {
            fs::create_dir(place.join(name)).expect("a folder can be made");
            fs::copy(place.join("ca.pem"), place.join(name).join("ca.pem")).expect("a file can be copied");
            let files = format!("-keyout {name}/key.pem -out {name}/cert.pem -CA ca.pem -CAkey authority.pem");
            openssl(
                place,
                &format!("-subj /CN={name} {files} -addext basicConstraints=critical,CA:FALSE -addext {who}"),
            );
        }
        Certificates { folder }
    }

    /// The folder that a user of the engine names as `DOCKER_CERT_PATH`.
    #[must_use]
    pub fn of_user(&self) -> String {
        self.folder.path().join("user").display().to_string()
    }

    fn of_engine(&self) -> ServerConfig {
        let place = self.folder.path().join("engine");
        let certificate = |name: &str| CertificateDer::from_pem_file(place.join(name)).expect("a certificate");
        let mut users = RootCertStore::empty();
        users.add(certificate("ca.pem")).expect("an authority");
        let users = WebPkiClientVerifier::builder(users.into()).build().expect("an authority");
        let key = PrivateKeyDer::from_pem_file(place.join("key.pem")).expect("a key");
        let config = ServerConfig::builder().with_client_cert_verifier(users);
        config.with_single_cert(vec![certificate("cert.pem")], key).expect("a key for its certificate")
    }
}

fn openssl(place: &Path, arguments: &str) {
    let made = Command::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(' '))
        .args(arguments.split(' '))
        .current_dir(place)
        .output()
        .expect("openssl is installed by tests/run");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// The engine, elsewhere. It goes away when this is dropped.
#[derive(Debug)]
pub struct RemoteEngine {
    address: SocketAddr,
    sent: Arc<AtomicU64>,
    runtime: Option<Runtime>,
}

impl RemoteEngine {
    /// Offers the engine on a port of its own.
    #[must_use]
    pub fn with(certificates: &Certificates) -> RemoteEngine {
        RemoteEngine::at(SocketAddr::from(([127, 0, 0, 1], 0)), certificates)
    }

    /// Offers it again where it was.
    #[must_use]
    pub fn back(self, certificates: &Certificates) -> RemoteEngine {
        RemoteEngine::at(self.address, certificates)
    }

    fn at(address: SocketAddr, certificates: &Certificates) -> RemoteEngine {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("threads can be made");
        let listener = runtime.block_on(TcpListener::bind(address)).expect("a port can be had");
        let address = listener.local_addr().expect("a listener has an address");
        let (sent, acceptor) = (Arc::new(AtomicU64::new(0)), TlsAcceptor::from(Arc::new(certificates.of_engine())));
        runtime.spawn(offer(listener, acceptor, sent.clone()));
        RemoteEngine { address, sent, runtime: Some(runtime) }
    }

    /// As `DOCKER_HOST` names it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// Bytes that were sent to it so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// Breaks all connections and takes no new ones.
    pub fn go_away(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for RemoteEngine {
    fn drop(&mut self) {
        self.go_away();
    }
}

async fn offer(listener: TcpListener, acceptor: TlsAcceptor, sent: Arc<AtomicU64>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, sent) = (acceptor.clone(), sent.clone());
        tokio::spawn(async move {
            // Who has no certificate has none.
            let Ok(client) = acceptor.accept(stream).await else { return };
            let engine = UnixStream::connect(SOCKET).await.expect("an engine runs; see tests/install/docker.sh");
            let ((from_client, to_client), (from_engine, to_engine)) = (tokio::io::split(client), engine.into_split());
            let there = pass(from_client, to_engine, Some(sent));
            tokio::join!(there, pass(from_engine, to_client, None));
        });
    }
}

async fn pass(mut from: impl AsyncRead + Unpin, mut into: impl AsyncWrite + Unpin, count: Option<Arc<AtomicU64>>) {
    let mut piece = vec![0; PIECE];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        if let Some(count) = &count {
            count.fetch_add(read as u64, Ordering::SeqCst);
        }
        if into.write_all(&piece[..read]).await.is_err() || into.flush().await.is_err() {
            break;
        }
    }
    drop(into.shutdown().await);
}
