//! HTTPS towards clients: reads the certificate and the key that the user names, and takes the handshake.
//!
//! Never makes a certificate of its own. Both protocols of the gateway are offered (`h2`, `http/1.1`).

use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::project::gateway::Tls as Files;

/// What a listener needs to serve HTTPS; cheap to clone.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls(…)")
    }
}

/// Why HTTPS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file with the certificate holds none, or cannot be read.
    #[error("no certificate can be read from {0}: {1}; it has to hold one in PEM")]
    Certificate(std::path::PathBuf, String),
    /// The file with the key holds none, or cannot be read.
    #[error("no private key can be read from {0}: {1}; it has to hold one in PEM, without a password")]
    Key(std::path::PathBuf, String),
    /// The two do not go together.
    #[error("the certificate {0} and the key {1} cannot be used together: {2}")]
    Pair(std::path::PathBuf, std::path::PathBuf, String),
}

impl Tls {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// [`TlsError`] names the file and what is wrong with it.
    pub fn read(files: &Files) -> Result<Tls, TlsError> {
        let chain = certificates(&files.certificate)
            .map_err(|problem| TlsError::Certificate(files.certificate.clone(), problem))?;
        let key = PrivateKeyDer::from_pem_file(&files.key)
            .map_err(|problem| TlsError::Key(files.key.clone(), problem.to_string()))?;
        let together = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
        let mut config = together
            .map_err(|problem| TlsError::Pair(files.certificate.clone(), files.key.clone(), problem.to_string()))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Tls(TlsAcceptor::from(Arc::new(config))))
    }

    /// Takes the handshake of a client.
    ///
    /// # Errors
    /// The client speaks no TLS, or trusts the certificate not.
    pub async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.0.accept(stream).await
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(chain) if chain.is_empty() => Err("there is none in it".to_owned()),
        Ok(chain) => Ok(chain),
        Err(problem) => Err(problem.to_string()),
    }
}
