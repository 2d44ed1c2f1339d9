//! The endpoints by name, each with its request and what answers it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::daemon::{DaemonStatus, DaemonStatusRequest, DaemonStopRequest};
use crate::function::{FunctionsOfTemplateRequest, FunctionsRequest, FunctionsResponse};
use crate::invoke::{InvokeRequest, InvokeResponse};
use crate::log::{LogEvent, LogsRequest};
use crate::project::{
    Done, ListRequest, ListResponse, ProjectStatus, RemoveRequest, SetRequest, StartRequest, StatusRequest, StopRequest,
};
use crate::reload::{EventsRequest, ReloadEvent, ReloadRequest, ReloadResponse};
use crate::route::{RoutesRequest, RoutesResponse};
use crate::template::{RoutesOfTemplateRequest, ValidateRequest, ValidateResponse};
use crate::token::{TokenRequest, TokenResponse};

/// A question with one answer.
pub trait Endpoint {
    /// Last part of the path: `POST /v1/<NAME>`.
    const NAME: &'static str;
    /// The request's body.
    type Request: Serialize + DeserializeOwned + Send;
    /// The response's body.
    type Response: Serialize + DeserializeOwned + Send;
}

/// A question that is answered by events, one JSON object a line, until either side ends it.
pub trait Stream {
    /// Last part of the path: `POST /v1/<NAME>`.
    const NAME: &'static str;
    /// The request's body.
    type Request: Serialize + DeserializeOwned + Send;
    /// One line of the response.
    type Event: Serialize + DeserializeOwned + Send;
}

/// How an endpoint answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// With one message.
    Message,
    /// With newline-delimited events.
    Events,
}

/// An endpoint as a value, for tables and documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: &'static str,
    /// How it answers.
    pub answer: Answer,
    /// The type of its request.
    pub request: &'static str,
    /// The type of its response, or of one event.
    pub response: &'static str,
}

/// Declares the endpoints and the table of them in one place, so that none is missing from the other.
macro_rules! endpoints {
    ($($(#[$doc:meta])* $kind:ident $type:ident $name:literal: $request:ident -> $response:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $type;
            endpoints!(@implement $kind $type $name $request $response);
        )*

        /// Every endpoint.
        pub const ENDPOINTS: &[Description] = &[
            $(Description {
                name: $name,
                answer: endpoints!(@answer $kind),
                request: stringify!($request),
                response: stringify!($response),
            },)*
        ];
    };
    (@implement message $type:ident $name:literal $request:ident $response:ident) => {
        impl Endpoint for $type {
            const NAME: &'static str = $name;
            type Request = $request;
            type Response = $response;
        }
    };
    (@implement events $type:ident $name:literal $request:ident $event:ident) => {
        impl Stream for $type {
            const NAME: &'static str = $name;
            type Request = $request;
            type Event = $event;
        }
    };
    (@answer message) => { Answer::Message };
    (@answer events) => { Answer::Events };
}

endpoints! {
    /// Starts a project, brings a stopped one back, or reconfigures a running one.
    message Start "start": StartRequest -> ProjectStatus;
    /// Stops a project; its settings stay.
    message Stop "stop": StopRequest -> Done;
    /// Stops a project and forgets it.
    message Remove "remove": RemoveRequest -> Done;
    /// Reads a project again and replaces sandboxes.
    message Reload "reload": ReloadRequest -> ReloadResponse;
    /// Changes settings of a project, running or not.
    message Set "set": SetRequest -> ProjectStatus;
    /// All projects in short.
    message List "list": ListRequest -> ListResponse;
    /// One project at length.
    message Status "status": StatusRequest -> ProjectStatus;
    /// The routes of a project that runs.
    message Routes "routes": RoutesRequest -> RoutesResponse;
    /// The routes that a template would have, without starting anything.
    message RoutesOfTemplate "routes-of-template": RoutesOfTemplateRequest -> RoutesResponse;
    /// The functions of a project that runs.
    message Functions "functions": FunctionsRequest -> FunctionsResponse;
    /// The functions that a template would have, without starting anything.
    message FunctionsOfTemplate "functions-of-template": FunctionsOfTemplateRequest -> FunctionsResponse;
    /// The findings about a template, without starting anything.
    message Validate "validate": ValidateRequest -> ValidateResponse;
    /// Runs a function once.
    message Invoke "invoke": InvokeRequest -> InvokeResponse;
    /// Makes a token that the project's authorizers accept.
    message Token "token": TokenRequest -> TokenResponse;
    /// What a project's functions printed, and go on printing.
    events Logs "logs": LogsRequest -> LogEvent;
    /// Changes of configuration.
    events Events "events": EventsRequest -> ReloadEvent;
    /// The daemon itself.
    message DaemonStatusOf "daemon-status": DaemonStatusRequest -> DaemonStatus;
    /// Stops the daemon; projects come back when it starts again.
    message DaemonStop "daemon-stop": DaemonStopRequest -> Done;
}
