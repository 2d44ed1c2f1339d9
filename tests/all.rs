//! Every end-to-end and architecture test in one binary: one link instead of thirty. A module is a topic.

#![allow(clippy::unwrap_used, missing_docs)]

mod apigw;
mod architecture;
mod authorizers;
mod bad_input;
mod browser;
mod builds;
mod control;
mod crash;
mod credentials;
mod docker;
mod env_vars;
mod foundation;
mod frameworks;
mod function_url;
mod gateway;
mod hostile;
mod http_proxy;
mod lambda_api;
mod many;
mod preload;
mod process;
mod refused;
mod reload;
mod runtimes;
mod samctl_real;
mod state;
mod store;
mod streaming;
mod systemd;
mod systemd_real;
mod template;
mod tokens;
