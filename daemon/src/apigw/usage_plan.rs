//! API keys and usage plans of REST APIs (A9): who has a key, and whether there is something left for it.

use std::collections::HashMap;

use super::caller::UsedKey;
use super::gateway_response::ResponseType;
use super::rate::Bucket;
use super::{AuthorizerContext, Exchange, clock};
use crate::project::api::{ApiKeySource, UsagePlan};

/// Finds the key of a request whose method asks for one, and the plan that admits it. `None` where the method asks for
/// none.
///
/// # Errors
/// `INVALID_API_KEY` for a key that is missing, unknown, disabled or in no plan of this stage (A9.1).
pub fn key<'a>(exchange: &Exchange<'a>) -> Result<Option<(&'a UsagePlan, UsedKey)>, ResponseType> {
    if !exchange.found.is_some_and(|(route, _)| route.api_key_required) {
        return Ok(None);
    }
    let sent = match exchange.api.api_key_source {
        ApiKeySource::Header => exchange.request.header("x-api-key"),
        ApiKeySource::Authorizer => match &exchange.caller.authorizer {
            Some(AuthorizerContext::Lambda(lambda)) => lambda.usage_identifier_key.as_deref(),
            _ => None,
        },
    };
    let sent = sent.ok_or(ResponseType::InvalidApiKey)?;
    let in_plan = |plan: &'a UsagePlan| {
        let key = plan.keys.iter().find(|key| key.enabled && same(&key.value, sent))?;
        Some((plan, UsedKey { id: key.id.clone(), value: key.value.clone() }))
    };
    exchange.api.usage_plans.iter().find_map(in_plan).map(Some).ok_or(ResponseType::InvalidApiKey)
}

/// Compares in a time that tells nothing of where two keys differ.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

/// What has been used of the plans; its owner keeps one for each API.
#[derive(Debug, Default)]
pub struct Usage {
    /// By plan and key.
    meters: HashMap<(String, String), Meter>,
}

#[derive(Debug, Clone, Copy)]
struct Meter {
    /// Full at first; nobody looks at it where the plan has no throttle.
    bucket: Bucket,
    period: u64,
    used: u64,
}

impl Usage {
    /// What was used of some of the plans, by their ids.
    #[must_use]
    pub fn of_plans(&self, kept: impl Fn(&str) -> bool) -> Usage {
        let meters = self.meters.iter().filter(|((plan, _), _)| kept(plan));
        Usage { meters: meters.map(|(key, meter)| (key.clone(), *meter)).collect() }
    }

    /// Takes one request from a plan's quota and from its token bucket.
    ///
    /// # Errors
    /// `THROTTLED` and `QUOTA_EXCEEDED`, both 429 (A9.2); a request that is refused uses nothing.
    pub fn take(&mut self, plan: &UsagePlan, key: &UsedKey, now_ms: u64) -> Result<(), ResponseType> {
        let burst = plan.throttle.map_or(0, |(_, burst)| burst);
        let full = Meter { bucket: Bucket::full(burst, now_ms), period: 0, used: 0 };
        let meter = self.meters.entry((plan.id.clone(), key.id.clone())).or_insert(full);
        if plan.throttle.is_some_and(|(rate, burst)| !meter.bucket.refill(rate, burst, now_ms)) {
            return Err(ResponseType::Throttled);
        }
        if let Some((limit, period)) = &plan.quota {
            meter.enter(clock::period(period, now_ms));
            if meter.used >= *limit {
                return Err(ResponseType::QuotaExceeded);
            }
        }
        meter.bucket.take();
        meter.used += 1;
        Ok(())
    }
}

impl Meter {
    fn enter(&mut self, period: u64) {
        if self.period != period {
            self.period = period;
            self.used = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(throttle: Option<(f64, u32)>, quota: Option<(u64, &str)>) -> UsagePlan {
        let quota = quota.map(|(limit, period)| (limit, period.to_owned()));
        UsagePlan { id: "Plan".into(), keys: Vec::new(), throttle, quota }
    }

    fn used() -> UsedKey {
        UsedKey { id: "key".into(), value: "secret".into() }
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let (mut usage, plan) = (Usage::default(), plan(Some((2.0, 3)), None));
        let mut at = |ms| usage.take(&plan, &used(), ms);
        assert_eq!([at(0), at(0), at(0), at(0)], [Ok(()), Ok(()), Ok(()), Err(ResponseType::Throttled)]);
        assert_eq!([at(400), at(500), at(500)], [Err(ResponseType::Throttled), Ok(()), Err(ResponseType::Throttled)]);
        assert_eq!([at(90_000), at(90_000), at(90_000)], [Ok(()), Ok(()), Ok(())]);
        assert_eq!(at(90_000), Err(ResponseType::Throttled));
    }

    #[test]
    fn a_quota_begins_anew_with_its_period() {
        const DAY: u64 = 86_400_000;
        let (mut usage, plan) = (Usage::default(), plan(None, Some((1, "DAY"))));
        let mut at = |ms| usage.take(&plan, &used(), ms);
        assert_eq!([at(DAY), at(2 * DAY - 1), at(2 * DAY)], [Ok(()), Err(ResponseType::QuotaExceeded), Ok(())]);
    }

    #[test]
    fn time_that_goes_backwards_gives_nothing() {
        let (mut usage, plan) = (Usage::default(), plan(Some((1000.0, 1)), None));
        assert_eq!(usage.take(&plan, &used(), 5000), Ok(()));
        assert_eq!(usage.take(&plan, &used(), 1000), Err(ResponseType::Throttled));
    }
}
