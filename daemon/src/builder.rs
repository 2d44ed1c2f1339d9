//! Runs build steps (effects): the tool as a child of the daemon, its output line by line, its artifacts in a folder.
//!
//! Which function is built how is decided in [`crate::project::build`]; when, by the project's task. A build that is
//! dropped is stopped with everything that it started. What builds left is kept in [`artifacts`], and the copies of sources
//! that some work on are made in `copy`.

pub mod artifacts;
mod copy;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{fs, io};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::process::Child;

use crate::project::build::{Command, Folders, Step};

/// The last lines of a failed build's output that are shown with it; the log has all.
const SHOWN_LINES: usize = 40;

/// Why a build failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}{}", if output.is_empty() { "" } else { "\n" }, output.join("\n"))]
pub struct Failure {
    /// One sentence.
    pub reason: String,
    /// The last lines that the tool printed.
    pub output: Vec<String>,
}

impl Failure {
    fn of(reason: String) -> Failure {
        Failure { reason, output: Vec::new() }
    }
}

/// Builds into `artifacts`, a folder that is made anew; `print` gets what the tool prints.
///
/// # Errors
/// What the tool said, or why it did not run.
pub async fn build(step: &Step, artifacts: &Path, scratch: &Path, print: impl Fn(&str)) -> Result<(), Failure> {
    let folders = Folders { artifacts, scratch };
    let source = prepared(step, folders).await.map_err(|problem| {
        Failure::of(format!("the folders of the build in {} cannot be made: {problem}", scratch.display()))
    })?;
    run(step.command(&source, folders), print).await?;
    collect(step, folders).map_err(|problem| Failure::of(format!("the build left no bootstrap: {problem}")))
}

/// The folder to build in.
async fn prepared(step: &Step, folders: Folders<'_>) -> io::Result<PathBuf> {
    fs::create_dir_all(folders.artifacts)?;
    fs::create_dir_all(folders.scratch)?;
    if !step.wants_copy() {
        return Ok(step.source.clone());
    }
    let (from, to) = (step.source.clone(), folders.scratch.join("source"));
    let copied = to.clone();
    tokio::task::spawn_blocking(move || copy::mirror(&from, &to)).await.map_err(io::Error::other)??;
    Ok(copied)
}

async fn run(command: Command, print: impl Fn(&str)) -> Result<(), Failure> {
    let program = command.argv.first().cloned().unwrap_or_default();
    let mut running = Running::start(command).map_err(|problem| match problem.kind() {
        io::ErrorKind::NotFound => Failure::of(format!("{program} was not found; install it so that it is on PATH")),
        _ => Failure::of(format!("{program} cannot be started: {problem}")),
    })?;
    let output = running.output(print).await;
    match running.child.wait().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure { reason: format!("{program} ended with {status}"), output }),
        Err(problem) => Err(Failure { reason: format!("{program} was lost: {problem}"), output }),
    }
}

/// A tool that runs; dropping it ends it and what it started.
struct Running {
    child: Child,
    lines: pipe::Receiver,
}

impl Running {
    fn start(command: Command) -> io::Result<Running> {
        let (reader, writer) = io::pipe()?;
        let path = search_path(&command.search);
        let mut argv = command.argv.into_iter();
        let mut tool = tokio::process::Command::new(argv.next().unwrap_or_default());
        tool.args(argv).current_dir(&command.folder).envs(&command.variables).env("PATH", path);
        tool.env_remove("SAMD_STATE_DIR").env_remove("SAMD_CONTROL").process_group(0).kill_on_drop(true);
        tool.stdin(Stdio::null()).stdout(Stdio::from(writer.try_clone()?)).stderr(Stdio::from(writer));
        let child = tool.spawn()?;
        // The command holds the pipe's writing end; only when it is gone does the reader see the tool's end.
        drop(tool);
        Ok(Running { child, lines: pipe::Receiver::from_owned_fd(reader.into())? })
    }

    /// Everything it prints; the last lines are returned.
    async fn output(&mut self, print: impl Fn(&str)) -> Vec<String> {
        let mut lines = BufReader::new(&mut self.lines).split(b'\n');
        let mut last = Vec::new();
        while let Ok(Some(line)) = lines.next_segment().await {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            print(&line);
            last.push(line);
            if last.len() > SHOWN_LINES {
                last.remove(0);
            }
        }
        last
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = self.child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(group) = group
            && let Err(problem) = kill_process_group(group, Signal::KILL)
        {
            tracing::debug!(%problem, "a build had ended already");
        }
    }
}

fn search_path(before: &[PathBuf]) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = before.iter().cloned().chain(std::env::split_paths(&path));
    std::env::join_paths(all).unwrap_or(path)
}

/// Of a tool that leaves each binary in a folder of its own, the one that there is.
fn collect(step: &Step, folders: Folders<'_>) -> io::Result<()> {
    let Some(below) = step.leaves_bootstrap_below(folders) else { return Ok(()) };
    let found = fs::read_dir(&below)?.flatten().map(|entry| entry.path().join("bootstrap"));
    let found: Vec<PathBuf> = found.filter(|file| file.is_file()).collect();
    match found.as_slice() {
        [one] => fs::copy(one, folders.artifacts.join("bootstrap")).map(drop),
        [] => Err(io::Error::other(format!("{} has none", below.display()))),
        _ => Err(io::Error::other("there are several; name one as Metadata.BuildProperties.Binary".to_owned())),
    }
}
