//! Where a container's `/tmp` is, and how much it holds (pure).
//!
//! In memory with the size of the function's EphemeralStorage, so that one who writes more is told that there is no space
//! left, as at AWS. The kernel counts such files as the container's memory, and AWS does not: the container is allowed that
//! much more, and the daemon, which looks at the function's own memory while it works, ends one that takes more than its
//! MemorySize. Where the daemon does not see the function's processes, or the engine's machine has little memory for so
//! large a `/tmp`, it is a volume on disk without a limit, and a note says so.

use std::collections::HashMap;

use bollard::models::{HostConfig, Mount, MountType};

use crate::project::Function;

use super::super::engine::Engine;

/// In memory `/tmp` may take this part of the engine's machine.
const PART: u64 = 4;
const PLACE: &str = "/tmp";

/// A container's `/tmp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tmp {
    /// In memory, so many bytes.
    Memory(i64),
    /// On disk, without a limit.
    Disk,
}

impl Tmp {
    /// For containers of a function.
    #[must_use]
    pub(super) fn of(function: &Function, engine: &Engine) -> Tmp {
        let size = u64::from(function.ephemeral_storage_mb) << 20;
        let fits = size.saturating_mul(PART) <= engine.memory && engine.shares_processes();
        i64::try_from(size).ok().filter(|_| fits).map_or(Tmp::Disk, Tmp::Memory)
    }

    /// What the user should know.
    #[must_use]
    pub(super) fn note(self, function: &Function) -> Option<String> {
        let size = function.ephemeral_storage_mb;
        let much =
            format!("/tmp is on disk and holds more than the {size} MB of EphemeralStorage: the engine's machine ");
        (self == Tmp::Disk).then(|| much + "is another one, or has not four times as much memory")
    }

    /// Adds it to what a container is made with.
    pub(super) fn lay_into(self, host: &mut HostConfig) {
        match self {
            Tmp::Memory(size) => {
                let options = format!("rw,exec,nosuid,nodev,mode=1777,size={size}");
                host.tmpfs = Some(HashMap::from([(PLACE.to_owned(), options)]));
                host.memory = host.memory.map(|memory| memory + size);
                host.memory_swap = host.memory;
            }
            Tmp::Disk => {
                let volume = Mount { target: Some(PLACE.to_owned()), typ: Some(MountType::VOLUME), ..Mount::default() };
                host.mounts.get_or_insert_default().push(volume);
            }
        }
    }
}
