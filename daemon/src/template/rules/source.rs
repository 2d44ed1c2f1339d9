//! What Lambda polls: queues, streams, brokers; how it reaches them and where it leaves what failed.

use super::super::intrinsic::is_intrinsic;
use super::super::node::Node;
use super::Judged;

/// How a self-managed Kafka identifies its callers: one of these at most.
const MECHANISMS: [&str; 7] = [
    "SASL_SCRAM_256_AUTH",
    "SASL_SCRAM_512_AUTH",
    "BASIC_AUTH",
    "CLIENT_CERTIFICATE_TLS_AUTH",
    "OAUTHBEARER_AUTH",
    "IAM_AUTH",
    "IAM_OAUTHBEARER_AUTH",
];
/// Mechanisms that need no secret.
const WITHOUT_URI: [&str; 2] = ["IAM_AUTH", "IAM_OAUTHBEARER_AUTH"];
/// What else a self-managed Kafka may be told.
const OTHERS: [&str; 7] = [
    "VPC_SUBNET",
    "VPC_SECURITY_GROUP",
    "SERVER_ROOT_CA_CERTIFICATE",
    "OAUTHBEARER_SCOPE",
    "OAUTHBEARER_AUDIENCE",
    "OAUTHBEARER_LOGICAL_CLUSTER",
    "OAUTHBEARER_IDENTITY_POOL",
];

/// Judges an event of a source that Lambda polls; events of other kinds have none of these properties.
pub(super) fn judge(event: &Judged<'_>, kind: &str) {
    match kind {
        "MQ" => access(event, kind, &["BASIC_AUTH", "VIRTUAL_HOST"]),
        "DocumentDB" => access(event, kind, &["BASIC_AUTH"]),
        "SelfManagedKafka" => kafka(event),
        "SQS" | "Kinesis" | "DynamoDB" | "MSK" => {}
        _ => return,
    }
    failures(event);
    filters(event);
    if matches!(kind, "MSK" | "SelfManagedKafka") {
        registry(event);
    }
    if event.get("ConsumerGroupId").is_some() && !matches!(kind, "MSK" | "SelfManagedKafka") {
        event.error("ConsumerGroupId", format!("an event of type {kind} has no ConsumerGroupId"));
    }
}

fn failures(event: &Judged<'_>) {
    let Some(config) = event.mapping("DestinationConfig", event.get("DestinationConfig")) else { return };
    if !config.says_something() {
        return;
    }
    let Some(failure) = config.get("OnFailure").filter(|node| node.as_map().is_some()) else {
        return event.error("DestinationConfig", "DestinationConfig needs OnFailure, a mapping");
    };
    let kind = failure.get("Type").filter(|kind| !is_intrinsic(kind));
    if kind.is_some_and(|kind| !matches!(kind.as_str(), Some("SQS" | "SNS" | "S3" | "Kafka"))) {
        event.error("DestinationConfig", "the Type of OnFailure is one of SQS, SNS, S3, Kafka");
    }
}

fn filters(event: &Judged<'_>) {
    let Some(criteria) = event.get("FilterCriteria").filter(|node| !is_intrinsic(node)) else { return };
    let keys: Vec<&str> = criteria.as_map().into_iter().flat_map(|map| map.iter()).map(|(key, _)| &*key.text).collect();
    if !keys.iter().all(|key| *key == "Filters" || key.starts_with("Fn::")) {
        event.error("FilterCriteria", "FilterCriteria has Filters and nothing else");
    }
}

fn registry(event: &Judged<'_>) {
    let Some(registry) = event.mapping("SchemaRegistryConfig", event.get("SchemaRegistryConfig")) else { return };
    if !registry.says_something() {
        return;
    }
    let say = |message: String| event.error("SchemaRegistryConfig", message);
    for name in ["SchemaRegistryURI", "EventRecordFormat", "SchemaValidationConfigs"] {
        if registry.as_map().is_some_and(|stated| stated.get(name).is_none()) {
            say(format!("SchemaRegistryConfig needs {name}"));
        }
    }
    let format = registry.get("EventRecordFormat");
    if format.is_some_and(|format| !matches!(format.as_str(), Some("JSON" | "SOURCE"))) {
        say("EventRecordFormat is JSON or SOURCE".to_owned());
    }
    if registry.get("SchemaValidationConfigs").is_some_and(|configs| configs.as_list().is_none()) {
        say("SchemaValidationConfigs is a list".to_owned());
    }
    let Some(access) = registry.get("AccessConfigs").filter(|access| access.says_something()) else { return };
    let is_sound =
        |one: &Node| ["Type", "URI"].iter().all(|name| one.as_map().is_some_and(|map| map.get(name).is_some()));
    if !access.as_list().is_some_and(|all| all.iter().all(is_sound)) {
        say("AccessConfigs is a list of mappings with Type and URI".to_owned());
    }
}

/// The one secret that a broker is reached with, and what may stand beside it.
fn access(event: &Judged<'_>, kind: &str, known: &[&str]) {
    const NAME: &str = "SourceAccessConfigurations";
    const SECRET: &str = "BASIC_AUTH";
    let Some(stated) = event.get(NAME).filter(|node| node.says_something()) else {
        return event.error(NAME, format!("an event of type {kind} needs {NAME}"));
    };
    let Some(all) = stated.as_list() else { return };
    let mut secrets = 0;
    for one in all {
        match one.get("Type").and_then(Node::as_str) {
            Some(SECRET) if one.get("URI").is_some_and(Node::says_something) => secrets += 1,
            Some(SECRET) => event.report.error("BASIC_AUTH needs a URI", &one.mark, &event.path.to(NAME)),
            Some(kind) if known.contains(&kind) => {}
            _ => {
                let message = format!("an item of {NAME} is a mapping, its Type one of {}", known.join(", "));
                event.report.error(message, &one.mark, &event.path.to(NAME));
            }
        }
    }
    if secrets != 1 {
        event.error(NAME, format!("{NAME} of an event of type {kind} has BASIC_AUTH with a URI once"));
    }
}

fn kafka(event: &Judged<'_>) {
    const NAME: &str = "SourceAccessConfigurations";
    for name in ["KafkaBootstrapServers", "Topics", NAME] {
        if !event.get(name).is_some_and(Node::says_something) {
            event.error(name, format!("an event of type SelfManagedKafka needs {name}"));
        }
    }
    if event.get("Topics").and_then(Node::as_list).is_some_and(|topics| topics.len() > 1) {
        event.error("Topics", "an event of type SelfManagedKafka has one topic");
    }
    let Some(all) = event.get(NAME).and_then(Node::as_list) else { return };
    let of = |one: &Node| one.get("Type").and_then(Node::as_str).unwrap_or_default().to_owned();
    for one in all {
        let kind = of(one);
        if one.as_map().is_none() || !MECHANISMS.iter().chain(&OTHERS).any(|known| *known == kind) {
            let known = MECHANISMS.iter().chain(&OTHERS).copied().collect::<Vec<_>>().join(", ");
            let message = format!("an item of {NAME} is a mapping, its Type one of {known}");
            event.report.error(message, &one.mark, &event.path.to(NAME));
        } else if !WITHOUT_URI.contains(&kind.as_str()) && !one.get("URI").is_some_and(is_uri) {
            event.report.error(format!("{kind} needs a URI, which is text"), &one.mark, &event.path.to(NAME));
        }
    }
    let kinds: Vec<String> = all.iter().map(of).collect();
    if kinds.iter().filter(|kind| MECHANISMS.contains(&kind.as_str())).count() > 1 {
        event.error(NAME, format!("{NAME} has one way of identifying the function, and here are several"));
    }
    let has = |name: &str| kinds.iter().any(|kind| kind == name);
    if has("VPC_SUBNET") != has("VPC_SECURITY_GROUP") {
        event.error(NAME, "VPC_SUBNET and VPC_SECURITY_GROUP need each other");
    }
}

fn is_uri(node: &Node) -> bool {
    node.says_something() && (is_intrinsic(node) || matches!(node.value, super::Value::String(_)))
}
