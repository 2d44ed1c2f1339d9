//! How a container begins: what it runs, and whether it can be made to wait before it does.
//!
//! AWS's base images have a shell, since their entry point is a script for it: there `/bin/sh` waits at the gate and then
//! becomes the entry point. An image with an entry point of its own may have no shell and begins at once.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use bollard::models::ImageInspect;

use crate::project::function::{Function, Package, Runtime};

use super::super::{StartError, debug};
use super::gate::Where;

/// The entry point of AWS's base images.
const LAMBDA_ENTRY_POINT: &str = "/lambda-entrypoint.sh";
/// Names a program of the function's that runs before the runtime (F5.5).
const EXEC_WRAPPER: &str = "AWS_LAMBDA_EXEC_WRAPPER";
/// Where a custom runtime's program is looked for (F5.4).
const BOOTSTRAPS: &str = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]";

/// How containers of one function begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// A managed runtime, or an image with AWS's entry point: this command, after the gate.
    Lambda(Vec<String>),
    /// A custom runtime's `bootstrap`, after the gate.
    Bootstrap,
    /// An image's own: entry point and command.
    Own(Vec<String>, Vec<String>),
}

/// What one container begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Begin {
    /// ENTRYPOINT.
    pub(super) entry_point: Vec<String>,
    /// CMD.
    pub(super) command: Vec<String>,
    /// Where it waits; one that waits nowhere runs its code at once.
    pub(super) gate: Option<Where>,
}

impl Entry {
    /// How a function begins in this image.
    #[must_use]
    pub(super) fn of(function: &Function, image: &ImageInspect) -> Entry {
        let config = image.config.as_ref();
        let own_entry = config.and_then(|config| config.entrypoint.clone()).unwrap_or_default();
        match &function.package {
            Package::Zip { runtime: Runtime::Provided(_), .. } => Entry::Bootstrap,
            Package::Zip { runtime: Runtime::Python { .. } | Runtime::Node { .. }, .. }
                if function.serving.debug.is_some() =>
            {
                Entry::Lambda(debugged(function))
            }
            Package::Zip { handler, .. } => {
                let entry = if own_entry.is_empty() { vec![LAMBDA_ENTRY_POINT.to_owned()] } else { own_entry };
                Entry::Lambda(entry.into_iter().chain([handler.clone()]).collect())
            }
            // Lambda overrides the two apart from each other; Docker would drop the image's command (J4).
            Package::Image { command, entry_point, .. } => {
                let own_command = config.and_then(|config| config.cmd.clone()).unwrap_or_default();
                let entry = entry_point.clone().unwrap_or(own_entry);
                let command = command.clone().unwrap_or(own_command);
                if entry.first().is_some_and(|first| first == LAMBDA_ENTRY_POINT) {
                    Entry::Lambda(entry.into_iter().chain(command).collect())
                } else {
                    Entry::Own(entry, command)
                }
            }
        }
    }

    /// Whether a container waits before it runs anything of the function's.
    #[must_use]
    pub(super) fn is_gated(&self) -> bool {
        !matches!(self, Entry::Own(..))
    }

    /// What a container begins with now; `code` and `layers` are this machine's folders, `place` is where a managed
    /// runtime is to wait.
    ///
    /// # Errors
    /// A custom runtime has no `bootstrap`.
    pub(super) fn begin(&self, code: Option<&Path>, layers: &[PathBuf], place: Where) -> Result<Begin, StartError> {
        match self {
            Entry::Lambda(command) => Ok(gated(command.clone(), place)),
            Entry::Bootstrap => {
                let place = if place.is_in_interpreter() { Where::Program } else { place };
                let has = |folder: &Path| folder.join("bootstrap").is_file();
                match (code.is_some_and(has), layers.iter().any(|layer| has(layer))) {
                    (true, _) => Ok(gated(vec!["/var/task/bootstrap".to_owned()], place)),
                    (false, true) => Ok(gated(vec!["/opt/bootstrap".to_owned()], place)),
                    (false, false) => Err(StartError::entry(BOOTSTRAPS)),
                }
            }
            Entry::Own(entry_point, command) => {
                Ok(Begin { entry_point: entry_point.clone(), command: command.clone(), gate: None })
            }
        }
    }
}

/// The interpreter with the debugger's arguments, as AWS's images have it: their own start takes no arguments.
fn debugged(function: &Function) -> Vec<String> {
    let (interpreter, client) = match &function.package {
        Package::Zip { runtime: Runtime::Python { minor }, .. } => {
            (format!("/var/lang/bin/python3.{minor}"), "/var/runtime/bootstrap.py")
        }
        Package::Zip { .. } | Package::Image { .. } => ("/var/lang/bin/node".to_owned(), "/var/runtime/index.mjs"),
    };
    let wrapper = function.environment.0.get(EXEC_WRAPPER).cloned();
    let arguments = debug::arguments(function, &Ipv4Addr::UNSPECIFIED.to_string());
    wrapper.into_iter().chain([interpreter]).chain(arguments).chain([client.to_owned()]).collect()
}

fn gated(command: Vec<String>, place: Where) -> Begin {
    let shell = ["/bin/sh", "-c", place.script()].map(str::to_owned).to_vec();
    Begin { entry_point: shell, command, gate: Some(place) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::testing;
    use bollard::models::ImageConfig;

    fn strings(all: &[&str]) -> Vec<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    fn image(entry: &[&str], command: &[&str]) -> ImageInspect {
        let config =
            ImageConfig { entrypoint: Some(strings(entry)), cmd: Some(strings(command)), ..ImageConfig::default() };
        ImageInspect { config: Some(config), ..ImageInspect::default() }
    }

    fn of_image(entry_point: Option<&[&str]>, command: Option<&[&str]>, image: &ImageInspect) -> Entry {
        let mut function = testing::function();
        function.package = Package::Image {
            uri: Some("shop:1".to_owned()),
            command: command.map(strings),
            entry_point: entry_point.map(strings),
            working_directory: None,
            build: None,
        };
        Entry::of(&function, image)
    }

    #[test]
    fn a_managed_runtime_begins_with_the_images_entry_point_and_the_handler() {
        let entry = Entry::of(&testing::function(), &image(&[LAMBDA_ENTRY_POINT], &["ignored"]));
        assert_eq!(entry, Entry::Lambda(strings(&[LAMBDA_ENTRY_POINT, "app.handler"])));
        let begin = entry.begin(None, &[], Where::Python).unwrap();
        assert!(begin.gate == Some(Where::Python) && begin.entry_point[0] == "/bin/sh");
        assert_eq!(begin.command, [LAMBDA_ENTRY_POINT, "app.handler"]);
    }

    #[test]
    fn image_config_overrides_entry_point_and_command_apart_from_each_other() {
        let own = image(&["/app"], &["serve"]);
        assert_eq!(of_image(None, None, &own), Entry::Own(strings(&["/app"]), strings(&["serve"])));
        assert_eq!(of_image(Some(&["/other"]), None, &own), Entry::Own(strings(&["/other"]), strings(&["serve"])));
        assert_eq!(of_image(None, Some(&["work"]), &own), Entry::Own(strings(&["/app"]), strings(&["work"])));
        let lambda = image(&[LAMBDA_ENTRY_POINT], &["app.handler"]);
        assert_eq!(of_image(None, Some(&["b.c"]), &lambda), Entry::Lambda(strings(&[LAMBDA_ENTRY_POINT, "b.c"])));
    }

    #[test]
    fn a_custom_runtime_takes_the_bootstrap_of_the_code_before_that_of_the_layers() {
        let (code, layer) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let layers = [layer.path().to_path_buf()];
        let begin = || Entry::Bootstrap.begin(Some(code.path()), &layers, Where::Program);
        assert!(begin().unwrap_err().reason.contains("[/var/task/bootstrap /opt/bootstrap]"));
        std::fs::write(layer.path().join("bootstrap"), "").unwrap();
        assert_eq!(begin().unwrap().command, ["/opt/bootstrap"]);
        std::fs::write(code.path().join("bootstrap"), "").unwrap();
        assert_eq!(begin().unwrap().command, ["/var/task/bootstrap"]);
    }
}
