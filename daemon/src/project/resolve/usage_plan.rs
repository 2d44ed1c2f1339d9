//! API keys and usage plans: SAM's `Auth.UsagePlan` and CloudFormation's resources (rule A9).

use super::draft::Draft;
use super::rest_api::of_type;
use crate::project::api::{ApiKey, ApiKind, UsagePlan};
use crate::template::properties::Properties;
use crate::template::{Node, Scope, globals};

/// SAM's own name for a plan and key that several APIs share.
const SHARED: &str = "Serverless";

/// Gives each REST API of the template the plans that cover its stage; the keys that no plan has.
pub(super) fn attach(scope: &Scope<'_>, drafts: &mut [Draft]) -> Vec<ApiKey> {
    let keys = keys(scope);
    let mut shared = None;
    for draft in drafts.iter_mut().filter(|draft| draft.api.kind == ApiKind::Rest) {
        of_sam(scope, draft, &keys, &mut shared);
    }
    for (id, node) in of_type(scope, "AWS::ApiGateway::UsagePlan") {
        let properties = Properties::new(&node, format!("Resources.{id}.Properties"), scope.findings());
        let plan = plan(&scope.id(id), &properties, keys_of_plan(scope, id, &keys));
        for stage in properties.list("ApiStages") {
            let api = stage.get("ApiId").and_then(Node::as_str).unwrap_or_default();
            if let Some(draft) = drafts.iter_mut().find(|draft| draft.api.id.0 == api) {
                draft.api.usage_plans.push(plan.clone());
            }
        }
    }
    let unused = unused_keys(scope);
    keys.into_iter().filter(|key| unused.contains(&key.id)).collect()
}

/// Says of each key that nobody gets in with it: a key is good for the stages of its usage plans alone (A9.1). Their ids.
fn unused_keys(scope: &Scope<'_>) -> Vec<String> {
    let links = of_type(scope, "AWS::ApiGateway::UsagePlanKey").into_iter();
    let used: Vec<String> = links.filter_map(|(_, node)| Some(node.get("KeyId")?.scalar()?.to_string())).collect();
    let keys = of_type(scope, "AWS::ApiGateway::ApiKey").into_iter();
    let mut unused = Vec::new();
    for (id, node) in keys.filter(|(id, _)| !used.iter().any(|used| used == id)) {
        unused.push(scope.id(id));
        let properties = Properties::new(&node, format!("Resources.{id}.Properties"), scope.findings());
        let told = "no usage plan has this key, so that API Gateway answers it with 403: an AWS::ApiGateway::UsagePlanKey \
                    gives it one";
        properties.warning("", told);
    }
    unused
}

/// `PER_API` makes a plan and a key of the API's own, `SHARED` one plan and key for all that ask for it. The template may
/// give such a plan more keys.
fn of_sam(scope: &Scope<'_>, draft: &mut Draft, keys: &[ApiKey], shared: &mut Option<UsagePlan>) {
    let Some(local) = draft.api.id.0.strip_prefix(&scope.prefix).map(str::to_owned) else { return };
    let node = match scope.resource(&local) {
        Some(resource) => scope.properties(resource),
        None if local == "ServerlessRestApi" => {
            let global = globals::of_kind(&scope.template, "Api").and_then(|node| scope.eval(&node));
            let Some(global) = global else { return };
            global
        }
        None => return,
    };
    let properties = Properties::new(&node, format!("Resources.{local}.Properties"), scope.findings());
    let Some(settings) = properties.map("Auth").and_then(|auth| auth.map("UsagePlan")) else { return };
    match settings.word("CreateUsagePlan", &["PER_API", "SHARED", "NONE"]) {
        Some("PER_API") => {
            draft.api.usage_plans.push(plan_of_sam(scope, &local, &settings, keys));
        }
        Some("SHARED") => {
            let make = || plan_of_sam(scope, SHARED, &settings, keys);
            draft.api.usage_plans.push(shared.get_or_insert_with(make).clone());
        }
        _ => {}
    }
}

fn plan_of_sam(scope: &Scope<'_>, name: &str, settings: &Properties<'_>, keys: &[ApiKey]) -> UsagePlan {
    let id = format!("{name}UsagePlan");
    let own = key(scope, &format!("{name}ApiKey"), None, true);
    let given = keys_of_plan(scope, &id, keys);
    plan(&scope.id(&id), settings, [own].into_iter().chain(given).collect())
}

fn plan(id: &str, properties: &Properties<'_>, keys: Vec<ApiKey>) -> UsagePlan {
    let throttle = properties.map("Throttle").and_then(|throttle| {
        let rate = throttle.get("RateLimit").and_then(Node::as_f64)?;
        let burst = throttle.number("BurstLimit", 0, i64::from(u32::MAX)).and_then(|burst| u32::try_from(burst).ok());
        Some((rate, burst.unwrap_or_default()))
    });
    let quota = properties.map("Quota").and_then(|quota| {
        let limit = quota.number("Limit", 0, i64::MAX).and_then(|limit| u64::try_from(limit).ok())?;
        Some((limit, quota.text("Period")?))
    });
    UsagePlan { id: id.to_owned(), keys, throttle, quota }
}

/// A key: the template's value, or a stable one that the user can override by `<id>.Value`.
fn key(scope: &Scope<'_>, id: &str, value: Option<String>, enabled: bool) -> ApiKey {
    let value = value.unwrap_or_else(|| {
        let expression = format!("{}.Value", scope.id(id));
        let value = scope.around.overrides.get(&expression).cloned().unwrap_or_else(|| derived(&scope.id(id)));
        scope.findings().stand_in(&expression, &value);
        value
    });
    ApiKey { id: scope.id(id), value, enabled }
}

/// Forty characters that only the id decides: as long as API Gateway's own, and the same after each restart.
fn derived(id: &str) -> String {
    use sha2::{Digest, Sha256};
    const LENGTH: usize = 40;
    let digest = Sha256::digest(format!("samd api key {id}"));
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.chars().take(LENGTH).collect()
}

fn keys(scope: &Scope<'_>) -> Vec<ApiKey> {
    let keys = of_type(scope, "AWS::ApiGateway::ApiKey").into_iter();
    keys.map(|(id, node)| {
        let value = node.get("Value").and_then(Node::scalar).map(|text| text.to_string());
        // CloudFormation's default for Enabled is false.
        let enabled = node.get("Enabled").and_then(Node::as_bool).unwrap_or(false);
        key(scope, id, value, enabled)
    })
    .collect()
}

fn keys_of_plan(scope: &Scope<'_>, plan: &str, keys: &[ApiKey]) -> Vec<ApiKey> {
    let links = of_type(scope, "AWS::ApiGateway::UsagePlanKey").into_iter();
    let own = links.filter(|(_, node)| node.get("UsagePlanId").and_then(Node::as_str) == Some(plan));
    let ids = own.filter_map(|(_, node)| node.get("KeyId")?.scalar()).map(|id| scope.id(&id));
    ids.filter_map(|id| keys.iter().find(|key| key.id == id).cloned()).collect()
}
