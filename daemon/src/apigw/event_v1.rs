//! Payload 1.0 (A2–A4, B2): the event of a REST API, and of an HTTP API that asks for it.

mod context;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::ser::{Serialize, Serializer};

use super::body::EventBody;
use super::grouped::{All, Grouped, Last};
use super::{Exchange, header, json};
use crate::project::api::ApiKind;

pub(crate) use context::RequestContext;

/// The event of a request that a route takes, as JSON.
#[must_use]
pub fn event(exchange: &Exchange) -> Vec<u8> {
    let request = exchange.request;
    let rest = exchange.api.kind == ApiKind::Rest;
    let headers = if rest { header::rest(request, exchange.api.edge) } else { header::http_v1(request) };
    let query = Grouped::query(exchange.api.kind, request.query.as_deref());
    let body = if rest { EventBody::rest(request, &exchange.api.binary_media_types) } else { EventBody::http(request) };
    json::to_vec(&Event {
        version: if rest { None } else { Some("1.0") },
        resource: exchange.resource_path(),
        path: if rest { path(exchange) } else { decoded_path(exchange) },
        http_method: &request.method,
        headers: headers.last(),
        multi_value_headers: headers.all(),
        query_string_parameters: some(&query).map(Grouped::last),
        multi_value_query_string_parameters: some(&query).map(Grouped::all),
        path_parameters: PathParameters::of(exchange),
        stage_variables: Some(&exchange.api.stage_variables).filter(|variables| !variables.is_empty()),
        request_context: RequestContext::of(exchange),
        is_base64_encoded: body.base64,
        body,
    })
}

/// `path`: on REST without the stage, with one slash at its start (A1.2) and a custom domain's base path (A10.2).
pub(crate) fn path<'a>(exchange: &Exchange<'a>) -> Cow<'a, str> {
    let sent = &exchange.request.path;
    if exchange.api.kind == ApiKind::Http {
        return Cow::Owned(exchange.path_with_prefix());
    }
    let rest = sent.trim_start_matches('/');
    if exchange.context.base_path.is_empty() && sent.len() - rest.len() == 1 {
        return Cow::Borrowed(sent);
    }
    Cow::Owned(format!("{}/{rest}", exchange.context.base_path))
}

/// An HTTP API decodes the path once, in 1.0 as in 2.0 (B1.2).
fn decoded_path<'a>(exchange: &Exchange<'a>) -> Cow<'a, str> {
    Cow::Owned(super::event_v2::decoded(&path(exchange)).into_owned())
}

fn some<'g, 'a>(grouped: &'g Grouped<'a>) -> Option<&'g Grouped<'a>> {
    (!grouped.is_empty()).then_some(grouped)
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'e, 'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    resource: &'a str,
    path: Cow<'a, str>,
    http_method: &'a str,
    headers: Last<'e, 'a>,
    multi_value_headers: All<'e, 'a>,
    query_string_parameters: Option<Last<'e, 'a>>,
    multi_value_query_string_parameters: Option<All<'e, 'a>>,
    path_parameters: Option<PathParameters<'a>>,
    stage_variables: Option<&'a BTreeMap<String, String>>,
    request_context: RequestContext<'a>,
    body: EventBody<'a>,
    is_base64_encoded: bool,
}

/// Path parameters of a 1.0 event: as sent on REST (A1.5), decoded on HTTP (B4.5).
pub(crate) struct PathParameters<'a> {
    pairs: &'a [(String, String)],
    decoded: bool,
}

impl<'a> PathParameters<'a> {
    /// `None` where the route has none (A1.8).
    pub(crate) fn of(exchange: &Exchange<'a>) -> Option<PathParameters<'a>> {
        let (_, found) = exchange.found?;
        let decoded = exchange.api.kind == ApiKind::Http;
        (!found.path_parameters.is_empty()).then_some(PathParameters { pairs: &found.path_parameters, decoded })
    }
}

impl Serialize for PathParameters<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = |text| if self.decoded { super::event_v2::decoded(text) } else { Cow::Borrowed(text) };
        serializer.collect_map(self.pairs.iter().map(|(name, text)| (name, value(text.as_str()))))
    }
}
