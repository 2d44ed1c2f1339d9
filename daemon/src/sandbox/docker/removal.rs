//! Removes what was made on an engine, however long that takes: an engine may be restarting, a volume is in use until its
//! containers are gone, and one on another machine may be out of reach for a while.

use std::future::Future;
use std::time::Duration;

use bollard::errors::Error;
use tokio_util::sync::CancellationToken;

use super::super::engine::told;

/// Tries one after the other, and the time in between.
const TRIES: u32 = 40;
const BETWEEN: Duration = Duration::from_millis(100);
/// Then it is tried again after so long, for as long as the daemon runs.
const LATER: Duration = Duration::from_secs(5);

/// Tries until it is done. A daemon that ends (`end`) tries one more series and leaves it to the next one.
pub(super) async fn until_done<F>(what: &str, end: &CancellationToken, remove: impl Fn() -> F)
where
    F: Future<Output = Result<(), Error>>,
{
    let mut is_told = false;
    while let Err(problem) = series(&remove).await {
        if end.is_cancelled() {
            tracing::error!(problem = told(&problem), "{what} is left; the daemon's next start removes it");
            return;
        }
        if !std::mem::replace(&mut is_told, true) {
            tracing::warn!(problem = told(&problem), "{what} cannot be removed yet");
        }
        tokio::select! {
            () = tokio::time::sleep(LATER) => {}
            () = end.cancelled() => {}
        }
    }
}

async fn series<F>(remove: &impl Fn() -> F) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>>,
{
    for _ in 1..TRIES {
        if remove().await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(BETWEEN).await;
    }
    remove().await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn refused() -> Error {
        Error::DockerResponseServerError { status_code: 500, message: "not now".to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_is_away_for_a_while_is_waited_for() {
        let asked = AtomicU32::new(0);
        let remove = async || {
            let again = asked.fetch_add(1, Ordering::Relaxed) < TRIES * 3;
            if again { Err(refused()) } else { Ok(()) }
        };
        until_done("a container", &CancellationToken::new(), remove).await;
        assert_eq!(asked.into_inner(), TRIES * 3 + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_ends_leaves_it_to_the_next_one() {
        let (asked, end) = (AtomicU32::new(0), CancellationToken::new());
        end.cancel();
        let remove = async || {
            asked.fetch_add(1, Ordering::Relaxed);
            Err(refused())
        };
        until_done("a container", &end, remove).await;
        assert_eq!(asked.into_inner(), TRIES);
    }
}
