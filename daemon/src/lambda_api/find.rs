//! Finds the function that a target names, and what its qualifier means.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use super::fault::Fault;
use super::target::{FunctionName, Target};
use super::{Service, server};
use crate::project::Function;
use crate::supervisor::ACCOUNT;
use crate::supervisor::directory::{Found, Page};

/// The region of requests that name none.
const REGION: &str = "us-east-1";
/// How long a call waits for a project that is being started, and may have what it asks for.
const PATIENCE: Duration = Duration::from_secs(10);
/// The qualifier of what is not published.
const LATEST: &str = "$LATEST";
/// The version that an alias points to.
const PUBLISHED: &str = "1";

/// A function as it was asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) found: Found,
    /// With the qualifier that the caller used.
    pub(super) arn: Arc<str>,
    /// `$LATEST`, or the version that an alias points to.
    pub(super) version: &'static str,
}

/// The function of a target.
pub(super) async fn find(service: &Service, target: &Target, headers: &HeaderMap) -> Result<Wanted, Fault> {
    let Some(name) = &target.function else { return Err(Fault::unknown_operation()) };
    let page = service.supervisor.directory().settled(target.caller.as_ref(), &name.name, PATIENCE).await;
    known_caller(&page, target)?;
    match page.find(target.caller.as_ref(), &name.name) {
        Some(found) => qualified(found, name.qualifier.as_deref()),
        None => Err(missing(&page, target, name, headers)),
    }
}

/// An address that ends in the name of no project is a mistake, and no reason to look elsewhere.
pub(super) fn known_caller(page: &Page, target: &Target) -> Result<(), Fault> {
    match &target.caller {
        Some(caller) if !page.projects().contains_key(caller) => {
            tracing::warn!(project = %caller, "the Lambda endpoint was called by the address of a project that does not run");
            Err(Fault::unknown_project(caller))
        }
        _ => Ok(()),
    }
}

fn qualified(found: Found, qualifier: Option<&str>) -> Result<Wanted, Fault> {
    let function = &found.listed.function;
    let version = version(function, qualifier)?;
    let arn = match qualifier {
        Some(qualifier) => format!("{}:{qualifier}", function.arn).into(),
        None => function.arn.as_str().into(),
    };
    Ok(Wanted { found, arn, version })
}

fn version(function: &Function, qualifier: Option<&str>) -> Result<&'static str, Fault> {
    match qualifier {
        None | Some(LATEST) => Ok(LATEST),
        Some(PUBLISHED) if function.alias.is_some() => Ok(PUBLISHED),
        Some(alias) if function.alias.as_deref() == Some(alias) => Ok(PUBLISHED),
        Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(Fault::function_not_found(&function.arn, Some(number)))
        }
        Some(alias) => Err(Fault::alias_not_found(&function.arn, alias)),
    }
}

/// Lambda's words to the caller, and a hint for the user in the daemon's log.
fn missing(page: &Page, target: &Target, name: &FunctionName, headers: &HeaderMap) -> Fault {
    let known: Vec<String> = page
        .projects()
        .iter()
        .map(|(project, roster)| {
            let functions: Vec<&str> = roster.functions.values().map(|listed| listed.function.name.as_str()).collect();
            format!("{project}: {}", functions.join(" "))
        })
        .collect();
    tracing::warn!(
        function = name.name,
        caller = target.caller.as_ref().map(ToString::to_string),
        known = known.join("; "),
        "the Lambda endpoint was asked for a function that no running project has; start its project, or use \
         --no-lambda-endpoint to reach AWS"
    );
    let region = name.region.as_deref().or_else(|| server::signed_region(headers)).unwrap_or(REGION);
    let account = name.account.as_deref().unwrap_or(ACCOUNT);
    let arn = format!("arn:aws:lambda:{region}:{account}:function:{}", name.name);
    Fault::function_not_found(&arn, name.qualifier.as_deref())
}
