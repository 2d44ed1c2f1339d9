//! `samctl daemon`: starts, stops and shows the daemon itself.

use std::time::{Duration, Instant};

use rustix::process::{Pid, test_kill_process};
use samd_proto::daemon::{DaemonStatus, DaemonStatusRequest, DaemonStopRequest};
use samd_proto::endpoint::{DaemonStatusOf, DaemonStop};
use samd_proto::project::Done;

use super::Session;
use crate::autostart;
use crate::cli::DaemonCommand;
use crate::client::{self, Attempt, Client};
use crate::exit::{Ended, Failure, Outcome};
use crate::show::{Paint, time};

/// How long a daemon may take to finish what is in flight and end.
const STOP: Duration = Duration::from_secs(60);

pub(super) fn run(command: &DaemonCommand, session: &mut Session<'_>) -> Ended {
    match command {
        DaemonCommand::Start => start(session),
        DaemonCommand::Stop => stop(session),
        DaemonCommand::Status => show(&session.connect()?, session),
    }
}

/// Asked for by name, so that `SAMD_AUTOSTART` has no say here.
fn start(session: &mut Session<'_>) -> Ended {
    let running = session.station.address().filter(|address| client::answers(*address));
    let client = match running {
        Some(address) => Client::new(address, &session.station),
        None => autostart::start(&session.station, session.surroundings)?,
    };
    show(&client, session)
}

/// Stopping what does not run is no failure: what was asked for is the case.
fn stop(session: &mut Session<'_>) -> Ended {
    let client = match session.connect() {
        Ok(client) => client,
        Err(Failure::NoDaemon(_)) => {
            session.output().answer(&Done {}, |_| "no samd runs\n".to_owned())?;
            return Ok(Outcome::Done);
        }
        Err(failure) => return Err(failure),
    };
    let status = client.call::<DaemonStatusOf>(&DaemonStatusRequest {})?;
    let done = client.call::<DaemonStop>(&DaemonStopRequest {})?;
    if !gone(status.pid) {
        return Err(Failure::NoDaemon(format!(
            "samd (pid {}) was asked to stop and has not ended after {} s",
            status.pid,
            STOP.as_secs()
        )));
    }
    session.output().answer(&done, |_| format!("samd (pid {}) has stopped\n", status.pid))?;
    Ok(Outcome::Done)
}

/// Whether the process ends in time.
fn gone(pid: u32) -> bool {
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let ended = client::retry(Instant::now() + STOP, || match process.map(test_kill_process) {
        Some(Ok(())) if !is_zombie(pid) => Attempt::Again,
        Some(_) | None => Attempt::Found(()),
    });
    ended.is_some()
}

/// Whether the process has ended and only its parent has not yet taken notice, which in a container may never happen.
fn is_zombie(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('Z'))
}

fn show(client: &Client, session: &mut Session<'_>) -> Ended {
    let status = client.call::<DaemonStatusOf>(&DaemonStatusRequest {})?;
    session.output().answer(&status, |paint| text(&status, paint))?;
    Ok(Outcome::Done)
}

fn text(status: &DaemonStatus, paint: Paint) -> String {
    format!(
        "samd {} runs (pid {}, since {})\n  control   {}\n  state     {}\n  projects  {} running, {} known\n",
        status.version,
        status.pid,
        time::full(status.started_ms),
        paint.good(&status.control),
        status.state_dir.display(),
        status.running,
        status.projects
    )
}
