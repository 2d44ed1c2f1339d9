//! Whether a change of files has been noticed that has not been acted upon yet, for those who would rather wait for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Nobody waits for a change that was noticed longer ago: it is one of many files, or waits for an image.
const PATIENCE: Duration = Duration::from_millis(50);

/// Changes of one subject's files that are under way; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Unrest(Arc<watch::Sender<UnderWay>>);

#[derive(Debug, Clone, Copy, Default)]
struct UnderWay {
    changes: u32,
    /// When the first of them was noticed.
    since: Option<Instant>,
}

/// A change that was noticed; it is over when this is dropped.
#[derive(Debug)]
pub struct Noticed(Unrest);

impl Unrest {
    /// A change was noticed.
    #[must_use]
    pub fn begin(&self) -> Noticed {
        self.0.send_modify(|under_way| {
            under_way.changes += 1;
            under_way.since.get_or_insert_with(Instant::now);
        });
        Noticed(self.clone())
    }

    /// Returns when what was noticed has been acted upon: at once as a rule, in a moment after a save, and without it
    /// where it takes long.
    pub async fn over(&self) {
        let Some(since) = self.0.borrow().since else { return };
        let left = (since + PATIENCE).saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let mut states = self.0.subscribe();
        // One that takes longer is not waited for.
        drop(tokio::time::timeout(left, states.wait_for(|under_way| under_way.since.is_none())).await);
    }
}

impl Drop for Noticed {
    fn drop(&mut self) {
        self.0.0.send_modify(|under_way| {
            under_way.changes -= 1;
            under_way.since = under_way.since.filter(|_| under_way.changes > 0);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test(start_paused = true)]
    async fn who_comes_after_a_change_was_noticed_waits_until_it_was_acted_upon_and_not_for_ever() {
        let unrest = Unrest::default();
        assert!(unrest.over().now_or_never().is_some(), "nothing was noticed");
        let (first, second) = (unrest.begin(), unrest.begin());
        let waiting = tokio::spawn({
            let unrest = unrest.clone();
            async move { unrest.over().await }
        });
        tokio::task::yield_now().await;
        drop(first);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "the second is still under way");
        drop(second);
        waiting.await.unwrap();

        let _long = unrest.begin();
        unrest.over().await;
    }
}
