//! Small values for the unit tests of this room.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bytes::Bytes;

use super::Request;
use crate::project::FunctionId;
use crate::project::api::{
    Api, ApiId, ApiKeySource, ApiKind, Authorization, Integration, LambdaProxy, Method, Payload, Route, RoutePath,
    Validation,
};

pub(crate) fn api(kind: ApiKind, routes: Vec<Route>) -> Api {
    Api {
        id: ApiId("Api".into()),
        kind,
        stage: if kind == ApiKind::Rest { "Prod".into() } else { "$default".into() },
        stage_variables: BTreeMap::new(),
        routes,
        authorizers: BTreeMap::new(),
        binary_media_types: Vec::new(),
        cors: None,
        gateway_responses: BTreeMap::new(),
        models: BTreeMap::new(),
        api_key_source: ApiKeySource::Header,
        usage_plans: Vec::new(),
        policy: None,
        minimum_compression_size: None,
        domains: Vec::new(),
        default_endpoint_disabled: false,
        edge: false,
        slash_default: false,
    }
}

pub(crate) fn route(method: &str, path: &str) -> Route {
    let path = if path == "$default" { RoutePath::Default } else { RoutePath::Template(path.into()) };
    Route {
        method: Method::parse(method),
        path,
        integration: Integration::Lambda(LambdaProxy {
            function: Some(FunctionId("Fn".into())),
            uri: "arn:aws:lambda:us-east-1:123456789012:function:Fn".into(),
            payload: Payload::V2,
            timeout: Duration::from_secs(29),
            streaming: false,
            request_parameters: BTreeMap::new(),
            response_parameters: BTreeMap::new(),
            http_method: "POST".into(),
        }),
        authorization: Authorization::None,
        api_key_required: false,
        operation_name: None,
        validation: Validation::default(),
    }
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Request {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (path, None),
    };
    Request {
        method: method.into(),
        path: path.into(),
        received_path: None,
        query,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect(),
        source_ip: IpAddr::V4(Ipv4Addr::new(1, 2, 3, 4)),
        port: 443,
        scheme: "https",
        body: Bytes::copy_from_slice(body),
        time_ms: 1_722_641_683_000,
        request_id: "8c1b7d7e-0c3f-4d6a-9f0e-1f6f6a6e6b11".into(),
        extended_request_id: "b-LhWEk8oAMEtlA=".into(),
        trace_id: "Root=1-66ad6b13-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=0".into(),
    }
}
