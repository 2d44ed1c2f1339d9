//! The material that stands beside the repository: templates, recordings. A user does not have it.

use std::path::PathBuf;

/// A file or folder of it; says loudly that a test skips when it is not there.
#[must_use]
pub fn shared(name: &str) -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let root = std::env::var_os("SAMD_SHARED").map_or(beside, PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {} is not there; set SAMD_SHARED to the folder that has it", path.display());
    None
}
