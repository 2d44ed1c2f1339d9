//! Where the two ends meet: the control port's address, the state folder and the files in it.
//!
//! Rules and names alone, so that daemon and client cannot disagree; reading and writing is theirs.

use std::ffi::OsString;
use std::path::PathBuf;

/// The address of the control port unless [`CONTROL_VARIABLE`] names another.
pub const DEFAULT_CONTROL: &str = "127.0.0.1:7263";

/// The environment variable that names the control port's address; port 0 takes a free one.
pub const CONTROL_VARIABLE: &str = "SAMD_CONTROL";

/// The environment variable that names the state folder.
pub const STATE_VARIABLE: &str = "SAMD_STATE_DIR";

/// The file in the state folder that holds the control port's token.
pub const TOKEN_FILE: &str = "token";

/// The file in the state folder that holds the control port's real address while a daemon runs.
pub const CONTROL_FILE: &str = "control";

/// The file in the state folder to which a daemon in the background writes its log.
pub const DAEMON_LOG_FILE: &str = "samd.log";

/// The exit status of a daemon that found its state folder held by another: `EX_TEMPFAIL` of sysexits(3).
pub const HELD_STATUS: u8 = 75;

/// The state folder as the environment has it: `SAMD_STATE_DIR`, else `$XDG_STATE_HOME/samd`, else
/// `~/.local/state/samd`. An empty variable counts as unset, and a relative `XDG_STATE_HOME` or `HOME` too, as the XDG
/// specification asks.
///
/// `None` when there is not even a home folder. A relative `SAMD_STATE_DIR` is left relative.
#[must_use]
pub fn state_dir(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let absolute = |name: &str| set(name).filter(|path| path.is_absolute());
    set(STATE_VARIABLE)
        .or_else(|| absolute("XDG_STATE_HOME").map(|base| base.join("samd")))
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state/samd")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Option<PathBuf> {
        state_dir(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn the_state_folder_is_the_named_one_then_xdg_then_home() {
        let all = [(STATE_VARIABLE, "/s"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(of(&all), Some("/s".into()));
        assert_eq!(of(&all[1..]), Some("/x/samd".into()));
        assert_eq!(of(&all[2..]), Some("/h/.local/state/samd".into()));
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn an_empty_or_relative_variable_counts_as_unset() {
        assert_eq!(
            of(&[(STATE_VARIABLE, ""), ("XDG_STATE_HOME", "x"), ("HOME", "/h")]),
            Some("/h/.local/state/samd".into())
        );
    }
}
