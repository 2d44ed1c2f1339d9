//! Golden files: what a test expects, under `tests/golden/`. `BLESS=1` writes them anew, for the eye to check.

use std::fs;
use std::path::{Path, PathBuf};

/// Where a golden file or folder is.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

/// Compares a text with its golden file, or writes the file when blessing.
///
/// # Panics
/// When they differ, or when the file cannot be read or written.
pub fn check(name: &str, actual: &str) {
    let path = path(name);
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the golden folder can be made");
        fs::write(&path, actual).expect("the golden file can be written");
        return;
    }
    let expected = fs::read_to_string(&path)
        .unwrap_or_else(|cause| panic!("{}: {cause}; run with BLESS=1 to make it", path.display()));
    assert_eq!(actual, expected, "{} differs; run with BLESS=1 to accept", path.display());
}
