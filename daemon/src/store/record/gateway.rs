//! How a project's gateway serves, as a part of its record.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::project::gateway::{GatewaySettings, Tls};

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct GatewayV1 {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    static_dir: Option<PathBuf>,
    disable_authorizer: bool,
    binary_types: Vec<String>,
}

impl From<&GatewaySettings> for GatewayV1 {
    fn from(gateway: &GatewaySettings) -> GatewayV1 {
        GatewayV1 {
            certificate: gateway.tls.as_ref().map(|tls| tls.certificate.clone()),
            key: gateway.tls.as_ref().map(|tls| tls.key.clone()),
            static_dir: gateway.static_dir.clone(),
            disable_authorizer: gateway.disable_authorizer,
            binary_types: gateway.binary_types.clone(),
        }
    }
}

impl From<GatewayV1> for GatewaySettings {
    fn from(record: GatewayV1) -> GatewaySettings {
        GatewaySettings {
            tls: record.certificate.zip(record.key).map(|(certificate, key)| Tls { certificate, key }),
            static_dir: record.static_dir,
            disable_authorizer: record.disable_authorizer,
            binary_types: record.binary_types,
        }
    }
}
