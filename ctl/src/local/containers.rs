//! Options about containers and debuggers, from wherever they stand, as a part of the project's settings.

use std::path::{Path, PathBuf};

use samd_proto::containers::ContainersPatch;
use samd_proto::settings::SettingsPatch;

use super::arguments::{ContainerArgs, DebugArgs};
use super::layers::Layers;
use crate::Surroundings;
use crate::exit::Failure;
use crate::settings::{debugger, file};

/// What of containers the options ask for.
pub(super) fn containers(typed: &ContainerArgs, layers: &Layers<'_>, surroundings: &Surroundings) -> ContainersPatch {
    let text = |option, typed: &Option<String>, variable| layers.text(option, typed.as_deref(), variable);
    let list = |option, typed: &[String]| Some(layers.list(option, typed, None)).filter(|all| !all.is_empty());
    let flag = |option, typed, variable| layers.flag(option, typed, Some(variable)).then_some(true);
    let folder = |path: Option<PathBuf>| path.map(|path| surroundings.absolute(Path::new(&path)));
    let basedir = text("docker_volume_basedir", &typed.docker_volume_basedir, Some("SAM_DOCKER_VOLUME_BASEDIR"));
    let cache = layers.path("layer_cache_basedir", typed.layer_cache_basedir.as_ref(), Some("SAM_LAYER_CACHE_BASEDIR"));
    ContainersPatch {
        docker_network: text("docker_network", &typed.docker_network, Some("SAM_DOCKER_NETWORK")),
        add_hosts: list("add_host", &typed.add_host),
        dns: list("container_dns", &typed.container_dns),
        // The SAM CLI's defaults stand for what the daemon finds out by itself.
        container_host: text("container_host", &typed.container_host, None).filter(|host| host != "localhost"),
        container_host_interface: text("container_host_interface", &typed.container_host_interface, None)
            .filter(|interface| interface != "127.0.0.1"),
        invoke_images: list("invoke_image", &typed.invoke_image),
        skip_pull_image: flag("skip_pull_image", typed.skip_pull_image, "SAM_SKIP_PULL_IMAGE"),
        force_image_build: flag("force_image_build", typed.force_image_build, "SAM_FORCE_IMAGE_BUILD"),
        layer_cache_basedir: folder(cache),
        docker_volume_basedir: folder(basedir.map(PathBuf::from)),
        layers: None,
    }
}

/// The settings with what of debugging the options ask for.
pub(super) fn debugging(
    settings: SettingsPatch,
    typed: &DebugArgs,
    layers: &Layers<'_>,
    surroundings: &Surroundings,
) -> Result<SettingsPatch, Failure> {
    let typed_ports: Vec<String> = typed.debug_port.iter().map(u16::to_string).collect();
    let ports = layers.list("debug_port", &typed_ports, Some("SAM_DEBUG_PORT"));
    let port = match ports.as_slice() {
        [] => None,
        [port] => Some(port.parse().map_err(|_| Failure::Usage(format!("`{port}` is no port for --debug-port")))?),
        _ => {
            return Err(Failure::Usage(
                "--debug-port is not supported several times: one debugger attaches".to_owned(),
            ));
        }
    };
    let path = layers.path("debugger_path", typed.debugger_path.as_ref(), None);
    let variables = layers.path("container_env_vars", typed.container_env_vars.as_ref(), None);
    Ok(SettingsPatch {
        debug_port: port,
        debug_args: layers.text("debug_args", typed.debug_args.as_deref(), Some("DEBUGGER_ARGS")),
        debugger_path: path.map(|path| debugger(&path, surroundings)).transpose()?,
        container_env_vars: variables.map(|path| file(&path, surroundings)).transpose()?,
        ..settings
    })
}
