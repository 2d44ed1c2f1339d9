//! A function's code and layers as folders of this machine, for whichever driver lays them before it.
//!
//! Folders are taken in place; archives and inline code are unpacked into a cache. Blocks on the file system.

use std::path::{Path, PathBuf};

use crate::project::Layer;
use crate::project::function::{Code, Runtime};
use crate::project::layer::LayerContent;

use super::{StartError, unpack};

/// The folder that holds a function's code.
///
/// # Errors
/// The folder or archive cannot be read, or there is no code on this machine.
pub fn code(code: &Code, runtime: &Runtime, cache: &Path) -> Result<PathBuf, StartError> {
    match code {
        Code::Folder(folder) => folder.canonicalize().map_err(|error| StartError {
            error_type: "Sandbox.Failure",
            reason: format!("the code folder {} cannot be read: {error}", folder.display()),
        }),
        Code::Archive(archive) => unpack::archive(archive, cache),
        Code::Inline(text) => {
            let file = if matches!(runtime, Runtime::Node { .. }) { "index.js" } else { "index.py" };
            unpack::inline(text, file, cache)
        }
        Code::Unavailable(reason) => Err(StartError::entry(reason)),
    }
}

/// The folders that hold the layers, in the template's order.
///
/// # Errors
/// An archive cannot be unpacked, or a layer has no local copy.
pub fn layers(layers: &[Layer], cache: &Path) -> Result<Vec<PathBuf>, StartError> {
    layers.iter().map(|layer| self::layer(&layer.content, cache)).collect()
}

fn layer(content: &LayerContent, cache: &Path) -> Result<PathBuf, StartError> {
    match content {
        LayerContent::Folder(folder) => Ok(folder.clone()),
        LayerContent::Archive(archive) => unpack::archive(archive, cache),
        LayerContent::Remote { arn } => Err(StartError::entry(&format!(
            "layer {arn} has no local copy; put its files in a folder and name it as ContentUri of a layer in the template"
        ))),
    }
}
