//! The connections of one address: how many there may be at once, and which one goes when there is no room.
//!
//! A client that connects and says nothing, or says it letter by letter, must not keep others out. So when every place
//! is taken, the connection goes that has been without a request for longest; one that is being served never goes. A
//! request counts as served from when it was read whole, until its reply is known or its stream has ended.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The places of an address.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    began: Instant,
    taken: Mutex<Taken>,
    /// A place may have become free, or one that is served has ended.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    all: BTreeMap<u64, Arc<Activity>>,
}

#[derive(Debug)]
struct Activity {
    /// Requests that are being served.
    serving: AtomicUsize,
    /// When the last one ended, or when the connection came; in milliseconds of the address's life.
    last: AtomicU64,
    evicted: CancellationToken,
}

/// A connection's place; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    /// How many connections there were when it came.
    pub(super) others: usize,
    activity: Arc<Activity>,
    of: Arc<Connections>,
}

/// A request that is being served.
#[derive(Debug)]
pub(super) struct Serving(Arc<Place>);

impl Connections {
    pub(super) fn new(most: usize) -> Arc<Connections> {
        Arc::new(Connections { most, began: Instant::now(), taken: Mutex::default(), changed: Notify::new() })
    }

    /// A place for a connection that came, as soon as there is one.
    pub(super) async fn place(self: &Arc<Connections>) -> Place {
        loop {
            let changed = self.changed.notified();
            if let Some(place) = self.take() {
                return place;
            }
            changed.await;
        }
    }

    fn take(self: &Arc<Connections>) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all.len() >= self.most {
            let id = taken.longest_without_a_request()?;
            taken.all.remove(&id)?.evicted.cancel();
        }
        let (id, others) = (taken.next, taken.all.len());
        taken.next += 1;
        let last = AtomicU64::new(self.now());
        let activity = Arc::new(Activity { serving: AtomicUsize::new(0), last, evicted: CancellationToken::new() });
        taken.all.insert(id, activity.clone());
        Some(Place { id, others, activity, of: self.clone() })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Taken {
    fn longest_without_a_request(&self) -> Option<u64> {
        let waiting = self.all.iter().filter(|(_, activity)| activity.serving.load(Ordering::Acquire) == 0);
        waiting.min_by_key(|(_, activity)| activity.last.load(Ordering::Relaxed)).map(|(id, _)| *id)
    }
}

impl Place {
    /// Returns when another connection was given the place.
    pub(super) async fn evicted(&self) {
        self.activity.evicted.cancelled().await;
    }

    /// A request of this connection is being served from now on.
    pub(super) fn serving(self: &Arc<Place>) -> Serving {
        self.activity.serving.fetch_add(1, Ordering::AcqRel);
        Serving(self.clone())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let Place { activity, of, .. } = &*self.0;
        activity.last.store(of.now(), Ordering::Relaxed);
        if activity.serving.fetch_sub(1, Ordering::AcqRel) == 1 {
            of.changed.notify_waiters();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.taken.lock().unwrap_or_else(PoisonError::into_inner).all.remove(&self.id);
        self.of.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn is_evicted(place: &Place) -> bool {
        place.activity.evicted.is_cancelled()
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_without_a_request_for_longest_goes() {
        let all = Connections::new(2);
        let first = Arc::new(all.place().await);
        tokio::time::advance(Duration::from_millis(5)).await;
        let second = all.place().await;
        tokio::time::advance(Duration::from_millis(5)).await;
        drop(first.serving());
        let _third = all.place().await;
        assert!(is_evicted(&second) && !is_evicted(&first), "the first one had a request since");
        let _fourth = all.place().await;
        assert!(is_evicted(&first));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_served_is_waited_for() {
        let all = Connections::new(1);
        let only = Arc::new(all.place().await);
        let serving = only.serving();
        let next = all.place();
        tokio::pin!(next);
        let soon = Duration::from_secs(1);
        assert!(tokio::time::timeout(soon, next.as_mut()).await.is_err(), "it is not cut off");
        drop(serving);
        let next = tokio::time::timeout(soon, next).await.expect("there is room now");
        assert!(is_evicted(&only) && !is_evicted(&next));
        drop(next);
        assert!(tokio::time::timeout(soon, all.place()).await.is_ok(), "a place is given back");
    }
}
