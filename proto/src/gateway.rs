//! How the gateway serves a project, beyond its address.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A change of how the gateway serves: what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GatewayPatch {
    /// Serve HTTPS with this certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Absolute path of a folder whose files are served beside the APIs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub static_dir: Option<PathBuf>,
    /// Ask no authorizer, and check no signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_authorizer: Option<bool>,
    /// Media types that all REST APIs pass as base64, beside their own; they replace all earlier ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary_types: Option<Vec<String>>,
}

/// What HTTPS is served with, both in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// Absolute path of the certificate, with those that lead to its root behind it.
    pub certificate: PathBuf,
    /// Absolute path of the private key.
    pub key: PathBuf,
}

/// How the gateway serves, beyond its address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GatewaySettings {
    /// HTTPS, when it is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Absolute path of the folder whose files are served beside the APIs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub static_dir: Option<PathBuf>,
    /// No authorizer is asked, and no signature checked.
    pub disable_authorizer: bool,
    /// Media types that all REST APIs pass as base64, beside their own.
    pub binary_types: Vec<String>,
}
