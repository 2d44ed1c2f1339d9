//! What each endpoint with one answer means: a command to the supervisor, and its answer in the wire's words.

use std::sync::Arc;

use samd_proto::daemon::{DaemonStatus, DaemonStatusRequest, DaemonStopRequest};
use samd_proto::function::{FunctionsOfTemplateRequest, FunctionsRequest, FunctionsResponse};
use samd_proto::project as wire;
use samd_proto::reload::{ReloadRequest, ReloadResponse};
use samd_proto::route::{RoutesRequest, RoutesResponse};
use samd_proto::secret::Text;
use samd_proto::template::{RoutesOfTemplateRequest, TemplateQuery, ValidateRequest, ValidateResponse};
use samd_proto::token::{TokenRequest, TokenResponse};
use samd_proto::{ApiError, ErrorCode};

use super::{Context, convert, functions, routes as route_table, templates};
use crate::project::settings::ProjectName;
use crate::project::{FunctionId, Project};
use crate::supervisor::handle::{CallerEnvironment, Refused, RunningStatus, TokenWanted};

pub(super) async fn start(context: Arc<Context>, request: wire::StartRequest) -> Result<wire::ProjectStatus, ApiError> {
    let name = convert::project_name(request.name)?;
    let patch = convert::patch(request.settings)?;
    let caller = CallerEnvironment(request.environment.0);
    let status = context.supervisor.start(name, patch, caller).await.map_err(convert::refused)?;
    Ok(convert::project_status(&status))
}

pub(super) async fn stop(context: Arc<Context>, request: wire::StopRequest) -> Result<wire::Done, ApiError> {
    context.supervisor.stop(ProjectName(request.name)).await.map_err(convert::refused)?;
    Ok(wire::Done {})
}

pub(super) async fn remove(context: Arc<Context>, request: wire::RemoveRequest) -> Result<wire::Done, ApiError> {
    context.supervisor.remove(ProjectName(request.name)).await.map_err(convert::refused)?;
    Ok(wire::Done {})
}

pub(super) async fn set(context: Arc<Context>, request: wire::SetRequest) -> Result<wire::ProjectStatus, ApiError> {
    let patch = convert::patch(request.settings)?;
    let status = context.supervisor.set(ProjectName(request.name), patch).await.map_err(convert::refused)?;
    Ok(convert::project_status(&status))
}

/// Reloads at once when the caller waits; else the project is looked up, so that a wrong name is still refused, and the
/// reload goes on by itself: its outcome is among the events.
pub(super) async fn reload(context: Arc<Context>, request: ReloadRequest) -> Result<ReloadResponse, ApiError> {
    let name = ProjectName(request.name);
    let functions: Vec<FunctionId> = request.functions.into_iter().map(FunctionId).collect();
    if request.wait {
        let report = context.supervisor.reload(name, functions).await.map_err(convert::refused)?;
        return Ok(ReloadResponse { report: Some(convert::reload_report(&report)) });
    }
    context.supervisor.status(name.clone()).await.map_err(convert::refused)?;
    let supervisor = context.supervisor.clone();
    context.tasks.spawn(async move {
        if let Err(error) = supervisor.reload(name.clone(), functions).await {
            tracing::warn!(project = %name, %error, "a reload was refused");
        }
    });
    Ok(ReloadResponse { report: None })
}

pub(super) async fn list(context: Arc<Context>, _: wire::ListRequest) -> Result<wire::ListResponse, ApiError> {
    let projects = context.supervisor.list().await.map_err(convert::refused)?;
    Ok(wire::ListResponse { projects: projects.iter().map(convert::project_summary).collect() })
}

pub(super) async fn status(
    context: Arc<Context>,
    request: wire::StatusRequest,
) -> Result<wire::ProjectStatus, ApiError> {
    let status = context.supervisor.status(ProjectName(request.name)).await.map_err(convert::refused)?;
    Ok(convert::project_status(&status))
}

pub(super) async fn routes(context: Arc<Context>, request: RoutesRequest) -> Result<RoutesResponse, ApiError> {
    let (running, origin, diagnostics) = running(&context, request.name).await?;
    Ok(RoutesResponse { routes: route_table::of(&running.project, origin), diagnostics })
}

pub(super) async fn routes_of_template(
    context: Arc<Context>,
    request: RoutesOfTemplateRequest,
) -> Result<RoutesResponse, ApiError> {
    let (project, diagnostics) = resolved(&context, request.template).await?;
    Ok(RoutesResponse { routes: route_table::of_template(&project), diagnostics })
}

pub(super) async fn functions(context: Arc<Context>, request: FunctionsRequest) -> Result<FunctionsResponse, ApiError> {
    let (running, _, diagnostics) = running(&context, request.name).await?;
    Ok(FunctionsResponse { functions: functions::of(&running.project), diagnostics })
}

pub(super) async fn functions_of_template(
    context: Arc<Context>,
    request: FunctionsOfTemplateRequest,
) -> Result<FunctionsResponse, ApiError> {
    let (project, diagnostics) = resolved(&context, request.template).await?;
    Ok(FunctionsResponse { functions: functions::of(&project), diagnostics })
}

pub(super) async fn token(context: Arc<Context>, request: TokenRequest) -> Result<TokenResponse, ApiError> {
    let wanted = TokenWanted { authorizer: request.authorizer, claims: request.claims, scopes: request.scopes };
    let minted = context.supervisor.token(ProjectName(request.name), wanted).await.map_err(convert::refused)?;
    Ok(TokenResponse { token: Text(minted.token), authorizer: minted.authorizer, issuer: minted.issuer })
}

/// A project that runs, with its findings.
async fn running(
    context: &Context,
    name: String,
) -> Result<(RunningStatus, convert::Origin, Vec<samd_proto::Diagnostic>), ApiError> {
    let name = ProjectName(name);
    let status = context.supervisor.status(name.clone()).await.map_err(convert::refused)?;
    let running = status.running.ok_or_else(|| convert::refused(Refused::Stopped(name)))?;
    let origin = convert::Origin::of(&status.settings, running.address);
    Ok((running, origin, status.diagnostics.iter().map(convert::diagnostic).collect()))
}

/// What a template says, with its findings.
async fn resolved(
    context: &Context,
    query: TemplateQuery,
) -> Result<(Arc<Project>, Vec<samd_proto::Diagnostic>), ApiError> {
    let reading = templates::read(context, query).await?;
    let diagnostics = reading.diagnostics.iter().map(convert::diagnostic).collect();
    match reading.project {
        Some(project) => Ok((project, diagnostics)),
        None => Err(ApiError { diagnostics, ..ApiError::new(ErrorCode::Diagnostics, "the template has errors") }),
    }
}

pub(super) async fn validate(context: Arc<Context>, request: ValidateRequest) -> Result<ValidateResponse, ApiError> {
    let reading = templates::read(&context, request.template).await?;
    let diagnostics: Vec<_> = reading.diagnostics.iter().map(convert::diagnostic).collect();
    let no_error = diagnostics.iter().all(|finding| finding.severity < samd_proto::Severity::Error);
    let project = reading.project.as_deref();
    Ok(ValidateResponse {
        valid: no_error && project.is_some(),
        functions: project.map_or(0, |project| project.functions.len()),
        routes: project.map_or(0, |project| project.apis.values().map(|api| api.routes.len()).sum()),
        diagnostics,
    })
}

pub(super) async fn daemon_status(context: Arc<Context>, _: DaemonStatusRequest) -> Result<DaemonStatus, ApiError> {
    let projects = context.supervisor.list().await.map_err(convert::refused)?;
    Ok(DaemonStatus {
        version: context.info.version.clone(),
        pid: context.info.pid,
        started_ms: convert::milliseconds(context.info.started),
        control: context.address.to_string(),
        lambda_endpoint: context.info.lambda_endpoint.map(|address| format!("http://{address}")),
        state_dir: context.info.state_dir.clone(),
        running: projects.iter().filter(|project| project.running.is_some()).count(),
        projects: projects.len(),
    })
}

/// Answers and stops the daemon: this answer is under way when the port closes, so it is finished first.
pub(super) async fn daemon_stop(context: Arc<Context>, _: DaemonStopRequest) -> Result<wire::Done, ApiError> {
    tracing::info!("asked to stop on the control port");
    context.cancel.cancel();
    Ok(wire::Done {})
}
