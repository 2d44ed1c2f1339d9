//! The part of a project's record that concerns containers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::project::containers::ContainerSettings;

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ContainersV1 {
    network: Option<String>,
    add_hosts: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dns: Vec<IpAddr>,
    host: Option<String>,
    host_interface: Option<IpAddr>,
    image: Option<String>,
    images: BTreeMap<String, String>,
    skip_pull: bool,
    force_build: bool,
    layer_cache: Option<PathBuf>,
    volume_base: Option<PathBuf>,
    layers: BTreeMap<String, PathBuf>,
}

impl From<&ContainerSettings> for ContainersV1 {
    fn from(settings: &ContainerSettings) -> ContainersV1 {
        ContainersV1 {
            network: settings.network.clone(),
            add_hosts: settings.add_hosts.clone(),
            dns: settings.dns.clone(),
            host: settings.host.clone(),
            host_interface: settings.host_interface,
            image: settings.image.clone(),
            images: settings.images.clone(),
            skip_pull: settings.skip_pull,
            force_build: settings.force_build,
            layer_cache: settings.layer_cache.clone(),
            volume_base: settings.volume_base.clone(),
            layers: settings.layers.clone(),
        }
    }
}

impl From<ContainersV1> for ContainerSettings {
    fn from(record: ContainersV1) -> ContainerSettings {
        ContainerSettings {
            network: record.network,
            add_hosts: record.add_hosts,
            dns: record.dns,
            host: record.host,
            host_interface: record.host_interface,
            image: record.image,
            images: record.images,
            skip_pull: record.skip_pull,
            force_build: record.force_build,
            layer_cache: record.layer_cache,
            volume_base: record.volume_base,
            layers: record.layers,
        }
    }
}
