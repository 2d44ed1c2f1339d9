//! Every end-to-end and architecture test in one binary: one link instead of thirty. A module is a topic.

#![allow(clippy::unwrap_used, missing_docs)]

mod apigw;
mod architecture;
mod bad_input;
mod control;
mod crash;
mod credentials;
mod gateway;
mod many;
mod process;
mod reload;
mod runtimes;
mod state;
mod store;
mod systemd;
mod template;
