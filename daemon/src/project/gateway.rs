//! How the gateway serves a project, beyond its address; a part of its settings.

use std::path::PathBuf;

/// How the gateway serves, beyond its address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewaySettings {
    /// HTTPS, when it is served.
    pub tls: Option<Tls>,
    /// A folder whose files are served beside the APIs.
    pub static_dir: Option<PathBuf>,
    /// No authorizer is asked, and no signature checked.
    pub disable_authorizer: bool,
    /// Media types that all REST APIs pass as base64, beside their own.
    pub binary_types: Vec<String>,
}

/// What HTTPS is served with, both in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, with those that lead to its root behind it.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A change of how the gateway serves: `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct GatewayPatch {
    /// HTTPS.
    pub tls: Option<Tls>,
    /// Folder of files beside the APIs.
    pub static_dir: Option<PathBuf>,
    /// No authorizer is asked.
    pub disable_authorizer: Option<bool>,
    /// Binary media types of all REST APIs; replaces all earlier ones.
    pub binary_types: Option<Vec<String>>,
}

impl GatewaySettings {
    /// The settings after a change.
    #[must_use]
    pub fn patched(self, patch: GatewayPatch) -> GatewaySettings {
        GatewaySettings {
            tls: patch.tls.or(self.tls),
            static_dir: patch.static_dir.or(self.static_dir),
            disable_authorizer: patch.disable_authorizer.unwrap_or(self.disable_authorizer),
            binary_types: patch.binary_types.unwrap_or(self.binary_types),
        }
    }
}
