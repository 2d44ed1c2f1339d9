//! API Gateway's rules (pure): which route takes a request, which event the function receives, what its result becomes.
//!
//! Values in, values out: the clock, ids and bodies are arguments. Rule numbers such as A5.1 in comments and test names
//! are those of the conformance table. In reading order:
//!
//! | module | what it decides |
//! |---|---|
//! | [`request`], [`context`], [`caller`] | what is known: the request, the API around it, who calls |
//! | [`domain`], [`router`] | the API of a custom domain, the route |
//! | [`trace`] | the trace header |
//! | [`event_v1`], [`event_v2`] | the event |
//! | [`reply`] | what the function's result becomes |
//! | [`function_url`] | the same for function URLs |
//! | [`authorizer`], [`policy`] | who may call: Lambda authorizers, policy documents |
//! | [`jwt`], [`sigv4`], [`usage_plan`] | who may call: tokens, signatures, API keys |
//! | [`validation`] | what a request must have |
//! | [`cors`], [`mock`] | preflights, and integrations that answer by themselves |
//! | [`mapping`] | parameters that are mapped, and what an HTTP server behind an API is sent |
//! | [`compression`] | what is compressed |
//! | [`edge`] | what CloudFront adds to requests and replies of edge-optimised endpoints |
//! | [`rate`] | a bucket of tokens: how many requests a second |
//! | [`limits`] | what AWS takes less of |
//! | [`stream`] | how a streamed reply begins |
//! | [`gateway_response`], [`http_error`] | what the gateway says by itself, on REST and on HTTP |

pub mod authorizer;
pub mod caller;
pub mod compression;
pub mod context;
pub mod cors;
pub mod domain;
pub mod edge;
pub mod event_v1;
pub mod event_v2;
pub mod function_url;
pub mod gateway_response;
pub mod http_error;
pub mod jwt;
pub mod limits;
pub mod mapping;
pub mod mock;
pub mod policy;
pub mod rate;
pub mod reply;
pub mod request;
pub mod router;
pub mod sigv4;
pub mod stream;
pub mod trace;
pub mod usage_plan;
pub mod validation;

mod body;
pub(crate) mod clock;
mod grouped;
mod header;
mod json;
mod lenient_json;
mod variables;

pub use caller::{AuthorizerContext, Caller};
pub use context::{Context, Exchange};
pub use request::{Reply, Request};
pub use router::{Match, Router};

#[cfg(test)]
mod testing;

#[cfg(test)]
mod hostile;
