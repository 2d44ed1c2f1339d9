//! What can be read of functions (H4): GetFunction, GetFunctionConfiguration, ListFunctions.
//!
//! What is not known here (role, code size, digest) is left out. A function's variables are never told: they are the
//! user's secrets, and this address asks nobody for a token.

use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::Service;
use super::fault::Fault;
use super::find::{self, Wanted};
use super::server::{self, Reply};
use super::target::Target;
use crate::project::function::{Architecture, LogFormat, Package};
use crate::supervisor::directory::Listed;

/// Functions of one answer of ListFunctions, unless it asks for fewer.
const PAGE: usize = 50;

/// GetFunction.
pub(super) async fn function(service: &Service, target: &Target, headers: &HeaderMap) -> Result<Reply, Fault> {
    let wanted = find::find(service, target, headers).await?;
    let listed = &wanted.found.listed;
    let code = match &listed.function.package {
        Package::Zip { .. } => json!({ "RepositoryType": "S3" }),
        Package::Image { uri, .. } => json!({ "RepositoryType": "ECR", "ImageUri": uri }),
    };
    let mut answer = json!({ "Configuration": of_wanted(&wanted), "Code": code });
    if let Some(reserved) = listed.function.reserved_concurrency {
        answer["Concurrency"] = json!({ "ReservedConcurrentExecutions": reserved });
    }
    Ok(server::json(200, answer.to_string()))
}

/// GetFunctionConfiguration.
pub(super) async fn configuration(service: &Service, target: &Target, headers: &HeaderMap) -> Result<Reply, Fault> {
    let wanted = find::find(service, target, headers).await?;
    Ok(server::json(200, of_wanted(&wanted).to_string()))
}

fn of_wanted(wanted: &Wanted) -> Value {
    of(&wanted.found.listed, &wanted.arn, wanted.version)
}

/// ListFunctions: the caller's own project first; of functions with one name the one that an invocation would reach.
pub(super) fn list(
    service: &Service,
    target: &Target,
    marker: Option<&str>,
    most: Option<&str>,
) -> Result<Reply, Fault> {
    let now = service.supervisor.directory().page();
    find::known_caller(&now, target)?;
    let most = page(most)?;
    let projects = now.projects();
    let own = target.caller.as_ref().and_then(|caller| projects.get(caller));
    let mut names = std::collections::BTreeMap::new();
    for listed in own.into_iter().chain(projects.values()).flat_map(|roster| roster.functions.values()) {
        names.entry(listed.function.name.clone()).or_insert(listed);
    }
    let mut after = names.into_iter().filter(|(name, _)| marker.is_none_or(|marker| name.as_str() > marker)).peekable();
    let page: Vec<(String, &Listed)> = after.by_ref().take(most).collect();
    let next = after.peek().and_then(|_| page.last()).map(|(name, _)| name.clone());
    let functions: Vec<Value> = page.iter().map(|(_, listed)| of(listed, &listed.function.arn, "$LATEST")).collect();
    Ok(server::json(200, json!({ "NextMarker": next, "Functions": functions }).to_string()))
}

fn page(most: Option<&str>) -> Result<usize, Fault> {
    let Some(text) = most else { return Ok(PAGE) };
    match text.parse::<usize>() {
        Ok(most) if (1..=10_000).contains(&most) => Ok(most.min(PAGE)),
        _ => Err(Fault::invalid_parameter(format!("MaxItems has to be a number from 1 to 10000, and {text} is not"))),
    }
}

fn of(listed: &Listed, arn: &str, version: &str) -> Value {
    let function = &listed.function;
    let mut fields = Map::new();
    fields.insert("FunctionName".to_owned(), json!(function.name));
    fields.insert("FunctionArn".to_owned(), json!(arn));
    let (kind, runtime) = match &function.package {
        Package::Zip { runtime, handler, .. } => ("Zip", Some((runtime.to_string(), handler))),
        Package::Image { .. } => ("Image", None),
    };
    if let Some((runtime, handler)) = runtime {
        fields.insert("Runtime".to_owned(), json!(runtime));
        fields.insert("Handler".to_owned(), json!(handler));
    }
    let (state, reason) = match &listed.worker {
        Ok(_) => ("Active", None),
        Err(reason) => ("Failed", Some(reason)),
    };
    let rest = json!({
        "Timeout": function.timeout.as_secs(),
        "MemorySize": function.memory_mb,
        "Version": version,
        "TracingConfig": { "Mode": if function.tracing_active { "Active" } else { "PassThrough" } },
        "State": state,
        "LastUpdateStatus": "Successful",
        "PackageType": kind,
        "Architectures": [match function.architecture {
            Architecture::X86_64 => "x86_64",
            Architecture::Arm64 => "arm64",
        }],
        "EphemeralStorage": { "Size": function.ephemeral_storage_mb },
        "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
        "LoggingConfig": logging(listed),
    });
    fields.extend(rest.as_object().cloned().unwrap_or_default());
    if let Some(reason) = reason {
        fields.insert("StateReason".to_owned(), json!(reason));
        fields.insert("StateReasonCode".to_owned(), json!("InternalError"));
    }
    Value::Object(fields)
}

fn logging(listed: &Listed) -> Value {
    let logging = &listed.function.logging;
    let format = match logging.format {
        LogFormat::Text => "Text",
        LogFormat::Json => "JSON",
    };
    let mut fields = json!({ "LogFormat": format, "LogGroup": logging.group });
    for (key, level) in [("ApplicationLogLevel", &logging.application_level), ("SystemLogLevel", &logging.system_level)]
    {
        if let Some(level) = level {
            fields[key] = json!(level);
        }
    }
    fields
}
