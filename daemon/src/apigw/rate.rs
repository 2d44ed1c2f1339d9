//! A bucket of tokens (pure): how many requests a second, and how many of them at once.

/// Tokens that are left and when they were counted; its owner keeps it and tells the time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    tokens: f64,
    counted_ms: u64,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn full(burst: u32, now_ms: u64) -> Bucket {
        Bucket { tokens: f64::from(burst), counted_ms: now_ms }
    }

    /// Adds what `rate` tokens a second gave since the last time, up to `burst`; whether there is one to take. Time that
    /// goes backwards gives nothing.
    pub fn refill(&mut self, rate: f64, burst: u32, now_ms: u64) -> bool {
        let elapsed = u32::try_from(now_ms.saturating_sub(self.counted_ms)).unwrap_or(u32::MAX);
        self.tokens = (self.tokens.max(0.0) + f64::from(elapsed) / 1000.0 * rate).min(f64::from(burst));
        self.counted_ms = self.counted_ms.max(now_ms);
        self.tokens >= 1.0
    }

    /// Takes a token.
    pub fn take(&mut self) {
        self.tokens -= 1.0;
    }
}

/// Requests a second that a function's URL takes for each unit of its reserved concurrency (H6.7).
const URL_REQUESTS: u32 = 10;

/// Whether a function URL takes one more request now: ten a second for each unit of reserved concurrency, all of them at
/// once if need be. A function that reserves nothing has no such limit, and one that reserves zero takes none.
pub fn url_admits(bucket: &mut Option<Bucket>, reserved: Option<u32>, now_ms: u64) -> bool {
    let Some(limit) = reserved.map(|reserved| reserved.saturating_mul(URL_REQUESTS)) else { return true };
    let bucket = bucket.get_or_insert_with(|| Bucket::full(limit, now_ms));
    let admitted = bucket.refill(f64::from(limit), limit, now_ms);
    if admitted {
        bucket.take();
    }
    admitted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_url_takes_ten_requests_a_second_for_each_reserved_unit() {
        let mut bucket = None;
        let mut at = |ms: u64| url_admits(&mut bucket, Some(2), ms);
        assert_eq!((0..21).filter(|_| at(1000)).count(), 20, "twenty at once");
        assert_eq!((0..9).filter(|_| at(1250)).count(), 5, "and five more in a quarter of a second");
        assert_eq!((0..99).filter(|_| at(60_000)).count(), 20, "a pause gives no more than a second's");
        assert!(!at(1000), "time that goes backwards gives nothing");
    }

    #[test]
    fn what_reserves_nothing_has_no_rate_and_what_reserves_zero_takes_none() {
        let mut bucket = None;
        assert!((0..1000).all(|_| url_admits(&mut bucket, None, 0)));
        assert!(!url_admits(&mut bucket, Some(0), 0));
    }
}
