//! A REST API's resource policy (A10.3), before any authorizer runs.

use super::{Decision, Question, evaluate};
use crate::apigw::gateway_response::{self, Refusal, ResponseType};
use crate::apigw::{AuthorizerContext, Exchange, Reply, authorizer};
use crate::project::api::Authorization;

/// The reply to a request that the API's resource policy does not let in; `None` for one that it does.
///
/// Without an authorizer the policy must allow. Where somebody else decides too, only an explicit Deny counts.
#[must_use]
pub fn check_resource_policy(exchange: &Exchange) -> Option<Reply> {
    let policy = exchange.api.policy.as_ref()?;
    let (route, _) = exchange.found?;
    let arn = authorizer::method_arn(exchange);
    let principals = principals(exchange);
    let decision = evaluate(policy, &question(exchange, &arn, &principals));
    match (decision, &route.authorization) {
        (Ok(Decision::Allow), _) => None,
        (Ok(Decision::ImplicitDeny), Authorization::Iam | Authorization::Authorizer { .. }) => None,
        (Ok(Decision::ExplicitDeny), _) => {
            Some(denied(exchange, &arn, "with an explicit deny in a resource-based policy"))
        }
        // A document that is no policy lets nobody in.
        (Ok(Decision::ImplicitDeny) | Err(_), _) => {
            Some(denied(exchange, &arn, "because no resource-based policy allows the execute-api:Invoke action"))
        }
    }
}

/// The question that an invocation is.
pub(crate) fn question<'a>(exchange: &Exchange<'a>, arn: &'a str, principals: &'a [String]) -> Question<'a> {
    let request = exchange.request;
    Question {
        action: "execute-api:Invoke",
        resource: arn,
        principals,
        source_ip: request.source_ip,
        user_agent: request.header("user-agent"),
        referer: request.header("referer"),
        secure: request.scheme == "https",
        time: request.time_ms / 1000,
    }
}

fn principals(exchange: &Exchange) -> Vec<String> {
    match &exchange.caller.authorizer {
        Some(AuthorizerContext::Iam(iam)) => vec![
            iam.user_arn.clone(),
            iam.account_id.clone(),
            format!("arn:{}:iam::{}:root", exchange.context.partition, iam.account_id),
        ],
        _ => Vec::new(),
    }
}

/// AWS masks all but the last four digits of the account.
fn denied(exchange: &Exchange, arn: &str, why: &str) -> Reply {
    let account = &exchange.context.account_id;
    let last = account.get(account.len().saturating_sub(4)..).unwrap_or_default();
    let masked = arn.replacen(&format!(":{account}:"), &format!(":********{last}:"), 1);
    let user = match &exchange.caller.authorizer {
        Some(AuthorizerContext::Iam(iam)) => iam.user_arn.as_str(),
        _ => "anonymous",
    };
    let message = format!("User: {user} is not authorized to perform: execute-api:Invoke on resource: {masked} {why}");
    gateway_response::reply(exchange, Refusal::saying(ResponseType::AccessDenied, message))
}
