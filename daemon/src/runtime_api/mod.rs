//! What a sandbox asks of its platform: one listener per sandbox, HTTP/1.1 on one side, typed calls on the other.
//!
//! | file | what it serves |
//! |---|---|
//! | `listener` | connections, and who may have one |
//! | `route` | which call a request is |
//! | `runtime` | the Runtime API `2018-06-01` (F1–F4) |
//! | `extension` | the Extensions API `2020-01-01` (G1) |
//! | `telemetry` | the Telemetry API `2022-07-01` and the Logs API `2020-08-15` (G2, G3) |
//! | `call` | the calls |
//! | `together` | two small replies in one write, where the client asks that way |
//! | `body`, `reply` | bodies within bounds, replies as AWS words them |
//!
//! A listener per sandbox makes identity a fact: whoever calls here is this sandbox. It owns connections and bodies;
//! what a call means in the sandbox's life is decided by the one who receives the [`Call`]s.

mod body;
mod call;
mod extension;
mod listener;
mod reply;
mod route;
mod runtime;
mod telemetry;
mod together;

pub use call::{Answer, Call, Chunk, ExtensionCall, ExtensionEvent, Registered, SubscriptionRefusal, Work};
pub use listener::{Admit, RuntimeApi};
