//! Options that concern containers alone, under the SAM CLI's names. An empty value takes a setting back.

use std::path::PathBuf;

use clap::Args;

/// Settings of containers.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Containers")]
pub struct ContainerArgs {
    /// Network that containers are put in, by name or id [default: the engine's own].
    #[arg(long, value_name = "NETWORK")]
    pub docker_network: Option<String>,
    /// A name that containers know; may be given several times, and replaces all earlier ones.
    #[arg(long, value_name = "NAME:ADDRESS")]
    pub add_host: Option<Vec<String>>,
    /// DNS server of containers; may be given several times, and replaces all earlier ones [default: the engine's].
    #[arg(long, value_name = "IP")]
    pub container_dns: Option<Vec<String>>,
    /// Host name or address under which containers reach the daemon [default: the network's gateway].
    #[arg(long, value_name = "HOST")]
    pub container_host: Option<String>,
    /// Address on which the daemon listens for its containers [default: the network's gateway].
    #[arg(long, value_name = "IP")]
    pub container_host_interface: Option<String>,
    /// Image in the place of AWS's, for all functions or one; may be given several times, and replaces all earlier ones.
    #[arg(long, value_name = "[FUNCTION=]IMAGE")]
    pub invoke_image: Option<Vec<String>>,
    /// Use only images that are here.
    #[arg(long, overrides_with = "no_skip_pull_image")]
    pub skip_pull_image: bool,
    /// Pull images that are not here; this is the default.
    #[arg(long, overrides_with = "skip_pull_image")]
    pub no_skip_pull_image: bool,
    /// Build images at each start, changed or not.
    #[arg(long, overrides_with = "no_force_image_build")]
    pub force_image_build: bool,
    /// Build images when they are missing or their files changed; this is the default.
    #[arg(long, overrides_with = "force_image_build")]
    pub no_force_image_build: bool,
    /// Folder in which downloaded layers are kept [default: the daemon's state folder].
    #[arg(long, value_name = "FOLDER")]
    pub layer_cache_basedir: Option<PathBuf>,
    /// The project's folder as the engine sees it, where the engine sees other folders than the daemon.
    #[arg(long, value_name = "FOLDER")]
    pub docker_volume_basedir: Option<PathBuf>,
    /// Local copy of a published layer, a folder or zip; may be given several times, and replaces all earlier ones.
    #[arg(long, value_name = "ARN=PATH")]
    pub layer: Option<Vec<String>>,
}
