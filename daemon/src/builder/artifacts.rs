//! What builds left (effects): a folder for each, numbered, and a mark that names the last good one. A daemon that comes
//! back serves that at once, while it builds anew what may have changed meanwhile.
//!
//! ```text
//! built/<project>/<function>/7/          what build 7 made
//!                           /scratch/    the tool's own, the same from one build to the next
//!                           /good.json   {"number": 7, "recipe": "…"}
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::project::build::Step;

const MARK: &str = "good.json";
/// Builds older than so many before the last are removed. Requests in flight may still run those that came just before.
const KEPT: u64 = 3;

#[derive(Serialize, Deserialize)]
struct Mark {
    number: u64,
    recipe: String,
}

/// The last good build in a function's folder, when it was made in the same way.
#[must_use]
pub fn last_good(folder: &Path, step: &Step) -> Option<PathBuf> {
    let mark: Mark = serde_json::from_slice(&fs::read(folder.join(MARK)).ok()?).ok()?;
    let artifacts = folder.join(mark.number.to_string());
    (mark.recipe == recipe(step) && artifacts.is_dir()).then_some(artifacts)
}

/// Notes that build `number` is the last good one, and removes those that nobody uses any more.
///
/// # Errors
/// The mark cannot be written; the earlier one holds.
pub fn keep(folder: &Path, number: u64, step: &Step) -> io::Result<()> {
    let mark = serde_json::to_vec(&Mark { number, recipe: recipe(step) })?;
    let draft = folder.join(format!("{MARK}.new"));
    fs::write(&draft, mark)?;
    fs::rename(draft, folder.join(MARK))?;
    numbers(folder)
        .filter(|old| old + KEPT < number)
        .try_for_each(|old| fs::remove_dir_all(folder.join(old.to_string())))
}

/// The highest number that a build of a project had, also one that came to nothing; 0 when there was none.
#[must_use]
pub fn highest(project: &Path) -> u64 {
    let functions = fs::read_dir(project).into_iter().flatten().flatten();
    functions.filter_map(|function| numbers(&function.path()).max()).max().unwrap_or_default()
}

/// Removes what was built of projects that `is_known` does not know.
///
/// # Errors
/// Some of it cannot be removed.
pub fn tidy(builds: &Path, is_known: impl Fn(&str) -> bool) -> io::Result<()> {
    let projects = fs::read_dir(builds).into_iter().flatten().flatten();
    let mut unknown = projects.filter(|project| !project.file_name().to_str().is_some_and(&is_known));
    unknown.try_for_each(|project| fs::remove_dir_all(project.path()))
}

fn numbers(folder: &Path) -> impl Iterator<Item = u64> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn recipe(step: &Step) -> String {
    format!("{step:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::build;

    #[test]
    fn the_last_good_build_is_found_when_it_was_made_in_the_same_way() {
        let (folder, other) = (tempfile::tempdir().unwrap(), Path::new("/p/other"));
        let step = build::testing::makefile(Path::new("/p/src"));
        assert_eq!(last_good(folder.path(), &step), None);
        for number in 1..=6 {
            fs::create_dir(folder.path().join(number.to_string())).unwrap();
        }
        keep(folder.path(), 5, &step).unwrap();
        assert_eq!(last_good(folder.path(), &step), Some(folder.path().join("5")));
        assert_eq!(last_good(folder.path(), &build::testing::makefile(other)), None);
        let mut left: Vec<u64> = numbers(folder.path()).collect();
        left.sort_unstable();
        assert_eq!(left, [2, 3, 4, 5, 6], "6 may be under way");
        fs::remove_dir(folder.path().join("5")).unwrap();
        assert_eq!(last_good(folder.path(), &step), None, "it is gone");
    }

    #[test]
    fn what_was_built_of_projects_that_are_gone_is_removed() {
        let builds = tempfile::tempdir().unwrap();
        fs::create_dir_all(builds.path().join("shop/Orders/7")).unwrap();
        fs::create_dir_all(builds.path().join("gone/Orders/9")).unwrap();
        tidy(builds.path(), |name| name == "shop").unwrap();
        assert_eq!(highest(&builds.path().join("shop")), 7);
        assert_eq!(highest(&builds.path().join("gone")), 0);
    }
}
