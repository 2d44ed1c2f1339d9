//! What a generation takes over from the one before: the verdicts of Lambda authorizers, the use of usage plans and the
//! rates of function URLs.
//!
//! An edit of something else does not ask a cached authorizer again and fills up no quota. A verdict is kept while its
//! authorizer is defined as it was and its function's code is what gave it; the use of a plan while its throttle and its
//! quota are the same, and what is left of a URL's requests while its function reserves as much. Requests of the generation
//! before go on counting in the same place.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::{ServedApi, ServedFunction, Snapshot};
use crate::apigw::usage_plan::Usage;
use crate::gateway::authorize::Verdicts;
use crate::gateway::url::ServedUrl;
use crate::project::FunctionId;
use crate::project::api::{Authorizer, UsagePlan};

/// Gives an API what the generation before knew of it.
pub(super) fn take_over(
    served: &mut ServedApi,
    functions: &HashMap<FunctionId, ServedFunction>,
    before: Option<&Snapshot>,
) {
    let old = before.and_then(|before| Some((before, before.apis.iter().find(|old| old.api.id == served.api.id)?)));
    served.verdicts = verdicts(&served.api.authorizers, functions, old);
    if let Some((_, old)) = old {
        served.usage = usage(&served.api.usage_plans, old);
    }
}

/// Gives each URL what is left of its requests.
pub(super) fn take_over_urls(urls: &mut [ServedUrl], before: Option<&Snapshot>) {
    take_over_urls_of(urls, before.map(|before| before.urls.as_slice()).unwrap_or_default());
}

fn take_over_urls_of(urls: &mut [ServedUrl], old: &[ServedUrl]) {
    for url in urls {
        let same = |old: &&ServedUrl| old.function == url.function && old.reserved == url.reserved;
        if let Some(old) = old.iter().find(same) {
            url.requests = old.requests.clone();
        }
    }
}

fn verdicts(
    authorizers: &BTreeMap<String, Authorizer>,
    functions: &HashMap<FunctionId, ServedFunction>,
    old: Option<(&Snapshot, &ServedApi)>,
) -> HashMap<String, Arc<Verdicts>> {
    let kept = |name: &str, authorizer: &Authorizer| {
        let (before, old) = old?;
        let same = old.api.authorizers.get(name) == Some(authorizer) && same_code(authorizer, functions, before);
        old.verdicts.get(name).filter(|_| same).cloned()
    };
    let lambda = authorizers.iter().filter(|(_, authorizer)| matches!(authorizer, Authorizer::Lambda(_)));
    lambda.map(|(name, authorizer)| (name.clone(), kept(name, authorizer).unwrap_or_default())).collect()
}

/// Whether the authorizer's function runs the same code: its worker is the one from before.
fn same_code(authorizer: &Authorizer, functions: &HashMap<FunctionId, ServedFunction>, before: &Snapshot) -> bool {
    let Authorizer::Lambda(lambda) = authorizer else { return false };
    let Some(id) = &lambda.function else { return false };
    match (functions.get(id), before.functions.get(id)) {
        (Some(ServedFunction::Worker { worker: now, .. }), Some(ServedFunction::Worker { worker: then, .. })) => {
            now.is(then)
        }
        _ => false,
    }
}

fn usage(plans: &[UsagePlan], old: &ServedApi) -> Arc<Mutex<Usage>> {
    let limits = |plan: &UsagePlan| (plan.throttle, plan.quota.clone());
    let then: HashMap<&str, _> = old.api.usage_plans.iter().map(|plan| (plan.id.as_str(), limits(plan))).collect();
    let changed = |plan: &&UsagePlan| then.get(plan.id.as_str()).is_some_and(|then| *then != limits(plan));
    let changed: HashSet<&str> = plans.iter().filter(changed).map(|plan| plan.id.as_str()).collect();
    if changed.is_empty() {
        return old.usage.clone();
    }
    let usage = old.usage.lock().unwrap_or_else(PoisonError::into_inner).of_plans(|plan| !changed.contains(plan));
    Arc::new(Mutex::new(usage))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::apigw::rate;
    use crate::project::function::FunctionUrl;
    use crate::project::testing::function;

    fn url(reserved: u32) -> ServedUrl {
        let url = FunctionUrl { iam: false, streaming: false, cors: None, resource: None, alias: None, closed: false };
        let function = crate::project::Function { url: Some(url), reserved_concurrency: Some(reserved), ..function() };
        ServedUrl::of(&function, "123456789012").unwrap()
    }

    fn admitted(url: &ServedUrl) -> usize {
        let mut bucket = url.requests.lock().unwrap();
        (0..99).filter(|_| rate::url_admits(&mut bucket, url.reserved, 1000)).count()
    }

    #[test]
    fn what_is_left_of_a_urls_requests_outlasts_a_generation_and_a_change_of_it_does_not() {
        let before = url(2);
        assert_eq!(admitted(&before), 20);
        let mut same = [url(2)];
        take_over_urls_of(&mut same, std::slice::from_ref(&before));
        assert_eq!(admitted(&same[0]), 0, "nothing was filled up");
        let mut other = [url(3)];
        take_over_urls_of(&mut other, &[before]);
        assert_eq!(admitted(&other[0]), 30);
    }
}
