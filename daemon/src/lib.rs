//! samd runs Amazon API Gateway and AWS Lambda on one's own machine, from a SAM template.
//!
//! The map of the house, in reading order. What the user wrote becomes what should run, becomes what runs:
//!
//! | room | what it is |
//! |---|---|
//! | [`template`] | what the user wrote: YAML and JSON, intrinsics, typed resources, diagnostics (pure) |
//! | [`project`] | what should run, fully resolved, and how two of these differ (pure) |
//! | [`apigw`] | API Gateway's rules: routing, events, replies (pure) |
//! | [`lambda`] | Lambda's rules: environment, errors, the life of one sandbox, the pool of one function (pure) |
//! | [`builder`] | runs build steps of functions |
//! | [`loader`] | files → text → project; the only reader of templates |
//! | [`watch`] | file events → what was touched |
//! | [`store`] | what must outlast the daemon |
//! | [`layers`] | published layers, fetched from Lambda and kept |
//! | [`logs`] | what functions print, kept in rings and told to followers |
//! | [`sandbox`] | starts and stops the processes or containers in which functions run |
//! | [`runtime_api`] | the Lambda Runtime API, one listener per sandbox |
//! | [`worker`] | owns one function version: its pool, its sandboxes, its waiting invocations |
//! | [`gateway`] | the data plane: listeners, the order of steps of a request, the published snapshot |
//! | [`supervisor`] | owns the running projects; every change of what runs goes through it |
//! | [`lambda_api`] | the Lambda service endpoint for SDKs and the AWS CLI, and for functions that call each other |
//! | [`control`] | the control port |
//! | `connections` | a bounded accept loop, shared by the two rooms above |
//! | [`feed`] | events told to followers, free while there are none |
//! | [`daemon`] | opens things and wires them; shutdown order |
//! | [`state`] | the state folder: its place, its lock, the control token, the control address |
//! | [`credentials`] | the AWS credentials and region that functions get |
//! | [`shutdown`], [`systemd`], [`telemetry`] | an orderly end, the service manager, the daemon's own log |

pub mod apigw;
pub mod builder;
mod connections;
pub mod control;
pub mod credentials;
pub mod daemon;
pub mod feed;
pub mod gateway;
pub mod lambda;
pub mod lambda_api;
pub mod layers;
pub mod loader;
pub mod logs;
pub mod project;
pub mod runtime_api;
pub mod sandbox;
pub mod shutdown;
pub mod state;
pub mod store;
pub mod supervisor;
pub mod systemd;
pub mod telemetry;
pub mod template;
pub mod watch;
pub mod worker;
