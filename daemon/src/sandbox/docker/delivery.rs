//! How a function's files come into its containers: the one place that knows whether the engine sees this machine's folders.
//!
//! | engine | files | gates |
//! |---|---|---|
//! | sees this machine's folders | mounted as they stand | mounted as well |
//! | sees the project under another name (`--docker-volume-basedir`) | mounted by that name | its streams: the state folder is not there |
//! | is on another machine | in volumes that mirror them | its streams |

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bollard::models::{Mount, MountType};

use crate::project::containers::Hosting;
use crate::project::function::{Code, Function, Package};

use super::super::engine::{Engine, Whereabouts};
use super::super::{Delay, StartError, files};
use super::manifest::OWNER;
use super::mirror::{Mirror, Mirrors, Owner};
use super::{layers, variables};

const CODE: &str = "/var/task";
const LAYERS: &str = "/opt";
const ROOT: &str = "0:0";

/// How files come into containers.
#[derive(Debug, Clone)]
pub(super) enum Delivery {
    /// The engine mounts this machine's folders.
    Mounts,
    /// It mounts the project's folder, which it knows under another name.
    Renamed,
    /// They are sent there.
    Uploads(Mirrors),
}

/// What of this machine's is to be in a function's containers.
#[derive(Debug, Clone, Default)]
pub(super) struct Folders {
    /// At `/var/task`.
    pub(super) code: Option<PathBuf>,
    /// At `/opt`, a later one over an earlier one.
    pub(super) layers: Vec<PathBuf>,
    /// All are the user's own folders.
    in_place: bool,
}

/// What a function's containers are given.
#[derive(Debug, Clone, Default)]
pub(super) struct Laid {
    pub(super) mounts: Vec<Mount>,
    /// As whom the function runs; `None` is as the image says.
    pub(super) user: Option<String>,
    /// An edit of the folders is seen in it at once.
    pub(super) in_place: bool,
    /// The volumes among the mounts.
    pub(super) mirrors: Vec<Arc<Mirror>>,
}

impl Delivery {
    /// How files come into containers of this engine. What the user says of his folders goes before all.
    #[must_use]
    pub(super) fn of(engine: &Engine, hosting: &Hosting, mirrors: &Mirrors) -> Delivery {
        match (&hosting.volume_base, &engine.whereabouts) {
            (Some(_), _) => Delivery::Renamed,
            (None, Whereabouts::Elsewhere(_)) => Delivery::Uploads(mirrors.clone()),
            (None, Whereabouts::Here | Whereabouts::VirtualMachine) => Delivery::Mounts,
        }
    }

    /// Whether a folder of the daemon's own may be mounted, with a gate in it; else a container waits at its streams.
    #[must_use]
    pub(super) fn has_gates(&self) -> bool {
        matches!(self, Delivery::Mounts)
    }

    /// Finds a function's folders, unpacking archives. Blocks on the file system.
    ///
    /// # Errors
    /// A folder or archive cannot be read.
    pub(super) fn find(&self, function: &Function, cache: &Path) -> Result<Folders, StartError> {
        let Package::Zip { code, runtime, layers, .. } = &function.package else { return Ok(Folders::default()) };
        let folders = files::layers(layers, cache)?;
        let layers_in_place = folders.is_empty() || (folders.len() == 1 && !folders[0].starts_with(cache));
        Ok(Folders {
            code: Some(files::code(code, runtime, cache)?),
            layers: match self {
                Delivery::Uploads(_) => folders,
                Delivery::Mounts | Delivery::Renamed => layers::merged(&folders, cache)?.into_iter().collect(),
            },
            in_place: matches!(code, Code::Folder(_)) && layers_in_place,
        })
    }

    /// Brings the folders to where containers get them from; that all of a folder is sent is told by `delay`.
    ///
    /// # Errors
    /// The engine does not take them.
    pub(super) async fn lay(
        &self,
        engine: &Engine,
        function: &Function,
        folders: &Folders,
        (owner, delay): (&Owner, &Delay),
    ) -> Result<Laid, StartError> {
        let debugger = function.serving.debug.as_ref().and_then(|debug| debug.debugger_path.clone());
        let places = [
            (Vec::from_iter(folders.code.clone()), CODE),
            (folders.layers.clone(), LAYERS),
            (Vec::from_iter(debugger), variables::DEBUGGER),
        ];
        let places = places.into_iter().filter(|(folders, _)| !folders.is_empty());
        let Delivery::Uploads(mirrors) = self else {
            let binds = places.flat_map(|(folders, inside)| folders.into_iter().map(move |folder| (folder, inside)));
            let mounts = binds.map(|(folder, inside)| bind(&function.hosting.seen(&folder), inside)).collect();
            return Ok(Laid {
                mounts,
                user: owner_of(folders, engine.is_rootless),
                in_place: folders.in_place,
                mirrors: Vec::new(),
            });
        };
        let user = folders.code.is_some().then(|| format!("{}:{}", OWNER.0, OWNER.1));
        let mut laid = Laid { user, ..Laid::default() };
        for (folders, inside) in places {
            let mirror = mirrors.of(engine, folders, owner, delay).await?;
            laid.mounts.push(mirror.mount(inside));
            laid.mirrors.push(mirror);
        }
        Ok(laid)
    }
}

/// Without capabilities even root reads only what its owner or everybody may: so the code's owner it is.
/// Who runs a rootless engine is called root in its containers.
fn owner_of(folders: &Folders, is_rootless: bool) -> Option<String> {
    let metadata = folders.code.as_ref()?.metadata().ok()?;
    let is_this_user = metadata.uid() == rustix::process::geteuid().as_raw();
    Some(if is_rootless && is_this_user { ROOT.to_owned() } else { format!("{}:{}", metadata.uid(), metadata.gid()) })
}

/// A folder that the engine sees, read-only.
#[must_use]
pub(super) fn bind(folder: &Path, target: &str) -> Mount {
    Mount {
        source: Some(folder.to_string_lossy().into_owned()),
        target: Some(target.to_owned()),
        typ: Some(MountType::BIND),
        read_only: Some(true),
        ..Mount::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_runs_as_whoever_has_its_code_as_the_engine_calls_him() {
        let code = tempfile::tempdir().unwrap();
        let own = code.path().metadata().unwrap();
        let folders = |folder: &Path| Folders { code: Some(folder.to_path_buf()), ..Folders::default() };
        let (uid, gid) = (own.uid(), own.gid());
        assert_eq!(owner_of(&folders(code.path()), false), Some(format!("{uid}:{gid}")));
        assert_eq!(owner_of(&folders(code.path()), true).as_deref(), Some(ROOT));
        assert_eq!(owner_of(&Folders::default(), true), None);
    }
}
