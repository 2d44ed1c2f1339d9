//! Gathers what a subscriber gets into batches, by number, size and age (G2.2).

use std::time::{Duration, Instant};

use super::Limits;

/// What waits for the next batch.
#[derive(Debug, Clone)]
pub struct Buffer {
    limits: Limits,
    items: Vec<String>,
    bytes: u64,
    since: Option<Instant>,
}

impl Buffer {
    /// An empty one.
    #[must_use]
    pub fn new(limits: Limits) -> Buffer {
        Buffer { limits, items: Vec::new(), bytes: 0, since: None }
    }

    /// Puts an item in; true when the batch is full.
    pub fn push(&mut self, item: String, now: Instant) -> bool {
        self.bytes += item.len() as u64;
        self.items.push(item);
        self.since.get_or_insert(now);
        self.items.len() >= self.limits.max_items || self.bytes >= self.limits.max_bytes
    }

    /// When the batch is old enough.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        Some(self.since? + self.limits.timeout)
    }

    /// The batch as a JSON array, and how many items of how many bytes; nothing when there is nothing.
    pub fn take(&mut self) -> Option<(String, u64, u64)> {
        self.since.take()?;
        let items = std::mem::take(&mut self.items);
        let bytes = std::mem::take(&mut self.bytes);
        Some((format!("[{}]", items.join(",")), items.len() as u64, bytes))
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { max_items: 10_000, max_bytes: 262_144, timeout: Duration::from_millis(1_000) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_due_by_number_by_size_or_by_the_age_of_its_first_item() {
        let now = Instant::now();
        let limits = Limits { max_items: 3, max_bytes: 10, timeout: Duration::from_millis(25) };
        let mut buffer = Buffer::new(limits);
        assert_eq!((buffer.due(), buffer.take()), (None, None));
        assert!(!buffer.push("1".into(), now));
        assert!(!buffer.push("2".into(), now + Duration::from_millis(10)));
        assert_eq!(buffer.due(), Some(now + Duration::from_millis(25)));
        assert!(buffer.push("3".into(), now));
        assert_eq!(buffer.take(), Some(("[1,2,3]".to_owned(), 3, 3)));
        assert!(buffer.push("0123456789".into(), now));
    }
}
