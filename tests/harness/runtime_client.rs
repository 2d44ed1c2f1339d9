//! Runs a runtime client, ours or AWS's, against the recording Runtime API and tells what it did.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::recording_api::{Arrived, Event, RecordingApi};

/// Time that one run may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How to start a client.
#[derive(Debug, Clone)]
pub struct Client {
    /// Program and arguments.
    pub argv: Vec<OsString>,
    /// Whether it waits for the gate on standard input.
    pub gate: bool,
    /// Its own folder, as error traces show it.
    pub folder: PathBuf,
}

/// A function to run.
#[derive(Debug, Clone)]
pub struct Function {
    /// The code folder.
    pub folder: PathBuf,
    /// `_HANDLER`.
    pub handler: String,
    /// Variables besides those that each function has.
    pub variables: Vec<(String, String)>,
    /// Events to serve.
    pub events: Vec<Event>,
}

/// What a client did.
#[derive(Debug, Clone)]
pub struct Run {
    /// What arrived at the Runtime API.
    pub arrived: Vec<Arrived>,
    /// What it printed, standard output and error in one.
    pub output: String,
    /// How it ended by itself: exit status, or the signal's number below zero. `None` when it waited for more events.
    pub exit: Option<i32>,
}

/// A client that was started, with its output on the way.
pub struct Running {
    child: Child,
    output: Option<std::thread::JoinHandle<io::Result<String>>>,
    /// The Runtime API it talks to.
    pub api: RecordingApi,
}

impl Running {
    /// Starts `client`; the gate stays shut.
    ///
    /// # Errors
    /// The program or its pipes cannot be had.
    pub fn start(client: &Client, function: &Function) -> io::Result<Running> {
        let api = RecordingApi::start(function.events.clone())?;
        let (mut reader, writer) = io::pipe()?;
        let mut command = command(client, function, &api.address());
        command.stdout(writer.try_clone()?).stderr(writer);
        let child = command.spawn()?;
        // The command's own copies of the pipe go with it, so that its end is seen.
        drop(command);
        let output = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        });
        Ok(Running { child, output: Some(output), api })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to the gate.
    ///
    /// # Errors
    /// The client is gone or has no gate.
    pub fn gate(&mut self, line: &str) -> io::Result<()> {
        let gate = self.child.stdin.as_mut().ok_or_else(|| io::Error::other("no gate"))?;
        writeln!(gate, "{line}")
    }

    /// Ends the gate's input.
    pub fn end_gate(&mut self) {
        self.child.stdin = None;
    }

    /// Waits until it ends by itself or `enough` has arrived.
    ///
    /// # Errors
    /// Neither happened in time.
    pub fn until(&mut self, enough: impl Fn(&[Arrived]) -> bool) -> io::Result<Option<i32>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                use std::os::unix::process::ExitStatusExt as _;
                return Ok(status.code().or(status.signal().map(|signal| -signal)));
            }
            if self.api.wait(Duration::from_millis(2), &enough) {
                return Ok(None);
            }
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("it neither ended nor went on: {:?}", self.api.arrived())));
            }
        }
    }

    /// Ends it and tells what it did.
    ///
    /// # Errors
    /// Its output cannot be read.
    pub fn finish(mut self, exit: Option<i32>) -> io::Result<Run> {
        // It may have ended by itself.
        drop(self.child.kill());
        self.child.wait()?;
        let reading = self.output.take().ok_or_else(|| io::Error::other("finished twice"))?;
        let output = reading.join().map_err(|_| io::Error::other("the reader panicked"))??;
        Ok(Run { arrived: self.api.arrived(), output, exit })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs `function` to the end of its events, or to its own end.
///
/// # Errors
/// The client cannot be started or does not come to an end.
pub fn run(client: &Client, function: &Function) -> io::Result<Run> {
    let mut running = Running::start(client, function)?;
    if client.gate {
        running.gate("go")?;
    }
    let wanted = function.events.len() + 1;
    let exit = running.until(|arrived| arrived.iter().filter(|request| request.is_next()).count() >= wanted)?;
    running.finish(exit)
}

fn command(client: &Client, function: &Function, api: &str) -> Command {
    let mut command = Command::new(&client.argv[0]);
    command.args(&client.argv[1..]).env_clear().current_dir(&function.folder);
    command.envs(variables(client, function, api));
    command.stdin(if client.gate { Stdio::piped() } else { Stdio::null() });
    command
}

fn variables(client: &Client, function: &Function, api: &str) -> Vec<(String, String)> {
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut all = vec![
        own("AWS_LAMBDA_RUNTIME_API", api),
        own("LAMBDA_TASK_ROOT", &text(&function.folder)),
        own("LAMBDA_RUNTIME_DIR", &text(&client.folder)),
        own("_HANDLER", &function.handler),
        own("AWS_LAMBDA_FUNCTION_NAME", "f"),
        own("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        own("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        own("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f"),
        own("AWS_LAMBDA_LOG_STREAM_NAME", "2024/01/01/[$LATEST]0123456789abcdef0123456789abcdef"),
        own("AWS_REGION", "us-east-1"),
        own("LANG", "en_US.UTF-8"),
        own("TZ", ":UTC"),
        own("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ];
    all.extend(function.variables.iter().cloned());
    all
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
