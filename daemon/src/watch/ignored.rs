//! Which files below a watched folder are not the user's code: caches, editors' own files, and what `.samdignore` names.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The file with rules of the user's, in the form of a gitignore file.
pub(super) const RULES: &str = ".samdignore";

/// Folders whose content no runtime loads as the user's code.
const FOLDERS: [&str; 6] = ["__pycache__", ".git", ".hg", ".svn", ".pytest_cache", ".mypy_cache"];
/// Ends of the names of editors' own files.
const ENDS: [&str; 6] = [".pyc", ".swp", ".swx", ".swo", "~", ".tmp~"];
/// Names of editors' own files: vim's probe, and the Finder's.
const NAMES: [&str; 2] = ["4913", ".DS_Store"];

/// The rules of one project.
#[derive(Debug)]
pub(super) struct Ignored {
    rules: Vec<Gitignore>,
}

impl Ignored {
    /// Reads the rules in these folders. A rule that cannot be understood is left out, and the log says so.
    pub(super) fn read<'a>(folders: impl Iterator<Item = &'a PathBuf>) -> Ignored {
        Ignored { rules: folders.filter_map(|folder| rules(folder)).collect() }
    }

    /// Whether `path` below the watched folder `whole` does not count.
    pub(super) fn ignores(&self, whole: &Path, path: &Path) -> bool {
        is_cache(path.strip_prefix(whole).unwrap_or(path))
            || self.rules.iter().any(|rules| {
                path.starts_with(rules.path()) && rules.matched_path_or_any_parents(path, false).is_ignore()
            })
    }
}

fn rules(folder: &Path) -> Option<Gitignore> {
    let file = folder.join(RULES);
    if !file.is_file() {
        return None;
    }
    let mut builder = GitignoreBuilder::new(folder);
    if let Some(problem) = builder.add(&file) {
        tracing::warn!(file = %file.display(), %problem, "a rule of what to ignore is left out");
    }
    match builder.build() {
        Ok(rules) => Some(rules),
        Err(problem) => {
            tracing::warn!(file = %file.display(), %problem, "the rules of what to ignore are left out");
            None
        }
    }
}

fn is_cache(path: &Path) -> bool {
    let mut folders = path.components().filter_map(|part| part.as_os_str().to_str());
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    folders.any(|folder| FOLDERS.contains(&folder))
        || NAMES.contains(&name)
        || name.starts_with(".#")
        || ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_and_editors_files_do_not_count() {
        let none = Ignored { rules: Vec::new() };
        let whole = Path::new("/p");
        for path in ["/p/__pycache__/a.py", "/p/.git/index", "/p/a.py~", "/p/.a.py.swp", "/p/4913", "/p/.#a.py"] {
            assert!(none.ignores(whole, Path::new(path)), "{path}");
        }
        assert!(!none.ignores(whole, Path::new("/p/node_modules/x/index.js")));
    }

    #[test]
    fn a_project_below_a_folder_named_like_a_cache_counts() {
        let none = Ignored { rules: Vec::new() };
        assert!(!none.ignores(Path::new("/home/.git/p"), Path::new("/home/.git/p/a.py")));
    }

    #[test]
    fn samdignore_follows_the_rules_of_gitignore() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(RULES), "*.md\n!README.md\n/data/\n# a comment\n").unwrap();
        let rules = Ignored::read(std::iter::once(&folder.path().to_path_buf()));
        let ignores = |path: &str| rules.ignores(folder.path(), &folder.path().join(path));
        assert!(ignores("notes.md") && ignores("data/x.json"));
        assert!(!ignores("README.md") && !ignores("sub/data/x.json") && !ignores("app.py"));
    }
}
