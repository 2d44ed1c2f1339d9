//! Files beside the APIs, as with the SAM CLI's `--static-dir`.
//!
//! A file answers GET and HEAD where no route of an API names the path: routes with a greedy parameter and `$default`
//! take what no file does. Nothing outside the folder is ever served, and nothing is kept: each request reads the disk.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use crate::apigw::{Reply, Request};
use crate::project::api::{Route, RoutePath};

/// A folder of files.
#[derive(Debug, Clone)]
pub struct StaticFiles {
    folder: PathBuf,
}

impl StaticFiles {
    /// The files of a folder.
    #[must_use]
    pub fn new(folder: PathBuf) -> StaticFiles {
        StaticFiles { folder }
    }

    /// The answer to a request that a file may answer beside the route that was found; `None` leaves it to the API.
    pub(super) async fn answer(&self, request: &Request, route: Option<&Route>) -> Option<Reply> {
        if !matches!(request.method.as_str(), "GET" | "HEAD") || !route.is_none_or(takes_anything) {
            return None;
        }
        let (folder, relative) = (self.folder.clone(), relative(&request.path)?);
        let file = tokio::task::spawn_blocking(move || read(&folder, &relative)).await.ok()?;
        match file {
            Ok(file) => Some(reply(file, request.header("if-modified-since"))),
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => None,
            Err(problem) => {
                tracing::warn!(path = %request.path, %problem, "a static file cannot be read");
                None
            }
        }
    }
}

/// Whether a route takes whatever others leave.
fn takes_anything(route: &Route) -> bool {
    match &route.path {
        RoutePath::Default => true,
        RoutePath::Template(path) => path.contains("+}"),
    }
}

/// The path below the folder; `None` for what can be no file in it.
fn relative(path: &str) -> Option<PathBuf> {
    let decoded = percent_decode_str(path.trim_start_matches('/')).decode_utf8().ok()?;
    let relative = PathBuf::from(decoded.as_ref());
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    (plain && !decoded.is_empty() && !decoded.contains('\0')).then_some(relative)
}

struct File {
    content: Vec<u8>,
    modified: Option<SystemTime>,
    kind: String,
}

/// Reads a file; one that a link leads to outside the folder is not there.
fn read(folder: &Path, relative: &Path) -> io::Result<File> {
    let folder = folder.canonicalize()?;
    let path = folder.join(relative).canonicalize()?;
    if !path.starts_with(&folder) || !path.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let kind = mime_guess::from_path(&path).first_or_octet_stream();
    let text = kind.type_() == "text" || kind.subtype() == "javascript";
    let kind = if text { format!("{kind}; charset=utf-8") } else { kind.to_string() };
    Ok(File { content: std::fs::read(&path)?, modified: path.metadata()?.modified().ok(), kind })
}

fn reply(file: File, known_since: Option<&str>) -> Reply {
    let modified = file.modified.map(httpdate::fmt_http_date);
    let mut headers = vec![("Content-Type".to_owned(), file.kind), ("Cache-Control".to_owned(), "no-cache".to_owned())];
    let unchanged = modified.as_deref().is_some_and(|modified| Some(modified) == known_since);
    headers.extend(modified.map(|modified| ("Last-Modified".to_owned(), modified)));
    match unchanged {
        true => Reply { status: 304, headers, body: Bytes::new() },
        false => Reply { status: 200, headers, body: file.content.into() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        assert_eq!(relative("/css/site.css"), Some("css/site.css".into()));
        assert_eq!(relative("/a%20b.txt"), Some("a b.txt".into()));
        for path in ["/", "/../secret", "/a/../../secret", "/%2e%2e/secret", "/..%2fsecret", "/a%00b"] {
            assert_eq!(relative(path), None, "{path}");
        }
        // A slash too many is one all the same, and nothing absolute is left.
        assert_eq!(relative("//etc/passwd"), Some("etc/passwd".into()));
    }

    #[test]
    fn a_link_out_of_the_folder_is_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "s").unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("link")).unwrap();
        std::fs::write(folder.path().join("page.html"), "<p>").unwrap();
        assert!(read(folder.path(), Path::new("link")).is_err());
        assert_eq!(read(folder.path(), Path::new("page.html")).unwrap().kind, "text/html; charset=utf-8");
    }
}
