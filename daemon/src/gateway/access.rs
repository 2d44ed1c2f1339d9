//! Which requests were answered, told to those who follow the project's log; without a follower it costs next to nothing.

use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use http::request;
use tokio::sync::broadcast;

use crate::feed::Feed;

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// When its answer began.
    pub time: SystemTime,
    /// The client's address.
    pub client: IpAddr,
    /// Its method.
    pub method: String,
    /// Its path and query, as they were sent.
    pub target: String,
    /// `HTTP/1.1`.
    pub version: String,
    /// The answer's status.
    pub status: u16,
    /// Until the answer began.
    pub duration: Duration,
}

/// Tells followers of requests; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct AccessLog(Feed<Access>);

impl AccessLog {
    /// The requests from now on.
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<Access> {
        self.0.follow()
    }

    /// Tells of a request that began at `began`.
    pub(super) fn tell(&self, parts: &request::Parts, client: IpAddr, status: u16, began: Instant) {
        self.0.tell(|| {
            let target = parts.uri.path_and_query().map_or_else(|| parts.uri.path(), http::uri::PathAndQuery::as_str);
            Access {
                time: SystemTime::now(),
                client: client.to_canonical(),
                method: parts.method.to_string(),
                target: target.to_owned(),
                version: format!("{:?}", parts.version),
                status,
                duration: began.elapsed(),
            }
        });
    }
}
