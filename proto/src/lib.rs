//! The control protocol between `samctl` and `samd`: what may be asked, and what is answered.
//!
//! HTTP and JSON on a loopback port. Every endpoint is `POST /v1/<name>` with its request as the JSON body, so that a
//! name is all that the two ends have to agree on; [`Endpoint`] ties each request to its response, [`Stream`] to the
//! events that follow it as newline-delimited JSON. A refusal is an [`ApiError`] under an HTTP status of its own.
//!
//! The protocol grows by additions alone: a new field of a request has a default, a reader ignores fields that it does
//! not know, and nothing is renamed. `proto/tests/golden` holds every message as it stands on the wire.
//!
//! This crate owns the wire's types and depends on serde alone. It never does I/O and knows nothing of how the daemon
//! keeps its own state.

pub mod containers;
pub mod daemon;
pub mod diagnostic;
pub mod endpoint;
pub mod error;
pub mod function;
pub mod gateway;
pub mod image;
pub mod invoke;
pub mod log;
pub mod place;
pub mod project;
pub mod reload;
pub mod route;
pub mod secret;
pub mod settings;
pub mod template;
pub mod token;

pub use diagnostic::{Diagnostic, Location, Severity};
pub use endpoint::{ENDPOINTS, Endpoint, Stream};
pub use error::{ApiError, ErrorCode};

/// Where the OpenAPI document of this protocol is served; a GET that needs no token.
pub const OPENAPI_PATH: &str = "/v1/openapi.json";

/// The OpenAPI document of this protocol.
pub const OPENAPI: &str = include_str!("../openapi.json");
