//! What runtimes and extensions ask, and what they are answered.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::lambda::Invocation;
use crate::lambda::extension::{ExtensionRefusal, ShutdownReason};
use crate::lambda::lifecycle::Refusal;
use crate::lambda::preload::Loaded;
use crate::lambda::telemetry::{Api, Subscription};

/// An invocation on its way to the runtime.
#[derive(Debug)]
pub struct Work {
    /// The invocation.
    pub invocation: Invocation,
    /// When the function's timeout passes, in milliseconds since the epoch.
    pub deadline_ms: u64,
}

/// The runtime's answer to an invocation.
#[derive(Debug)]
pub enum Answer {
    /// The whole body.
    Whole(Bytes),
    /// A body over [`crate::lambda::error::MAX_RESPONSE`].
    TooLarge,
    /// A response mode that there is not.
    InvalidMode,
    /// A streamed body.
    Stream {
        /// The stream's content type, when the runtime gave one.
        content_type: Option<String>,
        /// The stream.
        chunks: mpsc::Receiver<Chunk>,
    },
}

/// A part of a streamed answer; the channel's end is the stream's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Bytes.
    Data(Bytes),
    /// The function failed while it streamed: type and the error's JSON.
    Failed {
        /// `Lambda-Runtime-Function-Error-Type`.
        error_type: Option<String>,
        /// The error's JSON.
        body: Bytes,
    },
}

/// A call of the runtime, to be answered once.
#[derive(Debug)]
pub enum Call {
    /// `GET /runtime/invocation/next`.
    Next {
        /// The invocation, as soon as there is one.
        reply: oneshot::Sender<Result<Work, Refusal>>,
    },
    /// `POST /runtime/invocation/{id}/response`.
    Response {
        /// Which invocation.
        request_id: String,
        /// The answer.
        answer: Answer,
        /// Whether it was taken.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// A streamed answer is complete.
    StreamEnd {
        /// Bytes that went through.
        bytes: u64,
    },
    /// `POST /runtime/invocation/{id}/error`.
    Error {
        /// Which invocation.
        request_id: String,
        /// `Lambda-Runtime-Function-Error-Type`.
        error_type: Option<String>,
        /// The error's JSON.
        body: Bytes,
        /// Whether it was taken.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// `POST /samd/loaded`: what INIT has loaded from elsewhere than the code folder.
    Loaded(Loaded),
    /// `POST /runtime/init/error`.
    InitError {
        /// `Lambda-Runtime-Function-Error-Type`.
        error_type: Option<String>,
        /// The error's JSON.
        body: Bytes,
        /// Whether it was taken.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// A call of an extension.
    Extension(ExtensionCall),
}

/// A call of an extension, to be answered once.
#[derive(Debug)]
pub enum ExtensionCall {
    /// `POST /extension/register`.
    Register {
        /// `Lambda-Extension-Name`.
        name: String,
        /// What it asks to be told of.
        events: Vec<String>,
        /// The identifier that it is to have.
        id: Arc<str>,
        /// What it is told of the function.
        reply: oneshot::Sender<Result<Registered, ExtensionRefusal>>,
    },
    /// `GET /extension/event/next`.
    Next {
        /// Whose.
        id: Arc<str>,
        /// The event, as soon as there is one.
        reply: oneshot::Sender<Result<ExtensionEvent, ExtensionRefusal>>,
    },
    /// `POST /extension/init/error` and `POST /extension/exit/error`.
    Failed {
        /// Whose.
        id: Arc<str>,
        /// It could not begin; else it cannot go on.
        init: bool,
        /// `Lambda-Extension-Function-Error-Type`.
        error_type: String,
        /// Whether it was taken.
        reply: oneshot::Sender<Result<(), ExtensionRefusal>>,
    },
    /// `PUT /2022-07-01/telemetry` and `PUT /2020-08-15/logs`.
    Subscribe {
        /// Whose.
        id: Arc<str>,
        /// What it asks for.
        subscription: Subscription,
        /// Whether it was taken.
        reply: oneshot::Sender<Result<(), SubscriptionRefusal>>,
    },
}

/// What an extension learns when it registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The function's name.
    pub function_name: String,
    /// Its version.
    pub function_version: &'static str,
    /// Its handler.
    pub handler: String,
    /// The account.
    pub account_id: String,
}

/// What an extension is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtensionEvent {
    /// An invocation.
    Invoke {
        /// When the function's timeout passes, in milliseconds since the epoch.
        deadline_ms: u64,
        /// Which invocation.
        request_id: Arc<str>,
        /// The ARN that it was invoked by.
        invoked_arn: Arc<str>,
        /// Its trace header.
        trace_id: String,
    },
    /// The end.
    Shutdown {
        /// Until when it has to be done, in milliseconds since the epoch.
        deadline_ms: u64,
        /// Why.
        reason: ShutdownReason,
    },
}

/// Why a subscription is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionRefusal {
    /// Nobody has the identifier.
    Extension(ExtensionRefusal),
    /// INIT is over.
    Closed,
    /// It uses the other of the two APIs already.
    OtherApi(Api),
}
