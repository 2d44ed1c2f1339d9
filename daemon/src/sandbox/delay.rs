//! Tells who prepares a function that something which it needs is not here and takes its time to come, as an image that
//! is pulled or built: whoever can do without meanwhile need not wait for it.

use tokio::sync::watch;

/// Told once, before the wait begins; cheap to clone.
#[derive(Debug, Clone)]
pub struct Delay(watch::Sender<Option<String>>);

impl Default for Delay {
    fn default() -> Delay {
        Delay(watch::Sender::new(None))
    }
}

impl Delay {
    /// From here on it takes its time; `what` is waited for.
    pub fn expect(&self, what: &str) {
        self.0.send_replace(Some(what.to_owned()));
    }

    /// Waits until it is known that it takes its time; returns what is waited for. There may never be a delay.
    pub async fn expected(&self) -> String {
        let mut told = self.0.subscribe();
        match told.wait_for(Option::is_some).await.map(|what| what.clone()) {
            Ok(Some(what)) => what,
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}
