//! A command of samctl's in the foreground, as a process of its own: what it says, how it ends.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::daemon::{Served, eventually, executable};

/// A running command; it is killed when this is dropped.
#[derive(Debug)]
pub struct Foreground {
    child: Child,
    said: Arc<Mutex<String>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

/// `samctl` in a folder, with a state folder of its own; functions run as processes.
#[must_use]
pub fn samctl(folder: &Path, state: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(executable("samctl"));
    command.args(arguments).current_dir(folder).env_clear().env("SAMD_STATE_DIR", state.path().join("state"));
    for kept in ["PATH", "HOME"] {
        command.env(kept, std::env::var_os(kept).unwrap_or_default());
    }
    command.env("SAMD_SANDBOX", "process").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Foreground {
    /// Starts a command and reads what it says on standard error.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn start(mut command: Command) -> Foreground {
        let mut child = command.spawn().expect("samctl can be started");
        let err = child.stderr.take().expect("it was asked for");
        let said = Arc::<Mutex<String>>::default();
        let heard = said.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.push_str(&line);
                heard.push('\n');
            }
        });
        Foreground { child, said, reader: Some(reader) }
    }

    /// What it has said so far.
    #[must_use]
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has said this.
    ///
    /// # Panics
    /// It ends, or goes on without it.
    pub fn says(&mut self, what: &str) {
        eventually(what, || {
            let ended = self.child.try_wait().expect("a child can be asked");
            if let Some(reader) = self.reader.take_if(|_| ended.is_some()) {
                // What it said last may still be on its way.
                reader.join().expect("the reader does not fail");
            }
            let said = self.said().contains(what);
            assert!(said || ended.is_none(), "it ended ({ended:?}) with: {}", self.said());
            said.then_some(())
        });
    }

    /// Waits until it serves, and tells where.
    ///
    /// # Panics
    /// It does not come to serve.
    pub fn ready(&mut self) -> Served {
        self.says("Press CTRL+C to quit");
        let said = self.said();
        let (_, rest) = said.split_once(" * Running on ").expect("it says where");
        let (_, address) = rest.lines().next().and_then(|line| line.split_once("://")).expect("it is a URL");
        let address: SocketAddr = address.trim_end_matches('/').parse().expect("an address");
        Served { address }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// It has ended.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it takes signals");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It goes on.
    pub fn wait(&mut self) -> ExitStatus {
        eventually("its end", || self.child.try_wait().expect("a child can be waited for"))
    }

    /// What it wrote to standard output, once it has ended.
    ///
    /// # Panics
    /// It was not asked for.
    pub fn out(&mut self) -> String {
        let mut text = String::new();
        let mut out = self.child.stdout.take().expect("it was asked for");
        out.read_to_string(&mut text).expect("standard output is text");
        text
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
