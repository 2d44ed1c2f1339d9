//! What the user said of containers, and how one function is hosted by it.
//!
//! How a function is hosted stands in the model, so that a function that is to be hosted otherwise is replaced like one
//! whose code changed, and the others are not.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::Project;
use super::function::{Function, Package};
use super::layer::LayerContent;
use super::settings::{SandboxChoice, Settings};
use crate::template::Diagnostic;

/// Layers that a function may have.
const MOST_LAYERS: usize = 5;

/// A project's settings that concern containers alone, under the SAM CLI's names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerSettings {
    /// `--docker-network`.
    pub network: Option<String>,
    /// `--add-host`, each as `name:address`.
    pub add_hosts: Vec<String>,
    /// `--container-dns`.
    pub dns: Vec<IpAddr>,
    /// `--container-host`: under which containers reach this daemon.
    pub host: Option<String>,
    /// `--container-host-interface`: on which the daemon listens for them.
    pub host_interface: Option<IpAddr>,
    /// `--invoke-image IMAGE`, for all functions of which no other is said.
    pub image: Option<String>,
    /// `--invoke-image FUNCTION=IMAGE`, by logical id or name.
    pub images: BTreeMap<String, String>,
    /// `--skip-pull-image`.
    pub skip_pull: bool,
    /// `--force-image-build`.
    pub force_build: bool,
    /// `--layer-cache-basedir`.
    pub layer_cache: Option<PathBuf>,
    /// `--docker-volume-basedir`: the project's folder as the engine sees it.
    pub volume_base: Option<PathBuf>,
    /// Local copies of published layers, by ARN.
    pub layers: BTreeMap<String, PathBuf>,
}

/// A change of [`ContainerSettings`]: an outer `None` leaves a setting as it is, an inner one takes it back.
#[allow(missing_docs)]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainersPatch {
    pub network: Option<Option<String>>,
    pub add_hosts: Option<Vec<String>>,
    pub dns: Option<Vec<IpAddr>>,
    pub host: Option<Option<String>>,
    pub host_interface: Option<Option<IpAddr>>,
    /// The image for all, and those by function.
    pub images: Option<(Option<String>, BTreeMap<String, String>)>,
    pub skip_pull: Option<bool>,
    pub force_build: Option<bool>,
    pub layer_cache: Option<Option<PathBuf>>,
    pub volume_base: Option<Option<PathBuf>>,
    pub layers: Option<BTreeMap<String, PathBuf>>,
}

impl ContainersPatch {
    /// The settings after the change.
    #[must_use]
    pub fn apply(self, now: ContainerSettings) -> ContainerSettings {
        let (image, images) = self.images.unwrap_or((now.image, now.images));
        ContainerSettings {
            network: self.network.unwrap_or(now.network),
            add_hosts: self.add_hosts.unwrap_or(now.add_hosts),
            dns: self.dns.unwrap_or(now.dns),
            host: self.host.unwrap_or(now.host),
            host_interface: self.host_interface.unwrap_or(now.host_interface),
            image,
            images,
            skip_pull: self.skip_pull.unwrap_or(now.skip_pull),
            force_build: self.force_build.unwrap_or(now.force_build),
            layer_cache: self.layer_cache.unwrap_or(now.layer_cache),
            volume_base: self.volume_base.unwrap_or(now.volume_base),
            layers: self.layers.unwrap_or(now.layers),
        }
    }
}

/// Where and how one function is hosted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hosting {
    /// Which driver was asked for.
    pub sandbox: SandboxChoice,
    /// The network of its containers; `None` is the engine's own.
    pub network: Option<String>,
    /// Names that its containers know, each as `name:address`.
    pub add_hosts: Vec<String>,
    /// DNS servers of its containers; none are the engine's own.
    pub dns: Vec<IpAddr>,
    /// Under which its containers reach the daemon; `None` is the network's gateway.
    pub host: Option<String>,
    /// On which the daemon listens for them; `None` is the network's gateway.
    pub host_interface: Option<IpAddr>,
    /// Its image in the place of AWS's or of its own.
    pub image: Option<String>,
    /// Its image is used only when it is here.
    pub skip_pull: bool,
    /// Its image is built at each start.
    pub force_build: bool,
    /// Where downloaded layers are kept.
    pub layer_cache: Option<PathBuf>,
    /// The project's folder, and the same as the engine sees it.
    pub volume_base: Option<(PathBuf, PathBuf)>,
}

impl Hosting {
    /// A folder of this machine as the engine sees it.
    #[must_use]
    pub fn seen(&self, folder: &Path) -> PathBuf {
        let below = |(own, seen): &(PathBuf, PathBuf)| Some(seen.join(folder.strip_prefix(own).ok()?));
        self.volume_base.as_ref().and_then(below).unwrap_or_else(|| folder.to_path_buf())
    }
}

/// Puts the settings into the functions of a project, and says what of them means nothing.
pub fn apply(project: &mut Project, settings: &Settings) -> Vec<Diagnostic> {
    let mut findings = unknown_functions(project, &settings.containers);
    let locations = project.locations.clone();
    for function in project.functions.values_mut() {
        function.hosting = hosting(function, settings);
        map_layers(function, &settings.containers.layers);
        let location = locations.get(&function.id.0).cloned();
        findings.extend(too_many_layers(function).map(|finding| Diagnostic { location, ..finding }));
    }
    findings
}

fn hosting(function: &Function, settings: &Settings) -> Hosting {
    let containers = &settings.containers;
    let named = function.names().find_map(|name| containers.images.get(name));
    let folder = match settings.path.extension() {
        Some(_) => settings.path.parent().unwrap_or(&settings.path),
        None => &settings.path,
    };
    Hosting {
        sandbox: settings.sandbox,
        network: containers.network.clone(),
        add_hosts: containers.add_hosts.clone(),
        dns: containers.dns.clone(),
        host: containers.host.clone(),
        host_interface: containers.host_interface,
        image: named.or(containers.image.as_ref()).cloned(),
        skip_pull: containers.skip_pull,
        force_build: containers.force_build,
        layer_cache: containers.layer_cache.clone(),
        volume_base: containers.volume_base.clone().map(|seen| (folder.to_path_buf(), seen)),
    }
}

/// A published layer of which the user has a copy is that copy.
fn map_layers(function: &mut Function, copies: &BTreeMap<String, PathBuf>) {
    let Package::Zip { layers, .. } = &mut function.package else { return };
    for layer in layers {
        if let LayerContent::Remote { arn } = &layer.content
            && let Some(copy) = copies.get(arn)
        {
            let archive = copy.extension().is_some_and(|extension| extension == "zip" || extension == "jar");
            layer.content =
                if archive { LayerContent::Archive(copy.clone()) } else { LayerContent::Folder(copy.clone()) };
        }
    }
}

fn too_many_layers(function: &Function) -> Option<Diagnostic> {
    let Package::Zip { layers, .. } = &function.package else { return None };
    (layers.len() > MOST_LAYERS).then(|| {
        let message =
            format!("function {} has {} layers, and Lambda takes at most {MOST_LAYERS}", function.id, layers.len());
        Diagnostic::error(message).path(format!("Resources.{}.Properties.Layers", function.id))
    })
}

fn unknown_functions(project: &Project, settings: &ContainerSettings) -> Vec<Diagnostic> {
    let is_known = |name: &str| project.functions.values().any(|function| function.goes_by(name));
    let known = || project.functions.keys().map(|id| id.0.as_str()).collect::<Vec<_>>().join(", ");
    let unknown = settings.images.keys().filter(|name| !is_known(name));
    unknown
        .map(|name| {
            Diagnostic::warning(format!("--invoke-image names {name}, and there is no such function"))
                .help(format!("the template has: {}", known()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Layer;
    use crate::project::settings::ProjectName;
    use crate::project::testing;

    fn project(layers: Vec<Layer>) -> Project {
        let mut function = testing::function();
        if let Package::Zip { layers: its, .. } = &mut function.package {
            *its = layers;
        }
        Project { functions: [(function.id.clone(), function)].into(), ..Project::default() }
    }

    fn settings(containers: ContainerSettings) -> Settings {
        Settings { containers, ..Settings::new(ProjectName("p".into()), "/p".into()) }
    }

    #[test]
    fn the_image_named_for_a_function_goes_before_the_one_for_all() {
        let image = |images: &[(&str, &str)]| {
            let mut project = project(Vec::new());
            let images = images.iter().map(|(name, image)| ((*name).to_owned(), (*image).to_owned())).collect();
            let containers = ContainerSettings { image: Some("all:1".into()), images, ..ContainerSettings::default() };
            let findings = apply(&mut project, &settings(containers));
            (project.functions.into_values().next().unwrap().hosting.image.unwrap(), findings.len())
        };
        assert_eq!(image(&[]), ("all:1".to_owned(), 0));
        assert_eq!(image(&[("Fn", "its:1")]), ("its:1".to_owned(), 0));
        assert_eq!(image(&[("Other", "its:1")]), ("all:1".to_owned(), 1));
    }

    #[test]
    fn a_published_layer_with_a_local_copy_is_that_copy_and_a_sixth_layer_is_refused() {
        let remote = |arn: &str| Layer { id: arn.into(), content: LayerContent::Remote { arn: arn.into() } };
        let mut project = project(vec![remote("arn:a:1"), remote("arn:b:1")]);
        let layers = [("arn:a:1".to_owned(), "/copy".into())].into();
        assert!(
            apply(&mut project, &settings(ContainerSettings { layers, ..ContainerSettings::default() })).is_empty()
        );
        let function = project.functions.into_values().next().unwrap();
        let Package::Zip { layers, .. } = function.package else { panic!() };
        assert_eq!(layers[0].content, LayerContent::Folder("/copy".into()));
        assert_eq!(layers[1], remote("arn:b:1"));
        let mut six = self::project(vec![remote("arn:a:1"); 6]);
        let findings = apply(&mut six, &settings(ContainerSettings::default()));
        assert!(findings[0].message.contains("6 layers"), "{findings:?}");
    }

    #[test]
    fn the_engine_may_see_the_projects_folder_elsewhere() {
        let hosting = Hosting { volume_base: Some(("/p".into(), "/host/p".into())), ..Hosting::default() };
        assert_eq!(hosting.seen(Path::new("/p/src")), Path::new("/host/p/src"));
        assert_eq!(hosting.seen(Path::new("/other")), Path::new("/other"));
        assert_eq!(Hosting::default().seen(Path::new("/p/src")), Path::new("/p/src"));
    }

    #[test]
    fn an_empty_change_changes_nothing_and_a_setting_can_be_taken_back() {
        let set = ContainerSettings { network: Some("n".into()), skip_pull: true, ..ContainerSettings::default() };
        assert_eq!(ContainersPatch::default().apply(set.clone()), set);
        let back = ContainersPatch { network: Some(None), skip_pull: Some(false), ..ContainersPatch::default() };
        assert_eq!(back.apply(set), ContainerSettings::default());
    }
}
