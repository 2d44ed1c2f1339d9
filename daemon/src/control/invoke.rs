//! Runs a function once for a caller of the control port.
//!
//! Owns what such an invocation is made of: id, ARN, trace header, event. The worker does the rest, and goes on when the
//! caller hangs up; one that nobody waits for is the event queue's.

use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use samd_proto::invoke::{InvokeRequest, InvokeResponse};
use samd_proto::secret::Text;
use samd_proto::{ApiError, ErrorCode};

use super::{Context, convert};
use crate::lambda::{Invocation, Outcome, invocation};
use crate::logs::{LogQuery, tail};
use crate::project::FunctionId;
use crate::project::settings::ProjectName;
use crate::supervisor::handle::{Refused, valid_event};

/// Lambda's word for a failed function in `X-Amz-Function-Error`.
const UNHANDLED: &str = "Unhandled";

pub(super) async fn invoke(context: Arc<Context>, request: InvokeRequest) -> Result<InvokeResponse, ApiError> {
    let name = ProjectName(request.name);
    let event = event(request.event)?;
    let (function, arn) = find(&context, &name, &request.function).await?;
    let invocation = invocation(event, arn);
    if request.asynchronous {
        let request_id = invocation.request_id.clone();
        context.supervisor.accept(name, function, invocation).await.map_err(convert::refused)?;
        return Ok(InvokeResponse { request_id, ..InvokeResponse::default() });
    }
    let query =
        LogQuery { function: Some(function.clone()), since: Some(SystemTime::now()), follow: true, requests: false };
    let log = context.supervisor.logs(name.clone(), query).await.map_err(convert::refused)?;
    let id = invocation.request_id.clone();
    let outcome = context.supervisor.invoke(name, function, invocation).await.map_err(convert::refused)?;
    let mut response = response(id, outcome)?;
    response.log_tail = tail::collect(log.past, log.future, &response.request_id).await;
    Ok(response)
}

fn event(text: Option<Text>) -> Result<Bytes, ApiError> {
    let event = text.map_or_else(|| Bytes::from_static(b"{}"), |text| Bytes::from(text.0));
    if valid_event(&event) {
        return Ok(event);
    }
    Err(ApiError::new(ErrorCode::BadRequest, "the event is not JSON"))
}

/// The function of that logical id or name, with the ARN to invoke it by.
async fn find(context: &Context, project: &ProjectName, wanted: &str) -> Result<(FunctionId, Arc<str>), ApiError> {
    let status = context.supervisor.status(project.clone()).await.map_err(convert::refused)?;
    let running = status.running.ok_or_else(|| convert::refused(Refused::Stopped(project.clone())))?;
    let functions = &running.project.functions;
    match running.project.function(wanted) {
        Some(function) => Ok((function.id.clone(), Arc::from(function.arn.as_str()))),
        None => Err(convert::refused(Refused::UnknownFunction {
            project: project.clone(),
            function: FunctionId(wanted.to_owned()),
            known: functions.keys().map(|id| id.0.as_str()).collect::<Vec<_>>().join(", "),
        })),
    }
}

fn invocation(event: Bytes, invoked_arn: Arc<str>) -> Invocation {
    Invocation {
        request_id: uuid::Uuid::new_v4().to_string(),
        event,
        invoked_arn,
        trace_id: invocation::fresh_trace(
            SystemTime::now(),
            uuid::Uuid::new_v4().as_u128(),
            uuid::Uuid::new_v4().as_u128(),
        ),
        client_context: None,
        cognito_identity: None,
        tenant_id: None,
    }
}

fn response(request_id: String, outcome: Outcome) -> Result<InvokeResponse, ApiError> {
    let (payload, function_error) = match outcome {
        Outcome::Returned(payload) => (payload, None),
        Outcome::Failed(failure) => (failure.payload, Some(UNHANDLED.to_owned())),
        Outcome::Throttled { reason } => {
            return Err(ApiError::new(ErrorCode::Throttled, format!("the invocation was throttled: {reason}")));
        }
        Outcome::Unavailable { reason } => return Err(ApiError::new(ErrorCode::FunctionUnavailable, reason)),
    };
    let (payload, payload_base64) = match String::from_utf8(payload.to_vec()) {
        Ok(text) => (Some(Text(text)), None),
        Err(error) => (None, Some(Text(BASE64.encode(error.as_bytes())))),
    };
    Ok(InvokeResponse { request_id, payload, payload_base64, function_error, log_tail: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_that_is_not_text_goes_as_base64() {
        let answer = response("id".to_owned(), Outcome::Returned(Bytes::from_static(b"\xff"))).unwrap();
        assert_eq!(answer.payload_base64, Some(Text("/w==".to_owned())));
        assert_eq!(answer.payload, None);
    }
}
