//! The service manager's side of the daemon: readiness, status, the watchdog, and the control port's socket.
//!
//! Outside systemd every call does nothing. Never hands `NOTIFY_SOCKET` or an inherited socket on to a function.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

/// Tells that everything is served, with a sentence for `systemctl status`.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
}

/// Tells that the configuration is being read again; [`ready`] ends it.
pub fn reloading(status: &str) {
    let status = one_line(status);
    let mut states = vec![NotifyState::Reloading, NotifyState::Status(&status)];
    match NotifyState::monotonic_usec_now() {
        Ok(now) => states.push(now),
        Err(cause) => tracing::warn!(%cause, "the monotonic clock cannot be read; systemd is told nothing of its time"),
    }
    tell(&states);
}

/// Tells that the daemon is on its way out.
pub fn stopping(status: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(&one_line(status))]);
}

/// Changes the sentence that `systemctl status` shows.
pub fn status(status: &str) {
    tell(&[NotifyState::Status(&one_line(status))]);
}

/// The time within which systemd wants to hear from us, when it does.
#[must_use]
pub fn watchdog_interval() -> Option<Duration> {
    let mut microseconds = 0;
    let enabled = sd_notify::watchdog_enabled(false, &mut microseconds);
    (enabled && microseconds > 0).then(|| Duration::from_micros(microseconds))
}

/// Tells systemd twice in each `interval` that the daemon is alive, as long as `alive` answers; a daemon that hangs stays
/// silent and is started again. `alive` should make the round that matters, such as a question to the supervisor.
pub async fn feed_watchdog<F>(interval: Duration, stop: CancellationToken, mut alive: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let mut ticks = tokio::time::interval(interval / 2);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let feed = async {
        loop {
            ticks.tick().await;
            if alive().await {
                tell(&[NotifyState::Watchdog]);
            } else {
                tracing::warn!("the daemon does not answer itself; the watchdog is not fed");
            }
        }
    };
    // Only the stop ends it.
    stop.run_until_cancelled(feed).await;
}

/// The control port's listener, when systemd (or another launcher of that protocol) opened it for us. It is ready for
/// tokio, that is non-blocking.
///
/// # Errors
/// When what was handed over is no TCP listener, or there is more than one: better no daemon than one on a port nobody
/// asked for.
pub fn control_listener() -> io::Result<Option<TcpListener>> {
    let mut handed = listenfd::ListenFd::from_env();
    match handed.len() {
        0 => Ok(None),
        1 => {
            let listener = handed.take_tcp_listener(0)?;
            if let Some(listener) = &listener {
                listener.set_nonblocking(true)?;
            }
            Ok(listener)
        }
        many => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("the socket unit hands over {many} sockets; samd takes one, the control port"),
        )),
    }
}

/// A lost notification is worth a line in the log and no more.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(cause) = sd_notify::notify(false, states) {
        tracing::warn!(%cause, "systemd cannot be told");
    }
}

/// The protocol has a field a line: a newline in a sentence would begin another field.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
