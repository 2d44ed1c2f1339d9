//! The state folder: where it is, who may read it, who holds it, and the two files by which `samctl` finds the daemon.
//!
//! Owns the folder (0700), the lock, the control token (0600) and the control address (0600). It never opens the store,
//! which is a room of its own inside this folder, and it never widens a permission: a token that others can read is
//! refused with what to do, because it guards nothing any more.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Random bytes of a control token.
const TOKEN_BYTES: usize = 32;

/// The exit status of a daemon that found its state folder held by another: `EX_TEMPFAIL` of sysexits(3).
pub const HELD_STATUS: u8 = 75;

/// Why the state folder cannot be used; each sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Neither variable nor home says where it is.
    #[error("no place for the state folder: set SAMD_STATE_DIR, XDG_STATE_HOME or HOME to an absolute path")]
    Nowhere,
    /// Others can read or write something that must be private.
    #[error("{path} is open to other users (mode {mode:04o}); run `chmod {wanted:o} {path}`")]
    Open {
        /// The folder or file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode it should have.
        wanted: u32,
    },
    /// It belongs to somebody else.
    #[error(
        "{path} belongs to user {owner}, not to user {user} who runs samd; set SAMD_STATE_DIR to a folder of your own"
    )]
    Foreign {
        /// The folder or file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who runs the daemon.
        user: u32,
    },
    /// Another daemon has it.
    /// The daemon's exit status is [`HELD_STATUS`] then, by which samctl knows it.
    #[error("another samd{} holds {path}; use it, or set SAMD_STATE_DIR to another folder", holder(*.pid))]
    Held {
        /// The folder.
        path: PathBuf,
        /// Its process id, when it wrote one.
        pid: Option<u32>,
    },
    /// The token file does not hold a token.
    #[error("{0} holds no control token of samd's; remove it and start samd again")]
    BadToken(PathBuf),
    /// The file system refused.
    #[error("{what} {path}: {cause}")]
    Io {
        /// What was tried, as in `cannot create`.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's word.
        cause: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}

/// The secret that guards the control port; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The text that stands in the token file and in the `Authorization` header.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Where the state folder is: `SAMD_STATE_DIR`, else `$XDG_STATE_HOME/samd`, else `~/.local/state/samd`. Relative values
/// of the latter two are ignored, as the XDG specification asks.
///
/// # Errors
/// [`StateError::Nowhere`] when none of these is set.
pub fn locate(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, StateError> {
    let set = |name: &str| variable(name).filter(|path| !path.as_os_str().is_empty());
    let absolute = |name: &str| set(name).filter(|path| path.is_absolute());
    set("SAMD_STATE_DIR")
        .or_else(|| absolute("XDG_STATE_HOME").map(|base| base.join("samd")))
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state/samd")))
        .ok_or(StateError::Nowhere)
}

/// The state folder of this process, held until dropped.
#[derive(Debug)]
pub struct State {
    folder: PathBuf,
    token: Token,
    /// The lock lives as long as the file is open; the system drops it when the process dies, however it dies.
    _lock: File,
}

impl State {
    /// Creates the folder where needed, takes its lock and reads its token, or makes one.
    ///
    /// # Errors
    /// See [`StateError`].
    pub fn open(folder: &Path) -> Result<State, StateError> {
        let folder = std::path::absolute(folder).map_err(io_error("cannot use", folder))?;
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(io_error("cannot create", &folder))?;
        make_private(&folder)?;
        let lock = lock(&folder)?;
        let token = token(&folder)?;
        Ok(State { folder, token, _lock: lock })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder that belongs to the store.
    #[must_use]
    pub fn store_folder(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// The control token; the same across restarts.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Says where the control port really is, for `samctl` to find. Written whole or not at all.
    ///
    /// # Errors
    /// [`StateError::Io`] when the file cannot be written.
    pub fn publish_control(&self, address: SocketAddr) -> Result<(), StateError> {
        write_private(&self.folder, "control", format!("{address}\n").as_bytes())
    }

    /// Where the Lambda endpoint was the last time; a file that says nothing sensible is as good as none.
    #[must_use]
    pub fn lambda_endpoint(&self) -> Option<SocketAddr> {
        fs::read_to_string(self.folder.join("lambda")).ok()?.trim().parse().ok()
    }

    /// Says where the Lambda endpoint is; it stays there across restarts, since users write it into their settings.
    ///
    /// # Errors
    /// [`StateError::Io`] when the file cannot be written.
    pub fn publish_lambda_endpoint(&self, address: SocketAddr) -> Result<(), StateError> {
        write_private(&self.folder, "lambda", format!("{address}\n").as_bytes())
    }

    /// Removes the folder with everything in it, for a daemon that leaves nothing.
    ///
    /// # Errors
    /// [`StateError::Io`] when it cannot be removed.
    pub fn remove(self) -> Result<(), StateError> {
        fs::remove_dir_all(&self.folder).map_err(io_error("cannot remove", &self.folder))
    }

    /// Takes the address back when the control port closes.
    ///
    /// # Errors
    /// [`StateError::Io`] when the file is there and cannot be removed.
    pub fn retract_control(&self) -> Result<(), StateError> {
        let path = self.folder.join("control");
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(io_error("cannot remove", &path)(cause)),
            _ => Ok(()),
        }
    }
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |cause| StateError::Io { what, path, cause }
}

fn check_private(path: &Path, wanted: u32) -> Result<(), StateError> {
    let metadata = fs::metadata(path).map_err(io_error("cannot read", path))?;
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != user {
        return Err(StateError::Foreign { path: path.to_owned(), owner, user });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(StateError::Open { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

/// Takes other users' permissions off a folder that is plainly ours alone: an empty one, or a state folder that others
/// could not write to. Anybody else's folder named by mistake (`/tmp`, a home) is refused instead.
fn make_private(folder: &Path) -> Result<(), StateError> {
    match check_private(folder, 0o700) {
        Err(StateError::Open { mode, .. }) if is_ours(folder, mode).map_err(io_error("cannot read", folder))? => {
            fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(io_error("cannot make private", folder))
        }
        checked => checked,
    }
}

fn is_ours(folder: &Path, mode: u32) -> io::Result<bool> {
    let state = folder.join("lock").exists() && mode & 0o022 == 0;
    Ok(state || fs::read_dir(folder)?.next().is_none())
}

/// Takes the lock and writes our process id into it, for whoever comes second.
fn lock(folder: &Path) -> Result<File, StateError> {
    let path = folder.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(io_error("cannot write to the state folder:", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let pid = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
            if !pid.is_some_and(is_gone) {
                return Err(StateError::Held { path: folder.to_owned(), pid });
            }
            // The holder was killed while it started a sandbox: the child has the lock until it is itself.
            file.lock().map_err(io_error("cannot lock", &path))?;
        }
        Err(fs::TryLockError::Error(cause)) => return Err(io_error("cannot lock", &path)(cause)),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(io_error("cannot write", &path))?;
    Ok(file)
}

fn is_gone(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

fn token(folder: &Path) -> Result<Token, StateError> {
    let path = folder.join("token");
    match fs::read_to_string(&path) {
        Ok(text) => {
            check_private(&path, 0o600)?;
            parse_token(text.trim()).ok_or(StateError::BadToken(path))
        }
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => new_token(folder, &path),
        Err(cause) => Err(io_error("cannot read", &path)(cause)),
    }
}

fn parse_token(text: &str) -> Option<Token> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    (bytes.len() == TOKEN_BYTES).then(|| Token(text.to_owned()))
}

fn new_token(folder: &Path, path: &Path) -> Result<Token, StateError> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|cause| io_error("no random bytes for", path)(io::Error::other(cause)))?;
    let token = Token(URL_SAFE_NO_PAD.encode(bytes));
    write_private(folder, "token", format!("{}\n", token.0).as_bytes())?;
    Ok(token)
}

/// Writes a file of mode 0600 whole or not at all.
fn write_private(folder: &Path, name: &str, content: &[u8]) -> Result<(), StateError> {
    let path = folder.join(name);
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o600)).tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(io_error("cannot write", &path))
}
