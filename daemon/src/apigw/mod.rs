//! API Gateway's rules (pure): which route takes a request, which event the function receives, what its result becomes.
//!
//! Values in, values out: the clock, ids and bodies are arguments. Rule numbers such as A5.1 in comments and test names
//! are those of the conformance table. In reading order:
//!
//! | module | what it decides |
//! |---|---|
//! | [`request`], [`context`], [`caller`] | what is known: the request, the API around it, who calls |
//! | [`router`] | the route |
//! | [`trace`] | the trace header |
//! | [`event_v1`], [`event_v2`] | the event |
//! | [`reply`] | what the function's result becomes |
//! | [`function_url`] | the same for function URLs |
//! | [`authorizer`], [`policy`] | who may call: Lambda authorizers, policy documents |
//! | [`jwt`], [`usage_plan`] | who may call: tokens, API keys |
//! | [`validation`] | what a request must have |
//! | [`cors`], [`mock`] | preflights, and integrations that answer by themselves |
//! | [`gateway_response`], [`http_error`] | what the gateway says by itself, on REST and on HTTP |

pub mod authorizer;
pub mod caller;
pub mod context;
pub mod cors;
pub mod event_v1;
pub mod event_v2;
pub mod function_url;
pub mod gateway_response;
pub mod http_error;
pub mod jwt;
pub mod mock;
pub mod policy;
pub mod reply;
pub mod request;
pub mod router;
pub mod trace;
pub mod usage_plan;
pub mod validation;

mod body;
mod clock;
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
