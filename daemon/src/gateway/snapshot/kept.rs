//! What a generation takes over from the one before: the verdicts of Lambda authorizers and the use of usage plans.
//!
//! An edit of something else does not ask a cached authorizer again and fills up no quota. A verdict is kept while its
//! authorizer is defined as it was and its function's code is what gave it; the use of a plan while its throttle and its
//! quota are the same. Requests of the generation before go on counting in the same place.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::{ServedApi, ServedFunction, Snapshot};
use crate::apigw::usage_plan::Usage;
use crate::gateway::authorize::Verdicts;
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
