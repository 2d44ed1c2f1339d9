//! A daemon that belongs to a command in the foreground, as `samctl local start-api` runs one.
//!
//! The command holds the other end of the daemon's standard input. When it ends, however it ends, the system closes that
//! end and the daemon stops: an orphan is impossible, and nobody has to look for one. What is in flight gets a moment, not
//! the patience that a service has.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::{FOR_CONTROL, FOR_SANDBOXES};

/// The end may take so long in all; requests in flight have what sandboxes and the control port leave.
pub(super) const LIMIT: Duration = FOR_SANDBOXES.saturating_add(FOR_CONTROL).saturating_add(Duration::from_secs(1));

/// Says where the control port is, and cancels `told` when standard input ends.
pub(super) fn bind(control: SocketAddr, told: CancellationToken) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{control}").and_then(|()| out.flush()).context("the control port's address cannot be told")?;
    let wait = move || {
        let mut input = std::io::stdin().lock();
        let mut ignored = [0; 64];
        // An error ends the input as well.
        while input.read(&mut ignored).is_ok_and(|read| read > 0) {}
        told.cancel();
    };
    std::thread::Builder::new().name("standard input".to_owned()).spawn(wait)?;
    Ok(())
}
