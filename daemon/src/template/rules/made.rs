//! Resources that SAM makes beside its own, and whose names the template may not use for others.

use super::super::Template;
use super::super::node::{Map, Node};
use super::Judged;

/// Events that become a resource of their own.
const OWN: [&str; 14] = [
    "Schedule",
    "ScheduleV2",
    "CloudWatchEvent",
    "EventBridgeRule",
    "CloudWatchLogs",
    "IoTRule",
    "Kinesis",
    "DynamoDB",
    "SQS",
    "MSK",
    "MQ",
    "SelfManagedKafka",
    "DocumentDB",
    "SNS",
];
/// Events that bring a permission to call the function.
const PERMITTED: [&str; 9] = [
    "Schedule",
    "CloudWatchEvent",
    "EventBridgeRule",
    "CloudWatchLogs",
    "IoTRule",
    "S3",
    "SNS",
    "AlexaSkill",
    "HttpApi",
];
/// Events that bring a role to start the state machine.
const STARTING: [&str; 5] = ["Schedule", "ScheduleV2", "CloudWatchEvent", "EventBridgeRule", "Api"];

/// Says which resources of the template stand where SAM makes one for this function.
pub(super) fn of_function(function: &Judged<'_>, id: &str, template: &Template) {
    role(function, id, template);
    if let Some(alias) = function.text("AutoPublishAlias") {
        taken(function, template, format!("{id}Alias{alias}"), "AutoPublishAlias");
    }
    for (property, made) in [("FunctionUrlConfig", "Url"), ("EventInvokeConfig", "EventInvokeConfig")] {
        if function.get(property).is_some_and(Node::says_something) {
            taken(function, template, format!("{id}{made}"), property);
        }
    }
    events(function, id, template);
    beside_events(function, (id, "Permission"), &PERMITTED, template);
    beside_events(function, (id, "Role"), &["ScheduleV2"], template);
}

/// The same for a state machine.
pub(super) fn of_state_machine(machine: &Judged<'_>, id: &str, template: &Template) {
    role(machine, id, template);
    events(machine, id, template);
    beside_events(machine, (id, "Role"), &STARTING, template);
}

/// A role is made where none is stated.
fn role(owner: &Judged<'_>, id: &str, template: &Template) {
    if !owner.get("Role").is_some_and(Node::says_something) {
        taken(owner, template, format!("{id}Role"), "Role");
    }
}

fn events(owner: &Judged<'_>, id: &str, template: &Template) {
    for (name, event) in owner.get("Events").and_then(Node::as_map).into_iter().flat_map(Map::iter) {
        let Some(kind) = event.get("Type").and_then(Node::as_str) else { continue };
        if OWN.contains(&kind) {
            taken(owner, template, format!("{id}{}", name.text), "Events");
        }
    }
}

/// What an event of one of these kinds has beside it: `HelloTickPermission`.
fn beside_events(owner: &Judged<'_>, (id, made): (&str, &str), kinds: &[&str], template: &Template) {
    for (name, event) in owner.get("Events").and_then(Node::as_map).into_iter().flat_map(Map::iter) {
        let stated = event.at(&["Properties", "RoleArn"]).is_some();
        let is_made = event.get("Type").and_then(Node::as_str).is_some_and(|kind| kinds.contains(&kind));
        if is_made && !(made == "Role" && stated) {
            taken(owner, template, format!("{id}{}{made}", name.text), "Events");
        }
    }
}

fn taken(owner: &Judged<'_>, template: &Template, id: String, property: &str) {
    let resources = template.root.get("Resources").and_then(Node::as_map);
    if let Some(other) = resources.and_then(|resources| resources.key(&id)) {
        let message = format!("SAM makes a resource {id} here, and the template has another of that name");
        owner.report.error(message, &other.mark, &owner.path.to(property));
    }
}
