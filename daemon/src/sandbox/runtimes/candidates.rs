//! Where interpreters may be: on `PATH`, and where version managers keep theirs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::project::function::Runtime;

/// Folders that hold one folder a version, below the home folder; what follows the star leads to the programs.
const PYTHON_HOMES: &[(&str, &str)] = &[
    (".pyenv/versions", "bin"),
    (".local/share/uv/python", "bin"),
    (".local/share/mise/installs/python", "bin"),
    (".asdf/installs/python", "bin"),
];
const NODE_HOMES: &[(&str, &str)] = &[
    (".nvm/versions/node", "bin"),
    (".local/share/fnm/node-versions", "installation/bin"),
    (".fnm/node-versions", "installation/bin"),
    (".volta/tools/image/node", "bin"),
    (".local/share/mise/installs/node", "bin"),
    (".asdf/installs/nodejs", "bin"),
    (".n/n/versions/node", "bin"),
];
/// Folders that are searched although `PATH` may not have them: a daemon's is often short.
const SYSTEM: &[&str] = &["/usr/local/bin", "/usr/bin", "/opt/homebrew/bin", "/opt/bin"];

/// Files that may be an interpreter for `runtime`, those first that say so by their name, `PATH` before all else.
pub(super) fn candidates(runtime: &Runtime, path: &OsStr, home: Option<&Path>) -> Vec<PathBuf> {
    let (exact, general, homes) = names(runtime);
    let on_path: Vec<PathBuf> = std::env::split_paths(path).filter(|folder| folder.is_absolute()).collect();
    let managed: Vec<PathBuf> = homes.iter().flat_map(|(root, rest)| versions(home, root, rest)).collect();
    let system: Vec<PathBuf> =
        SYSTEM.iter().map(PathBuf::from).chain(children(Path::new("/opt")).map(|child| child.join("bin"))).collect();
    let mut found: Vec<PathBuf> = Vec::new();
    for (folders, name) in [
        (&on_path, &exact),
        (&on_path, &general),
        (&managed, &exact),
        (&managed, &general),
        (&system, &exact),
        (&system, &general),
    ] {
        for file in folders.iter().flat_map(|folder| name.iter().map(|name| folder.join(name))) {
            if file.is_file() && !found.contains(&file) {
                found.push(file);
            }
        }
    }
    found
}

type Names = (Vec<String>, Vec<String>, &'static [(&'static str, &'static str)]);

/// Names with the version, names without, and the version managers' folders.
fn names(runtime: &Runtime) -> Names {
    match runtime {
        Runtime::Python { minor } => {
            (vec![format!("python3.{minor}")], vec!["python3".into(), "python".into()], PYTHON_HOMES)
        }
        Runtime::Node { major } => {
            (vec![format!("node{major}"), format!("node-{major}")], vec!["node".into(), "nodejs".into()], NODE_HOMES)
        }
        Runtime::Provided(_) | Runtime::Container(_) | Runtime::Unknown(_) => (Vec::new(), Vec::new(), &[]),
    }
}

fn versions(home: Option<&Path>, root: &str, rest: &str) -> Vec<PathBuf> {
    let Some(home) = home else { return Vec::new() };
    let mut folders: Vec<PathBuf> = children(&home.join(root)).map(|version| version.join(rest)).collect();
    // A newer patch version before an older one; names are compared as text, which is near enough for a preference.
    folders.sort();
    folders.reverse();
    folders
}

fn children(folder: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_path_and_named_exactly_comes_first() {
        let root = tempfile::tempdir().unwrap();
        let put = |file: &str| {
            let file = root.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "").unwrap();
            file
        };
        let general = put("a/python3");
        let exact = put("b/python3.12");
        let managed = put("home/.pyenv/versions/3.12.1/bin/python3.12");
        let path = std::env::join_paths([root.path().join("a"), root.path().join("b")]).unwrap();
        let found = candidates(&Runtime::Python { minor: 12 }, &path, Some(&root.path().join("home")));
        assert_eq!(&found[..3], [exact, general, managed]);
    }
}
