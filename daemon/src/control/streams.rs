//! The endpoints that answer with events: logs and changes of configuration.
//!
//! A stream ends when its reader goes, when its source ends, or when the daemon stops. A reader that is too slow is told
//! how much it missed. The number of open streams is limited apart from the number of connections.

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::stream::PollNext;
use futures_util::{Stream, StreamExt, stream};
use samd_proto::log::{LogEvent, LogsRequest};
use samd_proto::reload::{EventsRequest, ReloadEvent};
use samd_proto::{ApiError, ErrorCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{Context, MAX_STREAMS, convert};
use crate::logs::LogQuery;
use crate::project::FunctionId;
use crate::project::settings::ProjectName;
use crate::supervisor::handle::ReloadReport;

/// What a project's functions printed.
pub(super) async fn logs(
    context: Arc<Context>,
    request: LogsRequest,
) -> Result<impl Stream<Item = LogEvent> + Send + Sync + use<>, ApiError> {
    let slot = slot(&context)?;
    let query = LogQuery {
        function: request.function.map(FunctionId),
        since: request.since_ms.map(convert::time).transpose()?,
        follow: request.follow,
        requests: request.requests,
    };
    let log = context.supervisor.logs(ProjectName(request.name), query).await.map_err(convert::refused)?;
    let past: Vec<LogEvent> = log.past.iter().map(|entry| LogEvent::Line(convert::log_line(entry))).collect();
    let query = log.query;
    let future = follow(log.future).filter_map(move |received| {
        std::future::ready(match received {
            Ok(entry) => query.matches(&entry).then(|| LogEvent::Line(convert::log_line(&entry))),
            Err(lost) => Some(LogEvent::Lagged { lost }),
        })
    });
    let requests = follow(log.requests).map(|received| match received {
        Ok(access) => LogEvent::Request(convert::request_line(&access)),
        Err(lost) => LogEvent::Lagged { lost },
    });
    // What a function printed before it answered stands before the answer.
    let future = stream::select_with_strategy(future, requests, |_: &mut ()| PollNext::Left);
    Ok(until_stopped(&context, slot, stream::iter(past).chain(future)))
}

/// The last change of each project, and those that come.
pub(super) async fn reloads(
    context: Arc<Context>,
    request: EventsRequest,
) -> Result<impl Stream<Item = ReloadEvent> + Send + Sync + use<>, ApiError> {
    let slot = slot(&context)?;
    // Subscribed before the past is read, so that no event falls between the two; one that is in both is told once.
    let future = request.follow.then(|| context.supervisor.events());
    let past = last_reloads(&context, request.name.as_deref()).await?;
    let seen: Vec<(ProjectName, SystemTime)> = past.iter().map(|report| (report.project.clone(), report.at)).collect();
    let past: Vec<ReloadEvent> = past.iter().map(convert::reload_event).collect();
    let name = request.name;
    let future = follow(future).filter_map(move |received| {
        std::future::ready(match received {
            Ok(report) if name.as_ref().is_some_and(|name| *name != report.project.0) => None,
            Ok(report) if seen.iter().any(|(project, at)| *project == report.project && *at == report.at) => None,
            Ok(report) => Some(convert::reload_event(&report)),
            Err(lost) => Some(ReloadEvent::Lagged { lost }),
        })
    });
    let images = follow(request.follow.then(|| context.supervisor.progress())).map(|received| match received {
        Ok(progress) => convert::image_event(&progress),
        Err(lost) => ReloadEvent::Lagged { lost },
    });
    Ok(until_stopped(&context, slot, stream::iter(past).chain(stream::select(future, images))))
}

/// The last change of the named project, or of all, the oldest first.
async fn last_reloads(context: &Context, name: Option<&str>) -> Result<Vec<ReloadReport>, ApiError> {
    let projects = match name {
        Some(name) => {
            vec![context.supervisor.status(ProjectName(name.to_owned())).await.map_err(convert::refused)?]
        }
        None => context.supervisor.list().await.map_err(convert::refused)?,
    };
    let mut reports: Vec<ReloadReport> =
        projects.into_iter().filter_map(|project| project.running?.last_reload).collect();
    reports.sort_by_key(|report| report.at);
    Ok(reports)
}

/// What a channel brings, or how much of it was missed; nothing at all without a channel.
fn follow<T: Clone + Send + 'static>(
    receiver: Option<Receiver<T>>,
) -> impl Stream<Item = Result<T, u64>> + Send + Sync {
    stream::unfold(receiver, |receiver| async {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Ok(item) => Some((Ok(item), Some(receiver))),
            Err(RecvError::Lagged(lost)) => Some((Err(lost), Some(receiver))),
            Err(RecvError::Closed) => None,
        }
    })
}

fn slot(context: &Context) -> Result<OwnedSemaphorePermit, ApiError> {
    context.streams.clone().try_acquire_owned().map_err(|_| {
        ApiError::new(ErrorCode::TooManyStreams, format!("{MAX_STREAMS} streams of logs and events are open already"))
    })
}

/// Ends a stream when the daemon stops, and holds its slot as long as it lives.
fn until_stopped<S: Stream + Send + Sync>(
    context: &Context,
    slot: OwnedSemaphorePermit,
    events: S,
) -> impl Stream<Item = S::Item> + Send + Sync + use<S> {
    events.take_until(context.cancel.clone().cancelled_owned()).inspect(move |_| {
        let _held = &slot;
    })
}
