//! EventInvokeConfig, destinations and dead-letter queues: what happens to asynchronous invocations (H3).
//!
//! Destinations that are functions of the template are served; every other one, and each dead-letter queue, is named.

use std::collections::BTreeMap;
use std::time::Duration;

use super::index::{self, Index};
use crate::project::FunctionId;
use crate::project::asynchronous::{Asynchronous, MAX_AGE, MAX_RETRIES};
use crate::template::Scope;
use crate::template::properties::Properties;

/// Bounds of MaximumEventAgeInSeconds.
const AGE_SECONDS: (i64, i64) = (60, 21_600);

/// What the template says of each function's asynchronous invocations.
pub(super) fn all(scope: &Scope<'_>, index: &Index<'_>) -> Vec<(FunctionId, Asynchronous)> {
    let mut found = Vec::new();
    for (id, resource) in scope.resources() {
        let node = scope.properties(resource);
        let properties = Properties::new(&node, format!("Resources.{id}.Properties"), scope.findings());
        match scope.type_of(id) {
            Some("AWS::Serverless::Function" | "AWS::Lambda::Function") => {
                dead_letter_queue(&properties);
                let function = FunctionId(scope.id(id));
                let config = properties.map("EventInvokeConfig");
                found.extend(config.map(|config| (function.clone(), read(&config, &function, index))));
            }
            Some("AWS::Lambda::EventInvokeConfig") => {
                let target = properties.text("FunctionName").unwrap_or_default();
                match index.find(&target, &BTreeMap::new()) {
                    Some(function) => found.push((function.clone(), read(&properties, &function, index))),
                    None => properties.warning("FunctionName", format!("{target} is no function of this template")),
                }
            }
            _ => {}
        }
    }
    found
}

fn dead_letter_queue(properties: &Properties<'_>) {
    for name in ["DeadLetterQueue", "DeadLetterConfig"] {
        if let Some(queue) = properties.map(name) {
            let target = queue.text("TargetArn").unwrap_or_default();
            let message = format!(
                "events that were given up do not go to the dead-letter queue {target}, since queues and topics are not served; an OnFailure destination that is a function of this template is"
            );
            properties.warning(name, message);
        }
    }
}

fn read(config: &Properties<'_>, function: &FunctionId, index: &Index<'_>) -> Asynchronous {
    let destinations = config.map("DestinationConfig");
    let target = |name| destinations.as_ref().and_then(|all| destination(all, name, function, index));
    let age = config.number("MaximumEventAgeInSeconds", AGE_SECONDS.0, AGE_SECONDS.1);
    let retries = config.number("MaximumRetryAttempts", 0, i64::from(MAX_RETRIES));
    Asynchronous {
        max_age: age.and_then(|age| u64::try_from(age).ok()).map_or(MAX_AGE, Duration::from_secs),
        retries: retries.and_then(|retries| u32::try_from(retries).ok()).unwrap_or(MAX_RETRIES),
        on_success: target("OnSuccess"),
        on_failure: target("OnFailure"),
    }
}

fn destination(
    destinations: &Properties<'_>,
    name: &str,
    function: &FunctionId,
    index: &Index<'_>,
) -> Option<FunctionId> {
    let config = destinations.map(name)?;
    let arn = config.text("Destination").unwrap_or_default();
    let kind = config.text("Type").unwrap_or_default();
    let found = index.find(&arn, &BTreeMap::new()).filter(|_| index::is_lambda(&arn) || kind == "Lambda");
    match &found {
        Some(target) if target == function => {
            destinations
                .warning(name, format!("{function} is told of its own invocations, each of which is another one"));
        }
        Some(_) => {}
        None => {
            let what = if arn.is_empty() { format!("the {kind} that would be made for it") } else { arn };
            let message =
                format!("{name} goes to {what}, which is not served: destinations are functions of this template");
            destinations.warning(name, message);
        }
    }
    found
}
