//! An asynchronous invocation's record.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{VERSION, millis};
use crate::lambda::Invocation;
use crate::project::FunctionId;
use crate::project::settings::ProjectName;
use crate::store::model::SavedInvocation;

#[derive(Serialize, Deserialize)]
pub(super) struct InvocationV1 {
    version: u32,
    request_id: String,
    project: String,
    function: String,
    accepted_ms: u64,
    attempts: u32,
    due_ms: u64,
    invoked_arn: String,
    trace_id: String,
    client_context: Option<String>,
    cognito_identity: Option<String>,
    tenant_id: Option<String>,
    /// The event as it came: never parsed, never reformatted.
    event: Box<RawValue>,
}

impl TryFrom<&SavedInvocation> for InvocationV1 {
    type Error = serde_json::Error;

    fn try_from(saved: &SavedInvocation) -> Result<InvocationV1, serde_json::Error> {
        let invocation = &saved.invocation;
        Ok(InvocationV1 {
            version: VERSION,
            request_id: invocation.request_id.clone(),
            project: saved.project.0.clone(),
            function: saved.function.0.clone(),
            accepted_ms: since_epoch(saved.accepted),
            attempts: saved.attempts,
            due_ms: since_epoch(saved.due),
            invoked_arn: invocation.invoked_arn.as_ref().to_owned(),
            trace_id: invocation.trace_id.clone(),
            client_context: invocation.client_context.clone(),
            cognito_identity: invocation.cognito_identity.clone(),
            tenant_id: invocation.tenant_id.clone(),
            event: serde_json::from_slice(&invocation.event)?,
        })
    }
}

impl From<InvocationV1> for SavedInvocation {
    fn from(record: InvocationV1) -> SavedInvocation {
        SavedInvocation {
            invocation: Invocation {
                request_id: record.request_id,
                event: record.event.get().as_bytes().to_vec().into(),
                invoked_arn: Arc::from(record.invoked_arn),
                trace_id: record.trace_id,
                client_context: record.client_context,
                cognito_identity: record.cognito_identity,
                tenant_id: record.tenant_id,
            },
            project: ProjectName(record.project),
            function: FunctionId(record.function),
            accepted: SystemTime::UNIX_EPOCH + Duration::from_millis(record.accepted_ms),
            attempts: record.attempts,
            due: SystemTime::UNIX_EPOCH + Duration::from_millis(record.due_ms),
        }
    }
}

/// Milliseconds since the epoch; a clock set before 1970 counts as 1970.
fn since_epoch(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map(millis).unwrap_or_default()
}
