//! A project's settings that concern containers alone, under the SAM CLI's names.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A change of container settings: what is absent stays as it is, and what is empty goes back to its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainersPatch {
    /// The network that containers are put in, by name or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_network: Option<String>,
    /// Names that containers know besides the engine's, each as `name:address`; they replace all earlier ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_hosts: Option<Vec<String>>,
    /// DNS servers of containers, as IP addresses; they replace all earlier ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<Vec<String>>,
    /// The host name or address under which containers reach this daemon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_host: Option<String>,
    /// The address of this machine on which the daemon listens for its containers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_host_interface: Option<String>,
    /// Images in the place of AWS's, each as `FUNCTION=IMAGE` or, for all functions, `IMAGE`; they replace all earlier ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoke_images: Option<Vec<String>>,
    /// Whether only images that are here are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_pull_image: Option<bool>,
    /// Whether images are built at each start, changed or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_image_build: Option<bool>,
    /// Absolute path of the folder in which downloaded layers are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_cache_basedir: Option<PathBuf>,
    /// The project's folder as the engine sees it, where the engine sees other folders than the daemon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_volume_basedir: Option<PathBuf>,
    /// Local copies of published layers, each as `ARN=PATH` with an absolute path; they replace all earlier ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<String>>,
}

impl ContainersPatch {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == ContainersPatch::default()
    }
}

/// Container settings as they stand; the fields are those of [`ContainersPatch`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Containers {
    /// The network, when it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_network: Option<String>,
    /// Names that containers know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_hosts: Vec<String>,
    /// DNS servers of containers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<String>,
    /// Under which containers reach this daemon, when it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_host: Option<String>,
    /// On which the daemon listens for them, when it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_host_interface: Option<String>,
    /// Images in the place of AWS's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invoke_images: Vec<String>,
    /// Whether only images that are here are used.
    pub skip_pull_image: bool,
    /// Whether images are built at each start.
    pub force_image_build: bool,
    /// Where downloaded layers are kept, when it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_cache_basedir: Option<PathBuf>,
    /// The project's folder as the engine sees it, when it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_volume_basedir: Option<PathBuf>,
    /// Local copies of published layers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<String>,
}

impl Containers {
    /// Whether nothing was set.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Containers::default()
    }
}
