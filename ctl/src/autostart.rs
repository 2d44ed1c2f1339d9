//! Brings a daemon up in the background and waits until it answers.
//!
//! The daemon gets a process group of its own, so that Ctrl-C in the caller's terminal does not reach it, and writes to
//! `samd.log` in the state folder. The caller's AWS keys do not go into its environment: they come with each `start`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use samd_proto::place;

use crate::Surroundings;
use crate::client::{self, Attempt, Client};
use crate::exit::Failure;
use crate::station::Station;

/// Turns starting a daemon off, when it is `0`.
const VARIABLE: &str = "SAMD_AUTOSTART";
/// How long a daemon may take until it answers.
const READY: Duration = Duration::from_secs(15);
/// How long to go on looking once ours has died: a service manager may be restarting it. When ours found the state held by
/// another, that one is on its way and has as long as ours would have had.
const GRACE: Duration = Duration::from_millis(500);
/// Lines of a dead daemon's log that are shown.
const TAIL: usize = 15;
/// Keys that belong to one caller, not to a daemon that serves many.
pub(crate) const SECRETS: [&str; 4] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"];

/// The daemon at `station`; one is started when none answers, unless the user turned that off.
pub(crate) fn connect(station: &Station, surroundings: &Surroundings) -> Result<Client, Failure> {
    if let Some(address) = station.address().filter(|address| client::answers(*address)) {
        return Ok(Client::new(address, station));
    }
    if surroundings.variable(VARIABLE).is_some_and(|value| value == "0") {
        return Client::connect(station);
    }
    start(station, surroundings)
}

/// Starts a daemon and waits for it.
pub(crate) fn start(station: &Station, surroundings: &Surroundings) -> Result<Client, Failure> {
    let log = open_log(station).map_err(|error| {
        Failure::NoDaemon(format!("the state folder {} cannot be used: {error}", station.state_dir.display()))
    })?;
    let log_start = log.metadata().map_or(0, |metadata| metadata.len());
    let program = find(surroundings.program.as_deref());
    let mut child = spawn(&program, station, surroundings, log).map_err(|error| {
        Failure::NoDaemon(format!("no samd answers, and {} cannot be started: {error}", program.display()))
    })?;
    match wait(&mut child, station) {
        Ended::Ready(client) => Ok(client),
        Ended::Died(status) => Err(died(status, station, log_start)),
        Ended::TooSlow => Err(Failure::NoDaemon(format!(
            "samd was started (pid {}) and does not answer after {} s; see {}",
            child.id(),
            READY.as_secs(),
            station.file(place::DAEMON_LOG_FILE).display()
        ))),
    }
}

fn open_log(station: &Station) -> io::Result<File> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&station.state_dir)?;
    OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(station.file(place::DAEMON_LOG_FILE))
}

/// `samd` beside this program, else the one on the PATH.
pub(crate) fn find(program: Option<&Path>) -> PathBuf {
    let beside = program.and_then(Path::parent).map(|folder| folder.join("samd"));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from("samd"))
}

fn spawn(program: &Path, station: &Station, surroundings: &Surroundings, log: File) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.env_clear().envs(&surroundings.variables).env(place::STATE_VARIABLE, &station.state_dir);
    for secret in SECRETS {
        command.env_remove(secret);
    }
    if let Some(address) = station.asked {
        command.env(place::CONTROL_VARIABLE, address.to_string());
    }
    command.current_dir("/").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0).spawn()
}

enum Ended {
    Ready(Client),
    Died(ExitStatus),
    TooSlow,
}

/// Waits until the control port answers. When another call started a daemon at the same moment, ours finds the state
/// taken and ends, and the other one's answer is as good.
fn wait(child: &mut Child, station: &Station) -> Ended {
    let mut death: Option<(ExitStatus, Instant)> = None;
    let ready = client::retry(Instant::now() + READY, || {
        if let Some(address) = station.address().filter(|address| client::answers(*address)) {
            return Attempt::Found(address);
        }
        let another = |status: ExitStatus| status.code() == Some(i32::from(place::HELD_STATUS));
        if death.is_some_and(|(status, at)| !another(status) && at.elapsed() >= GRACE) {
            return Attempt::Over;
        }
        if let (None, Ok(Some(status))) = (death, child.try_wait()) {
            death = Some((status, Instant::now()));
        }
        Attempt::Again
    });
    match (ready, death) {
        (Some(address), _) => Ended::Ready(Client::new(address, station)),
        (None, Some((status, _))) => Ended::Died(status),
        (None, None) => Ended::TooSlow,
    }
}

fn died(status: ExitStatus, station: &Station, log_start: u64) -> Failure {
    let path = station.file(place::DAEMON_LOG_FILE);
    let said = match tail(&path, log_start) {
        Ok(text) if !text.is_empty() => format!("its last words:\n{text}"),
        Ok(_) => "it said nothing".to_owned(),
        Err(error) => format!("its log cannot be read: {error}"),
    };
    Failure::NoDaemon(format!("samd was started and ended at once ({status}); {said}\n(log: {})", path.display()))
}

/// The last lines that were written since `start`.
fn tail(path: &Path, start: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(TAIL)..];
    Ok(last.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))
}
