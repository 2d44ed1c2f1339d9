//! What happens, told to whoever follows; until somebody does it costs nothing, and nobody waits for a follower.

use std::sync::{Arc, OnceLock};

use tokio::sync::broadcast;

/// Events that a follower may lag behind; he is told that he missed some.
const LAG: usize = 1_024;

/// Tells followers; cheap to clone. Room for what they have not read yet is made with the first of them.
#[derive(Debug)]
pub struct Feed<T>(Arc<OnceLock<broadcast::Sender<T>>>);

impl<T> Default for Feed<T> {
    fn default() -> Feed<T> {
        Feed(Arc::default())
    }
}

impl<T> Clone for Feed<T> {
    fn clone(&self) -> Feed<T> {
        Feed(self.0.clone())
    }
}

impl<T: Clone> Feed<T> {
    /// What happens from now on.
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<T> {
        self.0.get_or_init(|| broadcast::channel(LAG).0).subscribe()
    }

    /// Tells what `event` makes, if anybody follows.
    pub fn tell(&self, event: impl FnOnce() -> T) {
        if let Some(followers) = self.0.get().filter(|followers| followers.receiver_count() > 0) {
            // One that went in this moment misses nothing.
            drop(followers.send(event()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_made_where_nobody_follows_and_a_follower_gets_what_comes() {
        let feed = Feed::default();
        feed.tell(|| unreachable!("nobody follows"));
        let (mut first, told) = (feed.follow(), feed.clone());
        told.tell(|| 1);
        let mut second = feed.follow();
        told.tell(|| 2);
        assert_eq!((first.try_recv(), first.try_recv(), second.try_recv()), (Ok(1), Ok(2), Ok(2)));
        drop((first, second));
        told.tell(|| unreachable!("nobody follows any more"));
    }
}
