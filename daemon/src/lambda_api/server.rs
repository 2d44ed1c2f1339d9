//! Accepts connections, and answers each request by its target.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use super::target::{Operation, Target};
use super::{Service, configuration, guard, invoke, stream};
use crate::connections::{self, Accepted, Door};
use crate::gateway::access::{AccessLog, Asked};

/// Connections at once.
const MOST_CONNECTIONS: usize = 1_024;
/// How long a client may take for a request's head, and a connection may stay idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// A reply to a client.
pub(super) type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// Serves until the phase ends.
pub(super) fn start(listener: TcpListener, service: Service) {
    let phase = service.phase.clone();
    phase.spawn("the Lambda endpoint", accept(listener, Arc::new(service)));
}

async fn accept(listener: TcpListener, service: Arc<Service>) {
    let cancel = service.phase.token();
    let door = Door::new(listener, "the Lambda endpoint", MOST_CONNECTIONS);
    while let Some(accepted) = door.next(&cancel).await {
        if !is_admitted(&service, &accepted) {
            continue;
        }
        let task = format!("calls of {} to the Lambda endpoint", accepted.peer);
        service.phase.clone().spawn(task, connection(accepted, service.clone(), cancel.clone()));
    }
}

fn is_admitted(service: &Service, accepted: &Accepted) -> bool {
    let local = accepted.stream.local_addr();
    let admitted = service.admit.as_ref().is_none_or(|admit| local.is_ok_and(|local| admit(accepted.peer, local)));
    if !admitted {
        tracing::warn!(peer = %accepted.peer, "refused a connection to the Lambda endpoint that is no container's");
    }
    admitted
}

/// Serves one connection; when the daemon stops, the answer under way is the last one.
async fn connection(accepted: Accepted, service: Arc<Service>, cancel: CancellationToken) {
    let Accepted { stream, slot: _slot, peer, .. } = accepted;
    if let Err(problem) = stream.set_nodelay(true) {
        tracing::debug!(%problem, "no TCP_NODELAY on a connection");
    }
    let answering = service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(answer(request, &service, peer.ip()).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), answering);
    if let Err(problem) = connections::serve(connection, &cancel).await {
        tracing::debug!(%problem, "a connection to the Lambda endpoint ended early");
    }
}

async fn answer(request: Request<Incoming>, service: &Service, client: IpAddr) -> Reply {
    let began = Instant::now();
    let (method, uri, version) = (request.method().clone(), request.uri().clone(), request.version());
    let request_id = uuid::Uuid::new_v4().to_string();
    let mut reply = match route(request, service, &request_id).await {
        Ok(reply) => reply,
        Err(fault) => refusal(fault),
    };
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        reply.headers_mut().insert("x-amzn-requestid", id);
    }
    let asked = Asked { client, method: &method, uri: &uri, version };
    for access in followers(service, asked) {
        access.tell(asked, reply.status().as_u16(), began);
    }
    reply
}

/// Whom a request is told to: those who follow the project of its function, or of whose address was used; where no
/// project is meant, everybody, since nobody else would hear of it.
fn followers(service: &Service, asked: Asked<'_>) -> Vec<AccessLog> {
    let page = service.supervisor.directory().page();
    let target = Target::parse(asked.method, asked.uri.path(), None).ok();
    let (caller, function) = target.map(|target| (target.caller, target.function)).unwrap_or_default();
    let found = function.and_then(|function| page.find(caller.as_ref(), &function.name));
    let meant = found.map(|found| found.project).or(caller).and_then(|project| page.projects().get(&project));
    match meant {
        Some(roster) => vec![roster.access.clone()],
        None => page.projects().values().map(|roster| roster.access.clone()).collect(),
    }
}

async fn route(request: Request<Incoming>, service: &Service, request_id: &str) -> Result<Reply, Fault> {
    guard::check(request.headers(), &service.host)?;
    let query = query(request.uri().query());
    let parameter = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let target = Target::parse(request.method(), request.uri().path(), parameter("Qualifier"))?;
    match target.operation {
        Operation::Invoke => invoke::invoke(service, &target, request, request_id).await,
        Operation::InvokeWithResponseStream => stream::invoke(service, &target, request, request_id).await,
        Operation::GetFunction => configuration::function(service, &target, request.headers()).await,
        Operation::GetFunctionConfiguration => configuration::configuration(service, &target, request.headers()).await,
        Operation::ListFunctions => configuration::list(service, &target, parameter("Marker"), parameter("MaxItems")),
    }
}

fn query(query: Option<&str>) -> Vec<(String, String)> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

fn refusal(fault: Fault) -> Reply {
    let mut reply = json(fault.status, fault.body);
    reply.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(fault.error_type));
    reply
}

/// A reply in JSON.
pub(super) fn json(status: u16, body: impl Into<Bytes>) -> Reply {
    let mut reply = bare(status, body);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// A reply without a type.
pub(super) fn bare(status: u16, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()).boxed_unsync());
    *reply.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    reply
}

/// The region that a request was signed for; signatures are not checked.
pub(super) fn signed_region(headers: &http::HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let scope = value.split("Credential=").nth(1)?.split(',').next()?;
    scope.split('/').nth(2)
}
