//! What concerns containers alone, in both directions: texts as the SAM CLI's users write them, and the values they mean.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use samd_proto::ApiError;
use samd_proto::containers as wire;

use crate::project::containers::{ContainerSettings, ContainersPatch};

use super::request::{absolute, bad_request};

/// The engine's word for this machine's address.
const GATEWAY: &str = "host-gateway";

/// A change, checked.
pub(super) fn asked(patch: wire::ContainersPatch) -> Result<ContainersPatch, ApiError> {
    Ok(ContainersPatch {
        network: patch.docker_network.map(filled),
        add_hosts: patch.add_hosts.map(hosts).transpose()?,
        dns: patch.dns.map(servers).transpose()?,
        host: patch.container_host.map(filled),
        host_interface: patch.container_host_interface.map(interface).transpose()?,
        images: patch.invoke_images.map(images).transpose()?,
        skip_pull: patch.skip_pull_image,
        force_build: patch.force_image_build,
        layer_cache: patch.layer_cache_basedir.map(|path| folder("layer_cache_basedir", path)).transpose()?,
        volume_base: patch.docker_volume_basedir.map(|path| folder("docker_volume_basedir", path)).transpose()?,
        layers: patch.layers.map(layers).transpose()?,
    })
}

fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn folder(field: &str, path: PathBuf) -> Result<Option<PathBuf>, ApiError> {
    if path.as_os_str().is_empty() { Ok(None) } else { absolute(field, Some(path)) }
}

fn interface(text: String) -> Result<Option<IpAddr>, ApiError> {
    let Some(text) = filled(text) else { return Ok(None) };
    let parsed = text.parse().map(Some);
    parsed.map_err(|_| bad_request(format!("container_host_interface has to be an IP address, and `{text}` is not")))
}

fn hosts(all: Vec<String>) -> Result<Vec<String>, ApiError> {
    for host in &all {
        let good = host.split_once(':').is_some_and(|(name, address)| {
            !name.is_empty() && (address == GATEWAY || address.parse::<IpAddr>().is_ok())
        });
        if !good {
            return Err(bad_request(format!("add_hosts are written as name:address, and `{host}` is not")));
        }
    }
    Ok(all)
}

fn servers(all: Vec<String>) -> Result<Vec<IpAddr>, ApiError> {
    let one = |text: String| {
        text.parse().map_err(|_| bad_request(format!("DNS servers are IP addresses, and `{text}` is none")))
    };
    all.into_iter().map(one).collect()
}

fn images(all: Vec<String>) -> Result<(Option<String>, BTreeMap<String, String>), ApiError> {
    let (mut for_all, mut by_function) = (None, BTreeMap::new());
    for text in all {
        match text.split_once('=') {
            Some((function, image)) if !function.is_empty() && !image.is_empty() => {
                by_function.insert(function.to_owned(), image.to_owned());
            }
            None if !text.is_empty() => for_all = Some(text),
            Some(_) | None => {
                return Err(bad_request(format!(
                    "invoke_images are written as IMAGE or FUNCTION=IMAGE, and `{text}` is not"
                )));
            }
        }
    }
    Ok((for_all, by_function))
}

fn layers(all: Vec<String>) -> Result<BTreeMap<String, PathBuf>, ApiError> {
    let one = |text: String| {
        let (arn, path) = text
            .split_once('=')
            .filter(|(arn, _)| arn.starts_with("arn:"))
            .ok_or_else(|| bad_request(format!("layers are written as ARN=PATH, and `{text}` is not")))?;
        Ok((arn.to_owned(), absolute("layers", Some(PathBuf::from(path)))?.unwrap_or_default()))
    };
    all.into_iter().map(one).collect()
}

/// What was set.
pub(super) fn told(settings: &ContainerSettings) -> wire::Containers {
    let images = settings.image.iter().cloned();
    let by_function = settings.images.iter().map(|(function, image)| format!("{function}={image}"));
    wire::Containers {
        docker_network: settings.network.clone(),
        add_hosts: settings.add_hosts.clone(),
        dns: settings.dns.iter().map(IpAddr::to_string).collect(),
        container_host: settings.host.clone(),
        container_host_interface: settings.host_interface.map(|address| address.to_string()),
        invoke_images: images.chain(by_function).collect(),
        skip_pull_image: settings.skip_pull,
        force_image_build: settings.force_build,
        layer_cache_basedir: settings.layer_cache.clone(),
        docker_volume_basedir: settings.volume_base.clone(),
        layers: settings.layers.iter().map(|(arn, path)| format!("{arn}={}", path.display())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> wire::ContainersPatch {
        wire::ContainersPatch {
            docker_network: Some("shop".into()),
            add_hosts: Some(vec!["db:10.0.0.7".into(), "me:host-gateway".into()]),
            dns: Some(vec!["10.0.0.53".into()]),
            container_host: Some("host.docker.internal".into()),
            container_host_interface: Some("0.0.0.0".into()),
            invoke_images: Some(vec!["all:1".into(), "Fn=own:2".into()]),
            skip_pull_image: Some(true),
            force_image_build: Some(false),
            layer_cache_basedir: Some("/layers".into()),
            docker_volume_basedir: Some("/seen".into()),
            layers: Some(vec!["arn:aws:lambda:x:layer:y:1=/y".into()]),
        }
    }

    #[test]
    fn what_is_asked_is_what_is_told() {
        let settings = asked(full()).unwrap().apply(ContainerSettings::default());
        let told = told(&settings);
        assert_eq!(told.invoke_images, ["all:1", "Fn=own:2"]);
        assert_eq!((told.add_hosts, told.layers), (full().add_hosts.unwrap(), full().layers.unwrap()));
        assert_eq!(told.dns, full().dns.unwrap());
        assert_eq!(told.container_host_interface.as_deref(), Some("0.0.0.0"));
        let empty = wire::ContainersPatch { docker_network: Some(String::new()), ..wire::ContainersPatch::default() };
        assert_eq!(asked(empty).unwrap().apply(settings).network, None);
    }

    #[test]
    fn what_means_nothing_is_refused_with_how_it_is_written() {
        let none = wire::ContainersPatch::default;
        for (patch, part) in [
            (wire::ContainersPatch { add_hosts: Some(vec!["db".into()]), ..none() }, "name:address"),
            (wire::ContainersPatch { invoke_images: Some(vec!["Fn=".into()]), ..none() }, "FUNCTION=IMAGE"),
            (wire::ContainersPatch { dns: Some(vec!["resolver".into()]), ..none() }, "IP addresses"),
            (wire::ContainersPatch { layers: Some(vec!["y=/y".into()]), ..none() }, "ARN=PATH"),
            (wire::ContainersPatch { container_host_interface: Some("eth0".into()), ..none() }, "IP address"),
            (wire::ContainersPatch { layer_cache_basedir: Some("here".into()), ..none() }, "absolute path"),
        ] {
            let problem = asked(patch).unwrap_err();
            assert!(problem.message.contains(part), "{}", problem.message);
        }
    }
}
