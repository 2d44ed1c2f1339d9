//! Interpreters are played by shell scripts that answer as the real ones do.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;

/// A machine with programs in `bin`, and nothing else.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Machine {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("bin")).unwrap();
        Machine(root)
    }

    /// A program that says it is `version`, at `says` (itself when empty), and counts how often it is asked.
    fn program(&self, file: &str, says: &str, version: &str) -> PathBuf {
        let path = self.0.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let says = if says.is_empty() { path.clone() } else { self.0.path().join(says) };
        let script =
            format!("#!/bin/sh\necho asked >> {0}.count\necho {1}\necho {version}\n", path.display(), says.display());
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn asked(&self, file: &str) -> usize {
        let count = format!("{}.count", self.0.path().join(file).display());
        std::fs::read_to_string(count).map_or(0, |text| text.lines().count())
    }

    fn interpreters(&self) -> Interpreters {
        Interpreters::discover(self.path("bin").into_os_string(), Some(self.path("home")))
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }
}

// Versions that no real machine has are asked for, so that the system's own interpreters do not answer first.
const WANTED: Runtime = Runtime::Python { minor: 77 };

#[test]
fn a_shim_is_resolved_to_what_it_stands_for() {
    let machine = Machine::new();
    let real = machine.program("real/python3.77", "", "3.77.1");
    machine.program("bin/python3.77", "real/python3.77", "3.77.1");
    let found = machine.interpreters().find(&WANTED).unwrap();
    assert_eq!((found.path, found.version.to_string(), found.note), (real, "3.77.1".to_owned(), None));
}

#[test]
fn a_version_manager_off_path_is_found() {
    let machine = Machine::new();
    machine.program("home/.pyenv/versions/3.76.9/bin/python3.76", "", "3.76.9");
    let wanted = machine.program("home/.pyenv/versions/3.77.2/bin/python3.77", "", "3.77.2");
    assert_eq!(machine.interpreters().find(&WANTED).unwrap().path, wanted);
}

#[test]
fn the_nearest_version_is_taken_and_said_so() {
    let machine = Machine::new();
    machine.program("home/.pyenv/versions/3.74.0/bin/python3", "", "3.74.0");
    let near = machine.program("home/.pyenv/versions/3.78.0/bin/python3", "", "3.78.0");
    let found = machine.interpreters().find(&WANTED).unwrap();
    assert_eq!(found.path, near);
    let note = found.note.unwrap();
    assert!(note.contains("3.77") && note.contains("3.78.0") && note.contains("python3.77"), "{note}");
}

#[test]
fn a_program_that_fails_is_passed_over() {
    let machine = Machine::new();
    let broken = machine.path("bin/python3.77");
    std::fs::write(&broken, "#!/bin/sh\necho 'pyenv: python3.77: command not found' >&2\nexit 127\n").unwrap();
    std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o755)).unwrap();
    let good = machine.program("home/.pyenv/versions/3.77.2/bin/python3.77", "", "3.77.2");
    assert_eq!(machine.interpreters().find(&WANTED).unwrap().path, good);
}

#[test]
fn a_program_is_asked_once_even_across_daemons() {
    let machine = Machine::new();
    machine.program("bin/python3.77", "", "3.77.1");
    let file = machine.path("interpreters.json");
    let interpreters = machine.interpreters().remember_in(file.clone());
    interpreters.find(&WANTED).unwrap();
    interpreters.find(&WANTED).unwrap();
    machine.interpreters().remember_in(file).find(&WANTED).unwrap();
    assert_eq!(machine.asked("bin/python3.77"), 1);
}

#[test]
fn a_program_that_changed_is_asked_again() {
    let machine = Machine::new();
    machine.program("bin/python3.77", "", "3.77.1");
    let interpreters = machine.interpreters();
    interpreters.find(&WANTED).unwrap();
    machine.program("bin/python3.77", "", "3.77.23");
    assert_eq!(interpreters.find(&WANTED).unwrap().version.patch, 23);
}

#[test]
fn an_interpreter_too_old_for_the_client_is_none() {
    let wanted = Wanted { family: Family::Python, number: 12 };
    assert_eq!(wanted.distance(&Version { major: 2, minor: 7, patch: 18 }), None);
    assert_eq!(wanted.distance(&Version { major: 3, minor: 7, patch: 0 }), None);
    let error = wanted.nearest(&Runtime::Python { minor: 12 }, Vec::new()).unwrap_err();
    assert!(error.contains("python3.12") && error.contains("install"), "{error}");
}

#[test]
fn a_runtime_of_its_own_bootstrap_has_no_interpreter() {
    assert!(Interpreters::discover("".into(), None).find(&Runtime::Provided("provided.al2023".into())).is_err());
}

#[test]
fn a_path_of_relative_folders_is_not_trusted() {
    let found = candidates(&WANTED, std::ffi::OsStr::new("bin:."), Some(Path::new("/nonexistent")));
    assert!(found.iter().all(|file| file.is_absolute()));
}
