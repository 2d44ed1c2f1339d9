//! What a local command is to do, gathered from the command line, the environment and samconfig: the project's settings
//! for its daemon, and where output goes.

use std::path::{Path, PathBuf};

use samd_proto::settings::{SandboxChoice, SettingsPatch, Warm};

use super::arguments::{CommonArgs, ServiceArgs, WarmContainers};
use super::layers::Layers;
use super::{containers, parameters, samconfig, unserved};
use crate::Surroundings;
use crate::exit::Failure;

/// Where a template is looked for, in this order.
const TEMPLATES: [&str; 4] = [".aws-sam/build/template.yaml", "template.yaml", "template.yml", "template.json"];

/// What all local commands need to know.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    /// Options that were not typed.
    pub(super) layers: Layers<'a>,
    /// The project's settings.
    pub(super) settings: SettingsPatch,
    /// The template, absolute.
    pub(super) template: PathBuf,
    /// Where functions' output goes instead of standard error.
    pub(super) log_file: Option<PathBuf>,
    /// The daemon's own log is wanted.
    pub(super) debug: bool,
}

impl<'a> Plan<'a> {
    /// The plan of `command`, named as in samconfig.
    pub(super) fn of(
        command: &str,
        arguments: &CommonArgs,
        surroundings: &'a Surroundings,
    ) -> Result<Plan<'a>, Failure> {
        let layers = layers(command, arguments, surroundings)?;
        unserved::check(arguments, &layers)?;
        let template = template(arguments, &layers, surroundings)?;
        let settings = SettingsPatch {
            path: Some(template.clone()),
            env_vars: env_vars(arguments, &layers, surroundings)?,
            parameter_overrides: parameter_overrides(arguments, &layers, surroundings)?,
            sandbox: sandbox(&layers)?,
            region: layers.text("region", arguments.region.as_deref(), None),
            profile: layers.text("profile", arguments.profile.as_deref(), None),
            // It has been read for this very command.
            samconfig: Some(false),
            containers: containers::containers(&arguments.containers, &layers, surroundings),
            ..SettingsPatch::default()
        };
        let unlimited = layers.flag("no_memory_limit", arguments.containers.no_memory_limit, None);
        let settings = SettingsPatch { memory_limit: unlimited.then_some(false), ..settings };
        let settings = containers::debugging(settings, &arguments.debugging, &layers, surroundings)?;
        let log_file = layers.path("log_file", arguments.log_file.as_ref(), None);
        let debug = layers.flag("debug", arguments.debug, Some("SAM_DEBUG"));
        let log_file = log_file.map(|file| surroundings.folder.join(file));
        Ok(Plan { layers, settings, template, log_file, debug })
    }

    /// What the commands that serve have beyond that; their address.
    pub(super) fn serve(&mut self, arguments: &ServiceArgs, default_port: u16) -> Result<Address, Failure> {
        unserved::check_service(arguments, &self.layers)?;
        self.settings.debug_function = self.layers.text("debug_function", arguments.debug_function.as_deref(), None);
        self.settings.warm = warm(arguments, &self.layers)?;
        let host = self.layers.text("host", arguments.host.as_deref(), None);
        let port = self.layers.parsed("port", arguments.port, None)?;
        Ok(Address { host: host.unwrap_or_else(|| "127.0.0.1".to_owned()), port: port.unwrap_or(default_port) })
    }

    /// The folder to which the template's own paths are relative.
    pub(super) fn folder(&self) -> &Path {
        self.template.parent().unwrap_or(&self.template)
    }
}

/// Where to serve, as it was typed.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// An address or a name of one.
    pub(super) host: String,
    /// The port; 0 takes any.
    pub(super) port: u16,
}

impl Address {
    /// The IP address that the host stands for.
    pub(super) fn ip(&self) -> Result<std::net::IpAddr, Failure> {
        use std::net::ToSocketAddrs;
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        let found: Vec<_> = found.map(Iterator::collect).unwrap_or_default();
        let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
        first
            .map(std::net::SocketAddr::ip)
            .ok_or_else(|| Failure::Usage(format!("`{}` is no address of this machine", self.host)))
    }
}

/// A configuration stands beside the template that was named, else in the working folder.
fn layers<'a>(command: &str, arguments: &CommonArgs, surroundings: &'a Surroundings) -> Result<Layers<'a>, Failure> {
    let without = Layers::new(surroundings, serde_json::Map::new());
    let named = without.path("template_file", arguments.template_file.as_ref(), Some("SAM_TEMPLATE_FILE"));
    let beside = named.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let (file, environment) = (arguments.config.config_file.as_deref(), arguments.config.config_env.as_deref());
    let config = samconfig::options(command, file, environment, &surroundings.folder.join(beside))?;
    Ok(Layers::new(surroundings, config))
}

fn template(arguments: &CommonArgs, layers: &Layers<'_>, surroundings: &Surroundings) -> Result<PathBuf, Failure> {
    let named = layers.path("template_file", arguments.template_file.as_ref(), Some("SAM_TEMPLATE_FILE"));
    let named = named.or_else(|| layers.path("template", None, None));
    let found = named
        .clone()
        .or_else(|| TEMPLATES.iter().map(PathBuf::from).find(|template| surroundings.folder.join(template).is_file()));
    let file = found.unwrap_or_else(|| PathBuf::from("template.yml"));
    let absolute = surroundings.absolute(&file);
    if absolute.is_file() {
        return Ok(absolute);
    }
    let shown = surroundings.folder.join(&file);
    let help = if named.is_none() { "; --template-file names one that is elsewhere" } else { "" };
    Err(Failure::Usage(format!("Template file not found at {}{help}", shown.display())))
}

fn env_vars(
    arguments: &CommonArgs,
    layers: &Layers<'_>,
    surroundings: &Surroundings,
) -> Result<Option<PathBuf>, Failure> {
    let file = layers.path("env_vars", arguments.env_vars.as_ref(), None);
    file.map(|file| crate::settings::file(&file, surroundings)).transpose()
}

/// Typed overrides take the place of configured ones.
fn parameter_overrides(
    arguments: &CommonArgs,
    layers: &Layers<'_>,
    surroundings: &Surroundings,
) -> Result<Option<Vec<samd_proto::secret::ParameterOverride>>, Failure> {
    let typed = arguments.parameter_overrides.as_ref().map(|typed| serde_json::Value::from(typed.clone()));
    let value = typed.as_ref().or_else(|| layers.configured("parameter_overrides"));
    value.map(|value| parameters::read(value, &surroundings.folder)).transpose()
}

fn sandbox(layers: &Layers<'_>) -> Result<Option<SandboxChoice>, Failure> {
    match layers.variable("SAMD_SANDBOX").as_deref() {
        None => Ok(None),
        Some("process") => Ok(Some(SandboxChoice::Process)),
        Some("docker") => Ok(Some(SandboxChoice::Docker)),
        Some("auto") => Ok(Some(SandboxChoice::Auto)),
        Some(other) => Err(Failure::Usage(format!("SAMD_SANDBOX is process, docker or auto, and not `{other}`"))),
    }
}

fn warm(arguments: &ServiceArgs, layers: &Layers<'_>) -> Result<Option<Warm>, Failure> {
    let word = match arguments.warm_containers {
        Some(WarmContainers::Eager) => Some("EAGER".to_owned()),
        Some(WarmContainers::Lazy) => Some("LAZY".to_owned()),
        None => layers.text("warm_containers", None, None),
    };
    match word.as_deref().map(str::to_ascii_uppercase).as_deref() {
        None => Ok(None),
        Some("EAGER") => Ok(Some(Warm::Eager)),
        Some("LAZY") => Ok(Some(Warm::Lazy)),
        Some(other) => Err(Failure::Usage(format!("--warm-containers is EAGER or LAZY, and not `{other}`"))),
    }
}
