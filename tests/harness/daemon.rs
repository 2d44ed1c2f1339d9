//! The real `samd`, as a process of its own on ports of its own, and projects for it to serve.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::command_line::{CommandLine, Ran};

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// Who asks again leaves the processor to whom he waits for.
const BETWEEN: Duration = Duration::from_millis(2);

/// Lets others work before asking again.
pub fn pause() {
    std::thread::park_timeout(BETWEEN);
}

/// Asks again until there is an answer.
///
/// # Panics
/// There is none within [`PATIENCE`].
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < until, "{what}: not within {PATIENCE:?}");
        pause();
    }
}

/// Where the executables of this build are.
#[must_use]
pub fn executable(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has an executable");
    let folder = test.parent().and_then(Path::parent).expect("it stands in target/<profile>/deps").to_owned();
    let found = folder.join(name);
    assert!(found.exists(), "{} is not built; `cargo build --workspace` builds it", found.display());
    found
}

/// A running daemon; it is killed when this is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    state: PathBuf,
    variables: Vec<(String, String)>,
    /// Kept for its end.
    _folder: Option<TempDir>,
}

impl Daemon {
    /// Starts a daemon with a state folder of its own.
    #[must_use]
    pub fn start() -> Daemon {
        Daemon::with(&[])
    }

    /// Starts a daemon with these variables in its environment.
    #[must_use]
    pub fn with(variables: &[(&str, &str)]) -> Daemon {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let state = folder.path().join("state");
        let variables = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Daemon::on(state, variables, Some(folder))
    }

    fn on(state: PathBuf, variables: Vec<(String, String)>, folder: Option<TempDir>) -> Daemon {
        Daemon::spawned(Command::new(executable("samd")), state, variables, folder)
    }

    /// Starts a daemon in a user and mount namespace of its own, after `prepare`: a shell command that has root's rights there.
    /// `None` where the system allows no namespace or the command fails in it.
    #[must_use]
    pub fn within(prepare: &str) -> Option<Daemon> {
        let namespace = ["--user", "--map-root-user", "--mount", "sh", "-c"];
        let possible = Command::new("unshare").args(namespace).arg(prepare).output();
        if !possible.is_ok_and(|ran| ran.status.success()) {
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut command = Command::new("unshare");
        command.args(namespace).arg(format!("{prepare} && exec \"$0\"")).arg(executable("samd"));
        Some(Daemon::spawned(command, folder.path().join("state"), Vec::new(), Some(folder)))
    }

    /// Starts a daemon by a command that ends with it.
    #[must_use]
    pub fn by(command: Command, state: PathBuf) -> Daemon {
        Daemon::spawned(command, state, Vec::new(), None)
    }

    fn spawned(
        mut command: Command,
        state: PathBuf,
        variables: Vec<(String, String)>,
        folder: Option<TempDir>,
    ) -> Daemon {
        let log = fs::File::options().create(true).append(true).open(state.with_extension("log"));
        let child = command
            .env("SAMD_STATE_DIR", &state)
            .env("SAMD_CONTROL", "127.0.0.1:0")
            .envs(variables.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stderr(log.expect("a log can be written"))
            .stdout(Stdio::null())
            .spawn()
            .expect("samd can be started");
        let mut daemon = Daemon { child, state, variables, _folder: folder };
        eventually("the control port", || {
            let ended = daemon.child.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "samd ended with {ended:?}: {}", daemon.log());
            daemon.control()
        });
        daemon
    }

    fn control(&self) -> Option<SocketAddr> {
        let address: SocketAddr = fs::read_to_string(self.state.join("control")).ok()?.trim().parse().ok()?;
        TcpStream::connect(address).is_ok().then_some(address)
    }

    /// The state folder.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.state.with_extension("log")).unwrap_or_default()
    }

    /// Runs `samctl` against it.
    #[must_use]
    pub fn samctl(&self, arguments: &[&str]) -> Ran {
        CommandLine::new(&self.state).run(arguments)
    }

    /// Starts a project in the process sandbox on any free port.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn serve(&self, project: &Project, name: &str) -> Served {
        self.serve_with(project, name, &[])
    }

    /// Starts a project with more arguments.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn serve_with(&self, project: &Project, name: &str, more: &[&str]) -> Served {
        let path = project.path().to_str().expect("a path in UTF-8").to_owned();
        let mut arguments = vec!["start", &path, "--name", name, "--sandbox", "process", "--output", "json"];
        arguments.extend(more);
        let ran = self.samctl(&arguments);
        assert_eq!(ran.code, 0, "samctl start: {}{}\n{}", ran.out, ran.err, self.log());
        self.address(name)
    }

    /// Where a project is served.
    ///
    /// # Panics
    /// It is not.
    #[must_use]
    pub fn address(&self, name: &str) -> Served {
        let status = self.status(name);
        let url = find(&status, "url").or_else(|| find(&status, "address")).expect("a status has an address");
        let address = url.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
        Served { address }
    }

    /// `samctl status NAME --output json`.
    ///
    /// # Panics
    /// It fails.
    #[must_use]
    pub fn status(&self, name: &str) -> serde_json::Value {
        let ran = self.samctl(&["status", name, "--output", "json"]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        serde_json::from_str(&ran.out).expect("the status is JSON")
    }

    /// `samctl status NAME --output json` as text.
    #[must_use]
    pub fn status_text(&self, name: &str) -> String {
        self.samctl(&["status", name, "--output", "json"]).out
    }

    /// A function's log as text.
    #[must_use]
    pub fn logs(&self, name: &str) -> String {
        self.samctl(&["logs", name]).out
    }

    /// `samctl events --follow`: first what was last, then what comes.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn follow_events(&self) -> Follower {
        let mut child = Command::new(executable("samctl"))
            .args(["events", "--follow", "--output", "json"])
            .env("SAMD_STATE_DIR", &self.state)
            .env("SAMD_AUTOSTART", "0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("samctl can be started");
        let lines = BufReader::new(child.stdout.take().expect("it was asked for"));
        Follower { child, lines }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("the daemon takes signals");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It goes on.
    pub fn wait(&mut self) -> std::process::ExitStatus {
        eventually("the daemon's end", || self.child.try_wait().expect("a child can be waited for"))
    }

    /// Kills it as the system would, and starts another on the same state.
    #[must_use]
    pub fn killed_and_restarted(self) -> Daemon {
        self.killed().restarted()
    }

    /// Kills it as the system would.
    ///
    /// # Panics
    /// It cannot be killed.
    #[must_use]
    pub fn killed(mut self) -> Killed {
        self.child.kill().expect("it can be killed");
        self.wait();
        // The killed one could not take its address back.
        drop(fs::remove_file(self.state.join("control")));
        Killed { state: self.state.clone(), variables: self.variables.clone(), folder: self._folder.take() }
    }
}

/// What a killed daemon left.
#[derive(Debug)]
pub struct Killed {
    state: PathBuf,
    variables: Vec<(String, String)>,
    folder: Option<TempDir>,
}

impl Killed {
    /// Starts another daemon on it.
    #[must_use]
    pub fn restarted(self) -> Daemon {
        Daemon::on(self.state, self.variables, self.folder)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A daemon that is told to end takes its sandboxes with it; one that does not is killed.
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.signal(rustix::process::Signal::TERM);
            let until = Instant::now() + Duration::from_secs(5);
            while Instant::now() < until && self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
                pause();
            }
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A running `samctl events --follow`.
#[derive(Debug)]
pub struct Follower {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Follower {
    /// The next event, as it is printed.
    ///
    /// # Panics
    /// There is none.
    pub fn next_line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.lines.read_line(&mut line).expect("a line") > 0, "the events ended");
        line
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn find(value: &serde_json::Value, key: &str) -> Option<String> {
    match value {
        serde_json::Value::Object(fields) => match fields.get(key).and_then(serde_json::Value::as_str) {
            Some(text) => Some(text.to_owned()),
            None => fields.values().find_map(|value| find(value, key)),
        },
        serde_json::Value::Array(items) => items.iter().find_map(|value| find(value, key)),
        _ => None,
    }
}

/// A project in a folder of its own.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// A project of these files.
    #[must_use]
    pub fn of(files: &[(&str, &str)]) -> Project {
        let project = Project { folder: tempfile::tempdir().expect("a folder can be made") };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    /// One Python function `Fn` behind `ANY /{proxy+}` of a REST API.
    #[must_use]
    pub fn python(code: &str) -> Project {
        Project::of(&[("template.yaml", PYTHON), ("src/app.py", code)])
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file in place.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().expect("a file has a folder")).expect("a folder can be made");
        fs::write(file, text).expect("a file can be written");
    }

    /// Writes a file as many editors do: beside it, then renamed over it.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn rename_over(&self, name: &str, text: &str) {
        let beside = self.path().join(format!("{name}.new"));
        fs::write(&beside, text).expect("a file can be written");
        fs::rename(beside, self.path().join(name)).expect("a file can be renamed");
    }
}

/// The template of [`Project::python`].
pub const PYTHON: &str = "\
Transform: AWS::Serverless-2016-10-31
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: python3.11
      Timeout: 10
      MemorySize: 256
      Events:
        Any: {Type: Api, Properties: {Path: '/{proxy+}', Method: any}}
";

/// A project's address.
#[derive(Debug, Clone, Copy)]
pub struct Served {
    /// The address.
    pub address: SocketAddr,
}

/// A reply, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// The whole head, status line and casing included.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// A header by its exact name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl Served {
    /// `GET path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], b"")
    }

    /// One request on a connection of its own.
    #[must_use]
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("Host: {}\r\n", self.address);
        }
        if !body.is_empty() {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "Connection: close\r\n\r\n";
        self.raw(&[head.as_bytes(), body].concat())
    }

    /// Sends bytes and reads a reply to its end.
    ///
    /// # Panics
    /// There is no reply.
    #[must_use]
    pub fn raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect();
        // A server that has seen enough answers and closes before everything is sent.
        drop(stream.write_all(bytes));
        read_reply(&mut stream)
    }

    /// A connection.
    ///
    /// # Panics
    /// It is refused.
    #[must_use]
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the project is served");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream.set_nodelay(true).expect("a connection can be set up");
        stream
    }
}

/// Reads one reply from a connection; its length is told by `Content-Length`, by chunks, or by the connection's end.
///
/// # Panics
/// There is none.
#[must_use]
pub fn read_reply(stream: &mut TcpStream) -> Reply {
    let mut all = Vec::new();
    let end = loop {
        if let Some(end) = all.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let mut piece = [0; 65536];
        let read = stream.read(&mut piece).unwrap_or(0);
        assert!(read > 0, "no reply but {:?}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&piece[..read]);
    };
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let mut body = all.split_off(end);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().expect("a length"))
    });
    let mut piece = [0; 65536];
    while length.is_none_or(|length| body.len() < length) {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(read) => body.extend_from_slice(&piece[..read]),
        }
    }
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
    Reply { status, head, body }
}
