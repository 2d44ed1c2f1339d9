//! The files that an image is built from: which they are, a digest of them, and one archive. Blocks on the file system.
//!
//! `.dockerignore` is followed as the docker command follows it: its patterns begin at the context's folder, the last one
//! that fits a file or a folder above it decides, and the Dockerfile goes along whatever they say.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use sha2::{Digest, Sha256};

use crate::project::function::ImageBuild;

/// Bits of a file's mode that go along.
const PERMISSIONS: u32 = 0o7777;
const IGNORE: &str = ".dockerignore";

/// The files of a context, by their place below its folder.
pub(super) struct Context<'a> {
    build: &'a ImageBuild,
    files: BTreeSet<PathBuf>,
}

impl Context<'_> {
    /// Finds the files.
    ///
    /// # Errors
    /// The folder cannot be read, or there is no Dockerfile in it.
    pub(super) fn of(build: &ImageBuild) -> io::Result<Context<'_>> {
        let ignored = ignored(build)?;
        let mut files = BTreeSet::new();
        gather(&build.context, Path::new(""), &ignored, &mut files)?;
        let dockerfile = PathBuf::from(&build.dockerfile);
        if !build.context.join(&dockerfile).is_file() {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no {} in it", build.dockerfile)));
        }
        files.insert(dockerfile);
        Ok(Context { build, files })
    }

    /// Names this set of files and how they are built: another set has another digest.
    pub(super) fn digest(&self) -> io::Result<String> {
        let mut hash = Sha256::new();
        let build = self.build;
        hash.update(format!("{}\0{:?}\0{:?}\0", build.dockerfile, build.target, build.args));
        for file in &self.files {
            let whole = build.context.join(file);
            let metadata = whole.symlink_metadata()?;
            hash.update(file.as_os_str().as_bytes());
            hash.update(format!("\0{:o}\0", metadata.mode()));
            if metadata.is_symlink() {
                hash.update(fs::read_link(&whole)?.as_os_str().as_bytes());
            } else if metadata.is_file() {
                hash.update(metadata.len().to_le_bytes());
                io::copy(&mut File::open(&whole)?, &mut hash)?;
            }
        }
        Ok(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }

    /// The files as one archive, at its beginning.
    pub(super) fn archive(&self) -> io::Result<File> {
        let mut archive = tar::Builder::new(tempfile::tempfile()?);
        archive.follow_symlinks(false);
        for file in &self.files {
            self.add(file, &mut archive)?;
        }
        let mut whole = archive.into_inner()?;
        io::Seek::rewind(&mut whole)?;
        Ok(whole)
    }

    /// Owners and times stay here, so that the engine's cache sees the same files whoever checked them out.
    fn add(&self, file: &Path, archive: &mut tar::Builder<File>) -> io::Result<()> {
        let whole = self.build.context.join(file);
        let metadata = whole.symlink_metadata()?;
        let mut header = tar::Header::new_gnu();
        header.set_mode(metadata.mode() & PERMISSIONS);
        header.set_size(0);
        if metadata.is_symlink() {
            header.set_entry_type(tar::EntryType::Symlink);
            return archive.append_link(&mut header, file, fs::read_link(&whole)?);
        }
        if metadata.is_dir() {
            header.set_entry_type(tar::EntryType::Directory);
            return archive.append_data(&mut header, file, io::empty());
        }
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(metadata.len());
        archive.append_data(&mut header, file, File::open(&whole)?.take(metadata.len()))
    }
}

fn ignored(build: &ImageBuild) -> io::Result<Gitignore> {
    let own = build.context.join(format!("{}{IGNORE}", build.dockerfile));
    let file = if own.is_file() { own } else { build.context.join(IGNORE) };
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => String::new(),
        Err(problem) => return Err(problem),
    };
    let mut patterns = GitignoreBuilder::new(&build.context);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        patterns.add_line(None, &anchored(line)).map_err(io::Error::other)?;
    }
    patterns.build().map_err(io::Error::other)
}

/// A pattern of git's without a slash fits at any depth; docker's begin at the top.
fn anchored(pattern: &str) -> String {
    let (not, pattern) = match pattern.strip_prefix('!') {
        Some(rest) => ("!", rest.trim_start()),
        None => ("", pattern),
    };
    format!("{not}/{}", pattern.trim_start_matches("./").trim_matches('/'))
}

fn gather(top: &Path, below: &Path, ignored: &Gitignore, files: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(top.join(below))? {
        let entry = entry?;
        let (place, kind) = (below.join(entry.file_name()), entry.file_type()?);
        let out = matches!(ignored.matched_path_or_any_parents(&place, kind.is_dir()), Match::Ignore(_));
        if kind.is_dir() {
            // A folder that is left out may hold what is taken in again.
            gather(top, &place, ignored, files)?;
        }
        if !out && (kind.is_dir() || kind.is_file() || kind.is_symlink()) {
            files.insert(place);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn context(files: &[(&str, &str)]) -> (tempfile::TempDir, ImageBuild) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let build = ImageBuild {
            context: folder.path().to_path_buf(),
            dockerfile: "Dockerfile".into(),
            target: None,
            args: BTreeMap::new(),
            tag: "latest".into(),
        };
        (folder, build)
    }

    fn names(build: &ImageBuild) -> Vec<String> {
        let context = Context::of(build).unwrap();
        let files = context.files.iter().filter(|file| build.context.join(file).is_file());
        files.map(|file| file.display().to_string()).collect()
    }

    #[test]
    fn what_dockerignore_names_stays_out_but_for_what_it_takes_in_again() {
        let (_folder, build) = context(&[
            ("Dockerfile", "FROM x"),
            (
                ".dockerignore",
                "# comment\nnode_modules\n*.md\n**/*.log\nDockerfile\n!docs/keep.md\ndocs\n!docs/keep.md\n",
            ),
            ("README.md", ""),
            ("src/README.md", "only at the top"),
            ("src/a.log", ""),
            ("src/node_modules/x.js", "only at the top"),
            ("node_modules/y/z.js", ""),
            ("docs/other.md", ""),
            ("docs/keep.md", ""),
        ]);
        let expected = [".dockerignore", "Dockerfile", "docs/keep.md", "src/README.md", "src/node_modules/x.js"];
        assert_eq!(names(&build), expected);
    }

    #[test]
    fn the_digest_follows_the_files_and_the_arguments_alone() {
        let (_folder, mut build) = context(&[("Dockerfile", "FROM x"), ("a", "1"), (".dockerignore", "left")]);
        let digest = |build: &ImageBuild| Context::of(build).unwrap().digest().unwrap();
        let first = digest(&build);
        fs::write(build.context.join("left"), "out").unwrap();
        assert_eq!(digest(&build), first);
        fs::write(build.context.join("a"), "2").unwrap();
        let second = digest(&build);
        assert_ne!(second, first);
        build.args.insert("STAGE".into(), "dev".into());
        assert_ne!(digest(&build), second);
    }

    #[test]
    fn the_archive_holds_links_and_permissions() {
        let (_folder, build) = context(&[("Dockerfile", "FROM x"), ("bin/run", "#!/bin/sh")]);
        fs::set_permissions(build.context.join("bin/run"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        std::os::unix::fs::symlink("bin/run", build.context.join("link")).unwrap();
        let mut archive = tar::Archive::new(Context::of(&build).unwrap().archive().unwrap());
        let entries: Vec<(String, u32, bool)> = archive
            .entries()
            .unwrap()
            .map(Result::unwrap)
            .map(|entry| {
                let header = entry.header();
                let link = header.entry_type().is_symlink();
                (entry.path().unwrap().display().to_string(), header.mode().unwrap(), link)
            })
            .collect();
        assert!(entries.contains(&("bin/run".into(), 0o755, false)), "{entries:?}");
        assert!(entries.iter().any(|(name, _, link)| name == "link" && *link), "{entries:?}");
    }

    #[test]
    fn a_context_without_its_dockerfile_is_named() {
        let (_folder, build) = context(&[("a", "1")]);
        let problem = Context::of(&build).err().unwrap();
        assert!(problem.to_string().contains("no Dockerfile"), "{problem}");
    }
}
