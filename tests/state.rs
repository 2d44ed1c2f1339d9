//! The state folder: its place, its permissions, its holder, the control token.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use samd::state::{State, StateError, locate};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn place(variables: &[(&str, &str)]) -> Option<PathBuf> {
    locate(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())).ok()
}

#[test]
fn the_folder_is_where_the_nearest_variable_says() {
    let all = [("SAMD_STATE_DIR", "/a"), ("XDG_STATE_HOME", "/b"), ("HOME", "/c")];
    assert_eq!(place(&all), Some("/a".into()));
    assert_eq!(place(&all[1..]), Some("/b/samd".into()));
    assert_eq!(place(&all[2..]), Some("/c/.local/state/samd".into()));
    assert_eq!(place(&[("SAMD_STATE_DIR", ""), ("XDG_STATE_HOME", "relative"), ("HOME", "/c")]), place(&all[2..]));
    assert_eq!(place(&[]), None);
}

#[test]
fn a_new_folder_and_all_in_it_are_private() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("deep/samd");
    let state = State::open(&folder).unwrap();
    state.publish_control("127.0.0.1:7263".parse().unwrap()).unwrap();
    assert_eq!(mode(&folder), 0o700);
    for name in ["token", "control", "lock"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
    assert_eq!(fs::read_to_string(folder.join("control")).unwrap(), "127.0.0.1:7263\n");
    state.retract_control().unwrap();
    state.retract_control().unwrap();
    assert!(!folder.join("control").exists());
}

#[test]
fn the_token_is_kept_and_differs_between_folders() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = State::open(one.path()).unwrap().token().clone();
    assert_eq!(first.reveal().len(), 43, "32 bytes in base64url");
    assert_eq!(*State::open(one.path()).unwrap().token(), first);
    assert_ne!(*State::open(other.path()).unwrap().token(), first);
    assert_eq!(fs::read_to_string(one.path().join("token")).unwrap().trim(), first.reveal());
}

#[test]
fn no_debug_output_shows_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path()).unwrap();
    assert!(!format!("{state:?}").contains(state.token().reveal()));
}

#[test]
fn a_second_daemon_is_told_who_holds_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = State::open(folder.path()).unwrap();
    let error = State::open(folder.path()).unwrap_err();
    assert!(matches!(error, StateError::Held { pid: Some(pid), .. } if pid == std::process::id()), "{error:?}");
    assert!(error.to_string().contains(&format!("(pid {})", std::process::id())), "{error}");
    drop(first);
    State::open(folder.path()).unwrap();
}

#[test]
fn a_token_that_others_can_read_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    drop(State::open(folder.path()).unwrap());
    let token = folder.path().join("token");
    fs::set_permissions(&token, Permissions::from_mode(0o644)).unwrap();
    let error = State::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("(mode 0644)") && error.contains(&format!("chmod 600 {}", token.display())), "{error}");
}

#[test]
fn an_empty_folder_and_a_state_folder_are_made_private() {
    let folder = tempfile::tempdir().unwrap();
    for _ in ["empty", "with a state in it"] {
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        drop(State::open(folder.path()).unwrap());
        assert_eq!(mode(folder.path()), 0o700);
    }
}

#[test]
fn a_folder_with_other_things_in_it_keeps_its_permissions_and_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("letter.txt"), "").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let error = State::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains(&format!("chmod 700 {}", folder.path().display())), "{error}");
    assert_eq!(mode(folder.path()), 0o755);
}

#[test]
fn a_state_folder_that_others_could_write_to_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(State::open(folder.path()).unwrap());
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(State::open(folder.path()).unwrap_err(), StateError::Open { mode: 0o777, .. }));
}

#[test]
fn a_token_file_with_anything_else_in_it_is_refused() {
    for content in ["", "short", "not base64url, and long enough to be taken for one"] {
        let folder = tempfile::tempdir().unwrap();
        let token = folder.path().join("token");
        drop(State::open(folder.path()).unwrap());
        fs::write(&token, content).unwrap();
        fs::set_permissions(&token, Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(State::open(folder.path()).unwrap_err(), StateError::BadToken(_)), "{content:?}");
    }
}

#[test]
fn a_file_in_the_folders_place_is_named() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("samd");
    fs::write(&path, "").unwrap();
    let error = State::open(&path).unwrap_err().to_string();
    assert!(error.contains(&path.display().to_string()), "{error}");
}
