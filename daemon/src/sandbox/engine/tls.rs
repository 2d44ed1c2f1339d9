//! What TLS towards an engine is made of: the files that the docker command names `ca.pem`, `cert.pem` and `key.pem`.
//!
//! The engine's certificate is always checked, whatever a context says of skipping that: who stands in between would run
//! what he likes. Blocks on the file system.

use std::fmt;
use std::path::{Path, PathBuf};

use hyper_rustls::ConfigBuilderExt;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Who signs for the engine; without it, whoever the system trusts.
const AUTHORITY: &str = "ca.pem";
/// Who we are, where the engine asks.
const CERTIFICATE: &str = "cert.pem";
const KEY: &str = "key.pem";

/// The folder that holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Material(pub PathBuf);

impl fmt::Display for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the certificates in {}", self.0.display())
    }
}

/// TLS with this material; without any, with the system's authorities and no certificate of ours.
///
/// # Errors
/// A file cannot be read, or is not what its name says.
pub(super) fn config(material: Option<&Material>) -> Result<ClientConfig, String> {
    let file = |name: &str| material.map(|material| material.0.join(name)).filter(|file| file.exists());
    if let Some(missing) = material.filter(|material| !material.0.is_dir()) {
        return Err(format!("there is no folder {}; name it with DOCKER_CERT_PATH", missing.0.display()));
    }
    let builder = match file(AUTHORITY) {
        Some(file) => ClientConfig::builder().with_root_certificates(authorities(&file)?),
        None => ClientConfig::builder()
            .with_native_roots()
            .map_err(|problem| format!("the system's certificate authorities cannot be read: {problem}"))?,
    };
    match (file(CERTIFICATE), file(KEY)) {
        (Some(certificate), Some(key)) => {
            let ours = builder.with_client_auth_cert(certificates(&certificate)?, private_key(&key)?);
            ours.map_err(|problem| format!("{} and {} do not fit: {problem}", certificate.display(), key.display()))
        }
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(there), None) => Err(format!("beside {} there is no {KEY}", there.display())),
        (None, Some(there)) => Err(format!("beside {} there is no {CERTIFICATE}", there.display())),
    }
}

fn authorities(file: &Path) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(file)? {
        store.add(certificate).map_err(|problem| format!("{}: {problem}", file.display()))?;
    }
    Ok(store)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|problem| format!("{} holds no certificate: {problem}", file.display()))?;
    if read.is_empty() { Err(format!("{} holds no certificate", file.display())) } else { Ok(read) }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(file).map_err(|problem| format!("{} holds no private key: {problem}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_or_something_else_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let material = Material(folder.path().to_path_buf());
        std::fs::write(folder.path().join(AUTHORITY), "no certificate").unwrap();
        assert!(config(Some(&material)).unwrap_err().contains("ca.pem holds no certificate"));
        let elsewhere = Material(folder.path().join("certs"));
        assert!(config(Some(&elsewhere)).unwrap_err().contains("DOCKER_CERT_PATH"));
    }

    #[test]
    fn a_certificate_without_its_key_is_not_left_out_in_silence() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(CERTIFICATE), "").unwrap();
        let problem = config(Some(&Material(folder.path().to_path_buf()))).unwrap_err();
        assert!(problem.contains("there is no key.pem"), "{problem}");
    }
}
