//! The files that an engine elsewhere is to have: which they are, how two states of them differ, and those of a difference
//! as one archive. Blocks on the file system; knows of no engine.
//!
//! A file is another one when its content is, so that a build that writes everything anew changes what it changed. What
//! has the same size, times and place as before is not read again, unless it was written so shortly before it was looked
//! at that its time could not tell.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

/// Whose the files are and who runs them: Lambda's own user. This machine's users mean nothing elsewhere.
pub(super) const OWNER: (u64, u64) = (993, 990);
/// A file's time may be so much older than its content.
const COARSE: Duration = Duration::from_millis(50);

/// Files by their place below the root, folders among them.
#[derive(Debug, Default)]
pub(super) struct Manifest(BTreeMap<PathBuf, Entry>);

#[derive(Debug)]
struct Entry {
    /// Where it is on this machine.
    source: PathBuf,
    kind: Kind,
    mode: u32,
    stamp: Stamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Folder,
    Link(PathBuf),
    File([u8; 32]),
}

/// Tells that a file was not touched, without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    id: (u64, u64),
    length: u64,
    times: [(i64, i64); 2],
    /// The times were old enough to tell.
    is_sure: bool,
}

/// What is to be done so that one state becomes another.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// These are to be sent, folders before what is in them.
    Send(Vec<PathBuf>),
    /// Something is to go, which an archive cannot say.
    Anew,
}

impl Manifest {
    /// The files of several folders that lie over each other, a later one's over an earlier one's. `before` is what was
    /// known of them.
    ///
    /// # Errors
    /// A file cannot be read; one that goes while it is looked at was never there.
    pub(super) fn of(folders: &[PathBuf], before: &Manifest) -> io::Result<Manifest> {
        let mut all = Manifest::default();
        for folder in folders {
            all.lay_over(folder, Path::new(""), before)?;
        }
        Ok(all)
    }

    fn lay_over(&mut self, folder: &Path, below: &Path, before: &Manifest) -> io::Result<()> {
        for entry in fs::read_dir(folder).map_err(|problem| at(folder, &problem))? {
            let entry = entry.map_err(|problem| at(folder, &problem))?;
            let (source, place) = (entry.path(), below.join(entry.file_name()));
            match Entry::of(&source, before.0.get(&place)) {
                Ok(Some(entry)) => self.put(place, entry, before)?,
                Ok(None) => {}
                Err(problem) if problem.kind() == io::ErrorKind::NotFound => {}
                Err(problem) => return Err(at(&source, &problem)),
            }
        }
        Ok(())
    }

    fn put(&mut self, place: PathBuf, entry: Entry, before: &Manifest) -> io::Result<()> {
        let is_folder = entry.kind == Kind::Folder;
        if !is_folder {
            self.0.retain(|other, _| !other.starts_with(&place));
        }
        let source = entry.source.clone();
        self.0.insert(place.clone(), entry);
        if is_folder { self.lay_over(&source, &place, before) } else { Ok(()) }
    }

    /// What makes of this state the next one.
    #[must_use]
    pub(super) fn change_to(&self, next: &Manifest) -> Change {
        let stays = |(place, entry): (&PathBuf, &Entry)| next.0.get(place).is_some_and(|next| entry.is_like(next));
        if !self.0.iter().all(stays) {
            return Change::Anew;
        }
        let is_new = |place: &PathBuf, entry: &Entry| {
            self.0.get(place).is_none_or(|before| (&before.kind, before.mode) != (&entry.kind, entry.mode))
        };
        Change::Send(
            next.0.iter().filter(|(place, entry)| is_new(place, entry)).map(|(place, _)| place.clone()).collect(),
        )
    }

    /// All of it, folders before what is in them.
    #[must_use]
    pub(super) fn all(&self) -> Vec<PathBuf> {
        self.0.keys().cloned().collect()
    }

    /// Some of it as one archive, at its beginning. A file that has gone meanwhile is left out: its end is told of.
    ///
    /// # Errors
    /// A file cannot be read, or there is no room for the archive.
    pub(super) fn archive(&self, places: &[PathBuf]) -> io::Result<File> {
        let mut archive = tar::Builder::new(tempfile::tempfile()?);
        for place in places {
            let Some(entry) = self.0.get(place) else { continue };
            match entry.append(place, &mut archive) {
                Err(problem) if problem.kind() == io::ErrorKind::NotFound => {}
                appended => appended.map_err(|problem| at(&entry.source, &problem))?,
            }
        }
        let mut whole = archive.into_inner()?;
        whole.rewind()?;
        Ok(whole)
    }
}

fn at(path: &Path, problem: &io::Error) -> io::Error {
    io::Error::new(problem.kind(), format!("{}: {problem}", path.display()))
}

impl Entry {
    /// `None` for what is neither file, folder nor link.
    fn of(source: &Path, before: Option<&Entry>) -> io::Result<Option<Entry>> {
        let metadata = source.symlink_metadata()?;
        let stamp = Stamp::of(&metadata);
        let known = before.filter(|before| before.source == source && before.stamp == stamp && stamp.is_sure);
        let kind = match known {
            Some(before) => before.kind.clone(),
            None if metadata.is_symlink() => Kind::Link(fs::read_link(source)?),
            None if metadata.is_dir() => Kind::Folder,
            None if metadata.is_file() => Kind::File(digest(source)?),
            None => return Ok(None),
        };
        Ok(Some(Entry { source: source.to_path_buf(), kind, mode: for_all(metadata.mode()), stamp }))
    }

    /// Whether the other one may be laid over it.
    fn is_like(&self, other: &Entry) -> bool {
        std::mem::discriminant(&self.kind) == std::mem::discriminant(&other.kind)
    }

    fn append(&self, place: &Path, archive: &mut tar::Builder<File>) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_mode(self.mode);
        header.set_uid(OWNER.0);
        header.set_gid(OWNER.1);
        header.set_size(0);
        header.set_mtime(u64::try_from(self.stamp.times[0].0).unwrap_or_default());
        match &self.kind {
            Kind::Folder => {
                header.set_entry_type(tar::EntryType::Directory);
                archive.append_data(&mut header, place, io::empty())
            }
            Kind::Link(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                archive.append_link(&mut header, place, target)
            }
            Kind::File(_) => {
                let file = File::open(&self.source)?;
                let length = file.metadata()?.len();
                header.set_entry_type(tar::EntryType::Regular);
                header.set_size(length);
                // One that is cut off while it is read is filled up: the archive stays one, and the next state is told of.
                archive.append_data(&mut header, place, file.chain(io::repeat(0)).take(length))
            }
        }
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        let settled = |time: SystemTime| time.elapsed().is_ok_and(|age| age > COARSE);
        Stamp {
            id: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            times: [(metadata.mtime(), metadata.mtime_nsec()), (metadata.ctime(), metadata.ctime_nsec())],
            is_sure: metadata.modified().is_ok_and(settled),
        }
    }
}

/// What its owner may do with a file here everybody may there, but for writing.
fn for_all(mode: u32) -> u32 {
    let owner = mode & 0o700;
    owner | ((owner & 0o500) >> 3) | ((owner & 0o500) >> 6)
}

fn digest(file: &Path) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    io::copy(&mut File::open(file)?, &mut hash)?;
    Ok(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        folder
    }

    fn of(folders: &[&tempfile::TempDir], before: &Manifest) -> Manifest {
        let folders: Vec<PathBuf> = folders.iter().map(|folder| folder.path().to_path_buf()).collect();
        Manifest::of(&folders, before).unwrap()
    }

    fn send(places: &[&str]) -> Change {
        Change::Send(places.iter().map(PathBuf::from).collect())
    }

    fn names(archive: File) -> Vec<String> {
        let mut archive = tar::Archive::new(archive);
        archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect()
    }

    #[test]
    fn files_that_changed_or_came_are_sent_and_no_others() {
        let code = folder(&[("app.py", "1"), ("lib/a.py", "a"), ("lib/b.py", "b")]);
        let first = of(&[&code], &Manifest::default());
        assert_eq!(Manifest::default().change_to(&first), Change::Send(first.all()));
        fs::write(code.path().join("lib/a.py"), "2").unwrap();
        fs::write(code.path().join("lib/c.py"), "c").unwrap();
        // Written anew with what it held.
        fs::write(code.path().join("app.py"), "1").unwrap();
        let second = of(&[&code], &first);
        assert_eq!(first.change_to(&second), send(&["lib/a.py", "lib/c.py"]));
        assert_eq!(second.change_to(&of(&[&code], &second)), send(&[]));
        fs::set_permissions(code.path().join("app.py"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(second.change_to(&of(&[&code], &second)), send(&["app.py"]));
    }

    #[test]
    fn what_went_or_became_something_else_is_not_left_lying() {
        let code = folder(&[("app.py", "1"), ("old.py", "")]);
        let first = of(&[&code], &Manifest::default());
        fs::remove_file(code.path().join("old.py")).unwrap();
        let second = of(&[&code], &first);
        assert_eq!(first.change_to(&second), Change::Anew);
        fs::remove_file(code.path().join("app.py")).unwrap();
        fs::create_dir(code.path().join("app.py")).unwrap();
        assert_eq!(second.change_to(&of(&[&code], &second)), Change::Anew);
    }

    #[test]
    fn later_folders_lie_over_earlier_ones() {
        let one = folder(&[("bin/run", "1"), ("data/x", "1"), ("lib/a", "1")]);
        let two = folder(&[("bin/run", "2"), ("data", "a file where the earlier one has a folder")]);
        let both = of(&[&one, &two], &Manifest::default());
        let archive = both.archive(&both.all()).unwrap();
        assert_eq!(names(archive), ["bin", "bin/run", "data", "lib", "lib/a"]);
        assert_eq!(both.0[Path::new("bin/run")].source, two.path().join("bin/run"));
    }

    #[test]
    fn an_archive_keeps_links_and_gives_everybody_what_the_owner_may_but_writing() {
        let code = folder(&[("run", "#!"), ("secret", "s"), ("gone", "")]);
        fs::set_permissions(code.path().join("run"), fs::Permissions::from_mode(0o4700)).unwrap();
        fs::set_permissions(code.path().join("secret"), fs::Permissions::from_mode(0o600)).unwrap();
        symlink("run", code.path().join("link")).unwrap();
        let manifest = of(&[&code], &Manifest::default());
        fs::remove_file(code.path().join("gone")).unwrap();
        let mut archive = tar::Archive::new(manifest.archive(&manifest.all()).unwrap());
        let entries = archive.entries().unwrap().map(Result::unwrap);
        let seen: Vec<_> = entries
            .map(|entry| {
                let header = entry.header();
                (entry.path().unwrap().display().to_string(), header.mode().unwrap(), header.uid().unwrap())
            })
            .collect();
        let seen: Vec<_> = seen.iter().filter(|(name, ..)| name != "link").collect();
        assert_eq!(seen, [&("run".to_owned(), 0o755, OWNER.0), &("secret".to_owned(), 0o644, OWNER.0)]);
        assert!(matches!(&manifest.0[Path::new("link")].kind, Kind::Link(target) if target == Path::new("run")));
    }
}
