//! Which requests were answered, told to those who follow the project's log; without a follower it costs next to nothing.

use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use http::{Method, Uri, Version};
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

/// What a client asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its address.
    pub client: IpAddr,
    /// The request's method.
    pub method: &'a Method,
    /// Where its path and query are.
    pub uri: &'a Uri,
    /// Its version.
    pub version: Version,
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
    pub fn tell(&self, asked: Asked<'_>, status: u16, began: Instant) {
        self.0.tell(|| {
            let Asked { client, method, uri, version } = asked;
            let target = uri.path_and_query().map_or_else(|| uri.path(), http::uri::PathAndQuery::as_str);
            Access {
                time: SystemTime::now(),
                client: client.to_canonical(),
                method: method.to_string(),
                target: target.to_owned(),
                version: format!("{version:?}"),
                status,
                duration: began.elapsed(),
            }
        });
    }
}
