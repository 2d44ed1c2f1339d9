//! How a container ends: told by the engine, or seen on this machine while the engine is away.
//!
//! An engine that is restarted may leave its containers running, and one that was killed always does until it is back. What
//! runs goes on serving, since no call to the engine is made for that; here it is only waited for its end, by the process.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::WaitContainerOptionsBuilder;
use futures_util::{FutureExt, StreamExt};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::net::unix::pipe::Receiver;
use tokio::sync::SetOnce;

use crate::lambda::error::Exit;

use super::super::engine::{self, told};
use super::container::short;

/// What a shell or an engine adds to a signal's number to make a status of it.
const SIGNALLED: i64 = 128;
/// An engine that is busy may tell so much later than the process has ended how it did.
const PATIENCE: Duration = Duration::from_secs(2);
/// SIGKILL.
pub(super) const KILL: i32 = 9;

/// The first process of a container, once it is known, where it is one of this machine's; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Process(Arc<SetOnce<Receiver>>);

impl Process {
    /// It is this one.
    pub(super) fn is(&self, pid: u32) {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
        // One that has ended already is told of by the engine.
        let Ok(process) = pidfd_open(pid, PidfdFlags::NONBLOCK) else { return };
        // It is no pipe, and can be read as one can whose other end has gone, when the process has ended.
        if let Ok(process) = Receiver::from_file_unchecked(File::from(process)) {
            drop(self.0.set(process));
        }
    }

    /// Whether it is known to have ended, whoever has told of that.
    #[must_use]
    pub(super) fn has_ended(&self) -> bool {
        self.0.get().is_some_and(|process| process.readable().now_or_never().is_some())
    }

    /// Waits for its end; for ever, where it is none of this machine's.
    async fn ended(&self) {
        drop(self.0.wait().await.readable().await);
    }

    /// Ends it without the engine, where the daemon may.
    pub(super) fn kill(&self) {
        if let Some(process) = self.0.get()
            && let Err(problem) = pidfd_send_signal(process, Signal::KILL)
        {
            tracing::debug!(%problem, "a container's process was not ended");
        }
    }
}

/// Waits for a container's end. One whose process nobody sees here has ended when the engine is lost.
pub(super) async fn ended(docker: &Docker, id: &str, process: &Process) -> Exit {
    loop {
        let silence = async {
            process.ended().await;
            tokio::time::sleep(PATIENCE).await;
        };
        let problem = tokio::select! {
            told = told_by_engine(docker, id) => match told {
                Ok(exit) => return exit,
                Err(problem) => problem,
            },
            () = silence => return Exit::Signal(KILL),
        };
        if process.0.get().is_none() {
            tracing::warn!(container = short(id), problem, "the engine lost a container");
            return Exit::Signal(KILL);
        }
        tokio::select! {
            biased;
            () = process.ended() => return Exit::Signal(KILL),
            () = engine::back(docker) => {}
        }
    }
}

/// An error where the engine is away, or has been replaced by one that does not know of the container.
async fn told_by_engine(docker: &Docker, id: &str) -> Result<Exit, String> {
    let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
    let status = match std::pin::pin!(docker.wait_container(id, Some(options))).next().await {
        Some(Ok(response)) => response.status_code,
        Some(Err(Error::DockerContainerWaitError { code, .. })) => code,
        Some(Err(Error::DockerResponseServerError { status_code: 404, .. })) => return Ok(Exit::Signal(KILL)),
        Some(Err(problem)) => return Err(told(&problem)),
        None => return Err("it did not say how the container ended".to_owned()),
    };
    let exit = exit_of(status);
    Ok(if exit == Exit::Signal(KILL) && ran_out_of_memory(docker, id).await { Exit::OutOfMemory } else { exit })
}

/// What a status means.
#[must_use]
pub(super) fn exit_of(status: i64) -> Exit {
    match status {
        signalled if (SIGNALLED + 1..SIGNALLED + 65).contains(&signalled) => {
            Exit::Signal(i32::try_from(signalled - SIGNALLED).unwrap_or(KILL))
        }
        status => Exit::Status(i32::try_from(status).unwrap_or(1)),
    }
}

async fn ran_out_of_memory(docker: &Docker, id: &str) -> bool {
    let inspected = docker.inspect_container(id, None).await;
    inspected.ok().and_then(|inspected| inspected.state?.oom_killed).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_over_128_are_signals() {
        assert_eq!(exit_of(0), Exit::Status(0));
        assert_eq!(exit_of(127), Exit::Status(127));
        assert_eq!(exit_of(139), Exit::Signal(11));
        assert_eq!(exit_of(255), Exit::Status(255));
    }

    #[tokio::test]
    async fn without_its_engine_a_container_lasts_as_long_as_its_process() {
        // A socket on which nobody listens.
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine.sock");
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        let nowhere = Docker::connect_with_unix(socket.to_str().unwrap(), 1, bollard::API_DEFAULT_VERSION).unwrap();
        let process = Process::default();
        assert_eq!(ended(&nowhere, "nobody sees it", &process).await, Exit::Signal(KILL));
        let mut child = tokio::process::Command::new("sleep").arg("600").spawn().unwrap();
        process.is(child.id().unwrap());
        let mut end = std::pin::pin!(ended(&nowhere, "seen", &process));
        let soon = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(soon, end.as_mut()).await.is_err(), "it runs");
        process.kill();
        assert_eq!(end.await, Exit::Signal(KILL));
        child.wait().await.unwrap();
    }
}
