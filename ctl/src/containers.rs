//! From the options that concern containers to the protocol's settings: paths made absolute.

use std::path::{Path, PathBuf};

use samd_proto::containers::ContainersPatch;

use crate::Surroundings;
use crate::cli::ContainerArgs;
use crate::exit::Failure;
use crate::settings::{file, switch};

/// The change that the options ask for.
pub(crate) fn patch(arguments: &ContainerArgs, surroundings: &Surroundings) -> Result<ContainersPatch, Failure> {
    Ok(ContainersPatch {
        docker_network: arguments.docker_network.clone(),
        add_hosts: arguments.add_host.as_deref().map(filled),
        dns: arguments.container_dns.as_deref().map(filled),
        container_host: arguments.container_host.clone(),
        container_host_interface: arguments.container_host_interface.clone(),
        invoke_images: arguments.invoke_image.as_deref().map(filled),
        skip_pull_image: switch(arguments.skip_pull_image, arguments.no_skip_pull_image),
        force_image_build: switch(arguments.force_image_build, arguments.no_force_image_build),
        layer_cache_basedir: arguments.layer_cache_basedir.as_deref().map(|path| folder(path, surroundings)),
        docker_volume_basedir: arguments.docker_volume_basedir.as_deref().map(|path| folder(path, surroundings)),
        layers: arguments.layer.as_deref().map(|all| layers(all, surroundings)).transpose()?,
    })
}

/// One empty value stands for none at all.
fn filled(all: &[String]) -> Vec<String> {
    all.iter().filter(|text| !text.is_empty()).cloned().collect()
}

/// A folder that need not be there, absolute; an empty path stays one.
fn folder(path: &Path, surroundings: &Surroundings) -> PathBuf {
    if path.as_os_str().is_empty() { path.to_path_buf() } else { surroundings.absolute(path) }
}

fn layers(all: &[String], surroundings: &Surroundings) -> Result<Vec<String>, Failure> {
    let one = |text: String| match text.split_once('=') {
        Some((arn, path)) => Ok(format!("{arn}={}", file(Path::new(path), surroundings)?.display())),
        None => Err(Failure::Usage(format!("--layer is written as ARN=PATH, and `{text}` is not"))),
    };
    filled(all).into_iter().map(one).collect()
}
