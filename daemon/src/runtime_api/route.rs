//! Which call a request is.

use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::sync::mpsc;

use super::reply::{Reply, error, not_found};
use super::{Call, extension, runtime, telemetry};
use crate::lambda::telemetry::Api;

/// Versions of the APIs.
const RUNTIME: &str = "2018-06-01";
const EXTENSIONS: &str = "2020-01-01";

pub(super) async fn answer(request: Request<Incoming>, calls: &mpsc::Sender<Call>, host: &str) -> Reply {
    if !is_own_client(request.headers(), host) {
        return error(StatusCode::FORBIDDEN, "Forbidden", "This address serves one sandbox alone");
    }
    let path = request.uri().path();
    if path == "/2018-06-01/ping" || path == "/ping" {
        return Response::new(Full::from("pong"));
    }
    let path = path.to_owned();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (request.method(), parts.as_slice()) {
        (&Method::GET, [RUNTIME, "runtime", "invocation", "next"]) => runtime::next(calls).await,
        (&Method::POST, [RUNTIME, "runtime", "invocation", id, "response"]) => {
            runtime::response((*id).to_owned(), request, calls).await
        }
        (&Method::POST, [RUNTIME, "runtime", "invocation", id, "error"]) => {
            runtime::failed(Some((*id).to_owned()), request, calls).await
        }
        (&Method::POST, [RUNTIME, "runtime", "init", "error"]) => runtime::failed(None, request, calls).await,
        // Where our own clients tell what INIT has loaded.
        (&Method::POST, ["samd", "loaded"]) => runtime::loaded(request, calls).await,
        (&Method::POST, [EXTENSIONS, "extension", "register"]) => extension::register(request, calls).await,
        (&Method::GET, [EXTENSIONS, "extension", "event", "next"]) => extension::next(&request, calls).await,
        (&Method::POST, [EXTENSIONS, "extension", phase @ ("init" | "exit"), "error"]) => {
            extension::failed(*phase == "init", request, calls).await
        }
        (&Method::PUT, ["2022-07-01", "telemetry"]) => telemetry::subscribe(Api::Telemetry, request, calls).await,
        (&Method::PUT, ["2020-08-15", "logs"]) => telemetry::subscribe(Api::Logs, request, calls).await,
        _ => not_found(),
    }
}

/// What only a browser sends. It adds `Origin` to each POST, and one of the others to a GET that asks nobody first, as a
/// picture's, which would otherwise take an invocation from the runtime.
const OF_BROWSERS: [HeaderName; 3] = [header::ORIGIN, header::REFERER, HeaderName::from_static("sec-fetch-site")];

/// A web page that found the port is turned away: it cannot leave out what browsers send, nor choose `Host`.
fn is_own_client(headers: &HeaderMap, host: &str) -> bool {
    let named = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let port = |name: &str| name.rsplit_once(':').map(|(_, port)| port.to_owned());
    let host_is_right =
        named.is_none_or(|named| named == host || (is_container_name(named) && port(named) == port(host)));
    host_is_right && !OF_BROWSERS.iter().any(|name| headers.contains_key(name))
}

/// From inside a container the listener is reached under the engine's name for the host, or by its address.
fn is_container_name(named: &str) -> bool {
    let name = named.rsplit_once(':').map_or(named, |(name, _)| name);
    name == "host.docker.internal" || name == "host.containers.internal" || name.parse::<std::net::IpAddr>().is_ok()
}
