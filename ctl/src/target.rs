//! Which project is meant: the named one, the current folder's, or the only one.
//!
//! The decisions are pure; the list of projects is the daemon's.

use std::path::{Path, PathBuf};

use samd_proto::endpoint::List;
use samd_proto::project::{ListRequest, ProjectState, ProjectSummary};

use crate::Surroundings;
use crate::client::Client;
use crate::exit::Failure;

/// The projects that the daemon knows.
pub(crate) fn projects(client: &Client) -> Result<Vec<ProjectSummary>, Failure> {
    Ok(client.call::<List>(&ListRequest::default())?.projects)
}

/// The project of a command whose NAME may be left out.
pub(crate) fn named_or_default(
    name: Option<&String>,
    client: &Client,
    surroundings: &Surroundings,
) -> Result<String, Failure> {
    match name {
        Some(name) => Ok(name.clone()),
        None => default(&projects(client)?, &surroundings.folder),
    }
}

/// Splits `[NAME] [WORD…]`: the first word is the project's name when a project has it, else NAME was left out.
pub(crate) fn split<'a>(
    words: &'a [String],
    projects: &[ProjectSummary],
    folder: &Path,
) -> Result<(String, &'a [String]), Failure> {
    match words {
        [first, rest @ ..] if projects.iter().any(|project| project.name == *first) => Ok((first.clone(), rest)),
        words => Ok((default(projects, folder)?, words)),
    }
}

/// The project to which `folder` belongs, the innermost first; else the only one there is, else the only one that runs.
pub(crate) fn default(projects: &[ProjectSummary], folder: &Path) -> Result<String, Failure> {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let around = projects.iter().filter(|project| folder.starts_with(root(&project.path)));
    if let Some(project) = around.max_by_key(|project| root(&project.path).components().count()) {
        return Ok(project.name.clone());
    }
    let running: Vec<&ProjectSummary> =
        projects.iter().filter(|project| project.state == ProjectState::Running).collect();
    match (projects, running.as_slice()) {
        ([], _) => Err(Failure::Usage("there is no project; `samctl start PATH` starts one".to_owned())),
        ([only], _) | (_, &[only]) => Ok(only.name.clone()),
        (several, _) => {
            let names: Vec<&str> = several.iter().map(|project| project.name.as_str()).collect();
            Err(Failure::Usage(format!("which project? this folder belongs to none; there are: {}", names.join(", "))))
        }
    }
}

/// The folder of a project: its path, or its template's folder.
fn root(path: &Path) -> &Path {
    if path.is_dir() { path } else { path.parent().unwrap_or(path) }
}

/// What `start` shall start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum StartTarget {
    /// Something on disk: a template or a folder, absolute.
    Path(PathBuf),
    /// A project that the daemon knows, or not.
    Name(String),
}

/// Whether `start`'s argument is a path or a name: what exists on disk is a path, and so is what looks like one.
pub(crate) fn start_target(argument: Option<&str>, surroundings: &Surroundings) -> Result<StartTarget, Failure> {
    let argument = argument.unwrap_or(".");
    let path = surroundings.absolute(Path::new(argument));
    if path.exists() {
        return Ok(StartTarget::Path(path));
    }
    let looks_like_path =
        argument.contains('/') || [".yaml", ".yml", ".json"].iter().any(|ending| argument.ends_with(ending));
    if looks_like_path {
        return Err(Failure::Usage(format!("there is no {argument}")));
    }
    Ok(StartTarget::Name(argument.to_owned()))
}

/// The name for a project at `path`: the one it has already, else its folder's name made safe.
pub(crate) fn name_for(path: &Path, projects: &[ProjectSummary]) -> String {
    if let Some(project) = projects.iter().find(|project| project.path == path) {
        return project.name.clone();
    }
    let folder = root(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    safe(&folder)
}

/// Letters, digits, `-`, `_` and `.`; anything else becomes a dash. At most 64 characters, a letter or digit first.
fn safe(name: &str) -> String {
    let kept = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let dashed: String = name.chars().map(|character| if kept(character) { character } else { '-' }).collect();
    let trimmed: String =
        dashed.trim_start_matches(|character: char| !character.is_ascii_alphanumeric()).chars().take(64).collect();
    let trimmed = trimmed.trim_end_matches('-');
    if trimmed.is_empty() { "project".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(name: &str, path: &Path) -> ProjectSummary {
        ProjectSummary {
            name: name.to_owned(),
            path: path.to_owned(),
            state: ProjectState::Running,
            url: None,
            generation: None,
            functions: 0,
            errors: 0,
            warnings: 0,
        }
    }

    #[test]
    fn the_innermost_project_around_the_folder_is_meant() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner/src");
        std::fs::create_dir_all(&inner).unwrap();
        let outer = outer.path().canonicalize().unwrap();
        let projects = [project("outer", &outer), project("inner", &outer.join("inner"))];
        assert_eq!(default(&projects, &inner).unwrap(), "inner");
        assert_eq!(default(&projects, &outer).unwrap(), "outer");
    }

    #[test]
    fn the_only_project_is_meant_from_anywhere_and_of_several_none() {
        let elsewhere = tempfile::tempdir().unwrap();
        let shop = project("shop", Path::new("/nowhere/shop"));
        assert_eq!(default(std::slice::from_ref(&shop), elsewhere.path()).unwrap(), "shop");
        let failure = default(&[shop, project("blog", Path::new("/nowhere/blog"))], elsewhere.path()).unwrap_err();
        assert!(failure.to_string().contains("shop, blog"), "{failure}");
        assert!(default(&[], elsewhere.path()).is_err());
    }

    #[test]
    fn the_only_running_project_is_meant_before_stopped_ones() {
        let elsewhere = tempfile::tempdir().unwrap();
        let stopped = ProjectSummary { state: ProjectState::Stopped, ..project("blog", Path::new("/nowhere/blog")) };
        let projects = [stopped, project("shop", Path::new("/nowhere/shop"))];
        assert_eq!(default(&projects, elsewhere.path()).unwrap(), "shop");
    }

    #[test]
    fn a_first_word_that_no_project_has_is_a_function_of_the_default() {
        let projects = [project("shop", Path::new("/nowhere/shop"))];
        let words = ["Orders".to_owned()];
        assert_eq!(split(&words, &projects, Path::new("/")).unwrap(), ("shop".to_owned(), &words[..]));
        let words = ["shop".to_owned(), "Orders".to_owned()];
        assert_eq!(split(&words, &projects, Path::new("/")).unwrap(), ("shop".to_owned(), &words[1..]));
    }

    #[test]
    fn a_folders_name_is_made_safe() {
        assert_eq!(safe("My Shop (v2)"), "My-Shop--v2");
        assert_eq!(safe(".hidden"), "hidden");
        assert_eq!(safe("日本"), "project");
    }
}
