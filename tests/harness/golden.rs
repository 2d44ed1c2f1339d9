//! Golden folders: a case is a folder, what it gives is compared with the files in it, `BLESS=1` rewrites them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Compares what each case of a room gives with its expected files (name → text) and fails with all differences.
///
/// # Panics
/// A case differs, or its files cannot be read or written.
pub fn check(room: &str, give: impl Fn(&Path) -> BTreeMap<&'static str, String>) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(room);
    let cases = cases(&root);
    assert!(!cases.is_empty(), "{} has no case", root.display());
    let bless = std::env::var_os("BLESS").is_some_and(|value| value == "1");
    let mut report = String::new();
    for case in &cases {
        for (name, actual) in give(case) {
            let file = case.join(name);
            if bless {
                write_or_remove(&file, &actual);
            } else {
                compare(&file, &actual, &mut report);
            }
        }
    }
    assert!(report.is_empty(), "{report}\nBLESS=1 rewrites the expected files");
}

fn cases(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).expect("the room's golden folder is there");
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
    cases.retain(|case| case.is_dir());
    cases.sort();
    cases
}

/// What gives nothing has no file.
fn write_or_remove(file: &Path, actual: &str) {
    if !actual.is_empty() {
        std::fs::write(file, actual).expect("an expected file can be written");
    } else if file.exists() {
        std::fs::remove_file(file).expect("an expected file can be removed");
    }
}

fn compare(file: &Path, actual: &str, report: &mut String) {
    let expected = if file.exists() { std::fs::read_to_string(file).expect("it is readable") } else { String::new() };
    if expected == actual {
        return;
    }
    let line = expected.lines().zip(actual.lines()).take_while(|(left, right)| left == right).count();
    let at = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_owned();
    let (want, have) = (at(&expected), at(actual));
    writeln!(report, "{}:{}\n  want {want}\n  have {have}", file.display(), line + 1).expect("a string takes text");
}
