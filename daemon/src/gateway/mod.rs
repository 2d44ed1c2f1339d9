//! The data plane: listeners, the published snapshot, and the order of steps of a request.
//!
//! A gateway holds no state of its own but connections: each request clones the current snapshot once and is served by
//! that generation to its end. It knows workers, and nothing of processes or containers. In reading order: [`listener`],
//! `intake` and `host`, [`pipeline`] (the order of steps), [`snapshot`], `authorize`, then the integrations (`integrate` and
//! `streaming` for functions, `upstream` and `upload` for HTTP servers, [`url`] for function URLs), `static_files`, and
//! [`outgoing`].
//! [`findings`] says what of a project it cannot serve, also when nobody asked to run it.
//! [`front`] and [`tls`] are about clients alone, [`crowd`] serves many of them at once, and [`access`] tells who asked for
//! what.

pub mod access;
mod authorize;
mod connections;
pub mod crowd;
pub mod findings;
pub mod front;
mod host;
mod intake;
mod integrate;
pub mod issuers;
pub mod listener;
pub mod outbound;
pub mod outgoing;
pub mod pipeline;
pub mod snapshot;
mod static_files;
mod streaming;
pub mod tls;
mod upload;
mod upstream;
pub mod url;
pub mod wire;

pub use listener::Gateway;
pub use snapshot::Snapshot;

/// What a project's gateway keeps across generations.
#[derive(Debug)]
pub struct Surroundings {
    /// Clients towards HTTP servers and issuers.
    pub outbound: outbound::Outbound,
    /// Keys that tokens are signed with.
    pub issuers: issuers::Issuers,
}
