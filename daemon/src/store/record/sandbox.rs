//! A sandbox's record.

use serde::{Deserialize, Serialize};

use super::VERSION;
use crate::project::FunctionId;
use crate::project::settings::ProjectName;
use crate::store::model::{Identity, SandboxId, SavedSandbox};

#[derive(Serialize, Deserialize)]
pub(super) struct SandboxV1 {
    version: u32,
    id: String,
    project: String,
    function: String,
    identity: IdentityV1,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
enum IdentityV1 {
    Process { pid: u32, start_time: u64, boot_id: String },
    Container { id: String },
}

impl From<&SavedSandbox> for SandboxV1 {
    fn from(sandbox: &SavedSandbox) -> SandboxV1 {
        SandboxV1 {
            version: VERSION,
            id: sandbox.id.0.clone(),
            project: sandbox.project.0.clone(),
            function: sandbox.function.0.clone(),
            identity: match sandbox.identity.clone() {
                Identity::Process { pid, start_time, boot_id } => IdentityV1::Process { pid, start_time, boot_id },
                Identity::Container { id } => IdentityV1::Container { id },
            },
        }
    }
}

impl From<SandboxV1> for SavedSandbox {
    fn from(record: SandboxV1) -> SavedSandbox {
        SavedSandbox {
            id: SandboxId(record.id),
            project: ProjectName(record.project),
            function: FunctionId(record.function),
            identity: match record.identity {
                IdentityV1::Process { pid, start_time, boot_id } => Identity::Process { pid, start_time, boot_id },
                IdentityV1::Container { id } => Identity::Container { id },
            },
        }
    }
}
